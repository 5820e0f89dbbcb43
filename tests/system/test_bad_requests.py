# SPDX-License-Identifier: MIT
"""Malformed, oversized, slow and too many: a proper answer or a closed connection, and no stream notices."""

import selectors
import socket
import time

import pytest

from screenshare import QUICK, Run
from wait import SLOWNESS, slowness, wait_for

PATTERN = "[screen]\nsource = pattern\npattern_width = 320\npattern_height = 200\n"


class Watch:
    """A viewer of a moving picture, and the longest time between two of its pictures."""

    def __init__(self, run):
        self.viewer = run.view()
        self.viewer.wait_count(30)

    def longest_gap_s(self, since):
        times = [part.received_ns / 1e9 for part in self.viewer.snapshot()]
        times = [since] + [moment for moment in times if moment >= since] + [time.monotonic()]
        return max(b - a for a, b in zip(times, times[1:]))

    def check(self, since):
        assert self.viewer.error is None and not self.viewer.is_closed
        gap = self.longest_gap_s(since)
        assert gap < 0.5 * slowness(), f"the stream paused for {gap:.2f} s"
        self.viewer.end()


@pytest.fixture
def watched(folder):
    run = Run(folder, None, QUICK + PATTERN)
    return run, Watch(run)


def exchange(address, data, deadline_s=8):
    """Everything that comes back until the server closes; it must, after what was no request."""
    with socket.create_connection(address, timeout=deadline_s * SLOWNESS) as sock:
        sock.sendall(data)
        answer = b""
        try:
            while (piece := sock.recv(65536)):
                answer += piece
        except ConnectionResetError:
            pass
        except TimeoutError:
            raise AssertionError(f"not closed after {data[:60]!r}: {answer[:60]!r}") from None
        return answer


