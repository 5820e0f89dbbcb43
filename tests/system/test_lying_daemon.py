# SPDX-License-Identifier: MIT
"""Whatever a capture daemon sends, httpd lives, says why it dropped the feed, and takes the truth again."""

import io
import os
import subprocess
import time

import pytest
from PIL import Image

import process
from process import tool
from screenshare import Httpd, LyingDaemon, ScreenDaemon
from wait import SLOWNESS, slowness, wait_for

# What /status says: of a lie, of silence, or of what is strange but harmless.
BROKEN, NOT_ANSWERING, HARMLESS = "broken", "not-answering", None
EXPECTED = {
    "header-magic": BROKEN, "header-version": BROKEN, "header-size": BROKEN,
    "header-epoch": BROKEN, "header-capacity": BROKEN, "capacity-uneven": BROKEN,
    "capacity-zero": BROKEN, "capacity-huge": BROKEN, "segment-short": BROKEN,
    "fd-is-a-pipe": BROKEN, "fd-is-a-folder": BROKEN,
    "record-over-a-quarter": BROKEN, "record-past-the-end": BROKEN, "record-length-wraps": BROKEN,
    "record-of-unknown-kind": BROKEN, "record-is-no-jpeg": BROKEN, "record-without-size": BROKEN,
    "record-is-empty": HARMLESS, "position-unaligned": BROKEN, "position-almost-none": BROKEN,
    "intent-runs-ahead": HARMLESS, "positions-jump": BROKEN,
    # A segment that is truncated while nobody reads it cannot be woken by any more either.
    "truncated-at-once": HARMLESS, "truncated-later": HARMLESS, "truncated-while-read": BROKEN,
    "message-short": BROKEN, "message-empty": NOT_ANSWERING, "message-long": BROKEN,
    "message-length-lies": BROKEN, "message-with-more-behind": BROKEN, "message-unknown": BROKEN,
    "message-of-the-other-end": BROKEN, "stream-without-fd": BROKEN, "stream-with-many-fds": BROKEN,
    "state-with-fd": BROKEN, "state-picture-too-large": BROKEN, "state-picture-is-missing": BROKEN,
    "state-picture-is-no-jpeg": BROKEN, "state-unknown": BROKEN, "words-too-long": BROKEN,
    "words-length-wraps": BROKEN, "words-not-utf8": BROKEN,
    "words-with-control-characters": BROKEN, "words-with-nul": BROKEN,
    "flood-of-states": BROKEN, "flood-of-rings": BROKEN, "refuses": BROKEN,
    "says-nothing": NOT_ANSWERING, "hangs-up": NOT_ANSWERING,
}
COLOUR = 0x30A060


def jpeg_of(rgb):
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (rgb >> 16, rgb >> 8 & 255, rgb & 255)).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def httpd(folder):
    return Httpd(folder)


@pytest.fixture
def liar(folder, httpd):
    path = os.path.join(folder, "honest.jpg")
    with open(path, "wb") as file:
        file.write(jpeg_of(COLOUR))
    return LyingDaemon(httpd.capture_path, path)


def test_every_lie_has_its_expectation():
    listed = subprocess.run([tool("lying_daemon"), "--list"], stdout=subprocess.PIPE, check=True,
                            text=True).stdout.split()
    assert set(listed) - {"honest"} == set(EXPECTED)


def test_no_lie_ends_httpd(httpd, liar):
    viewer = httpd.view()
    viewer.wait_colour(COLOUR)
    httpd.wait_state("live" if httpd.state()[0] == "live" else httpd.state()[0])
    fds = process.open_fds(httpd.process.pid)
    failed = []
    for lie, code in EXPECTED.items():
        liar.tell(lie)
        try:
            if code:
                words = httpd.wait_state(code, 12 if lie == "says-nothing" else 5)
                assert len(words) > 10, words
                # Neither a browser's decoder nor anybody else gets what was refused.
                assert viewer.newest.data[:2] == b"\xff\xd8"
            else:
                liar.process.wait_line("^hello$", count=liar.process.stdout.count("hello") + 1)
                assert httpd.get("/healthz").status == 200
        except AssertionError as error:
            failed.append(f"{lie}: {error}")
        liar.tell("honest")
        try:
            # A viewer that came late finds the truth, and the one that stayed sees it again.
            wait_for(lambda: httpd.state()[0] not in (BROKEN, NOT_ANSWERING), 4,
                     "it believes the truth again")
            viewer.wait_colour(COLOUR)
        except AssertionError as error:
            failed.append(f"after {lie}: {error} ({httpd.state()})")
        assert httpd.process.is_running(), f"httpd ended at {lie}"
        assert not viewer.is_closed, f"the viewer was dropped at {lie}"
    assert not failed, "\n".join(failed)
    wait_for(lambda: process.open_fds(httpd.process.pid) <= fds, 3, "no fd is left over")
    viewer.end()


