# SPDX-License-Identifier: MIT
"""What sound is measured with: sound servers of the bench's own, what plays, what records, the page."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time

import numpy

import clicks
from processes import BenchError, Process, wait_until


class SoundServer:
    """A PulseAudio of its own, reached by `env` and only by that; `modules` are its sinks."""

    def __init__(self, *modules):
        self.folder = tempfile.mkdtemp(prefix="ss-sound-")
        path = os.path.join(self.folder, "native")
        env = dict(os.environ, HOME=self.folder, XDG_RUNTIME_DIR=self.folder,
                   PULSE_RUNTIME_PATH=self.folder, PULSE_STATE_PATH=self.folder)
        argv = ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1",
                "-L", f"module-native-protocol-unix auth-anonymous=1 socket={path}"]
        for module in modules:
            argv += ["-L", module.format(folder=self.folder)]
        self.env = {"PULSE_SERVER": f"unix:{path}", "PULSE_COOKIE": os.path.join(self.folder, "none")}
        self.log = open(os.path.join(self.folder, "log"), "w", encoding="utf-8")
        self.process = Process(argv, env=env, stderr=self.log)
        try:
            wait_until(self.answers, 15, "PulseAudio's first answer")
        except BenchError:
            self.__exit__()
            raise

    def answers(self):
        return subprocess.run(["pactl", "info"], env=dict(os.environ, **self.env), check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=10).returncode == 0

    def make_punctual(self, thread):
        """As PulseAudio makes the threads of its other sinks, where it may; module-pipe-sink forgets to."""
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/comm", encoding="utf-8") as comm:
                if comm.read().strip() == thread:
                    with contextlib.suppress(OSError):
                        os.sched_setscheduler(int(task), os.SCHED_RR | os.SCHED_RESET_ON_FORK,
                                              os.sched_param(5))

    def path(self, name):
        return os.path.join(self.folder, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def null_sink(name):
    return f"module-null-sink sink_name={name} rate=48000 channels=2 format=s16le"


class Reader:
    """A process whose lines of JSON are kept as they come, by a thread."""

    def __init__(self, argv, env=None, ready_s=30):
        self.lines = []
        self.process = Process(argv, env=env)
        try:
            self.process.wait_for_line("READY", ready_s)
        except BenchError:
            self.process.stop()
            raise
        self.is_ending = False
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        try:
            while True:
                line = self.process.read_line(3600)
                if line.startswith("{"):
                    self.lines.append(json.loads(line))
        except (BenchError, ValueError, OSError):
            return

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        """Ends it; all that it said has been read then."""
        if not self.is_ending:
            self.is_ending = True
            self.process.popen.terminate()
            self.thread.join(20)
            self.process.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Beats(Reader):
    """Plays clicks into a sink, and flashes a display with them."""

    def __init__(self, programs, server, sink, display=None):
        wave = server.path("wave")
        clicks.write_wave(wave)
        argv = [os.path.join(programs, "beats"), "--sink", sink, "--wave", wave,
                "--beat", str(clicks.BEAT)]
        if display:
            argv += ["--display", display.name]
        super().__init__(argv, env=dict(os.environ, **server.env))

    def sent(self, since_us=0):
        """[(µs at which the sink played it, kind, µs of its flash or 0)]"""
        return [(line["at_us"], clicks.kind_of(line["beat"]), line["flashed_us"])
                for line in list(self.lines) if line["at_us"] >= since_us]


class Recording(Reader):
    """What a sink plays: of a null sink by its monitor, or of a sound card by itself."""

    def __init__(self, argv, to, env=None):
        self.to = to
        super().__init__(argv, env=env)

    def clicks(self):
        """Ends it.  [(µs, kind)]"""
        self.stop()
        dates = clicks.Dates([(line["frame"], line["at_us"]) for line in self.lines if "frame" in line])
        return [(dates.at_us(frame), kind)
                for frame, kind in clicks.find(numpy.fromfile(self.to, dtype="<i2"))]


class Monitor(Recording):
    def __init__(self, programs, server, sink):
        to = server.path(f"{sink}.raw")
        super().__init__([os.path.join(programs, "hear"), "--source", f"{sink}.monitor", "--to", to],
                         to, env=dict(os.environ, **server.env))


class Card(Recording):
    """The sound card behind a pipe sink: its clock runs at `rate` frames a second."""

    def __init__(self, programs, server, rate):
        to = server.path("card.raw")
        wait_until(lambda: os.path.exists(server.path("fifo")), 10, "the fifo of the sink")
        server.make_punctual("pipe-sink")
        super().__init__([os.path.join(programs, "sound_card"), "--fifo", server.path("fifo"),
                          "--rate", str(rate), "--to", to], to)

    def missing(self, since_us):
        """Frames that did not come in time since then."""
        counts = [line["missing"] for line in self.lines if line["at_us"] >= since_us]
        return counts[-1] - counts[0] if counts else 0


PIPE_SINK = ("module-pipe-sink sink_name=card file={folder}/fifo rate=48000 channels=2 format=s16le")


class Page(Reader):
    """Chromium with the product's page (page.js), which plays into the sound server `ears`."""

    def __init__(self, programs, url, *options, ears=None):
        super().__init__(["node", os.path.join(programs, "page.js"), url, *options],
                         env=dict(os.environ, **(ears.env if ears else {})), ready_s=60)

    def all_of(self, name, since_us=0):
        return [item for line in list(self.lines) if line["at_us"] >= since_us for item in line[name]]

    def sounds(self, since_us=0):
        return [line["sound"] for line in list(self.lines) if line["at_us"] >= since_us]


def now_us():
    return time.monotonic_ns() // 1000
