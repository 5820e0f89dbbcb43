# SPDX-License-Identifier: MIT
"""Each test has a folder of its own and leaves no process behind; logs are shown when it fails."""

import glob
import os
import shutil
import tempfile

import pytest

import process
from screenshare import Run
from seat import Seat
from xserver import XServer


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for one in process.all_processes:
            report.sections.append(("process", one.log()))


@pytest.fixture
def folder():
    """Short: socket addresses have 107 bytes."""
    path = tempfile.mkdtemp(prefix="ss-")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(autouse=True)
def programs(folder):
    """Ends what a test has started, the last first, and looks at what sanitizers have to say."""
    process.all_processes.clear()
    yield
    failed = []
    for one in reversed(process.all_processes):
        try:
            one.end()
        except AssertionError as error:  # the others are ended all the same
            failed.append(str(error))
    assert not failed, failed
    reports = glob.glob(os.path.join(folder, "sanitizer.*"))
    for path in reports:
        with open(path, errors="replace") as file:
            text = file.read()
        assert not process.SANITIZER_REPORT.search(text), text
    process.all_processes.clear()


@pytest.fixture
def x():
    server = XServer()
    yield server
    server.end()


@pytest.fixture
def seat(folder):
    """Root only (seat.as_root)."""
    seat = Seat(folder)
    yield seat
    seat.end()


@pytest.fixture
def run(folder, x):
    """`screenshare run` that shows the screen of `x`."""
    return Run(folder, x.display)