def test_truncation_at_any_moment_of_a_copy(httpd, liar):
    """For seconds, each subscription meets a segment that shrinks 10 to 400 µs after a record."""
    viewer = httpd.view()
    viewer.wait_colour(COLOUR)
    for _ in range(3):
        liar.tell("truncated-while-read")
        wait_for(lambda: httpd.state()[0] == BROKEN, 5, "broken")
        hellos = liar.process.stdout.count("hello")
        # "honest" in between: so that the back-off begins anew, and subscriptions are many
        liar.process.wait_line("^hello$", deadline_s=10, count=hellos + 2)
        liar.tell("honest")
        viewer.wait_colour(COLOUR)
    assert httpd.process.is_running() and not viewer.is_closed
    viewer.end()


def test_a_lie_is_said_once_and_its_end_once(httpd, liar):
    viewer = httpd.view()
    viewer.wait_colour(COLOUR)
    liar.tell("header-magic")
    words = httpd.wait_state(BROKEN)
    hellos = liar.process.stdout.count("hello")
    liar.process.wait_line("^hello$", count=hellos + 4)  # it was dropped several times
    lines = [line for line in httpd.process.stderr if words in line]
    assert len(lines) == 1, lines
    liar.tell("honest")
    viewer.wait_colour(COLOUR)
    wait_for(lambda: len([line for line in httpd.process.stderr if "again" in line and
                          "trying again" not in line]) == 1, 2, "a line that says it is over")
    viewer.end()


def test_a_flood_of_lies_costs_little(httpd, liar):
    """httpd answers others while it is flooded, and its memory does not grow."""
    viewer = httpd.view()
    viewer.wait_colour(COLOUR)
    before = process.private_kib(httpd.process.pid)
    for lie in ("flood-of-states", "flood-of-rings", "positions-jump"):
        liar.tell(lie)
        end = time.monotonic() + 2
        slowest = 0
        while time.monotonic() < end:
            begin = time.monotonic()
            assert httpd.get("/healthz").status == 200
            slowest = max(slowest, time.monotonic() - begin)
        assert slowest < 0.3 * slowness(), f"{lie}: an answer took {slowest:.3f} s"
        liar.tell("honest")
        viewer.wait_colour(COLOUR)
    if SLOWNESS == 1:
        assert process.private_kib(httpd.process.pid) - before < 8 * 1024
    viewer.end()


def test_back_off_keeps_the_daemon_from_being_started_without_end(httpd, liar):
    viewer = httpd.view()
    liar.tell("hangs-up")
    httpd.wait_state(NOT_ANSWERING)
    # From the last back-off of a second on: one a second
    before = liar.process.stdout.count("hello") + httpd.stream()["subscriptions"]
    begin = time.monotonic()
    wait_for(lambda: httpd.stream()["subscriptions"] + liar.process.stdout.count("hello")
             >= before + 4, 10, "further subscriptions")
    assert time.monotonic() - begin > 1
    viewer.end()


def test_a_real_daemon_is_believed_after_a_lying_one(folder, httpd, liar):
    viewer = httpd.view()
    liar.tell("record-length-wraps")
    httpd.wait_state(BROKEN)
    liar.end()
    daemon = ScreenDaemon(folder, httpd.capture_path,
                          config="[screen]\nsource = pattern\npattern_width = 96\n"
                          "pattern_height = 64\n")
    assert httpd.wait_state("live")
    entry = httpd.stream()
    assert (entry["width"], entry["height"]) == (96, 64)
    count = viewer.count
    viewer.wait_count(count + 5)
    viewer.end()
    daemon.process.wait(5)  # nobody is left: it ends by itself
