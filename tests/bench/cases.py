# SPDX-License-Identifier: MIT
"""The cases: each runs its rounds, interleaved, and gives {system: [figures of each round]}."""

import json
import os
import time

from delta_cases import DELTA_CASES
from measure import (encoded_alone, encoded_by_ffmpeg, server_sockets, start_client, unwatched,
                     watched)
from processes import BenchError, Process, memory_kb, wait_until, wake_ups
from sound_cases import SOUND_CASES
from systems import Display, Ffmpeg, Floor, Painter, Screenshare

HD, UHD = "1920x1080", "3840x2160"
DEAF_VIEWERS = 24


class Bench:
    """What was asked for, and where the programs are."""

    def __init__(self, binaries, programs, rounds, seconds, systems, say, skew_s=45, crowd_s=60):
        self.binaries, self.programs = binaries, programs
        self.rounds, self.seconds, self.systems, self.say = rounds, seconds, systems, say
        self.skew_s, self.crowd_s = skew_s, crowd_s

    def servers(self, display, rate):
        """The servers to be measured, each to be started anew: nothing of one is left for the other."""
        if "screenshare" in self.systems:
            yield "screenshare", lambda: Screenshare(self.binaries, display, rate)
        if "floor" in self.systems:
            yield "floor", lambda: Floor(self.programs, display, rate)


class StreamCase:
    """A workload, watched: rate, delay and CPU, beside the yardsticks."""

    def __init__(self, workload, size=HD, rate=30, viewers=1, has_ffmpeg=False, has_alone=False):
        self.workload, self.size, self.rate, self.viewers = workload, size, rate, viewers
        self.has_ffmpeg, self.has_alone = has_ffmpeg, has_alone

    def run(self, bench):
        found = {}
        with Display(self.size) as display:
            for number in range(bench.rounds):
                bench.say(f"round {number + 1} of {bench.rounds}")
                with Painter(bench.programs, display, self.workload, self.rate) as painter:
                    self.run_round(bench, display, painter, found)
        return found

    def run_round(self, bench, display, painter, found):
        seconds = bench.seconds
        plain = unwatched(display, painter, seconds)
        found.setdefault("unwatched", []).append(plain)

        def note(system, figures):
            figures["x_extra"] = figures["x"] - plain["x"]
            found.setdefault(system, []).append(figures)

        for name, start in bench.servers(display, self.rate):
            with start() as server:
                note(name, watched(bench.programs, display, painter, server, seconds, self.viewers,
                                   is_whole=self.workload in ("scroll", "film")))
        if self.has_ffmpeg and "ffmpeg" in bench.systems:
            with Ffmpeg(display) as ffmpeg:
                note("ffmpeg", encoded_by_ffmpeg(display, painter, ffmpeg, seconds))
        if self.has_alone and "jpeg" in bench.systems:
            alone = encoded_alone(bench.programs, display)
            alone["cpu"] = alone["ms_per_frame"] * self.rate / 10
            found.setdefault("jpeg", []).append(alone)


class CrowdCase(StreamCase):
    """A hundred viewers; and what each of them costs in httpd's memory."""

    def __init__(self, workload, viewers=100):
        super().__init__(workload, viewers=viewers)

    def run_round(self, bench, display, painter, found):
        super().run_round(bench, display, painter, found)
        if "screenshare" not in bench.systems:
            return
        with Screenshare(bench.binaries, display, self.rate) as server:
            with start_client(bench.programs, server, "--viewers", 1, "--seconds", 60) as client:
                client.wait_for_line("MEASURE", 30)
                one = dirty_kb(server)
                with start_client(bench.programs, server, "--viewers", self.viewers - 1,
                                  "--seconds", 60) as crowd:
                    crowd.wait_for_line("MEASURE", 30)
                    all_of_them = dirty_kb(server)
        found["screenshare"][-1]["kb_per_viewer"] = (all_of_them - one) / (self.viewers - 1)


def dirty_kb(server):
    """httpd's Private_Dirty: the least of many looks, for frames on their way come and go."""
    pid = server.pids()[Screenshare.HTTP]
    looks = []
    for _ in range(20):
        looks.append(memory_kb(pid)["Private_Dirty"])
        time.sleep(0.023)
    return min(looks)


class ColdCase:
    """From a viewer's request to its first picture of the screen, no capture daemon running."""

    def run(self, bench):
        found = {}
        with Display(HD) as display, Painter(bench.programs, display, "still", 30):
            if "screenshare" in bench.systems:
                with Screenshare(bench.binaries, display, 30, grace_s=0) as server:
                    for _ in range(max(5, bench.rounds)):
                        wait_until(lambda: not server.is_capturing(), 15, "the end of capture")
                        found.setdefault("screenshare", []).append(
                            {"first_ms": first_ms(bench, server)})
            for _ in range(max(5, bench.rounds) if "floor" in bench.systems else 0):
                with Floor(bench.programs, display, 30) as server:
                    found.setdefault("floor", []).append({"first_ms": first_ms(bench, server)})
        return found


def first_ms(bench, server):
    with start_client(bench.programs, server, "--first") as client:
        return json.loads(client.read_line(30))["first_ms"]


