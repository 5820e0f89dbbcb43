# SPDX-License-Identifier: MIT
"""A subscriber of a capture daemon: speaks the capture socket (common/capsock.h) and reads the ring
(common/ring.h), as httpd does."""

import ctypes
import os
import socket
import struct
import time

from wait import wait_for

VERSION = 1
HELLO, RATE, MUTE, SWITCH = 1, 5, 6, 8
STREAM, STATE, REFUSED, DROPPED, SWITCHED = 64, 65, 66, 67, 68
STREAMS = {"jpeg": 0, "pcm": 3, "opus": 4, "presence": 5}
STATES = ["starting", "live", "no-display", "display-lost", "not-allowed", "wayland", "unsupported",
          "no-memory", "no-monitor", "no-session", "locked", "paused", "unplugged", "busy",
          "misconfigured", "not-answering", "broken", "no-device", "no-sound-server", "muted"]
RING_HEADER, RING_HEAD, RING_ALIGN = 256, 64, 64
INTENT_AT, LATEST_AT, END_AT, WAKE_AT = 64, 72, 80, 128
RECORD_HEAD = struct.Struct("=IHHQQQII")
RECORD_PADDING = 0
NONE = (1 << 64) - 1
SYS_FUTEX = {"x86_64": 202, "aarch64": 98}[os.uname().machine]

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int,
                      ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


class Record:
    """`seen_ns`: when this process knew of it (CLOCK_MONOTONIC)."""

    def __init__(self, head, data):
        (_, self.kind, self.flags, self.sequence, self.base, self.pts_ns, self.width,
         self.height) = RECORD_HEAD.unpack_from(head)
        self.data, self.seen_ns = data, time.monotonic_ns()


class Ring:
    """A reader of one ring.  Mapped by hand: a futex needs the address."""

    def __init__(self, fd, capacity):
        self.capacity, self.size = capacity, RING_HEADER + capacity
        self.address = libc.mmap(None, self.size, 1, 1, fd, 0)
        assert self.address != ctypes.c_void_p(-1).value, "mmap of the ring"
        self.position, self.lapped = None, 0

    def close(self):
        libc.munmap(self.address, self.size)

    def _u64(self, offset):
        return ctypes.c_uint64.from_address(self.address + offset).value

    @property
    def wake_count(self):
        return ctypes.c_uint32.from_address(self.address + WAKE_AT).value

    def wait(self, seen, timeout_s):
        timeout = struct.pack("=qq", int(timeout_s), int(timeout_s % 1 * 1e9))
        libc.syscall(SYS_FUTEX, ctypes.c_void_p(self.address + WAKE_AT), 0, ctypes.c_uint32(seen),
                     timeout, None, 0)

    def _record(self, position):
        """(what lies there, or None for padding; where the next one begins)"""
        at = self.address + RING_HEADER + (position & (self.capacity - 1))
        head = ctypes.string_at(at, RING_HEAD)
        length, kind = struct.unpack_from("=IH", head)
        record = None
        if kind != RECORD_PADDING:
            record = Record(head, ctypes.string_at(at + RING_HEAD, length))
        return record, position + RING_HEAD + (length + RING_ALIGN - 1) // RING_ALIGN * RING_ALIGN

    def newest(self):
        """None before the first."""
        while (latest := self._u64(LATEST_AT)) != NONE:
            record, _ = self._record(latest)
            if latest + self.capacity >= self._u64(INTENT_AT):
                return record
        return None

    def read(self):
        """The records since the last call, from the newest at the first one on."""
        found = []
        end, latest = self._u64(END_AT), self._u64(LATEST_AT)
        if latest == NONE:
            return found
        if self.position is None:
            self.position = latest
        if end - self.position > self.capacity:
            self.position = latest
            self.lapped += 1
        while self.position < end:
            record, self.position = self._record(self.position)
            if record:
                found.append(record)
        return found


class Subscriber:
    """One connection.  What has come is taken in by each question asked of it; of records the newest counts
    (sound_capture.py keeps all)."""

    def __init__(self, path, stream="jpeg"):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(path)
        self.socket.setblocking(False)
        self.state, self.words, self.picture, self.dropped = None, None, None, 0
        self.states = []   # all codes, in order
        self.answers = []  # to what was asked by name: ("switched", …), ("refused", words)
        self.ring, self.n_rings, self.is_open = None, 0, True
        self._send(HELLO, struct.pack("=II", VERSION, STREAMS[stream]))

    def _send(self, kind, body):
        self.socket.send(struct.pack("=II", kind, len(body)) + body)

    def wish_rate(self, millihertz):
        self._send(RATE, struct.pack("=I", millihertz))

    def poll(self):
        while self.is_open:
            try:
                self._receive()
            except BlockingIOError:
                return

    def _receive(self):
        data, fds, _, _ = socket.recv_fds(self.socket, 1 << 17, 4)
        if not data:
            self.is_open = False
            return
        kind, length = struct.unpack_from("=II", data)
        assert length == len(data) - 8
        self._take(kind, data[8:], fds)
        for fd in fds:
            os.close(fd)

    def _take(self, kind, body, fds):
        if kind == STATE:
            code, words_len, picture_len = struct.unpack_from("=III", body)
            self.words = body[12:12 + words_len].decode()
            self.picture = body[12 + words_len:12 + words_len + picture_len] or None
            self.state = STATES[code]
            self.states.append(self.state)
        elif kind == STREAM:
            _, capacity = struct.unpack_from("=QQ", body)
            self.ring = Ring(fds[0], capacity)
            self.n_rings += 1
        elif kind == DROPPED:
            self.dropped, = struct.unpack_from("=Q", body)
        elif kind == REFUSED:
            self.answers.append(("refused", body[4:].decode()))
        elif kind == SWITCHED:
            self.answers.append(("switched",) + struct.unpack("=II", body))
        else:
            raise AssertionError(f"message {kind}: {body!r}")

    def newest(self):
        """The newest record; None before the first."""
        self.poll()
        return self.ring.newest() if self.ring else None

    def wait_state(self, code, deadline_s=5, words=None):
        """The words of the state, when it is that (with those among its words)."""
        def look():
            self.poll()
            return self.state == code and (words is None or words in self.words)
        try:
            wait_for(look, deadline_s, f"state {code} {words or ''}")
        except AssertionError as error:
            raise AssertionError(f"{error} (it is {self.state}: {self.words}; there were {self.states})"
                                 ) from None
        return self.words

    def wait_record(self, accept=lambda record: True, after=0, deadline_s=5):
        """The newest record with a sequence > after for which accept(record) holds."""
        seen = [after]

        def look():
            record = self.newest()
            if record is None or record.sequence <= seen[0]:
                return None
            seen[0] = record.sequence
            return record if accept(record) else None
        return wait_for(look, deadline_s, f"a record after {after} (state {self.state})")

    def wait_dropped(self, count, deadline_s=5):
        def look():
            self.poll()
            return self.dropped >= count
        wait_for(look, deadline_s, f"{count} dropped")

    def end(self):
        self.socket.close()
