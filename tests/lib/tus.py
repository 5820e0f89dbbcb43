# SPDX-License-Identifier: MIT
"""A tus 1.0 client of our own: one request at a time, so that a test says what is sent and when."""

import base64
import http.client
import socket

from wait import SLOWNESS

RESUMABLE = {"Tus-Resumable": "1.0.0"}
PATCH_TYPE = {"Content-Type": "application/offset+octet-stream"}


def metadata(**pairs):
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())


class Tus:
    def __init__(self, address):
        self.address = address

    def request(self, method, path, headers=None, body=None):
        connection = http.client.HTTPConnection(*self.address, timeout=20 * SLOWNESS)
        try:
            connection.request(method, path, body, {**RESUMABLE, **(headers or {})})
            answer = connection.getresponse()
            answer.text = answer.read().decode()
            return answer
        finally:
            connection.close()

    def create(self, length, body=None, **pairs):
        headers = {"Upload-Length": str(length), "Upload-Metadata": metadata(**pairs)}
        if body is not None:
            headers.update(PATCH_TYPE)
        answer = self.request("POST", "/tus/", headers, body)
        assert answer.status == 201, answer.text
        return answer.headers["Location"]

    def offset(self, path):
        """Where to go on, or the status that says why not."""
        answer = self.request("HEAD", path)
        return int(answer.headers["Upload-Offset"]) if answer.status == 200 else -answer.status

    def patch(self, path, offset, body, **headers):
        return self.request("PATCH", path, {"Upload-Offset": str(offset), **PATCH_TYPE, **headers}, body)

    def begin_patch(self, path, offset, length):
        """A connection on which a PATCH of `length` bytes has been announced."""
        sock = socket.create_connection(self.address, timeout=20 * SLOWNESS)
        sock.sendall(f"PATCH {path} HTTP/1.1\r\nHost: {self.address[0]}\r\nTus-Resumable: 1.0.0\r\n"
                     f"Content-Type: application/offset+octet-stream\r\nUpload-Offset: {offset}\r\n"
                     f"Content-Length: {length}\r\n\r\n".encode())
        return sock
