# SPDX-License-Identifier: MIT
"""A subscriber of a capture daemon: speaks the capture socket (common/capsock.h) and reads the ring
(common/ring.h), as httpd does."""

import collections
import mmap
import os
import socket
import struct

from wait import wait_for

HELLO, RATE, STREAM, STATE, REFUSED, DROPPED = 1, 5, 64, 65, 66, 67
JPEG = 0
STATES = ["starting", "live", "no-display", "display-lost", "not-allowed", "wayland", "unsupported",
          "no-memory", "no-monitor", "no-session", "locked", "paused", "unplugged", "busy",
          "misconfigured", "not-answering", "broken", "no-device"]
RING_HEADER = 256
RECORD_HEAD = struct.Struct("=IHHQQQII")  # length, kind, flags, sequence, base, pts, width, height
NONE = (1 << 64) - 1

Record = collections.namedtuple("Record", "sequence pts_ns width height kind flags data")


class Subscriber:
    """One connection.  What has come is taken in by each question asked of it."""

    def __init__(self, path, stream=JPEG):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(path)
        self.socket.setblocking(False)
        self.state, self.words, self.picture, self.dropped = None, None, None, 0
        self.states = []  # all codes, in order
        self.ring, self.n_rings, self.is_open = None, 0, True
        self._send(HELLO, struct.pack("=II", 1, stream))

    def _send(self, kind, body):
        self.socket.send(struct.pack("=II", kind, len(body)) + body)

    def wish_rate(self, millihertz):
        self._send(RATE, struct.pack("=I", millihertz))

    def poll(self):
        while self.is_open:
            try:
                data, fds, _, _ = socket.recv_fds(self.socket, 1 << 17, 4)
            except BlockingIOError:
                return
            if not data:
                self.is_open = False
                return
            self._take(data, fds)

    def _take(self, data, fds):
        kind, length = struct.unpack_from("=II", data)
        body = data[8:]
        assert length == len(body)
        if kind == STATE:
            code, words_len, picture_len = struct.unpack_from("=III", body)
            self.state = STATES[code]
            self.words = body[12:12 + words_len].decode()
            self.picture = body[12 + words_len:12 + words_len + picture_len] or None
            self.states.append(self.state)
        elif kind == STREAM:
            _, capacity = struct.unpack_from("=QQ", body)
            self.ring = mmap.mmap(fds[0], RING_HEADER + capacity, prot=mmap.PROT_READ)
            self.n_rings += 1
        elif kind == DROPPED:
            self.dropped, = struct.unpack_from("=Q", body)
        else:
            raise AssertionError(f"message {kind}: {body!r}")
        for fd in fds:
            os.close(fd)

    def newest(self):
        """The newest record; None before the first."""
        self.poll()
        while self.ring:
            capacity = len(self.ring) - RING_HEADER
            latest, = struct.unpack_from("=Q", self.ring, 72)
            if latest == NONE:
                return None
            at = RING_HEADER + (latest & (capacity - 1))
            length, kind, flags, sequence, _, pts, width, height = RECORD_HEAD.unpack_from(self.ring, at)
            data = bytes(self.ring[at + 64:at + 64 + length])
            intent, = struct.unpack_from("=Q", self.ring, 64)
            if latest + capacity >= intent:
                return Record(sequence, pts, width, height, kind, flags, data)
        return None

    def wait_state(self, code, deadline_s=5):
        """The words of the state."""
        def look():
            self.poll()
            return self.state == code
        try:
            wait_for(look, deadline_s, f"state {code}")
        except AssertionError as error:
            raise AssertionError(f"{error} (it is {self.state}: {self.words})") from None
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
