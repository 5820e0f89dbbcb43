# SPDX-License-Identifier: MIT
"""A subscriber of a capture socket that keeps every record (common/capsock.h, common/ring.h)."""

import array
import ctypes
import os
import socket
import struct
import threading
import time

from wait import wait_for

STREAMS = {"jpeg": 0, "pcm": 3, "opus": 4, "presence": 5}
INPUTS = {"desktop": 0, "microphone": 1}
STATES = {0: "starting", 1: "live", 4: "not-allowed", 7: "no-memory", 12: "unplugged", 13: "busy",
          17: "no-device", 18: "no-sound-server", 19: "muted"}
VERSION = 1
HELLO, MUTE, SWITCH = 1, 6, 8
STREAM, STATE, REFUSED, DROPPED, SWITCHED = 64, 65, 66, 67, 68
RING_HEADER, RING_HEAD, RING_ALIGN = 256, 64, 64
RECORD_PADDING = 0
SYS_FUTEX = {"x86_64": 202, "aarch64": 98}[os.uname().machine]

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int,
                      ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


class Record:
    """`seen_ns`: when this process knew of it (CLOCK_MONOTONIC)."""

    def __init__(self, head, data, seen_ns):
        (_, self.kind, self.flags, self.sequence, self.base, self.pts_ns, self.width,
         self.height) = struct.unpack_from("=IHHQQQII", head)
        self.data, self.seen_ns = data, seen_ns


class Ring:
    """A reader of one ring; every record from the newest at the beginning on."""

    def __init__(self, fd, capacity):
        self.capacity = capacity
        self.size = RING_HEADER + capacity
        self.address = libc.mmap(None, self.size, 1, 1, fd, 0)
        assert self.address != ctypes.c_void_p(-1).value, "mmap of the ring"
        self.position = None
        self.lapped = 0

    def close(self):
        libc.munmap(self.address, self.size)

    def _u64(self, offset):
        return ctypes.c_uint64.from_address(self.address + offset).value

    @property
    def wake_count(self):
        return ctypes.c_uint32.from_address(self.address + 128).value

    def wait(self, seen, timeout_s):
        timeout = struct.pack("=qq", int(timeout_s), int(timeout_s % 1 * 1e9))
        libc.syscall(SYS_FUTEX, ctypes.c_void_p(self.address + 128), 0, ctypes.c_uint32(seen),
                     timeout, None, 0)

    def read(self):
        """The records since the last call."""
        found = []
        end, latest = self._u64(80), self._u64(72)
        if latest == 2**64 - 1:
            return found
        if self.position is None:
            self.position = latest
        if end - self.position > self.capacity:
            self.position = latest
            self.lapped += 1
        while self.position < end:
            at = self.address + RING_HEADER + (self.position & (self.capacity - 1))
            head = ctypes.string_at(at, RING_HEAD)
            length, kind = struct.unpack_from("=IH", head)
            if kind != RECORD_PADDING:
                found.append(Record(head, ctypes.string_at(at + RING_HEAD, length),
                                    time.monotonic_ns()))
            self.position += RING_HEAD + (length + RING_ALIGN - 1) // RING_ALIGN * RING_ALIGN
        return found


class Subscriber:
    """Subscribed to `stream` from the beginning; states and records are kept with their times."""

    def __init__(self, path, stream="pcm"):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(path)
        self.records, self.states, self.answers = [], [], []
        self.dropped, self.rings = 0, 0
        self.is_closed = False
        self._ring = None
        self._lock = threading.Lock()
        self._send(HELLO, struct.pack("=II", VERSION, STREAMS[stream]))
        self._threads = [threading.Thread(target=target, daemon=True)
                         for target in (self._read_socket, self._read_ring)]
        for thread in self._threads:
            thread.start()

    def _send(self, kind, body):
        self.socket.send(struct.pack("=II", kind, len(body)) + body)

    def _read_socket(self):
        while not self.is_closed:
            try:
                data, control, _, _ = self.socket.recvmsg(1 << 17, 64)
            except OSError:
                data = b""
            if not data:
                self.is_closed = True
                return
            kind, _ = struct.unpack_from("=II", data)
            body = data[8:]
            if kind == STREAM:
                fds = array.array("i", control[0][2])
                _, capacity = struct.unpack("=QQ", body)
                with self._lock:
                    self._ring = Ring(fds[0], capacity)
                    self.rings += 1
                os.close(fds[0])
            elif kind == STATE:
                state, words_len, _ = struct.unpack_from("=III", body)
                self.states.append((time.monotonic_ns(), STATES.get(state, state),
                                    body[12:12 + words_len].decode()))
            elif kind == DROPPED:
                self.dropped, = struct.unpack("=Q", body)
            elif kind == REFUSED:
                self.answers.append(("refused", body[4:].decode()))
            elif kind == SWITCHED:
                self.answers.append(("switched",) + struct.unpack("=II", body))

    def _read_ring(self):
        ring = None
        while not self.is_closed:
            with self._lock:
                if self._ring is not ring:
                    ring = self._ring
            if ring is None:
                wait_for(lambda: self._ring or self.is_closed, 60, "a ring")
                continue
            seen = ring.wake_count
            found = ring.read()
            self.records += found
            if not found:
                ring.wait(seen, 0.2)

    @property
    def state(self):
        return self.states[-1][1] if self.states else None

    @property
    def words(self):
        return self.states[-1][2] if self.states else None

    def wait_state(self, state, deadline_s=5, words=None):
        def holds():
            return self.state == state and (words is None or words in self.words)
        try:
            wait_for(holds, deadline_s, f"state {state} {words or ''}")
        except AssertionError as error:
            raise AssertionError(f"{error}; there were {self.states}") from None

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
        self.is_closed = True
        self.socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        self.socket.close()
