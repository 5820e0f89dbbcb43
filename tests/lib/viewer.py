# SPDX-License-Identifier: MIT
"""A viewer of the multipart stream: a thread that reads as a browser does and keeps what came."""

import socket
import threading
import time

import jpeg
from wait import wait_for


class Part:
    """One picture: its bytes, its part's headers, when its end was known (CLOCK_MONOTONIC ns)."""

    def __init__(self, data, headers, received_ns):
        self.data, self.headers, self.received_ns = data, headers, received_ns

    def shows(self, rgb, x=8, y=8, tolerance=10):
        return jpeg.shows(self.data, rgb, x, y, tolerance)


class Viewer:
    """Parts are kept in `parts` (only the newest `keep`); `count` counts all of them.  With
    `bytes_per_s` it reads no faster than that, through a small window, as over bad Wi-Fi."""

    def __init__(self, address, path="/d_video", keep=400, host=None, timeout_s=60,
                 bytes_per_s=None):
        self.parts, self.count, self.bytes, self.error = [], 0, 0, None
        self.keep = keep
        self.is_closed = False  # by the server, or by an error
        self._lock = threading.Lock()
        self._wants_end = False
        self.bytes_per_s = bytes_per_s
        self.socket = socket.socket()
        self.socket.settimeout(timeout_s)
        if bytes_per_s:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        self.socket.connect(address)
        request = (f"GET {path} HTTP/1.1\r\nHost: {host or '%s:%d' % address}\r\n"
                   "User-Agent: test-viewer\r\n\r\n")
        self.opened_ns = time.monotonic_ns()
        self.socket.sendall(request.encode())
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    # --- reading ---

    def _read(self):
        try:
            self._buffer = bytearray()
            head = self._until(b"\r\n\r\n").decode("latin-1")
            assert head.startswith("HTTP/1.1 200 "), head
            boundary = head.partition("boundary=")[2].split("\r\n")[0].strip('"')
            self._delimiter = b"--" + boundary.encode()
            self._until(self._delimiter)
            while True:
                self._read_part()
        except (OSError, EOFError, AssertionError) as error:
            if not self._wants_end:
                self.error = error
        self.is_closed = True

    def _fill(self):
        data = self.socket.recv(1 << 14 if self.bytes_per_s else 1 << 18)
        if not data:
            raise EOFError("the server closed the stream")
        if self.bytes_per_s:
            time.sleep(len(data) / self.bytes_per_s)
        self.bytes += len(data)
        self._buffer += data

    def _until(self, mark):
        """Everything before `mark`, which is taken away too."""
        start = 0
        while (at := self._buffer.find(mark, start)) < 0:
            start = max(0, len(self._buffer) - len(mark))
            self._fill()
        before = bytes(self._buffer[:at])
        del self._buffer[:at + len(mark)]
        return before

    def _read_part(self):
        lines = self._until(b"\r\n\r\n").decode("latin-1").strip().split("\r\n")
        headers = {name.strip().lower(): value.strip()
                   for name, _, value in (line.partition(":") for line in lines)}
        if "content-length" in headers:
            length = int(headers["content-length"])
            while len(self._buffer) < length:
                self._fill()
            data = bytes(self._buffer[:length])
            received_ns = time.monotonic_ns()
            del self._buffer[:length]
            self._keep(Part(data, headers, received_ns))
            assert self._until(self._delimiter) == b"\r\n", "bytes between parts"
        else:
            data = self._until(b"\r\n" + self._delimiter)
            self._keep(Part(data, headers, time.monotonic_ns()))

    def _keep(self, part):
        with self._lock:
            self.count += 1
            self.parts.append(part)
            del self.parts[:-self.keep]

    # --- asking ---

    def snapshot(self):
        with self._lock:
            return list(self.parts)

    @property
    def newest(self):
        with self._lock:
            return self.parts[-1] if self.parts else None

    def wait_count(self, count, deadline_s=5):
        wait_for(lambda: self.count >= count or self._check_open(), deadline_s,
                 f"{count} pictures (there are {self.count})")

    def wait_newest(self, accept, deadline_s=5, what="the picture"):
        """The newest part for which accept(part) holds: as soon as it is the newest one."""
        last = [None]

        def look():
            part = self.newest
            if part is None or part is last[0]:
                self._check_open()
                return None
            last[0] = part
            return part if accept(part) else None
        return wait_for(look, deadline_s, what)

    def wait_colour(self, rgb, x=8, y=8, deadline_s=5, tolerance=10):
        return self.wait_newest(lambda part: part.shows(rgb, x, y, tolerance), deadline_s,
                                f"#{rgb:06x} at {x}, {y}")

    def _check_open(self):
        assert self.error is None, f"the viewer's connection was lost: {self.error!r}"

    def end(self):
        self._wants_end = True
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join(10)
        self.socket.close()
