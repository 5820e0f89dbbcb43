# SPDX-License-Identifier: MIT
"""The control socket, asked by programs that are slow, silent, many, or that shut their half; tests/http has what is
said on it."""

import json
import os
import socket

import pytest

from process import open_fds, private_kib
from screenshare import Httpd
from wait import SLOWNESS, stays, wait_for

VERSION = b'{"request":"version"}\n'
CLIENTS_MAX = 16


@pytest.fixture
def httpd(folder):
    return Httpd(folder)


class Client:
    def __init__(self, httpd):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(os.path.join(httpd.runtime, "control.sock"))  # waits for room in its queue
        self.socket.settimeout(5 * SLOWNESS)

    def send(self, data):
        self.socket.sendall(data)

    def shut(self):
        self.socket.shutdown(socket.SHUT_WR)

    def answers(self, count=None):
        """So many, or all until the end."""
        data = b""
        while count is None or data.count(b"\n") < count:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                break
            data += more
        return [json.loads(line) for line in data.splitlines()]

    def is_closed(self):
        """… by the server; what it has said is thrown away."""
        self.socket.setblocking(False)
        try:
            while self.socket.recv(4096):
                continue
            return True
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True

    def close(self):
        self.socket.close()


def test_who_shuts_his_half_is_answered_all_that_he_asked(httpd):
    n_fds = open_fds(httpd.process.pid)
    for request, wanted in (("pause", True), ("resume", False)):  # answered later
        client = Client(httpd)
        client.send(json.dumps({"request": request}).encode() + b"\n")
        client.shut()
        assert client.answers() == [{"ok": True, "paused": wanted}]
    client = Client(httpd)
    client.send(VERSION * 100 + b'{"request":"pau')
    client.shut()
    assert [answer["ok"] for answer in client.answers()] == [True] * 100
    client = Client(httpd)
    client.shut()
    assert client.answers() == []
    assert not httpd.status()["paused"], "half a line is no request"
    wait_for(lambda: open_fds(httpd.process.pid) <= n_fds, 5, "all are closed")


def test_who_goes_without_the_answer_has_been_heard(httpd):
    n_fds = open_fds(httpd.process.pid)
    client = Client(httpd)
    client.send(b'{"request":"pause"}\n')
    client.close()
    wait_for(lambda: httpd.status()["paused"], 3, "it is paused")
    wait_for(lambda: open_fds(httpd.process.pid) <= n_fds, 5, "it is gone")


@pytest.mark.parametrize("said", [b"", b'{"request":', VERSION], ids=["nothing", "half a line", "a line"])
def test_nobody_who_only_holds_connections_keeps_the_presenter_out(httpd, said):
    held = [Client(httpd) for _ in range(3 * CLIENTS_MAX)]
    for client in held:
        try:
            client.send(said)
        except OSError:  # it had to make room already
            pass
    wait_for(lambda: sum(not client.is_closed() for client in held) <= CLIENTS_MAX, 5, "the others made room")
    presenter = Client(httpd)
    presenter.send(b'{"request":"pause"}\n')
    assert presenter.answers(1) == [{"ok": True, "paused": True}]
    for client in held:
        client.close()
    presenter.close()


def test_who_reads_nothing_is_asked_to_wait(httpd):
    """Its questions stay in the kernel; others are answered at once."""
    client = Client(httpd)
    client.socket.setblocking(False)
    before_kib, sent = private_kib(httpd.process.pid), 0

    def is_stuck():
        nonlocal sent
        try:
            while True:
                sent += client.socket.send(b'{"request":"status"}\n' * 100)
        except BlockingIOError:
            return True
    wait_for(is_stuck, 5, "nothing more is taken")
    stays(lambda: private_kib(httpd.process.pid) - before_kib < 1500 * SLOWNESS, 0.5, "little memory")
    other = Client(httpd)
    other.send(VERSION)
    assert other.answers(1)[0]["ok"]
    client.close()
    other.close()


def test_a_request_that_comes_byte_by_byte(httpd):
    client = Client(httpd)
    for byte in VERSION:
        client.send(bytes([byte]))
    assert client.answers(1)[0]["ok"]
    client.close()


@pytest.mark.parametrize("line", [b"\0" * 4000, b"\xff\xfe" * 1000, b"[" * 4000, b'{"a":' * 700, b"", b"null", b"[]", b'"pause"',
                                  b'{"request":null}', b'{"request":["pause"]}', b'{"request":"pause","request":"resume"}',
                                  b'{"request":"pause\\u0000"}', b'{"request":"PAUSE"}', b'{"request":"files"}'],
                         ids=lambda line: line[:24].decode("latin-1"))
def test_what_is_no_request_changes_nothing(httpd, line):
    client = Client(httpd)
    client.send(line + b"\n" + VERSION)
    first, second = client.answers(2)
    assert not first["ok"] and first["error"] and second["ok"]
    assert not httpd.status()["paused"]
    client.close()
