# SPDX-License-Identifier: MIT
"""The delta stream of the real daemon: a plain viewer's canvas ends as the screen, bit for bit."""

import json
import os

import pytest

from process import Process, tool
from screenshare import ScreenDaemon
from wait import wait_for
from xserver import XServer


class DeltaViewer:
    """tests/lib/delta_viewer.c; `end` waits until it has come to rest and compared."""

    def __init__(self, path, display, seconds, *arguments):
        self.process = Process([tool("delta_viewer"), "--ops", "--seconds", str(seconds),
                                "--display", display, *arguments, path])

    def records(self, pattern):
        return [line for line in self.process.stderr if pattern in line]

    def end(self):
        self.process.wait(40)
        assert self.process.popen.returncode == 0, self.process.log()
        return json.loads(self.process.stdout[-1])


@pytest.fixture
def screen(folder):
    server = XServer(801, 599)  # no multiple of a tile
    path = os.path.join(folder, "screen.sock")
    daemon = ScreenDaemon(folder, path, server.display)
    yield server, path, daemon
    server.end()


def desktop_session(painter, viewer, n=16):
    """Text, a box that moves, noise in between: each is seen before the next comes."""
    for i in range(n):
        before = len(viewer.records("step "))
        if i % 4 == 3:
            painter.noise(i)
        else:
            painter.page(i)
        painter.fill(0x2060C0, x=20 + 9 * i, y=30 + 5 * i, width=200, height=120)
        painter.fill(0xE0E010, x=700, y=i, width=3, height=18)
        wait_for(lambda: len(viewer.records("step ")) > before, 5, "a step")


@pytest.mark.parametrize("arguments", [(), ("--lag",)], ids=["keeps_up", "lags"])
def test_canvas_ends_as_the_screen(screen, arguments):
    server, path, _ = screen
    server.painter.page(99)
    viewer = DeltaViewer(path, server.display, 3, *arguments)
    wait_for(lambda: viewer.records("catch-up 1 since 0, flags 1"), 10, "the whole picture")
    desktop_session(server.painter, viewer)
    told = viewer.end()
    assert len(viewer.records("step ")) >= 16
    assert told["catch_ups"] > 1 or not arguments
    assert told["rested"] and told["wrong"] == 0, told


def test_noise_becomes_exact_in_pieces(screen):
    server, path, _ = screen
    server.painter.noise(5)
    viewer = DeltaViewer(path, server.display, 2)
    told = viewer.end()
    assert told["rested"] and told["wrong"] == 0, told
    refinements = viewer.records("flags 4,")
    assert len(refinements) > 10
    for line in refinements:
        assert int(line.split(" bytes:")[0].split()[-1]) <= 65536
        assert "jpeg" not in line and "copy" not in line


def test_somebody_new_disturbs_nobody(screen):
    server, path, _ = screen
    server.painter.noise(5)
    first = DeltaViewer(path, server.display, 4)
    wait_for(lambda: len(first.records("flags 4,")) > 10, 10, "it becomes exact")
    second = DeltaViewer(path, server.display, 1)
    told = second.end()
    assert told["rested"] and told["wrong"] == 0, told
    assert len(second.records("flags 8,")) > 5  # exact pieces, for the newcomer's sake
    told = first.end()
    assert told["rested"] and told["wrong"] == 0, told
    # It read the newcomer's catch-ups, and had no use for them.
    assert told["skipped"] >= 1


def test_still_screen_costs_nothing(screen):
    server, path, _ = screen
    server.painter.page(1)
    viewer = DeltaViewer(path, server.display, 3)
    wait_for(lambda: viewer.records("catch-up 1 since 0, flags 1"), 10, "the whole picture")
    told = viewer.end()
    # What was drawn while the daemon started may still come; then nothing does.
    assert told["steps"] + told["refinements"] <= 30
    assert told["wrong"] == 0


def test_resize_begins_a_new_ring(screen):
    server, path, _ = screen
    server.painter.page(1)
    viewer = DeltaViewer(path, server.display, 3)
    # Its first record may be missed where a newer one has come already.
    wait_for(lambda: viewer.records(" since 0, flags 1,"), 10, "the whole picture")
    server.resize(640, 400)
    server.painter.page(2)
    wait_for(lambda: len(viewer.records(" since 0, flags 1,")) >= 2, 10, "the new size")
    server.resize(801, 599)
    server.painter.page(3)
    wait_for(lambda: len(viewer.records(" since 0, flags 1,")) >= 3, 10, "the old size")
    told = viewer.end()
    assert told["rested"] and told["wrong"] == 0, told


def test_pointer_moves_cost_twelve_bytes_each(screen):
    server, path, _ = screen
    server.painter.fill(0xC0C0C0)
    server.painter.cursor(0x20C040)
    viewer = DeltaViewer(path, server.display, 2)
    wait_for(lambda: viewer.records("catch-up 1 since 0, flags 1"), 10, "the whole picture")
    for i in range(6):
        server.painter.warp(50 + 20 * i, 60)
        wait_for(lambda: viewer.records(f"pointer 0x0+{50 + 20 * i}+60"), 5, "the pointer's move")
    viewer.end()
    moves = [line for line in viewer.records("step ") if "png" not in line and "pointer" in line
             and "shape" not in line]
    assert len(moves) >= 5
    assert all(" 12 bytes:" in line for line in moves), moves
