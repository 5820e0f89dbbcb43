# SPDX-License-Identifier: MIT
"""What the delta stream is measured with: programs that paint as people's do, and what others have."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import numpy

from processes import BenchError, Process, cpu_s, descendants, tree_cpu_s, wait_until
from systems import Painter, Server


class Missing(Exception):
    """A yardstick that is not installed: said in the table."""


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Missing(f"{program} is not installed")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for_port(process, port, timeout_s):
    def answers():
        if process.popen.poll() is not None:
            raise BenchError(f"{process.name} ended, with status {process.popen.returncode}")
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", port)) == 0
    wait_until(answers, timeout_s, f"the first answer of {process.name}")


# --- what paints ---


class Workload(Painter):
    """tests/bench/workload.c; pause() is its last change."""

    def pause(self):
        self.popen.send_signal(signal.SIGSTOP)

    def stop(self, timeout_s=10):
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGCONT)
        super().stop(timeout_s)


class Desk(Process):
    """Chromium with a window and a long page that scrolls (desk.js)."""

    def __init__(self, programs, display, rate):
        super().__init__(["node", os.path.join(programs, "desk.js"), str(rate)], stdin=subprocess.PIPE,
                         env=dict(os.environ, DISPLAY=display.name), stderr=subprocess.DEVNULL)
        self.wait_for_line("READY", 60)

    def pause(self):
        self.write_line("pause")
        self.wait_for_line("PAUSED", 10)


class Terminal(Process):
    """xterm with output that scrolls (terminal.py), its last line at the bottom of the screen."""

    def __init__(self, display, rate):
        need("xterm")
        here = os.path.dirname(os.path.abspath(__file__))
        super().__init__(["xterm", "-fa", "DejaVu Sans Mono:pixelsize=16", "-geometry", "192x56-0-0",
                          "-b", "0", "-bw", "0", "+sb", "-bg", "black", "-fg", "gray80", "-e",
                          sys.executable, "-B", os.path.join(here, "terminal.py"), str(rate)],
                         env=dict(os.environ, DISPLAY=display.name), stderr=subprocess.DEVNULL)
        wait_until(lambda: descendants(self.pid), 10, "the program in the terminal")

    def pause(self):
        for child in descendants(self.pid):
            os.kill(child, signal.SIGSTOP)

    def stop(self, timeout_s=10):
        for child in descendants(self.pid):
            os.kill(child, signal.SIGCONT)
        super().stop(timeout_s)


def painter_of(bench, display, workload, rate):
    if workload == "browser":
        return Desk(bench.programs, display, rate)
    if workload == "terminal":
        return Terminal(display, rate)
    return Workload(bench.programs, display, workload, rate)


# --- what others have ---


class Other(Server):
    """Another system, with a page of its own at `url`, served from 127.0.0.1:`port`."""

    process = None

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="screenshare-bench-")
        self.log = open(os.path.join(self.folder, "log"), "w+", encoding="utf-8", errors="replace")
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        try:
            self.begin()
        except BaseException:
            self.__exit__()
            raise

    def start(self, *argv):
        env = dict(os.environ, HOME=self.folder, XDG_RUNTIME_DIR=self.folder,
                   XPRA_SYSTEM_CONF_DIRS=self.folder)
        return Process(list(argv), env=env, stderr=self.log)

    def __exit__(self, *_):
        if self.process:
            self.process.stop()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Vnc(Other):
    """Debian's X0tigervnc, websockify and noVNC, all as they come."""

    name = "vnc"

    def __init__(self, display):
        need("X0tigervnc", "websockify")
        if not os.path.exists("/usr/share/novnc/vnc_lite.html"):
            raise Missing("novnc is not installed")
        self.display, self.bridge = display, None
        super().__init__()

    def begin(self):
        rfb = free_port()
        self.process = self.start("X0tigervnc", "-display", self.display.name, "-rfbport", str(rfb),
                                  "-localhost=1", "-SecurityTypes", "None")
        wait_for_port(self.process, rfb, 15)
        self.bridge = self.start("websockify", "--web", "/usr/share/novnc", self.address,
                                 f"127.0.0.1:{rfb}")
        wait_for_port(self.bridge, self.port, 15)
        self.url = f"http://{self.address}/vnc_lite.html?scale=false"

    def cpu_s(self):
        return {"X0tigervnc": cpu_s(self.process.pid), "websockify": tree_cpu_s(self.bridge.pid)}

    def __exit__(self, *_):
        if self.bridge:
            self.bridge.stop()
        super().__exit__()


class Xpra(Other):
    """Debian's xpra shadow with its HTML5 client, pictures alone."""

    name = "xpra"

    def __init__(self, display):
        need("xpra")
        if not os.path.exists("/usr/share/xpra/www/index.html"):
            raise Missing("xpra's HTML5 client is not installed")
        self.display = display
        super().__init__()

    def begin(self):
        off = ("pulseaudio", "webcam", "printing", "notifications", "clipboard", "tray", "opengl",
               "dbus-launch", "mdns", "start-new-commands", "file-transfer")
        # Debian's configuration starts a session, whose terminal stays, over what is measured: none is read.
        self.process = self.start(
            "xpra", "shadow", self.display.name, f"--bind-tcp={self.address}", "--html=on", "--daemon=no",
            "--start=", "--bind=none",
            "--speaker=off", "--microphone=off", f"--socket-dir={self.folder}",
            *(f"--{what}=no" for what in off))
        wait_for_port(self.process, self.port, 30)
        self.url = f"http://{self.address}/"

    def cpu_s(self):
        return {"xpra": tree_cpu_s(self.process.pid)}


# --- what they send ---


def bytes_sent(server):
    """{port of the peer: bytes that its connection was sent since it began}, by ss(8)."""
    port = server.address.rsplit(":", 1)[1]
    done = subprocess.run(["ss", "-tinOH", f"sport = :{port}"], stdout=subprocess.PIPE, timeout=10,
                          check=True, text=True)
    sent = {}
    for line in done.stdout.splitlines():
        words = line.split()
        found = re.search(r"\bbytes_sent:(\d+)", line)
        if words[0] != "LISTEN":
            sent[words[4].rsplit(":", 1)[1]] = int(found.group(1)) if found else 0
    return sent


def sent_between(before, after):
    return sum(n - before.get(peer, 0) for peer, n in after.items())


def grab(display):
    """The screen without its pointer: height × width × RGB."""
    width, height = map(int, display.size.split("x"))
    done = subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-f", "x11grab", "-draw_mouse", "0",
                           "-video_size", display.size, "-i", display.name, "-frames:v", "1",
                           "-f", "rawvideo", "-pix_fmt", "bgr0", "-"], stdout=subprocess.PIPE,
                          timeout=30, check=True)
    return numpy.frombuffer(done.stdout, numpy.uint8).reshape(height, width, 4)[:, :, 2::-1]
