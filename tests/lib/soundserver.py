# SPDX-License-Identifier: MIT
"""Sound servers of a test's own, with two null sinks called `one` (the default) and `two`."""

import os
import signal
import subprocess

from process import Process, listens
from wait import wait_for

PIPEWIRE_SINKS = """context.objects = [
""" + "".join(f"""  {{ factory = adapter
    args = {{ factory.name = support.null-audio-sink node.name = {name} media.class = Audio/Sink
             audio.position = [ FL FR ] monitor.channel-volumes = true }} }}
""" for name in ("one", "two")) + "]\n"


class SoundServer:
    """`env` leads its clients to it, and only to it."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, "sound")
        self.env = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
        self.env.update(HOME=os.path.join(self.folder, "home"),
                        XDG_RUNTIME_DIR=os.path.join(self.folder, "run"))
        for path in (self.folder, self.env["HOME"], self.env["XDG_RUNTIME_DIR"]):
            os.makedirs(path, mode=0o700, exist_ok=True)
        # What a client needs beside its own runtime folder.
        self.address = f"unix:{self.env['XDG_RUNTIME_DIR']}/pulse/native"
        self.client_env = {"PULSE_SERVER": self.address}
        self.processes = []

    def pactl(self, *arguments):
        return subprocess.run(["pactl", "-s", self.address, *arguments], env=self.env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)

    def wait_ready(self):
        wait_for(lambda: {"one", "two"} <= {line.split()[1] for line in
                                            self.pactl("list", "short", "sinks").stdout.splitlines()
                                            if len(line.split()) > 2},
                 15, "the sinks of the sound server")
        self.set_default("one")

    def set_default(self, sink):
        # A session manager that has just started refuses at first.
        wait_for(lambda: self.pactl("set-default-sink", sink).returncode == 0, 10,
                 f"setting the default sink {sink}")
        wait_for(lambda: f"Default Sink: {sink}\n" in self.pactl("info").stdout, 10,
                 f"the default sink {sink}")

    def move_players(self, sink):
        """Whatever plays now, by hand."""
        for line in self.pactl("list", "short", "sink-inputs").stdout.splitlines():
            assert self.pactl("move-sink-input", line.split("\t")[0], sink).returncode == 0

    def sources_in_use(self):
        """The names of the sources that somebody listens to."""
        names = {line.split()[0]: line.split()[1] for line in
                 self.pactl("list", "short", "sources").stdout.splitlines()}
        return [names.get(line.split()[1]) for line in
                self.pactl("list", "short", "source-outputs").stdout.splitlines()]

    def add_microphone(self, name):
        """A source that is no monitor, and the default."""
        raise NotImplementedError

    def remove_sink(self, name):
        """As headphones that are switched off."""
        raise NotImplementedError

    def set_default_source(self, name):
        wait_for(lambda: self.pactl("set-default-source", name).returncode == 0 and
                 f"Default Source: {name}\n" in self.pactl("info").stdout, 10,
                 f"the default source {name}")

    def start(self):
        """Its programs become `processes`, and it answers."""
        raise NotImplementedError

    def signal(self, number):
        """To every program of the server."""
        for process in self.processes:
            process.signal(number)

    def kill(self):
        """As a crash does."""
        self.signal(signal.SIGKILL)
        for process in self.processes:
            process.wait()


class PulseAudio(SoundServer):
    def __init__(self, folder):
        super().__init__(folder)
        self.start()

    def start(self):
        self.processes = [Process(
            ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1",
             "--disallow-exit=no", "-L", "module-null-sink sink_name=one rate=48000",
             "-L", "module-null-sink sink_name=two rate=48000",
             "-L", "module-native-protocol-unix auth-anonymous=1"], self.env)]
        self.wait_ready()

    def add_microphone(self, name):
        self.pactl("load-module", "module-sine-source", f"source_name={name}")
        self.set_default_source(name)

    def remove_sink(self, name):
        modules = self.pactl("list", "short", "modules").stdout.splitlines()
        number = next(line.split()[0] for line in modules if f"sink_name={name} " in line)
        assert self.pactl("unload-module", number).returncode == 0


class PipeWire(SoundServer):
    """PipeWire, its session manager and its PulseAudio server, on a bus of their own."""

    def __init__(self, folder):
        super().__init__(folder)
        path = os.path.join(self.env["HOME"], ".config", "pipewire", "pipewire.conf.d")
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, "sinks.conf"), "w") as file:
            file.write(PIPEWIRE_SINKS)
        self.start()

    def start(self):
        bus_path = os.path.join(self.folder, "bus")
        if os.path.exists(bus_path):
            os.unlink(bus_path)
        env = dict(self.env, DBUS_SESSION_BUS_ADDRESS=f"unix:path={bus_path}")
        bus = Process(["dbus-daemon", "--session", "--nofork", f"--address=unix:path={bus_path}"],
                      self.env)
        wait_for(lambda: listens(bus_path), 10, "the bus")
        self.processes = [bus, Process(["pipewire"], env)]
        # The others end at once if they find nobody there.
        wait_for(lambda: listens(os.path.join(self.env["XDG_RUNTIME_DIR"], "pipewire-0")), 10, "PipeWire's socket")
        self.processes += [Process([name], env) for name in ("wireplumber", "pipewire-pulse")]
        self.wait_ready()

    def add_microphone(self, name):
        self.pactl("load-module", "module-null-sink", "media.class=Audio/Source/Virtual",
                   f"sink_name={name}", "channel_map=front-left,front-right")
        self.set_default_source(name)

    def remove_sink(self, name):
        subprocess.run(["pw-cli", "destroy", name], env=self.env, check=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