HOST = b"Host: localhost\r\n"
CLOSE = b"Connection: close\r\n"  # in what is a request, only not one of ours
BAD = {
    "no request": (b"\x00\x01\x02\x03\r\n\r\n", (400,)),
    "TLS": (bytes.fromhex("160301020001000001fc0303") + bytes(64) + b"\r\n\r\n", (400,)),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", (400,)),
    "two Hosts": (b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", (400,)),
    "foreign Host": (b"GET /d.jpg HTTP/1.1\r\nHost: evil.example\r\n" + CLOSE + b"\r\n", (403, 421)),
    "foreign Host that begins like ours": (
        b"GET / HTTP/1.1\r\nHost: localhost.evil.example\r\n" + CLOSE + b"\r\n", (403, 421)),
    "two lengths": (b"GET / HTTP/1.1\r\n" + HOST +
                    b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", (400,)),
    "length and chunks": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n"
                          b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400,)),
    "length below zero": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n", (400,)),
    "bare line feeds": (b"GET / HTTP/1.1\n" + HOST + b"\n", (400,)),
    "folded line": (b"GET / HTTP/1.1\r\n" + HOST + b"X-A: 1\r\n  2\r\n\r\n", (400,)),
    "space before colon": (b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", (400,)),
    "NUL in a header": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n", (400,)),
    "way out": (b"GET /static/../../etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n", (400, 404)),
    "encoded way out": (b"GET /static/%2e%2e%2f%2e%2e%2fetc/passwd HTTP/1.1\r\n" + HOST + b"\r\n",
                        (400, 404)),
    "encoded NUL": (b"GET /d.jpg%00.png HTTP/1.1\r\n" + HOST + b"\r\n", (400,)),
    "version 2.0": (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", (400, 505)),
    "version 0.9": (b"GET /\r\n\r\n", (400, 505)),
    "endless target": (b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", (414, 431, 400)),
    "endless header": (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 100000 + b"\r\n\r\n", (431,)),
    "endless headers": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 20000 + b"\r\n", (431,)),
    "wrong method": (b"DELETE /d.jpg HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n", (405,)),
    "no such page": (b"GET /nothing HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n", (404,)),
}


def test_bad_requests_get_a_proper_answer(watched):
    run, watch = watched
    since = time.monotonic()
    failed = []
    for name, (data, statuses) in BAD.items():
        try:
            answer = exchange(run.address, data)
        except AssertionError as error:
            failed.append(f"{name}: {error}")
            continue
        first = answer.partition(b"\r\n")[0]
        if not any(first.startswith(b"HTTP/1.1 %d " % status) for status in statuses):
            failed.append(f"{name}: {first!r}")
    assert not failed, "\n".join(failed)
    watch.check(since)


def test_random_bytes(watched):
    import random
    run, watch = watched
    since = time.monotonic()
    choose = random.Random(7)
    for _ in range(200):
        data = bytes(choose.randrange(256) for _ in range(choose.randrange(1, 300))) + b"\r\n\r\n"
        answer = exchange(run.address, data)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4") or \
            answer.startswith(b"HTTP/1.1 5"), answer[:80]
    assert run.get("/healthz").status == 200
    watch.check(since)


def test_a_thousand_slow_senders(watched):
    """A byte a second each: every one is closed within its deadline, and nobody else waits."""
    run, watch = watched
    since = time.monotonic()
    request = b"GET /d.jpg HTTP/1.1\r\n" + HOST + b"X-Slow: " + b"a" * 100
    selector = selectors.DefaultSelector()
    open_sockets = {}
    for _ in range(1000):
        sock = socket.socket()
        sock.setblocking(False)
        try:
            sock.connect(run.address)
        except BlockingIOError:
            pass
        open_sockets[sock] = 0
        selector.register(sock, selectors.EVENT_READ)
    httpd = run.httpd()
    slowest, next_round = 0, time.monotonic()
    end = time.monotonic() + 15 * SLOWNESS
    while open_sockets and time.monotonic() < end:
        for key, _ in selector.select(0.05):
            try:
                closed = not key.fileobj.recv(65536)
            except (ConnectionResetError, BrokenPipeError):
                closed = True
            except BlockingIOError:
                continue
            if closed:
                selector.unregister(key.fileobj)
                key.fileobj.close()
                del open_sockets[key.fileobj]
        if time.monotonic() >= next_round:
            next_round += 1
            for sock, sent in list(open_sockets.items()):
                try:
                    open_sockets[sock] += sock.send(request[sent:sent + 1])
                except (BlockingIOError, ConnectionResetError, BrokenPipeError):
                    pass
            begin = time.monotonic()
            assert run.get("/healthz").status == 200
            slowest = max(slowest, time.monotonic() - begin)
    took = time.monotonic() - since
    assert not open_sockets, f"{len(open_sockets)} are still open after {took:.1f} s"
    # [http] head_timeout_s is 5, and what was begun is answered and closed
    assert took > 4
    assert slowest < 0.5 * slowness(), f"somebody else waited {slowest:.2f} s"
    assert run.httpd() == httpd
    watch.check(since)


def test_when_all_connections_are_taken_those_without_a_request_go_first(folder):
    run = Run(folder, None, QUICK + "connections_max = 40\nhead_timeout_s = 60\n" + PATTERN)
    watch = Watch(run)
    since = time.monotonic()
    idle = [socket.create_connection(run.address) for _ in range(60)]
    for _ in range(10):
        assert run.get("/healthz").status == 200
    assert not watch.viewer.is_closed
    for sock in idle:
        sock.close()
    wait_for(lambda: run.status()["connections"] <= 3, 5, "their places are free")
    watch.check(since)


def test_without_descriptors_left_it_waits_and_goes_on(folder):
    """EMFILE at accept: no busy loop, no end, and streams go on."""
    run = Run(folder, None, QUICK + "head_timeout_s = 2\n" + PATTERN,
              prefix=("bash", "-c", 'ulimit -n 64 && exec "$@"', "-"))
    watch = Watch(run)
    since = time.monotonic()
    crowd = [socket.create_connection(run.address) for _ in range(150)]
    time_of_cpu = cpu_seconds(run.httpd())
    wait_for(lambda: time.monotonic() - since > 1.5, 3, "a while")
    assert cpu_seconds(run.httpd()) - time_of_cpu < 0.75 * slowness()
    for sock in crowd:
        sock.close()

    def answers():
        try:
            return run.get("/healthz").status == 200
        except OSError:
            return False
    wait_for(answers, 8, "it answers again")
    watch.check(since)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        words = file.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / 100
