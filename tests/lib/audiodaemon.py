# SPDX-License-Identifier: MIT
"""screenshare-audio alone, as systemd starts it, and whoever subscribes to it."""

import os
import socket

from sound_capture import Subscriber
from process import ROOT, program
from screenshare import environment, start_with_sockets


class AudioDaemon:
    """Its state folder and its runtime folder are `state_dir` and `runtime_dir`."""

    def __init__(self, folder, config="", env=None, prefix=()):
        self.folder = folder
        self.path = os.path.join(folder, "audio.sock")
        self.state_dir = os.path.join(folder, "state")
        self.runtime_dir = os.path.join(folder, "runtime")
        os.makedirs(self.state_dir, mode=0o700, exist_ok=True)
        config_path = os.path.join(folder, "audio.conf")
        with open(config_path, "w") as file:
            file.write(config)
        self._env = environment(folder, **(env or {}))
        self._env["TSAN_OPTIONS"] += f":suppressions={ROOT}/tests/lib/tsan.supp"
        self._argv = [*prefix, program("screenshare-audio"), "--config", config_path, "--runtime",
                      self.runtime_dir, "--state", self.state_dir]
        # Kept open over the daemon's death, as systemd keeps it.
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(self.path)
        self._listener.listen(16)
        self.process = None
        self.start()

    def start(self):
        self.process = start_with_sockets(self._argv, [("capture", self._listener)], self._env)

    def subscribe(self, stream="pcm"):
        return Subscriber(self.path, stream)

    def restart(self):
        """After its end, whatever that was."""
        self.process.wait()
        self.start()

    def marker(self, name):
        """Does the file say that it is muted, or unmuted for us?"""
        folder = self.runtime_dir if name.startswith("unmute-") else self.state_dir
        try:
            with open(os.path.join(folder, name)) as file:
                return file.read() in ("muted\n", f"{os.geteuid()}\n")
        except FileNotFoundError:
            return False
