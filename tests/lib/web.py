# SPDX-License-Identifier: MIT
"""One request, one answer."""

import http.client
import json
import socket

from wait import slowness


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


def get(address, path, headers=None, method="GET", timeout_s=10):
    connection = http.client.HTTPConnection(*address, timeout=timeout_s * slowness())
    try:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def request(address, method, path, body=None, headers=None, timeout_s=20):
    """As get(), with a body: bytes, or an iterator whose pieces become chunks."""
    connection = http.client.HTTPConnection(*address, timeout=timeout_s * slowness())
    try:
        try:
            connection.request(method, path, body, headers or {},
                               encode_chunked=body is not None and not isinstance(body, bytes))
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before the end: the answer says why
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def ask_slowly(address, path):
    """A socket that has asked, and holds next to nothing of the answer: what waits, waits elsewhere."""
    asker = socket.socket()
    asker.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    asker.connect(address)
    asker.settimeout(10 * slowness())
    asker.sendall(f"GET {path} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n\r\n".encode())
    return asker


def get_json(address, path):
    answer = get(address, path)
    assert answer.status == 200, f"{path}: {answer.status}"
    return json.loads(answer.body)
