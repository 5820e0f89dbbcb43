# SPDX-License-Identifier: MIT
"""The cases of the delta stream: in Chromium beside what others have, in crowds, and exact."""

import json
import os
import sys
import time

from delta_systems import Missing, Vnc, Xpra, bytes_sent, grab, painter_of, sent_between
from measure import Window
from processes import BenchError, Process, tree_cpu_s, wait_until
from sound_cases import LIMIT_S, PageWindow, address_of, spread
from sound_systems import Page, now_us
from systems import Display, Screenshare

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from delta_canvas import DeltaViewer  # noqa: E402  (tests/lib)

HD = "1920x1080"
SUT, VNC, XPRA = "screenshare", "vnc", "xpra"
MASK = (1 << 40) - 1
SETTLE_S = 2.5  # of a page that has just its first picture
REST_S = 6      # until it is exact, where nothing but that would be sent
# 60 Hz is no multiple of any of them, so that no phase is locked to.
KEYS, FILM, BLINKS, STEPS = 23.7, 29.3, 1.89, 9.7


class DrawnWindow(PageWindow):
    """Also counts what is sent, and all processes of a painter that has several."""

    def painter_cpu_s(self):
        return tree_cpu_s(self.painter.pid)

    def open(self):
        self.sent = bytes_sent(self.server)
        super().open()

    def close(self, client_cpu_s=0.0):
        figures = super().close(client_cpu_s)
        sent = sent_between(self.sent, bytes_sent(self.server))
        return {**figures, "bytes_per_s": sent / figures["seconds"]}


class PlainWindow(Window):
    """Nobody watches."""

    def painter_cpu_s(self):
        return tree_cpu_s(self.painter.pid)


def measure_unwatched(display, painter, seconds):
    time.sleep(0.5)
    window = PlainWindow(display, painter)
    window.open()
    time.sleep(seconds)
    return window.close()


class PageCase:
    """A workload, seen in Chromium on the pages of all systems in turn, time code read off the canvas."""

    def __init__(self, workload, rate=None, is_whole=False, settle_s=SETTLE_S):
        self.workload, self.rate, self.is_whole, self.settle_s = workload, rate, is_whole, settle_s

    def servers(self, bench, display):
        if SUT in bench.systems:
            yield SUT, lambda: Screenshare(bench.binaries, display, 30)
        if VNC in bench.systems:
            yield VNC, lambda: Vnc(display)
        if XPRA in bench.systems:
            yield XPRA, lambda: Xpra(display)

    def run(self, bench):
        found = {}
        with Display(HD) as display:
            for number in range(bench.rounds):
                with painter_of(bench, display, self.workload, self.rate or 30) as painter:
                    bench.say(f"round {number + 1} of {bench.rounds}")
                    time.sleep(1)
                    plain = measure_unwatched(display, painter, min(4, bench.seconds))
                    for name, start in self.servers(bench, display):
                        bench.say(f"round {number + 1} of {bench.rounds}, {name}")
                        self.run_system(bench, display, painter, name, start, plain, found)
        return found

    def run_system(self, bench, display, painter, name, start, plain, found):
        try:
            with start() as server, \
                    Page(bench.programs, server.url, *(() if name == SUT else ("--other",))) as page:
                time.sleep(self.settle_s)
                figures = self.watch(bench, display, painter, server, page)
        except (Missing, BenchError) as error:
            if name == SUT:
                raise
            # The others' trouble ends only their own column, and is said.
            found.setdefault("notes", []).append(f"{name}: {error}")
            return
        figures["x_extra"] = figures["x"] - plain["x"]
        found.setdefault(name, []).append(figures)

    def watch(self, bench, display, painter, server, page):
        seconds = bench.seconds
        window = DrawnWindow(display, painter, server, page)
        window.open()
        since_us = now_us()
        time.sleep(seconds)
        figures = window.close()
        until_us = now_us()
        wait_until(lambda: page.lines and page.lines[-1]["at_us"] > until_us, LIMIT_S,
                   "the page's next words")
        figures["clock_error_ms"] = page.lines[-1]["clock_error_ms"]
        if page.lines[-1].get("bytes") is not None:
            self.add_own(figures, page, since_us, until_us)
        codes = [code for code in page.all_of("codes") if since_us <= code[1] <= until_us]
        if self.workload == "caret":
            blinks = [one for one in page.all_of("flashes") if since_us <= one[1] <= until_us]
            if not blinks:
                raise BenchError("no blink was seen on its canvas")
            figures["fps"] = len(blinks) / figures["seconds"]
        elif self.rate:
            self.add_drawn(figures, [code for code in codes if code[2] or not self.is_whole])
        return figures

    def add_drawn(self, figures, codes):
        if not codes:
            raise BenchError("no whole frame was seen on its canvas")
        seen, ages = set(), []
        for code_us, drawn_us, _ in codes:
            if code_us not in seen:
                seen.add(code_us)
                ages.append(((drawn_us - code_us) & MASK) / 1000)
        fps = len(seen) / figures["seconds"]
        figures.update(spread("drawn", ages), fps=fps, cpu_ms=figures["cpu"] * 10 / fps,
                       all_cpu_ms=(figures["cpu"] + figures["client"]) * 10 / fps,
                       frame_bytes=figures["bytes_per_s"] / fps, ages=ages)

    def add_own(self, figures, page, since_us, until_us):
        """What the product's page says of itself."""
        lines = [line for line in list(page.lines) if since_us <= line["at_us"] <= until_us]
        draws = [draw for draw in page.all_of("draws") if since_us <= draw[1] <= until_us]
        if lines[-1]["picture"] != "delta":
            raise BenchError(f"the page fell back to {lines[-1]['picture']}")
        figures["picture_bytes"] = lines[-1]["bytes"] - lines[0]["bytes"]
        figures["misfits"] = lines[-1]["misfits"] - lines[0]["misfits"]
        if draws:
            ages = [(at_us - pts_us) / 1000 for pts_us, at_us, _ in draws]
            figures.update(spread("own", ages), messages_per_s=len(draws) / figures["seconds"])


