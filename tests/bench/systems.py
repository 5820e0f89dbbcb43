# SPDX-License-Identifier: MIT
"""What is measured: the display, what paints on it, and the systems that show it."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time

from processes import BenchError, Process, cpu_s, descendants


class Display:
    """An Xvfb of its own."""

    def __init__(self, size):
        read_fd, write_fd = os.pipe()
        self.size = size
        self.xvfb = Process(["Xvfb", "-displayfd", str(write_fd), "-screen", "0", f"{size}x24",
                             "-nolisten", "tcp", "-noreset"],
                            stderr=subprocess.DEVNULL, pass_fds=(write_fd,))
        os.close(write_fd)
        with os.fdopen(read_fd) as pipe:
            number = pipe.readline().strip()
        if not number:
            raise BenchError("Xvfb did not start")
        self.name = ":" + number

    def cpu_s(self):
        return cpu_s(self.xvfb.pid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.xvfb.stop()


class Painter(Process):
    """One of the workloads, painting by the time this returns."""

    def __init__(self, programs, display, workload, rate):
        super().__init__([os.path.join(programs, "workload"), "--display", display.name,
                          "--rate", str(rate), workload], stdin=subprocess.PIPE)
        self.wait_for_line("READY", 60)

    def paint_single(self):
        """One change, now; gives its time in µs of CLOCK_MONOTONIC."""
        self.write_line()
        return json.loads(self.read_line(5))["painted_us"]


class Server:
    """What viewers connect to: `address` is host:port.  Subclasses start it."""

    name = None
    process = None
    address = None

    def wait_until_ready(self):
        url = self.process.wait_for_line("READY ")
        found = re.match(r"http://([^/]+)/", url)
        if not found:
            raise BenchError(f"No address in: {url}")
        self.address = found.group(1)
        self.url = url

    def cpu_s(self):
        """{name of the program: s}, of just what captures and serves."""
        return {self.name: cpu_s(self.process.pid)}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()


class Floor(Server):
    name = "floor"

    def __init__(self, programs, display, rate):
        self.process = Process([os.path.join(programs, "floor"), "--display", display.name,
                                "--rate", str(rate)])
        self.wait_until_ready()


class Screenshare(Server):
    """The system under test, as `screenshare run` starts it."""

    name = "screenshare"
    CAPTURE, HTTP, RUN = "screenshare-screen", "screenshare-httpd", "screenshare"
    AUDIO, CAMERA = "screenshare-audio", "screenshare-camera"
    HOST = "tv.test"  # of browser.js

    def __init__(self, binaries, display, rate, grace_s=None, config="", env=None):
        self.folder = tempfile.mkdtemp(prefix="screenshare-bench-")
        path = os.path.join(self.folder, "screenshare.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"[screen]\ndisplay = {display.name}\nrate = {rate}\n")
            file.write(f"[http]\nhosts = {self.HOST}\n")
            if grace_s is not None:
                file.write(f"grace_s = {grace_s}\n")
            file.write(config)
        env = dict(os.environ, XDG_RUNTIME_DIR=self.folder, **(env or {}))
        self.log = open(os.path.join(self.folder, "log"), "w+", encoding="utf-8", errors="replace")
        self.process = Process([os.path.join(binaries, "screenshare"), "run",
                                "--listen", "127.0.0.1:0", "--config", path,
                                "--state", os.path.join(self.folder, "state")],
                               env=env, stderr=self.log)
        try:
            self.wait_until_ready()
        except BenchError as error:
            self.log.seek(0)
            words = self.log.read().strip()[-500:]
            self.__exit__()
            raise BenchError(f"{error}; it said: {words}") from error

    def pids(self):
        """{name of the program: pid}; a program that does not run is missing."""
        found = {name: pid for pid, name in descendants(self.process.pid).items()}
        found[self.RUN] = self.process.pid
        return found

    def cpu_s(self):
        pids = self.pids()
        return {name: cpu_s(pids[name]) for name in (self.CAPTURE, self.AUDIO, self.CAMERA, self.HTTP)
                if name in pids}

    def is_capturing(self):
        return self.CAPTURE in self.pids()

    def __exit__(self, *_):
        self.process.stop()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Ffmpeg:
    """The yardstick that everybody has: it grabs and encodes each frame, whole, and sends nothing."""

    def __init__(self, display):
        self.process = Process(["ffmpeg", "-nostdin", "-loglevel", "error", "-nostats",
                                "-stats_period", "0.1", "-progress", "pipe:1",
                                "-f", "x11grab", "-framerate", "30", "-i", display.name,
                                "-vf", "fps=30", "-c:v", "mjpeg", "-q:v", "4", "-f", "null", "-"])

    def rate_for(self, seconds):
        """Frames a second that it encodes, by its own progress reports of that time."""
        begin = now = time.monotonic()
        counts = []
        while now - begin < seconds:
            line = self.process.read_line(5)
            now = time.monotonic()
            if line.startswith("frame="):
                counts.append((now, int(line[len("frame="):])))
        if len(counts) < 2:
            raise BenchError("ffmpeg reported no frames")
        return (counts[-1][1] - counts[0][1]) / (counts[-1][0] - counts[0][0])

    def cpu_s(self):
        return {"ffmpeg": cpu_s(self.process.pid)}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()
