# SPDX-License-Identifier: MIT
"""What goes wrong with a display is said in the same words everywhere, once, and it ends by itself."""

import os
import re
import shutil
import subprocess
import time

import pytest

import jpeg
from process import own_mounts, tool
from screenshare import QUICK, Run
from wait import slowness, stays, wait_for
from xproxy import XProxy
from xserver import XServer

# Times that each cause begins and ends; the deep suite asks for twenty.
ROUNDS = int(os.environ.get("SCREENSHARE_TEST_ROUNDS", "3"))
RED, GREEN = 0xD02020, 0x20C040
BACK_S = 2  # pictures are back so soon after a cause has ended


def words_picture(state, words):
    return subprocess.run([tool("words_picture"), state, words], stdout=subprocess.PIPE,
                          check=True).stdout


def check_state(run, viewer, code, deadline_s=4, times=1):
    """The state is in /status; the viewer sees its very words; the journal has them once more."""
    words = run.wait_state(code, deadline_s)
    assert words and not words.endswith(".")
    wanted = words_picture(code, words)
    viewer.wait_newest(lambda part: part.data == wanted, 3, f"a picture that says: {words}")
    lines = run.log(re.escape(words))
    assert len(lines) == times and all(code in line for line in lines), lines
    return words


class Recovery:
    """The journal says once that a fault begins and once that it ends."""

    def __init__(self, run):
        self.run, self.ends = run, 0

    def check(self, viewer, rgb, since):
        viewer.wait_colour(rgb, deadline_s=BACK_S + 1)
        took = time.monotonic() - since
        assert took < BACK_S * slowness(), f"pictures are back after {took:.1f} s"
        assert self.run.wait_state("live")
        self.ends += 1
        wait_for(lambda: len(self.run.log("Pictures again")) == self.ends, 2,
                 "a line that says so")


def count_lines(run, code):
    return len(run.log(rf"No pictures \({code}\)"))


@pytest.fixture
def number():
    """A display number that nobody else takes while its server is away: far above those that X
    servers choose themselves."""
    return next(number for number in range(10000 + os.getpid() % 30000, 50000)
                if not os.path.exists(f"/tmp/.X{number}-lock") and
                not os.path.exists(f"/tmp/.X11-unix/X{number}"))


@pytest.fixture
def servers():
    """X servers that come and go at one number."""
    running = []

    def start(number, **more):
        running.append(XServer(number=number, **more))
        return running[-1]
    yield start
    for server in running:
        server.end()


def test_without_a_display_run_shows_a_test_picture_until_one_appears(folder, number, servers):
    run = Run(folder, f":{number}")
    viewer = run.view()
    viewer.wait_count(20)
    words = run.wait_state("no-display")
    parts = viewer.snapshot()
    assert all(jpeg.size(part.data) == (1280, 720) for part in parts)
    assert len({jpeg.without_comment(part.data) for part in parts}) > 5, "it moves"
    assert len(run.log(re.escape(words))) == 1
    x = servers(number)
    x.painter.fill(RED)
    Recovery(run).check(viewer, RED, time.monotonic())
    viewer.end()


def test_display_that_ends_and_comes_back(folder, number, servers):
    x = servers(number)
    run = Run(folder, x.display)
    x.painter.fill(RED)
    viewer = run.view()
    viewer.wait_colour(RED)
    recovery = Recovery(run)
    for turn in range(ROUNDS):
        x.end()
        words = run.wait_state("display-lost")
        wanted = words_picture("display-lost", words)
        viewer.wait_newest(lambda part: part.data == wanted, 3, f"a picture that says: {words}")
        assert count_lines(run, "display-lost") == turn + 1
        # Still nothing to be said of it a while later
        stays(lambda: count_lines(run, "display-lost") == turn + 1, 0.7, "one line")
        x = servers(number)
        begin = time.monotonic()
        x.painter.fill(GREEN if turn % 2 else RED)
        recovery.check(viewer, GREEN if turn % 2 else RED, begin)
    assert not viewer.is_closed
    viewer.end()


def test_display_that_refuses_us(folder, number, servers):
    cookie_file = os.path.join(folder, "cookies")
    ours = os.path.join(folder, "xauthority")
    subprocess.run(["xauth", "-f", cookie_file, "add", f":{number}", "MIT-MAGIC-COOKIE-1",
                    "0123456789abcdef0123456789abcdef"], check=True, stderr=subprocess.DEVNULL)
    x = servers(number, auth=cookie_file)
    run = Run(folder, x.display, xauthority=ours)
    viewer = run.view()
    # At its start `run` shows a test picture with the reason in it
    words = run.wait_state("not-allowed")
    viewer.wait_count(5)
    assert jpeg.size(viewer.newest.data) == (1280, 720)
    assert len(run.log(re.escape(words))) == 1
    x.painter.fill(RED)
    shutil.copy(cookie_file, ours)
    recovery = Recovery(run)
    recovery.check(viewer, RED, time.monotonic())
    # Later it is a still picture with the words
    os.unlink(ours)
    x.end()
    x = servers(number, auth=cookie_file)
    check_state(run, viewer, "not-allowed", 5, times=2)
    x.painter.fill(GREEN)
    shutil.copy(cookie_file, ours)
    recovery.check(viewer, GREEN, time.monotonic())
    viewer.end()


