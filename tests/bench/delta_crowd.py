#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Many viewers of the delta stream, in one process: reads heads only, and says what it has drawn.

    delta_crowd.py 127.0.0.1:PORT FAST SLOW SECONDS

A fast viewer has drawn each message as it comes, a slow one after a twelfth of a second, one after the
other.  Prints MEASURE once all of them have a picture, and at the end one line of JSON: the frames
that each was given, how old they were when they were drawn, and how busy this process itself was.
"""

import json
import struct
import sys
import time

from crowd import Connection, Crowd

STEP, CATCH_UP = 4, 5
IS_WHOLE, IS_REFINEMENT, IS_EXACT = 1, 4, 8
SLOW_S = 1 / 12


class Viewer(Connection):
    def __init__(self, address, draw_s):
        self.draw_s, self.to_draw, self.drawing_until = draw_s, [], None
        self.held = 0
        super().__init__(address, "?source=screen&picture=delta")

    def begin(self):
        self.frames, self.refinements, self.ages_ms = set(), set(), []
        self.n = self.bytes = self.catch_ups = self.misfits = 0

    def take(self, at, length):
        kind, flags, _, sequence, pts, base = struct.unpack_from("<BBHIQI", self.buffer, at)
        if kind not in (STEP, CATCH_UP):
            return
        self.n += 1
        self.bytes += length
        self.catch_ups += kind == CATCH_UP and not flags & IS_EXACT
        fits = (self.held == base if kind == STEP else self.held == sequence if flags & IS_EXACT
                else flags & IS_WHOLE or base <= self.held < sequence)
        self.misfits += not fits
        self.held = sequence
        if flags & IS_REFINEMENT:
            self.refinements.add(sequence)
        now = time.monotonic()
        self.to_draw.append((sequence, pts, not flags & (IS_WHOLE | IS_REFINEMENT | IS_EXACT), now))
        if self.draw_s == 0:
            self.drawn(now)
        elif self.drawing_until is None:
            self.drawing_until = now + self.draw_s

    def drawn(self, now):
        """The first of those that wait has been drawn, and the next is begun."""
        sequence, pts, is_fresh, came = self.to_draw.pop(0)
        if is_fresh:
            self.frames.add(sequence)
            self.ages_ms.append(now * 1000 - pts / 1000)
        self.send(0x81, json.dumps({"type": "drawn", "sequence": sequence,
                                    "took_ms": round((now - came) * 1000, 1)}).encode())
        self.drawing_until = now + self.draw_s if self.to_draw and self.draw_s else None


def due_of(slow):
    return min((one.drawing_until for one in slow if one.drawing_until), default=None)


def draw_what_is_due(slow, now):
    for one in slow:
        if one.drawing_until and one.drawing_until <= now:
            one.drawn(now)


def frames_of(fast):
    """The sequences of all frames that each of them could get.  Between the first and the last that all have:
    what came before is drawn after the counting has begun, and of the last ones some have only reached
    the kernel when it ends.  What only made a picture more exact is no frame."""
    first, last = max(min(one.frames) for one in fast), min(max(one.frames) for one in fast)
    return set(range(first, last + 1)).difference(*(one.refinements for one in fast))


def figures(prefix, viewers, all_frames, seconds):
    ages = sorted(age for one in viewers for age in one.ages_ms)
    if not ages:
        return {}
    return {f"{prefix}_least_share": min(len(one.frames & all_frames) for one in viewers) / len(all_frames),
            f"{prefix}_least_fps": min(len(one.frames) for one in viewers) / seconds,
            f"{prefix}_p50": ages[len(ages) // 2], f"{prefix}_p95": ages[int(len(ages) * 0.95)],
            f"{prefix}_worst": ages[-1], f"{prefix}_catch_ups": sum(one.catch_ups for one in viewers),
            f"{prefix}_misfits": sum(one.misfits for one in viewers),
            f"{prefix}_bytes_per_s": sum(one.bytes for one in viewers) / len(viewers) / seconds}


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    n_fast, n_slow, seconds = int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    fast = [Viewer((host, int(port)), 0) for _ in range(n_fast)]
    slow = [Viewer((host, int(port)), SLOW_S) for _ in range(n_slow)]
    crowd = Crowd(fast + slow, lambda: due_of(slow), lambda now: draw_what_is_due(slow, now))
    crowd.serve_until(lambda: all(one.n >= 3 for one in crowd.viewers), "not every viewer has a picture")
    crowd.serve(time.monotonic() + 2)  # what joining costs is over
    seconds, cpu = crowd.measure(seconds)
    frames = frames_of(fast)
    print(json.dumps({"frames_per_s": len(frames) / seconds, "cpu_s": cpu,
                      "client_share": cpu / seconds * 100, **figures("fast", fast, frames, seconds),
                      **figures("slow", slow, frames, seconds)}), flush=True)


if __name__ == "__main__":
    main()
