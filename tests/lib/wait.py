# SPDX-License-Identifier: MIT
"""Waiting for a condition, never for a time."""

import os
import time

# Sanitizers make everything slower.
SLOWNESS = float(os.environ.get("SCREENSHARE_TEST_SLOWNESS", "1"))
CROWD_MAX = 4


def slowness():
    """What bounds of time are multiplied by.  They are those of a machine that has time for what is tested:
    where several want each core at the moment, each takes several times as long."""
    crowd = os.getloadavg()[0] / (os.cpu_count() or 1)
    return SLOWNESS * min(max(crowd, 1), CROWD_MAX)


def wait_for(condition, deadline_s, what):
    """The first true value that condition() gives; AssertionError, saying `what`, after deadline_s."""
    begin = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        waited_s = time.monotonic() - begin
        if waited_s > deadline_s * SLOWNESS and waited_s > deadline_s * slowness():
            raise AssertionError(f"not within {waited_s:g} s: {what}")
        time.sleep(0.004)


def stays(condition, duration_s, what):
    """condition() holds all through duration_s: for what must not happen."""
    end = time.monotonic() + duration_s
    while time.monotonic() < end:
        assert condition(), f"did not last {duration_s:g} s: {what}"
        time.sleep(0.01)
