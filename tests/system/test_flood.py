# SPDX-License-Identifier: MIT
"""Another program of the same user floods the socket of a capture daemon, with bytes or connections: whoever
watches or listens goes on, whoever comes is served, memory and the journal stay as small as they were."""

import os
import sys
import time

import pytest

from audiodaemon import AudioDaemon
from process import ROOT, Process, private_kib
from screenshare import QUICK, Run
from wait import SLOWNESS, slowness, wait_for
from websocket import SocketViewer

RED, GREEN = 0xD02020, 0x20C040
FLOOD_S = 1
LINES_MAX = 4  # three refusals are told whole; then they are counted


def flood(path, kind):
    process = Process([sys.executable, os.path.join(ROOT, "tests", "lib", "flood.py"), path, kind])
    process.wait_line("^READY$", 20)
    return process


@pytest.mark.parametrize("kind", ["garbage", "silent", "subscribers", "presence", "come-and-go", "key-frames", "rates",
                                  "viewers"])
def test_the_screen_is_shown(folder, x, kind):
    run = Run(folder, x.display, QUICK + "[session]\nnotify = no\n")
    viewer = run.view()
    x.painter.fill(RED)
    viewer.wait_colour(RED)
    pid = run.wait_daemon()
    before_kib, n_lines = private_kib(pid), len(run.log("Refused"))
    path = os.path.join(run.env["XDG_RUNTIME_DIR"], f"screenshare-{run.address[1]}", "screen.sock")
    flooding = flood(path, kind)
    slowest_s, end = 0, time.monotonic() + FLOOD_S
    while time.monotonic() < end:
        for colour in (GREEN, RED):
            begin = time.monotonic()
            x.painter.fill(colour)
            viewer.wait_colour(colour)
            slowest_s = max(slowest_s, time.monotonic() - begin)
    assert slowest_s < 1 * slowness()
    # Whoever comes: of another stream, for which httpd connects anew.
    other = SocketViewer(run.address, "?picture=delta&sound=none")
    wait_for(lambda: other.pictures, 3, "the first picture of another stream")
    assert run.daemons() == [pid], "the same process"
    assert SLOWNESS > 1 or private_kib(pid) - before_kib < 8000  # sanitizers keep what was freed
    assert len(run.log("Refused")) - n_lines <= LINES_MAX, run.log("")
    flooding.end()
    other.end()
    viewer.end()


@pytest.mark.parametrize("kind", ["garbage", "silent", "subscribers", "presence", "come-and-go", "switches"])
def test_sound_is_heard(folder, kind):
    daemon = AudioDaemon(folder, "[audio]\ndesktop = null\nmicrophone = null\n")
    pcm = daemon.subscribe()
    pcm.wait_records(20)
    pid, before_kib, n_lines = daemon.process.pid, private_kib(daemon.process.pid), len(daemon.process.stderr)
    flooding = flood(daemon.path, kind)
    begin, since = time.monotonic(), len(pcm.records)
    pcm.wait_records(int(FLOOD_S * 100))
    took_s = time.monotonic() - begin
    assert took_s < FLOOD_S + 0.5 * slowness()
    times = [record.pts_ns for record in pcm.records[since:]]
    assert all(after - before == 10_000_000 for before, after in zip(times, times[1:])), "no sound is left out"
    late_s = max((record.seen_ns - record.pts_ns) / 1e9 for record in pcm.records[since:])
    assert late_s < 0.3 * slowness()
    other = daemon.subscribe("opus")
    other.wait_records(10)
    assert SLOWNESS > 1 or private_kib(pid) - before_kib < 8000
    lines = daemon.process.stderr[n_lines:]
    if kind == "switches":  # as often as a person may, and what comes of it
        switched = [line for line in lines if "Microphone unmuted" in line]
        assert 10 <= len(switched) <= 11 and len(lines) <= 5 * len(switched), lines
    else:
        assert len(lines) <= LINES_MAX, lines
    flooding.end()
    other.close()
    pcm.close()
