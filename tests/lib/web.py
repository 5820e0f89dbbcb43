# SPDX-License-Identifier: MIT
"""One request, one answer."""

import http.client
import json


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


def get(address, path, headers=None, method="GET", timeout_s=10):
    connection = http.client.HTTPConnection(*address, timeout=timeout_s)
    try:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def request(address, method, path, body=None, headers=None, timeout_s=20):
    """As get(), with a body: bytes, or an iterator whose pieces become chunks."""
    connection = http.client.HTTPConnection(*address, timeout=timeout_s)
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


def get_json(address, path):
    answer = get(address, path)
    assert answer.status == 200, f"{path}: {answer.status}"
    return json.loads(answer.body)