class DeltaCrowdCase:
    """Viewers in one process (delta_crowd.py), first fewer, then more: what they are given and cost."""

    def __init__(self, workload, first, then):
        self.workload, self.first, self.then = workload, first, then

    def run(self, bench):
        found = []
        with Display(HD) as display, \
                painter_of(bench, display, self.workload, FILM) as painter:
            for number in range(bench.rounds):
                bench.say(f"round {number + 1} of {bench.rounds}")
                few = self.watch(bench, display, painter, *self.first)
                many = self.watch(bench, display, painter, *self.then)
                found.append({**many, "few": few, "few_cpu": few["cpu"],
                              "few_share": few["fast_least_share"], "few_fps": few["fast_least_fps"],
                              "cpu_times": many["cpu"] / few["cpu"],
                              "capture": many["cpu_of"][Screenshare.CAPTURE],
                              "httpd": many["cpu_of"][Screenshare.HTTP],
                              "few_capture": few["cpu_of"][Screenshare.CAPTURE],
                              "few_httpd": few["cpu_of"][Screenshare.HTTP]})
        return {SUT: found}

    def watch(self, bench, display, painter, n_fast, n_slow):
        argv = [sys.executable, "-B", os.path.join(os.path.dirname(__file__), "delta_crowd.py")]
        with Screenshare(bench.binaries, display, 30) as server, \
                Process(argv + [server.address, str(n_fast), str(n_slow), str(bench.seconds)]) as crowd:
            crowd.wait_for_line("MEASURE", 30)
            window = Window(display, painter, server)
            window.open()
            seen = json.loads(crowd.read_line(bench.seconds + 20))
            return {**seen, **window.close(seen["cpu_s"])}


class ExactCase:
    """Each workload for some seconds; from its last change on: is the client's picture the screen?"""

    WORKLOADS = (("still", 30), ("typing", KEYS), ("scroll", FILM), ("film", FILM), ("browser", STEPS),
                 ("terminal", FILM))
    PATIENCE_S = 10

    def run(self, bench):
        figures, notes = {}, []
        for workload, rate in self.WORKLOADS:
            bench.say(workload)
            try:
                at_once, wrong, exact_s = self.watch(bench, workload, rate)
            except Missing as error:
                notes.append(f"{workload}: {error}")
                continue
            # The first says that there was something to be made exact.
            figures.update({f"{workload}_at_once": at_once, f"{workload}_wrong": wrong,
                            f"{workload}_s": exact_s})
        return {SUT: [figures], "notes": notes}

    def watch(self, bench, workload, rate):
        """(pixels that differ at once, one second after the last change; seconds until none does)"""
        with Display(HD) as display, painter_of(bench, display, workload, rate) as painter, \
                Screenshare(bench.binaries, display, 30) as server:
            one = DeltaViewer(address_of(server), "?source=screen&picture=delta", timeout_s=60,
                              keep_data=False)
            try:
                one.wait_pictures(1, LIMIT_S)
                time.sleep(min(4, bench.seconds))
                painter.pause()
                begin = time.monotonic()
                time.sleep(0.15)  # what the X server still had to do
                screen = grab(display)
                return self.compare(one, screen, begin)
            except (AssertionError, EOFError, OSError) as error:
                raise BenchError(f"{workload}: the WebSocket: {error}") from error
            finally:
                one.end()

    def compare(self, one, screen, begin):
        at_once = wrong = None
        while True:
            now = time.monotonic() - begin
            n = int((one.canvas.pixels != screen).any(axis=2).sum())
            at_once = n if at_once is None else at_once
            if wrong is None and now >= 1:
                wrong = n
            if one.error:
                raise BenchError(f"the WebSocket was lost: {one.error}")
            if n == 0 and now >= 1:
                return at_once, wrong, max(0.0, one.drawn[-1].drawn_ns / 1e9 - begin)
            if now > self.PATIENCE_S:
                return at_once, wrong, self.PATIENCE_S
            time.sleep(0.02)


DELTA_CASES = {
    "deltastill": PageCase("still", settle_s=REST_S),
    "deltacaret": PageCase("caret", BLINKS, settle_s=REST_S),
    "deltatyping": PageCase("typing", KEYS),
    "deltascroll": PageCase("scroll", FILM, is_whole=True),
    "deltafilm": PageCase("film", FILM, is_whole=True),
    "deltabrowser": PageCase("browser", STEPS),
    "deltaterminal": PageCase("terminal", FILM),
    "deltacrowd": DeltaCrowdCase("scroll", (1, 0), (20, 0)),
    "deltaslow": DeltaCrowdCase("scroll", (10, 0), (10, 10)),
    "deltaslowfilm": DeltaCrowdCase("film", (10, 0), (10, 10)),
    "deltaexact": ExactCase(),
}