def test_display_that_stops_answering(folder, x, request):
    proxy = XProxy(x)
    request.addfinalizer(proxy.end)
    run = Run(folder, proxy.display)
    x.painter.fill(RED)
    viewer = run.view()
    viewer.wait_colour(RED)
    proxy.flows.clear()
    # Whoever waits must not be waited for: httpd and the daemon's watchdog go on
    words = run.wait_state("display-lost", 10)
    assert words_picture("display-lost", words) == viewer.newest.data or \
        viewer.wait_newest(lambda part: part.data == words_picture("display-lost", words))
    proxy.drop_clients()
    proxy.flows.set()
    x.painter.fill(GREEN)
    Recovery(run).check(viewer, GREEN, time.monotonic())
    viewer.end()


def test_black_root_of_xwayland_is_said_not_shown(folder, x, request):
    """Rootless: its root stays black.  (With a root it is a desktop like any other.)  Whoever asks this display for XWAYLAND gets the answer for XINERAMA."""
    proxy = XProxy(x, (b"XWAYLAND", b"XINERAMA"))
    request.addfinalizer(proxy.end)
    run = Run(folder, proxy.display)
    x.painter.fill(0x000000)
    viewer = run.view()
    check_state(run, viewer, "wayland")
    assert not any(jpeg.size(part.data) == (640, 480) for part in viewer.snapshot())
    x.painter.fill(RED)
    Recovery(run).check(viewer, RED, time.monotonic())
    viewer.end()


def test_monitor_that_is_not_connected(folder, x):
    run = Run(folder, x.display, QUICK + "[screen]\nmonitor = beamer\n")
    x.painter.fill(RED)
    viewer = run.view()
    check_state(run, viewer, "no-monitor")
    recovery = Recovery(run)
    x.add_monitor("beamer", 320, 200, 10, 10)
    recovery.check(viewer, RED, time.monotonic())
    assert jpeg.size(viewer.newest.data) == (320, 200)
    x.xrandr("--delmonitor", "beamer")
    wait_for(lambda: count_lines(run, "no-monitor") == 2, 4, "it is said again")
    run.wait_state("no-monitor")
    viewer.end()


def test_a_name_that_is_cut_within_a_character_is_told_all_the_same(folder, x):
    """The words were no UTF-8 then; httpd refused its own daemon as broken, and said nothing of why."""
    run = Run(folder, x.display, QUICK + f"[screen]\nmonitor = {'显示器' * 9}\n")
    viewer = run.view()
    words = run.wait_state("no-monitor")
    assert words.startswith("The monitor 显示器显示器") and words.endswith(" is not connected")
    viewer.end()


def test_shared_memory_that_is_full(folder, x):
    """A /dev/shm of its own, so full that no ring fits; then it is emptied."""
    run = Run(folder, x.display, prefix=own_mounts("mount -t tmpfs -o size=8m tmpfs /dev/shm"))
    filler = f"/proc/{run.pid}/root/dev/shm/filler"

    def fill():
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(65536))
            except OSError:
                pass
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
    recovery = Recovery(run)
    x.painter.fill(RED)
    for turn in range(ROUNDS):
        fill()
        viewer = run.view()
        words = run.wait_state("no-memory")
        wanted = words_picture("no-memory", words)
        viewer.wait_newest(lambda part: part.data == wanted, 3, f"a picture that says: {words}")
        assert count_lines(run, "no-memory") == turn + 1
        os.unlink(filler)
        recovery.check(viewer, RED, time.monotonic())
        viewer.end()
        run.wait_no_daemon()


def test_shared_memory_with_room_for_a_small_ring_only(folder, x):
    run = Run(folder, x.display, prefix=own_mounts("mount -t tmpfs -o size=600k tmpfs /dev/shm"))
    x.painter.fill(RED)
    viewer = run.view()
    viewer.wait_colour(RED)
    assert run.state()[0] == "live"
    viewer.end()


def test_no_daemon_at_all(folder, x):
    """A program that is missing is said in words, and tried again."""
    import process
    copy = os.path.join(folder, "bin")
    shutil.copytree(process.BIN, copy)
    screen = os.path.join(copy, "screenshare-screen")
    run = Run(folder, x.display, prefix=())
    run.end()
    old = process.BIN
    process.BIN = copy
    try:
        run = Run(folder, x.display)
        # replaced by one that cannot start, as in a broken upgrade
        os.rename(screen, screen + ".away")
        with open(screen, "w") as file:
            file.write("#!/bin/sh\nexit 1\n")
        os.chmod(screen, 0o755)
        viewer = run.view()
        run.wait_state("not-answering", 6)
        viewer.wait_count(1)
        os.rename(screen + ".away", screen)
        x.painter.fill(RED)
        viewer.wait_colour(RED, deadline_s=BACK_S + 1)
        assert run.state()[0] == "live"
        viewer.end()
    finally:
        process.BIN = old
