# SPDX-License-Identifier: MIT
"""A WebSocket viewer that speaks doc/protocol.md, and one that speaks it badly on purpose."""

import base64
import contextlib
import json
import os
import socket
import struct
import threading
import time

from wait import slowness, wait_for

JPEG, PCM, OPUS = 1, 2, 3
IS_KEY, IS_STATE = 1, 2
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(payload, opcode=TEXT, fin=True, masked=True, rsv=0, length=None):
    """One frame from a client; `length` may lie."""
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    n = len(payload) if length is None else length
    mask = 0x80 if masked else 0
    if n < 126:
        head += bytes([mask | n])
    elif n < 1 << 16:
        head += bytes([mask | 126]) + struct.pack(">H", n)
    else:
        head += bytes([mask | 127]) + struct.pack(">Q", n)
    if not masked:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(b ^ key[i % 4] for i, b in enumerate(payload))


class Message:
    """One binary message: the fields of its head, its payload, when it had come (CLOCK_MONOTONIC ns)."""

    def __init__(self, data):
        self.received_ns = time.monotonic_ns()
        (self.kind, self.flags, head_len, self.sequence, self.pts_us, self.base, self.width,
         self.height) = struct.unpack_from("<BBHIQIHH", data)
        self.data = data[head_len:]


def left_out(pictures, kind):
    """How often something was left out between those of that kind that a viewer got, though it kept up: it
    had drawn the last but one before what was left out was made, so there was room for that."""
    found, before = 0, None
    for i, message in enumerate(pictures):
        if message.kind == kind:
            if before and i >= 2 and message.sequence > before.sequence + 1:
                found += pictures[i - 2].drawn_ns < before.pts_us * 1000
            before = message
    return found


class WebSocket:
    """A connection; handshake() raises unless the answer is 101 (or `expect`)."""

    def __init__(self, address, query="", headers=None, expect=101, timeout_s=None, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout_s or 10 * slowness())
        self.socket.connect(address)
        self.buffer = bytearray()
        key = base64.b64encode(os.urandom(16)).decode()
        lines = {"Host": "%s:%d" % address, "Connection": "keep-alive, Upgrade", "Upgrade": "websocket",
                 "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key, "User-Agent": "test-socket"}
        lines.update(headers or {})
        request = f"GET /ws{query} HTTP/1.1\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in lines.items() if value is not None) + "\r\n"
        self.socket.sendall(request.encode())
        head = self._until(b"\r\n\r\n").decode("latin-1")
        self.status = int(head.split(" ")[1])
        assert self.status == expect, head

    def _fill(self):
        data = self.socket.recv(1 << 18)
        if not data:
            raise EOFError("the server closed the connection")
        self.buffer += data

    def _until(self, mark):
        while (at := self.buffer.find(mark)) < 0:
            self._fill()
        before = bytes(self.buffer[:at])
        del self.buffer[:at + len(mark)]
        return before

    def _take(self, n):
        while len(self.buffer) < n:
            self._fill()
        data = bytes(self.buffer[:n])
        del self.buffer[:n]
        return data

    def receive(self):
        """(opcode, payload) of the next frame; the server never fragments and never masks."""
        first, second = self._take(2)
        assert first & 0x80 and not second & 0x80 and not first & 0x70, (first, second)
        n = second
        if n == 126:
            n, = struct.unpack(">H", self._take(2))
        elif n == 127:
            n, = struct.unpack(">Q", self._take(8))
        return first & 0x0f, self._take(n)

    def receive_json(self, kind):
        """The next text message of that type; whatever comes before it is passed over."""
        while True:
            opcode, payload = self.receive()
            if opcode == TEXT and (message := json.loads(payload))["type"] == kind:
                return message

    def receive_close(self):
        """The code of the close that comes, whatever comes before it."""
        while True:
            opcode, payload = self.receive()
            if opcode == CLOSE:
                return struct.unpack(">H", payload[:2])[0] if payload else 1005

    def send(self, message):
        self.socket.sendall(frame(json.dumps(message).encode()))

    def send_raw(self, data):
        self.socket.sendall(data)

    def close(self):
        self.socket.close()


class SocketViewer(WebSocket):
    """Reads in a thread of its own, acknowledges every picture `draw_s` after it came (one after the
    other, as a page draws), and keeps what came."""

    def __init__(self, address, query="", draw_s=0.0, keep_data=True, on_draw=None, **more):
        super().__init__(address, query, **more)
        self.hello, self.states = None, []
        self.pictures, self.sounds, self.drawn = [], [], []
        self.error, self.is_ending = None, False
        self.draw_s, self.keep_data, self.on_draw = draw_s, keep_data, on_draw
        self._to_draw, self._wake = [], threading.Condition()
        self._lock = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._draw, daemon=True).start()

    def _read(self):
        try:
            while True:
                opcode, payload = self.receive()
                if opcode == BINARY:
                    self._take_binary(Message(payload))
                elif opcode == TEXT:
                    self._take_text(json.loads(payload))
                elif opcode == PING:
                    with self._lock:
                        self.socket.sendall(frame(payload, PONG))
                elif opcode == CLOSE:
                    raise EOFError(f"closed by {payload!r}")
        except (OSError, EOFError, AssertionError) as error:
            if not self.is_ending:
                self.error = error

    def _take_binary(self, message):
        is_sound = message.kind in (PCM, OPUS)
        if not self.keep_data and is_sound:
            message.data = b""
        if not is_sound:
            with self._wake:
                self._to_draw.append(message)
                self._wake.notify()
            self.pictures.append(message)
        else:
            self.sounds.append(message)

    def _take_text(self, message):
        if message["type"] == "hello":
            self.hello = message
        elif message["type"] == "state":
            self.states.append(message)

    def _draw(self):
        while not self.is_ending:
            with self._wake:
                if not self._to_draw:
                    self._wake.wait(0.2)
                    continue
                message = self._to_draw.pop(0)
            if self.draw_s:
                time.sleep(self.draw_s)  # the work of a slow page, not a wait for something
            try:
                if self.on_draw:
                    self.on_draw(message)
            except Exception as error:  # shown by whoever waits next
                self.error = error
            message.drawn_ns = time.monotonic_ns()
            self.drawn.append(message)
            try:
                self.say({"type": "drawn", "sequence": message.sequence})
            except OSError:
                return

    def say(self, message):
        with self._lock:
            self.send(message)

    def wait_pictures(self, count, deadline_s=5):
        wait_for(lambda: len(self.pictures) >= count or self._check(), deadline_s, f"{count} pictures")

    def wait_sounds(self, count, deadline_s=5):
        wait_for(lambda: len(self.sounds) >= count or self._check(), deadline_s, f"{count} pieces of sound")

    def wait_state(self, of, state, deadline_s=5):
        return wait_for(lambda: self._check() or next(
            (s for s in self.states if s["of"] == of and s["state"] == state), None), deadline_s,
            f"the {of}'s state {state} (came: {self.states})")

    def _check(self):
        if self.error:
            raise AssertionError(f"the connection was lost: {self.error}")

    def end(self):
        self.is_ending = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # a close alone waits for who still reads from it
        self.close()
