# SPDX-License-Identifier: MIT
"""A subscriber that keeps every record, and may speak to the audio daemon as the presenter does."""

import socket
import struct
import threading

from capture import MUTE, SWITCH, Subscriber as Polled
from wait import wait_for

INPUTS = {"desktop": 0, "microphone": 1}


class Subscriber(Polled):
    """Subscribed to `stream`; threads take in what comes, as it comes."""

    def __init__(self, path, stream="pcm"):
        self.records = []
        super().__init__(path, stream)
        self.socket.setblocking(True)
        self._threads = [threading.Thread(target=target, daemon=True)
                         for target in (self._read_socket, self._read_ring)]
        for thread in self._threads:
            thread.start()

    def poll(self):
        """The threads do."""

    @property
    def is_closed(self):
        return not self.is_open

    def _read_socket(self):
        while self.is_open:
            try:
                self._receive()
            except OSError:
                self.is_open = False

    def _read_ring(self):
        while self.is_open:
            ring = self.ring
            if ring is None:
                wait_for(lambda: self.ring or not self.is_open, 60, "a ring")
                continue
            seen = ring.wake_count
            found = ring.read()
            self.records += found
            if not found:
                ring.wait(seen, 0.2)

    def wait_records(self, count, deadline_s=5):
        """So many more than there are now."""
        wanted = len(self.records) + count
        wait_for(lambda: len(self.records) >= wanted or self.is_closed, deadline_s,
                 f"{count} more records")
        assert len(self.records) >= wanted, "the daemon closed the connection"

    def wish_mute(self, muted):
        self._send(MUTE, struct.pack("=I", muted))

    def switch(self, name, muted, deadline_s=5):
        """The daemon's answer to the presenter."""
        n = len(self.answers)
        self._send(SWITCH, struct.pack("=II", INPUTS[name], muted))
        wait_for(lambda: len(self.answers) > n or self.is_closed, deadline_s, "an answer")
        return self.answers[n] if len(self.answers) > n else None

    def close(self):
        self.is_open = False
        self.socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        self.socket.close()
