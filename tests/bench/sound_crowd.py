#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Many viewers who hear, in one process: reads heads only, and looks for what is missing.

    sound_crowd.py 127.0.0.1:PORT VIEWERS SECONDS

Prints MEASURE once all of them hear, and at the end one line of JSON: what came at all, gaps in the
count of samples, how old the pieces were, and how busy this process itself was.
"""

import json
import struct
import sys
import time

from crowd import Connection, Crowd

HEAD = 24
PCM = 2
STEP_MAX_US = 2000  # a record's pts may differ so much from 10 ms after the one before it


class Listener(Connection):
    def __init__(self, address):
        self.sequence = self.pts = None
        super().__init__(address, "?source=screen&picture=none&sound=pcm")

    def begin(self):
        """What is counted begins here; what it continues from stays."""
        self.n = self.gaps = self.odd_steps = self.frames = 0
        self.ages_ms = []

    def take(self, at, length):
        kind, _, _, sequence, pts = struct.unpack_from("<BBHIQ", self.buffer, at)
        if kind != PCM:
            return
        self.n += 1
        self.frames += (length - HEAD) // 4
        if self.sequence is not None:
            self.gaps += (sequence - self.sequence - 1) & 0xffffffff != 0
            self.odd_steps += abs(pts - self.pts - 10000) > STEP_MAX_US
        self.sequence, self.pts = sequence, pts
        self.ages_ms.append((time.monotonic_ns() // 1000 - pts) / 1000)


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    n, seconds = int(sys.argv[2]), float(sys.argv[3])
    listeners = [Listener((host, int(port))) for _ in range(n)]
    crowd = Crowd(listeners)
    crowd.serve_until(lambda: all(one.n >= 200 for one in listeners), "not every viewer hears")
    seconds, cpu = crowd.measure(seconds)
    ages = sorted(age for one in listeners for age in one.ages_ms)
    print(json.dumps({
        "gaps": sum(one.gaps for one in listeners), "odd_steps": sum(one.odd_steps for one in listeners),
        "deaf": sum(one.gaps > 0 for one in listeners),
        "least_rate": min(one.frames for one in listeners) / seconds,
        "age_p50": ages[len(ages) // 2], "age_p95": ages[int(len(ages) * 0.95)], "age_worst": ages[-1],
        "cpu_s": cpu, "client_share": cpu / seconds * 100}), flush=True)


if __name__ == "__main__":
    main()
