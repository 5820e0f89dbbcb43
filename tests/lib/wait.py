# SPDX-License-Identifier: MIT
"""Waiting for a condition, never for a time."""

import os
import time

# Sanitizers and busy machines make everything slower: deadlines are multiplied by this.
SLOWNESS = float(os.environ.get("SCREENSHARE_TEST_SLOWNESS", "1"))


def wait_for(condition, deadline_s, what):
    """The first true value that condition() gives; AssertionError, saying `what`, after deadline_s."""
    end = time.monotonic() + deadline_s * SLOWNESS
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s * SLOWNESS:g} s: {what}")
        time.sleep(0.004)


def stays(condition, duration_s, what):
    """condition() holds all through duration_s: for what must not happen."""
    end = time.monotonic() + duration_s
    while time.monotonic() < end:
        assert condition(), f"did not last {duration_s:g} s: {what}"
        time.sleep(0.01)