class DeafCase:
    """Viewers that never read, while one does: what they cost, whom they slow, when they are closed."""

    def run(self, bench):
        figures = []
        with Display(HD) as display, Painter(bench.programs, display, "scroll", 30) as painter:
            for number in range(1 if bench.rounds < 3 else 3):
                bench.say(f"round {number + 1}")
                with Screenshare(bench.binaries, display, 30) as server:
                    figures.append(self.run_round(bench, display, painter, server))
        return {"screenshare": figures}

    def run_round(self, bench, display, painter, server):
        with start_client(bench.programs, server, "--seconds", 60) as hearing:
            hearing.wait_for_line("MEASURE", 30)
            before_kb = dirty_kb(server)
            known = {socket["peer"] for socket in server_sockets(server)}
            # One after the other, so that each pins a frame of its own.
            with start_client(bench.programs, server, "--deaf", "--viewers", DEAF_VIEWERS,
                              "--spacing", 100, "--seconds", 60) as deaf:
                deaf.wait_for_line("MEASURE", 10)
                last = time.monotonic()
                time.sleep(3)  # until their sockets are as full as they get
                after_kb = dirty_kb(server)
                sockets = [s for s in server_sockets(server) if s["peer"] not in known]
                if len(sockets) != DEAF_VIEWERS:
                    raise BenchError(f"{len(sockets)} instead of {DEAF_VIEWERS} deaf connections")
                beside = watched(bench.programs, display, painter, server, min(5, bench.seconds),
                                 warmup_s=0.5, is_whole=True)

                def are_closed():
                    return not any(s["peer"] in peers for s in server_sockets(server))

                peers = {s["peer"] for s in sockets}
                wait_until(are_closed, 40, "the end of the deaf connections")
                closed_s = time.monotonic() - last
        kernel_kb = sum(s["kernel"] for s in sockets) / DEAF_VIEWERS / 1024
        httpd_kb = (after_kb - before_kb) / DEAF_VIEWERS
        frame_kb = beside["frame_bytes"] / 1024
        return {"kernel_kb": kernel_kb, "httpd_kb": httpd_kb, "frame_kb": frame_kb,
                "cost_kb": kernel_kb + max(0.0, httpd_kb - frame_kb), "closed_s": closed_s,
                "whole_fps": beside["whole_fps"], "p95_ms": beside["p95_ms"]}


class RestCase:
    """After the last viewer has gone: the capture daemon ends, httpd sleeps and is small."""

    def run(self, bench):
        with Display(HD) as display, Painter(bench.programs, display, "typing", 30), \
                Screenshare(bench.binaries, display, 30) as server:
            with start_client(bench.programs, server, "--seconds", 2) as client:
                client.read_line(30)
                client.read_line(30)
            begin = time.monotonic()
            wait_until(lambda: not server.is_capturing(), 30, "the end of capture")
            gone_s = time.monotonic() - begin
            time.sleep(2)
            pid, watch_s = server.pids()[Screenshare.HTTP], 30 if bench.rounds >= 3 else 10
            woken = wake_ups(pid)
            time.sleep(watch_s)
            woken = wake_ups(pid) - woken
            memory = memory_kb(pid)
        return {"screenshare": [{"gone_s": gone_s, "wake_ups_per_s": woken / watch_s,
                                 "dirty_kb": memory["Private_Dirty"], "pss_kb": memory["Pss"]}]}


class DrawnCase:
    """A single change after a pause, painted to drawn by Chromium's <img>."""

    N = 15

    def run(self, bench):
        delays = []
        with Display(HD) as display, Painter(bench.programs, display, "single", 30) as painter, \
                Screenshare(bench.binaries, display, 30) as server, \
                Process(["node", os.path.join(bench.programs, "drawn.js"), server.url]) as browser:
            browser.wait_for_line("READY", 60)
            for number in range(self.N):
                # Quiet, and the one repeat a second after the last change is over; the odd part moves
                # the change through the browser's own frames.
                time.sleep(1.5 + number * 0.0037)
                painted_us = painter.paint_single()
                drawn = json.loads(browser.read_line(10))
                if drawn["code_us"] != painted_us % (1 << 40):
                    raise BenchError("Chromium drew another picture than the one painted")
                delays.append({"drawn_ms": (drawn["drawn_us"] - painted_us) / 1000,
                               "clock_error_ms": drawn["clock_error_ms"]})
        return {"screenshare": delays}


CASES = {
    "still": StreamCase("still", has_ffmpeg=True, has_alone=True),
    "typing": StreamCase("typing", has_ffmpeg=True, has_alone=True),
    "scroll": StreamCase("scroll", has_ffmpeg=True, has_alone=True),
    "film": StreamCase("film", has_ffmpeg=True, has_alone=True),
    "film60": StreamCase("film", rate=60),
    "scroll4k": StreamCase("scroll", size=UHD),
    "film4k": StreamCase("film", size=UHD),
    "scroll100": CrowdCase("scroll"),
    "film100": CrowdCase("film"),
    "deaf": DeafCase(),
    "cold": ColdCase(),
    "rest": RestCase(),
    "drawn": DrawnCase(),
    **SOUND_CASES,
    **DELTA_CASES,
}
