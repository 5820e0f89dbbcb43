# SPDX-License-Identifier: MIT
"""Waiting for a condition, never for a time."""

import collections
import os
import time

# Sanitizers make everything slower.
SLOWNESS = float(os.environ.get("SCREENSHARE_TEST_SLOWNESS", "1"))
CROWD_MAX = 4
LOOK_S, RECENT_S = 0.02, 3

# (when, how many wanted a core then): the load average tells of a burst only when it is over.
seen = collections.deque([(0, 0)], maxlen=int(RECENT_S / LOOK_S))


def look_at_crowd():
    """Called by whoever waits; looks now and then."""
    now = time.monotonic()
    if now - seen[-1][0] >= LOOK_S:
        with open("/proc/loadavg") as file:
            seen.append((now, int(file.read().split()[3].partition("/")[0])))


def slowness():
    """What bounds of time are multiplied by.  They are those of a machine that has time for what is tested:
    where several want each core, in the last minute or seconds, each takes several times as long."""
    look_at_crowd()
    since = seen[-1][0] - RECENT_S
    recent = [n for when, n in list(seen) if when > since]
    crowd = max(os.getloadavg()[0], sum(recent) / len(recent)) / (os.cpu_count() or 1)
    return SLOWNESS * min(max(crowd, 1), CROWD_MAX)


def wait_for(condition, deadline_s, what):
    """The first true value that condition() gives; AssertionError, saying `what`, after deadline_s."""
    begin = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        look_at_crowd()
        waited_s = time.monotonic() - begin
        if waited_s > deadline_s * SLOWNESS and waited_s > deadline_s * slowness():
            raise AssertionError(f"not within {waited_s:g} s: {what}")
        time.sleep(0.004)


def stays(condition, duration_s, what):
    """condition() holds all through duration_s: for what must not happen."""
    end = time.monotonic() + duration_s
    while time.monotonic() < end:
        assert condition(), f"did not last {duration_s:g} s: {what}"
        look_at_crowd()
        time.sleep(0.01)
