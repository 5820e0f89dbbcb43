# SPDX-License-Identifier: MIT
"""A change is sent when it is made: it waits for no tick and for no next change."""

from screenshare import QUICK, Run
from wait import SLOWNESS, slowness, wait_for

def test_a_single_change_waits_for_no_tick(folder, x):
    """At one picture a second a tick would be far away: one frame of credit, not a spacing."""
    run = Run(folder, x.display, QUICK + "[screen]\nrate = 1\n")
    viewer = run.view()
    viewer.wait_count(2, 3)
    took = []
    for step in range(5):
        rgb = 0x402010 * (step % 3 + 1)
        painted_ns = x.painter.fill(rgb, 100, 100, 9, 14)
        part = viewer.wait_colour(rgb, 104, 107, tolerance=12)
        took.append((part.received_ns - painted_ns) / 1e6)
        # The repeat says that the screen has been still for a second: the credit is back.
        viewer.wait_count(viewer.count + 1, 3)
    # A tick would be half a second away, and a second at worst.
    assert sorted(took)[2] < 60 * slowness() and max(took) < 300 * SLOWNESS, took

def test_typing_arrives_key_by_key(x, run):
    """Twenty keys, each painted when the one before has arrived."""
    x.painter.page(1)
    viewer = run.view()
    viewer.wait_count(1)
    took = []
    for step in range(20):
        rgb = 0xE00000 if step % 2 else 0x0000E0
        at = 16 * step
        painted_ns = x.painter.fill(rgb, at, 96, 16, 16)
        part = viewer.wait_colour(rgb, at + 8, 104, tolerance=40)
        took.append((part.received_ns - painted_ns) / 1e6)
    took.sort()
    assert took[10] < 60 * slowness() and took[18] < 120 * slowness(), took

def test_typing_at_thirty_keys_a_second_loses_none(x, run):
    """Painted at a steady rate, whoever waits: the newest picture shows the newest key at once."""
    viewer = run.view()
    viewer.wait_count(1)
    entry = run.stream()
    for step in range(30):
        rgb = (step * 8) << 16 | 0x80
        x.painter.fill(rgb, 200, 200, 32, 32)
        viewer.wait_colour(rgb, 216, 216, tolerance=3)
    wait_for(lambda: run.stream()["frames"] >= entry["frames"] + 30, 2, "a frame for each key")
    viewer.end()
