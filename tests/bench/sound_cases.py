# SPDX-License-Identifier: MIT
"""The cases with sound, the camera, and the WebSocket: each gives {system: [figures]}, as cases.py's."""

import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
import time

import numpy
from PIL import Image

import clicks
from clicks import percentile
from measure import Window
from processes import BenchError, Process, tree_cpu_s
from sound_systems import (PIPE_SINK, Beats, Card, Monitor, Page, SoundServer, now_us, null_sink)
from systems import Display, Painter, Screenshare

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from websocket import IS_STATE, SocketViewer  # noqa: E402  (tests/lib)

HD = "1920x1080"
SUT = "screenshare"
LIMIT_S = 25
SETTLE_S = 4  # of a page that has just begun to play


class Nobody:
    """In the place of a painter, where none paints."""

    pid = os.getpid()


def address_of(server):
    host, port = server.address.rsplit(":", 1)
    return host, int(port)


def spread(prefix, values):
    return {f"{prefix}_p50": percentile(values, 0.5), f"{prefix}_p95": percentile(values, 0.95)}


@contextlib.contextmanager
def stage(bench, has_flashes, rate=30):
    """A display, a desktop that clicks (and flashes), and the product; all that is heard is dated."""
    with Display(HD) as display, SoundServer(null_sink("desktop")) as desktop, \
            Beats(bench.programs, desktop, "desktop", display if has_flashes else None) as beats, \
            Screenshare(bench.binaries, display, rate, env=desktop.env) as server:
        yield display, desktop, beats, server


class PageWindow(Window):
    """Counts the browser and the sound servers as the client."""

    def __init__(self, display, painter, server, page, *sounds):
        super().__init__(display, painter, server)
        self.roots = [page.pid, *(sound.process.pid for sound in sounds)]

    def open(self):
        self.client_s = tree_cpu_s(*self.roots)
        super().open()

    def close(self, client_cpu_s=0.0):
        return super().close(tree_cpu_s(*self.roots) - self.client_s + client_cpu_s)


@contextlib.contextmanager
def viewer(server, query, **options):
    one = None
    try:
        one = SocketViewer(address_of(server), query, timeout_s=60, **options)
        yield one
    except (AssertionError, EOFError, OSError) as error:  # what tests/lib says it with
        raise BenchError(f"the WebSocket: {error}") from error
    finally:
        if one:
            one.end()


def expect(what, found, of, share=0.8):
    """Figures of a few that happened to be found would say nothing."""
    if len(found) < len(of) * share or not of:
        raise BenchError(f"only {len(found)} of {len(of)} {what}")


def check(one):
    if one.error:
        raise BenchError(f"the WebSocket was lost: {one.error}")


# --- what came over the WebSocket ---


