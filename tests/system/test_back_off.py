# SPDX-License-Identifier: MIT
"""A daemon that fails and fails is started ever more rarely, and mentioned rarely; one that lived for a while, or gives
something, is started at once again.  Who waits for it is served as soon as it works."""

import os
import socket
import threading
import time

import pytest

from capture import STATES
from process import program
from screenshare import QUICK, Httpd, Run
from test_mute import message
from wait import slowness, wait_for

STATE, HELLO, JPEG = 65, 1, 0
PATTERN = QUICK + "[session]\nnotify = no\n[screen]\nsource = pattern\npattern_width = 96\npattern_height = 64\n"


def gaps(times):
    return [after - before for before, after in zip(times, times[1:])]


def about(found, wanted, slack_s):
    """Never earlier; later by what a machine may need.  A start that is told late is the next one's gain."""
    late_s, since = slack_s * slowness(), 0.0
    for gap, want in zip(found, wanted):
        since += gap - want
        if since < -0.005 or gap > want + late_s:
            return False
    return True


def test_run_starts_a_failing_daemon_ever_more_rarely(folder, monkeypatch):
    away = os.path.join(folder, "bin")
    os.mkdir(away)
    for name in ("screenshare", "screenshare-httpd", "screenshare-camera", "screenshare-audio"):
        os.link(program(name), os.path.join(away, name))
    script, starts = os.path.join(away, "screenshare-screen"), os.path.join(folder, "starts")
    with open(script, "w") as file:  # the seventh lives for a while
        file.write(f"#!/bin/sh\ndate +%s.%N >>{starts}\n[ $(wc -l <{starts}) != 7 ] || sleep 2.1\nexit 1\n")
    os.chmod(script, 0o755)
    monkeypatch.setattr("screenshare.program", lambda name: os.path.join(away, name))
    run = Run(folder, config=PATTERN)
    viewer = run.view()

    def times():
        try:
            with open(starts) as file:
                return [float(line) for line in file]
        except FileNotFoundError:
            return []
    wait_for(lambda: len(times()) >= 10, 15, "ten starts")
    found = gaps(times())[:9]
    assert about(found[:6], [0, 0.1, 0.2, 0.4, 0.4, 0.4], 0.25), found
    assert about(found[6:9], [2.1, 0.1, 0.2], 0.25), found
    lines = run.log("screen exited with status 1; restarting it")
    assert len(lines) <= 2, lines  # one in ten seconds
    assert viewer.count > 0, "the viewer has a picture that says so"
    # It is mended.
    os.link(program("screenshare-screen"), script + ".new")
    os.replace(script + ".new", script)
    wait_for(lambda: run.stream()["state"] == "live", 3, "its picture")
    viewer.end()


class Failing:
    """A screen daemon that accepts, gives the picture of a state if it has one, and is gone."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(path)
        self.listener.listen(8)
        self.times, self.picture = [], None
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                if connection.recv(64) != message(HELLO, 1, JPEG):
                    continue
                self.times.append(time.monotonic())
                if self.picture:
                    words, picture = b"It is locked", self.picture
                    connection.send(message(STATE, STATES.index("locked"), len(words), len(picture),
                                            text=words + picture))

    def end(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def httpd(folder):
    return Httpd(folder, QUICK + "[session]\nnotify = no\n")


def test_httpd_asks_a_failing_daemon_ever_more_rarely(httpd):
    daemon = Failing(httpd.capture_path)
    viewer = httpd.view()
    wait_for(lambda: len(daemon.times) >= 9, 10, "nine attempts")
    found = gaps(daemon.times)[:8]
    assert about(found, [0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1, 1], 0.15), found
    said = [line for line in httpd.process.stderr if "does not answer" in line]
    assert len(said) == 1, said
    # One that gives something whole before it ends is asked again at once.
    viewer.wait_count(1)
    daemon.picture = viewer.parts[-1].data
    n = len(daemon.times)
    wait_for(lambda: len(daemon.times) >= n + 3, 5, "three more")
    assert about(gaps(daemon.times)[n:n + 2], [0.02, 0.02], 0.15), gaps(daemon.times)[n - 1:]
    viewer.end()
    daemon.end()


def test_presence_is_asked_for_ever_more_rarely(folder):
    """… by every second, and without a word of it."""
    httpd = Httpd(folder, QUICK)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(httpd.capture_path)
    listener.listen(8)
    listener.settimeout(8 * slowness())
    viewer = httpd.view("/audio_feed", timeout_s=20)
    times = []
    while len(times) < 3:
        connection, _ = listener.accept()
        with connection:
            times.append(time.monotonic())
    assert about(gaps(times), [1, 2], 0.4), gaps(times)
    assert not [line for line in httpd.process.stderr if "screen" in line], httpd.process.stderr
    viewer.end()
    listener.close()
