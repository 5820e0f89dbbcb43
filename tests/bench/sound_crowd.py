#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Many viewers who hear, in one process: reads heads only, and looks for what is missing.

    sound_crowd.py 127.0.0.1:PORT VIEWERS SECONDS

Prints MEASURE once all of them hear, and at the end one line of JSON: what came at all, gaps in the
count of samples, how old the pieces were, and how busy this process itself was.
"""

import base64
import json
import os
import selectors
import socket
import struct
import sys
import time

HEAD = 24
PCM = 2
STEP_MAX_US = 2000  # a record's pts may differ so much from 10 ms after the one before it


class Listener:
    def __init__(self, address):
        self.socket = socket.create_connection(address, 10)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /ws?source=screen&picture=none&sound=pcm HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode())
        self.socket.setblocking(False)
        self.buffer = bytearray()
        self.is_greeted = False
        self.sequence = self.pts = None
        self.n = self.gaps = self.odd_steps = self.frames = 0
        self.ages_ms = []

    def begin(self):
        """What is counted begins here; what it continues from stays."""
        self.n = self.gaps = self.odd_steps = self.frames = 0
        self.ages_ms = []

    def read(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError("the server closed a connection")
        now_us = time.monotonic_ns() // 1000
        self.buffer += data
        if not self.is_greeted:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self.buffer.startswith(b"HTTP/1.1 101"):
                raise EOFError(bytes(self.buffer[:end]).decode("latin-1"))
            self.is_greeted = True
            del self.buffer[:end + 4]
        at = 0
        while len(self.buffer) - at >= 4:
            length, head = self.buffer[at + 1], 2
            if length == 126:
                length, head = self.buffer[at + 2] << 8 | self.buffer[at + 3], 4
            elif length == 127:
                raise EOFError("a message of more than 64 KB")
            if len(self.buffer) - at < head + length:
                break
            if self.buffer[at] == 0x82:
                self.take(at + head, length, now_us)
            elif self.buffer[at] == 0x89:  # masked with zeroes: the payload as it is
                self.socket.send(bytes([0x8a, 0x80 | length, 0, 0, 0, 0])
                                 + bytes(self.buffer[at + head:at + head + length]))
            at += head + length
        del self.buffer[:at]

    def take(self, at, length, now_us):
        kind, _, _, sequence, pts = struct.unpack_from("<BBHIQ", self.buffer, at)
        if kind != PCM:
            return
        self.n += 1
        self.frames += (length - HEAD) // 4
        if self.sequence is not None:
            self.gaps += (sequence - self.sequence - 1) & 0xffffffff != 0
            self.odd_steps += abs(pts - self.pts - 10000) > STEP_MAX_US
        self.sequence, self.pts = sequence, pts
        self.ages_ms.append((now_us - pts) / 1000)


def serve(selector, until):
    while (left := until - time.monotonic()) > 0:
        for key, _ in selector.select(left):
            key.data.read()


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    n, seconds = int(sys.argv[2]), float(sys.argv[3])
    selector = selectors.DefaultSelector()
    listeners = [Listener((host, int(port))) for _ in range(n)]
    for one in listeners:
        selector.register(one.socket, selectors.EVENT_READ, one)
    deadline = time.monotonic() + 20
    while any(one.n < 200 for one in listeners):
        if time.monotonic() > deadline:
            raise SystemExit("not every viewer hears")
        serve(selector, time.monotonic() + 0.1)
    for one in listeners:
        one.begin()
    print("MEASURE", flush=True)
    cpu, begin = time.process_time(), time.monotonic()
    serve(selector, begin + seconds)
    seconds, cpu = time.monotonic() - begin, time.process_time() - cpu
    ages = sorted(age for one in listeners for age in one.ages_ms)
    print(json.dumps({
        "gaps": sum(one.gaps for one in listeners), "odd_steps": sum(one.odd_steps for one in listeners),
        "deaf": sum(one.gaps > 0 for one in listeners),
        "least_rate": min(one.frames for one in listeners) / seconds,
        "age_p50": ages[len(ages) // 2], "age_p95": ages[int(len(ages) * 0.95)], "age_worst": ages[-1],
        "cpu_s": cpu, "client_share": cpu / seconds * 100}), flush=True)


if __name__ == "__main__":
    main()
