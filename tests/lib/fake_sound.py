# SPDX-License-Identifier: MIT
"""A capture daemon of sound in Python, whose every sample is known: it listens at a capture socket and
publishes numbered records (common/ring.h, common/capsock.h) every 10 ms, to whoever subscribes."""

import ctypes
import mmap
import os
import socket
import struct
import threading
import time

CAPACITY = 1 << 20
HEADER, HEAD = 256, 64
RATE, CHANNELS, FRAMES = 48000, 2, 480
PCM, OPUS = 3, 4
KIND_PADDING, KIND_SOUND = 0, 4
LIVE, UNPLUGGED, MUTED = 1, 12, 19
libc = ctypes.CDLL(None, use_errno=True)
SYS_FUTEX, FUTEX_WAKE = 202, 1


class Ring:
    def __init__(self):
        self.fd = os.memfd_create("fake-sound")
        os.ftruncate(self.fd, HEADER + CAPACITY)
        self.map = mmap.mmap(self.fd, HEADER + CAPACITY)
        self.epoch = int.from_bytes(os.urandom(8), "little") | 1
        struct.pack_into("<QIIQQ", self.map, 0, 0x474e525353524353, 1, HEADER, self.epoch, CAPACITY)
        struct.pack_into("<QQQ", self.map, 64, 0, (1 << 64) - 1, 0)
        self.end, self.wakes = 0, 0
        self._word = ctypes.c_uint32.from_buffer(self.map, 128)

    def _write(self, length, kind, flags, sequence, pts_ns, width, height, payload):
        total = (HEAD + length + 63) // 64 * 64
        struct.pack_into("<Q", self.map, 64, self.end + total)
        at = HEADER + self.end % CAPACITY
        struct.pack_into("<IHHQQQII24x", self.map, at, length, kind, flags, sequence, 0, pts_ns,
                         width, height)
        self.map[at + HEAD:at + HEAD + len(payload)] = payload
        self.end += total

    def publish(self, payload, sequence, pts_ns, kind=KIND_SOUND, width=RATE, height=CHANNELS):
        room = CAPACITY - self.end % CAPACITY
        if HEAD + len(payload) > room:
            self._write(room - HEAD, KIND_PADDING, 0, 0, 0, 0, 0, b"")
        position = self.end
        self._write(len(payload), kind, 1, sequence, pts_ns, width, height, payload)
        struct.pack_into("<QQ", self.map, 72, position, self.end)
        self.wakes += 1
        struct.pack_into("<I", self.map, 128, self.wakes & 0xffffffff)
        libc.syscall(SYS_FUTEX, ctypes.c_void_p(ctypes.addressof(self._word)), FUTEX_WAKE,
                     ctypes.c_int(1 << 30), None, None, ctypes.c_int(0))


def numbered(sequence):
    """A record whose samples all say which it is: 15 bits on the left, the next 15 on the right."""
    return struct.pack("<hh", sequence & 0x7fff, sequence >> 15 & 0x7fff) * FRAMES


def number_of(data, at=0):
    left, right = struct.unpack_from("<hh", data, at)
    return left | right << 15


class FakeSound:
    """Serves at `path`; `make(sequence)` gives the payload.  stop() is a daemon that dies, start()
    another in its place.  `more` goes to Ring.publish(): lies.  It may be a daemon of pictures, too, as
    far as httpd can tell; `stream`: only subscribers of that one are expected."""

    def __init__(self, path, make=numbered, period_s=0.01, stream=None, **more):
        self.path, self.make, self.period_s, self.more = path, make, period_s, more
        self.sequence, self.n_subscriptions, self.stream = 0, 0, stream
        self.start()

    def start(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen(16)
        self.subscribers, self.is_running = [], True
        self.ring = Ring()
        self.threads = [threading.Thread(target=run, daemon=True) for run in (self._accept, self._publish)]
        for thread in self.threads:
            thread.start()

    def _state(self, state, words, picture=b""):
        body = struct.pack("<III", state, len(words), len(picture)) + words + picture
        return struct.pack("<II", 65, len(body)) + body

    def _accept(self):
        while self.is_running:
            try:
                connection, _ = self.listener.accept()
                hello = connection.recv(4096)
            except OSError:
                return
            _, _, version, stream = struct.unpack("<IIII", hello)
            assert version == 1 and self.stream in (None, stream), hello
            self.subscribers.append(connection)  # before anybody can know of it
            self.n_subscriptions += 1
            connection.send(self._state(LIVE, b"Numbers"))
            stream = struct.pack("<IIQQ", 64, 16, self.ring.epoch, CAPACITY)
            socket.send_fds(connection, [stream], [self.ring.fd])

    def tell(self, state, words, picture=b""):
        for connection in self.subscribers:
            connection.send(self._state(state, words, picture))

    def tell_dropped(self, dropped):
        for connection in self.subscribers:
            connection.send(struct.pack("<IIQ", 67, 8, dropped))

    def _publish(self):
        due = time.monotonic()
        while self.is_running:
            self.sequence += 1
            self.ring.publish(self.make(self.sequence), self.sequence,
                              int((due - 0.01) * 1e9), **self.more)
            due += self.period_s
            time.sleep(max(0, due - time.monotonic()))  # the clock of a sound card

    def stop(self):
        self.is_running = False
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join()
        for connection in self.subscribers:
            connection.close()