def clicks_of(sounds):
    """[(pts µs, kind, µs at which its first sample had come)] of the clicks in PCM messages."""
    if not sounds:
        raise BenchError("no sound came over the WebSocket")
    frames = len(sounds[0].data) // 4
    samples = numpy.frombuffer(b"".join(message.data for message in sounds), dtype="<i2")[::2]
    found = []
    for frame, kind in clicks.find(samples):
        message = sounds[frame // frames]
        found.append((message.pts_us + frame % frames * 1e6 / clicks.RATE, kind,
                      message.received_ns / 1000))
    return found


def flashes_of(pictures):
    """[(pts µs, is white)] of the pictures that differ from the one before."""
    found, before = [], None
    for picture in pictures:
        if picture.flags & IS_STATE:
            continue
        image = Image.open(io.BytesIO(picture.data))
        image.draft("L", (image.width // 8, image.height // 8))
        is_white = image.convert("L").getpixel((image.width // 4, image.height // 4)) >= 128
        if before is not None and is_white != before:
            found.append((picture.pts_us, is_white))
        before = is_white
    return found


class SinkCase:
    """From the sink to bytes at a WebSocket viewer, and how far its clicks and flashes are apart."""

    def run(self, bench):
        seconds = max(8.0, bench.seconds * 2)
        with stage(bench, True) as (display, desktop, beats, server), \
                Monitor(bench.programs, desktop, "desktop") as monitor, \
                viewer(server, "?source=screen&picture=jpeg&sound=pcm") as one:
            one.wait_sounds(200, LIMIT_S)
            time.sleep(SETTLE_S)
            window = Window(display, beats, server)
            window.open()
            since_us = now_us()
            time.sleep(seconds)
            load = window.close()
            check(one)
            time.sleep(0.6)
            sent = beats.sent(since_us)
            sounds = [m for m in list(one.sounds) if m.pts_us >= since_us - 1_000_000]
            pictures = [m for m in list(one.pictures) if m.pts_us >= since_us - 1_000_000]
            own = clicks.match(sent, monitor.clicks())
        pairs = clicks.match(sent, clicks_of(sounds))
        ways = [(heard[2] - at[0]) / 1000 for at, heard in pairs]
        dates = [(heard[0] - at[0]) / 1000 for at, heard in pairs]
        # A flash belongs with its click: what the bench itself was late with is taken out.
        flashes = flashes_of(pictures)
        apart = []
        for at, heard in pairs:
            near = [flash[0] - at[2] for flash in flashes if abs(flash[0] - at[2]) < 250_000]
            if near:
                apart.append((min(near, key=abs) - (heard[0] - at[0])) / 1000)
        expect("clicks came over the WebSocket", ways, sent)
        expect("clicks were recorded by the bench itself", own, sent)
        expect("flashes are in the pictures", apart, pairs)
        return {SUT: [{**load, **spread("way", ways), "n": len(ways),
                       "date_error": percentile(dates, 0.5), "date_worst": max(dates, key=abs),
                       "apart_p50": percentile(apart, 0.5), "apart_worst": max(map(abs, apart)),
                       "own_error": percentile([abs(h[0] - at[0]) / 1000 for at, h in own], 0.95),
                       "raw": {"ways": ways, "dates": dates, "apart": apart}}]}


# --- the page ---


def flashes_seen(page, sent, since_us):
    """[(sent, µs at which the page's canvas showed it)]: each beat turns the screen over."""
    seen = page.all_of("flashes", since_us)
    pairs = []
    for at in sent:
        later = [flash for flash in seen if 0 <= flash[1] - at[2] < clicks.BEAT * 1e6 / clicks.RATE]
        if later:
            pairs.append((at, later[0][1]))
    return pairs


def sound_of_page(page, since_us):
    """What the page says of its own sound."""
    sounds = page.sounds(since_us)
    latencies = [sound["latencyMs"] for sound in sounds if sound["latencyMs"] is not None]
    first, last = sounds[0], sounds[-1]
    return {**spread("page_way", latencies), "kind": last["kind"],
            **{name: last[name] - first[name] for name in ("underRuns", "jumps", "gaps")},
            "target_ms": last["targetMs"], "page_latencies": latencies}


class HeardCase:
    """In Chromium: from the sink to audible, and in `Smooth` the flash drawn against the click heard."""

    def run(self, bench):
        seconds = max(10.0, bench.seconds * 3)
        with stage(bench, True) as (display, desktop, beats, server), \
                SoundServer(null_sink("ears")) as ears, \
                Page(bench.programs, server.url, "--sound", "--smooth", ears=ears) as page, \
                Monitor(bench.programs, ears, "ears") as monitor:
            time.sleep(SETTLE_S)
            window = PageWindow(display, beats, server, page, desktop, ears)
            window.open()
            since_us = now_us()
            time.sleep(seconds)
            load = window.close()
            time.sleep(0.8)
            heard = monitor.clicks()
            sent = beats.sent(since_us)
            figures = sound_of_page(page, since_us)
            drawn = dict((at, drawn_us) for at, drawn_us in flashes_seen(page, sent, since_us))
            offsets = [abs(draw[2]) for draw in page.all_of("draws", since_us) if draw[2] is not None]
        pairs = clicks.match(sent, heard)
        ways = [(one[0] - at[0]) / 1000 for at, one in pairs]
        # Later than the click (+) or earlier (-), with what the bench was late with taken out.
        apart = [((drawn[at] - at[2]) - (one[0] - at[0])) / 1000 for at, one in pairs if at in drawn]
        expect("clicks were heard", pairs, sent, 0.5)
        expect("flashes were drawn", apart, pairs)
        return {SUT: [{**load, **figures, **spread("way", ways), "n": len(ways), "sent": len(sent),
                       "page_apart": percentile(offsets, 0.95), "apart_median": percentile(apart, 0.5),
                       "apart": percentile([abs(one) for one in apart], 0.95), "n_flashes": len(apart),
                       "raw": {"ways": ways, "apart": apart, "offsets": offsets}}]}


class SkewCase:
    """A browser whose sound card is 0.2 % too fast or too slow: how late its sound becomes."""

    RATES = (47904, 48096)  # too slow: sound gathers; too fast: it is used up

    def run(self, bench):
        return {SUT: [self.run_rate(bench, rate) for rate in self.RATES[:1 if bench.skew_s < 300 else 2]]}

    def run_rate(self, bench, rate):
        with stage(bench, False) as (display, desktop, beats, server), \
                SoundServer(PIPE_SINK) as ears, Card(bench.programs, ears, rate) as card, \
                Page(bench.programs, server.url, "--sound", ears=ears) as page:
            time.sleep(SETTLE_S)
            window = PageWindow(display, beats, server, page, desktop, ears)
            window.open()
            since_us = now_us()
            time.sleep(bench.skew_s)
            load = window.close()
            heard = card.clicks()
            sent = beats.sent(since_us)
            figures = sound_of_page(page, since_us)
        ways = [((one[0] - at[0]) / 1000, at[0]) for at, one in clicks.match(sent, heard)]
        expect("clicks were heard", ways, sent, 0.5)
        # One stall of a busy machine at the very end should not be all that is seen.
        last_s = max(15.0, bench.skew_s / 5)
        last = [way for way, at_us in ways if at_us > sent[-1][0] - last_s * 1e6]
        figures["page_last_p50"] = percentile(figures["page_latencies"][-int(last_s * 4):], 0.5)
        return {**load, **figures, **spread("way", [way for way, _ in ways]), "n": len(ways),
                "sent": len(sent), "last_p50": percentile(last, 0.5), "rate": rate,
                "missing_ms": card.missing(since_us) / clicks.RATE * 1000,
                "raw": {"ways": ways}}


class SocketCase:
    """Typing, from painted to drawn on the page's canvas, `Live`."""

    KEYS = 23.7  # 60 Hz is no multiple of it, so that no phase is locked to

    def run(self, bench):
        seconds = max(8.0, bench.seconds * 2)
        with Display(HD) as display, Painter(bench.programs, display, "typing", self.KEYS) as painter, \
                Screenshare(bench.binaries, display, 30) as server, \
                Page(bench.programs, server.url) as page:
            time.sleep(2)
            window = PageWindow(display, painter, server, page)
            window.open()
            since_us = now_us()
            time.sleep(seconds)
            load = window.close()
            time.sleep(0.5)
            codes = [code for code in page.all_of("codes") if since_us <= code[1]
                     <= since_us + seconds * 1e6]
        mask = (1 << 40) - 1
        ages = [((drawn_us - code_us) & mask) / 1000 for code_us, drawn_us, _ in codes]
        return {SUT: [{**load, **spread("drawn", ages), "drawn_share":
                       len(ages) / seconds / self.KEYS * 100, "raw": {"ages": ages}}]}


# --- what it costs ---


class AudioCase:
    """The audio daemon's CPU: two sinks that play, both wanted, as Opus."""

    def run(self, bench):
        seconds = max(8.0, bench.seconds * 2)
        config = ("[audio]\nsources = both\ndesktop = pulse:desktop.monitor\n"
                  "microphone = pulse:second.monitor\n")
        with Display(HD) as display, \
                SoundServer(null_sink("desktop"), null_sink("second")) as desktop, \
                Music(desktop, "desktop"), Music(desktop, "second"), \
                Screenshare(bench.binaries, display, 30, config=config, env=desktop.env) as server, \
                viewer(server, "?source=screen&picture=none&sound=opus") as one:
            one.wait_sounds(200, LIMIT_S)
            words = [state["words"] for state in one.states
                     if state["of"] == "sound" and state["state"] == "live"]
            if not words or "microphone" not in words[-1]:
                raise BenchError(f"not both inputs are heard: {one.states}")
            before = len(one.sounds)
            window = Window(display, Nobody, server)
            window.open()
            time.sleep(seconds)
            load = window.close()
            check(one)
            pieces = one.sounds[before:]
        return {SUT: [{**load, "daemon": load["cpu_of"][Screenshare.AUDIO],
                       "httpd": load["cpu_of"][Screenshare.HTTP],
                       "pieces_per_s": len(pieces) / load["seconds"],
                       "bytes_per_s": sum(len(p.data) for p in pieces) / load["seconds"]}]}


class Music:
    """Chords, and noise as cymbals have it: what an encoder has to work for."""

    def __init__(self, server, sink):
        path = server.path(f"music-{sink}.raw")
        t = numpy.arange(clicks.RATE * 8) / clicks.RATE
        wave = sum(numpy.sin(2 * numpy.pi * f * t * (1 + numpy.floor(t) % 4 / 12))
                   for f in (110, 220, 277.2, 329.6, 440))
        rng = numpy.random.default_rng(5)
        wave += rng.standard_normal(len(t)) * numpy.exp(-8 * (t * 4 % 1))
        (wave * 3000).clip(-32000, 32000).astype("<i2").tofile(path)
        self.file = open(path, "rb")
        self.process = Process(["pacat", "--playback", "--raw", "--channels=1", "--rate=48000",
                                "--format=s16le", f"--device={sink}", "--latency-msec=100", path],
                               env=dict(os.environ, **server.env))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()
        self.file.close()


class CameraCase:
    """The camera's daemon: 720p30, encoded from YUYV, or the camera's own JPEG pictures passed on."""

    def __init__(self, layout):
        self.layout = layout

    def run(self, bench):
        fakes = os.path.join(os.path.dirname(os.path.abspath(bench.binaries)), "fake")
        if not os.path.exists(os.path.join(fakes, Screenshare.CAMERA)):
            raise BenchError("there is no camera to test with (make fake-camera)")
        device = tempfile.mkdtemp(prefix="ss-camera-")
        try:
            for name, text in (("colour", "pattern"), ("video0", f"{self.layout} 1280 720 30")):
                with open(os.path.join(device, name), "w", encoding="ascii") as file:
                    file.write(text)
            return {SUT: [self.watch(bench, fakes, device)]}
        finally:
            shutil.rmtree(device, ignore_errors=True)

    def watch(self, bench, binaries, device):
        with Display(HD) as display, \
                Screenshare(binaries, display, 30, env={"SCREENSHARE_FAKE_CAMERA": device}) as server, \
                viewer(server, "?source=camera&picture=jpeg", keep_data=False) as one:
            one.wait_pictures(60, LIMIT_S)
            window = Window(display, Nobody, server)
            before = len(one.pictures)
            window.open()
            time.sleep(max(5.0, bench.seconds))
            load = window.close()
            check(one)
            pictures = one.pictures[before:]
        if any(picture.width != 1280 for picture in pictures):
            raise BenchError("the pictures are not the camera's")
        ages = [picture.received_ns / 1e6 - picture.pts_us / 1e3 for picture in pictures]
        return {**load, "daemon": load["cpu_of"][Screenshare.CAMERA],
                "httpd": load["cpu_of"][Screenshare.HTTP], **spread("age", ages),
                "whole_fps": len(pictures) / load["seconds"],
                "frame_bytes": sum(len(p.data) for p in pictures) / max(1, len(pictures))}


class SoundCrowdCase:
    """Fifty viewers who hear: is any sample missing at any of them?"""

    VIEWERS = 50

    def run(self, bench):
        seconds = bench.crowd_s
        with stage(bench, False) as (display, _, beats, server):
            argv = [sys.executable, "-B", os.path.join(os.path.dirname(__file__), "sound_crowd.py"),
                    server.address, str(self.VIEWERS), str(seconds)]
            with Process(argv) as crowd:
                crowd.wait_for_line("MEASURE", 30)
                window = Window(display, beats, server)
                window.open()
                seen = json.loads(crowd.read_line(seconds + 20))
                load = window.close(seen["cpu_s"])
        return {SUT: [{**load, **seen, "daemon": load["cpu_of"][Screenshare.AUDIO],
                       "httpd": load["cpu_of"][Screenshare.HTTP]}]}


class SlowCase:
    """A film, and a viewer that takes twelve pictures a second: how far behind it is."""

    TAKES_S = 1 / 12

    def run(self, bench):
        with Display(HD) as display, Painter(bench.programs, display, "film", 30) as painter, \
                Screenshare(bench.binaries, display, 30) as server, \
                viewer(server, "?source=screen&picture=jpeg", draw_s=self.TAKES_S,
                       keep_data=False) as one:
            one.wait_pictures(20, LIMIT_S)
            window = Window(display, painter, server)
            window.open()
            before = len(one.drawn)
            time.sleep(max(6.0, bench.seconds * 2))
            load = window.close()
            check(one)
            drawn = one.drawn[before:]
        behind = [picture.drawn_ns / 1e6 - picture.pts_us / 1e3 for picture in drawn]
        return {SUT: [{**load, **spread("behind", behind), "drawn_fps": len(drawn) / load["seconds"]}]}


SOUND_CASES = {
    "sink": SinkCase(),
    "heard": HeardCase(),
    "socket": SocketCase(),
    "audio": AudioCase(),
    "camera": CameraCase("yuyv"),
    "cameramjpeg": CameraCase("mjpeg"),
    "slow": SlowCase(),
    "sound50": SoundCrowdCase(),
    "skew": SkewCase(),
}
