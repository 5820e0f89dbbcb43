# SPDX-License-Identifier: MIT
"""Many WebSocket viewers in one process, which read no more of a message than its head: what
delta_crowd.py and sound_crowd.py share.  Plain Python, so that a viewer costs little beside the server's
own work."""

import base64
import os
import selectors
import socket
import struct
import time

PATIENCE_S = 20


class Connection:
    """One viewer; take(at, length) is called for each binary message, which lies in `buffer` there."""

    def __init__(self, address, query):
        self.socket = socket.create_connection(address, 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /ws{query} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode())
        self.socket.setblocking(False)
        self.buffer = bytearray()
        self.is_greeted = False
        self.begin()

    def begin(self):
        """What is counted begins here."""

    def take(self, at, length):
        raise NotImplementedError

    def read(self):
        try:
            data = self.socket.recv(1 << 20)
        except BlockingIOError:
            return
        if not data:
            raise EOFError("the server closed a connection")
        self.buffer += data
        if not self.is_greeted and not self._take_greeting():
            return
        at = 0
        while len(self.buffer) - at >= 10:
            length, head = self.buffer[at + 1], 2
            if length == 126:
                length, head = self.buffer[at + 2] << 8 | self.buffer[at + 3], 4
            elif length == 127:
                length, head = struct.unpack_from(">Q", self.buffer, at + 2)[0], 10
            if len(self.buffer) - at < head + length:
                break
            if self.buffer[at] == 0x82:
                self.take(at + head, length)
            elif self.buffer[at] == 0x89:
                self.send(0x8a, bytes(self.buffer[at + head:at + head + length]))
            at += head + length
        del self.buffer[:at]

    def _take_greeting(self):
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        if not self.buffer.startswith(b"HTTP/1.1 101"):
            raise EOFError(bytes(self.buffer[:end]).decode("latin-1"))
        self.is_greeted = True
        del self.buffer[:end + 4]
        return True

    def send(self, first, payload):
        """Masked with zeroes: the payload as it is."""
        self.socket.send(bytes([first, 0x80 | len(payload), 0, 0, 0, 0]) + payload)


class Crowd:
    """The viewers, served in turn.  `due()` says when somebody has something to do (a time.monotonic(),
    or None), `on_due(now)` does what is due."""

    def __init__(self, viewers, due=lambda: None, on_due=lambda now: None):
        self.viewers, self.due, self.on_due = viewers, due, on_due
        self.selector = selectors.DefaultSelector()
        for one in viewers:
            self.selector.register(one.socket, selectors.EVENT_READ, one)

    def serve(self, until):
        while (left := until - time.monotonic()) > 0:
            due = self.due()
            if due is not None:
                left = min(left, due - time.monotonic())
            for key, _ in self.selector.select(max(0, left)):
                key.data.read()
            self.on_due(time.monotonic())

    def serve_until(self, condition, what):
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > deadline:
                raise SystemExit(what)
            self.serve(time.monotonic() + 0.1)

    def measure(self, seconds):
        """Prints MEASURE and counts from then on.  (seconds, CPU seconds of this process)"""
        for one in self.viewers:
            one.begin()
        print("MEASURE", flush=True)
        cpu, begin = time.process_time(), time.monotonic()
        self.serve(begin + seconds)
        return time.monotonic() - begin, time.process_time() - cpu
