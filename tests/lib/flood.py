# SPDX-License-Identifier: MIT
"""A program that floods a capture socket, in a process of its own: python3 flood.py PATH KIND.

It says READY when it is at it, and goes on until it is ended."""

import os
import socket
import struct
import sys

HELLO, KEY_FRAME, RATE, VIEWERS, SWITCH = 1, 2, 5, 7, 8
JPEG, PCM, PRESENCE = 0, 3, 5


def message(kind, *numbers, text=b""):
    body = struct.pack(f"={len(numbers)}I", *numbers) + text
    return struct.pack("=II", kind, len(body)) + body


def connect(path, stream=None):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(path)
    if stream is not None:
        connection.send(message(HELLO, 1, stream))
    return connection


def for_ever(path, step):
    """Whatever a step ends with, the next one begins; READY once it has gone round for a while."""
    n = 0
    while True:
        try:
            step()
        except OSError:
            pass
        n += 1
        if n == 20:
            print("READY", flush=True)  # … and says no more


def repeat(path, stream, *messages):
    """The same over and over on one connection, and on the next when that has been shut."""
    state = {}

    def step():
        if "connection" not in state:
            state["connection"] = connect(path, stream)
            state["connection"].settimeout(1)
        try:
            for _ in range(100):
                for one in messages:
                    state["connection"].send(one)
        except TimeoutError:
            pass
        except OSError:
            del state["connection"]
            raise
    return step


def hold(path, stream):
    """As many connections as there can be, which say no more than they must."""
    held = []

    def step():
        for one in list(held):
            try:
                if one.recv(1 << 17, socket.MSG_DONTWAIT) == b"":
                    held.remove(one)
            except BlockingIOError:
                pass
            except OSError:
                held.remove(one)
        if len(held) < 200:
            held.append(connect(path, stream))
    return step


def come_and_go(path):
    def step():
        connect(path).close()
    return step


def main():
    path, kind = sys.argv[1:]
    is_sound = path.endswith("audio.sock")
    stream = PCM if is_sound else JPEG
    lines = b"\n".join(b"%d: screen" % n for n in range(12))
    steps = {
        "garbage": lambda: repeat(path, None, os.urandom(60000)),
        "silent": lambda: hold(path, None),
        "subscribers": lambda: hold(path, stream),
        "presence": lambda: hold(path, PRESENCE),
        "come-and-go": lambda: come_and_go(path),
        "key-frames": lambda: repeat(path, stream, message(KEY_FRAME)),
        "rates": lambda: repeat(path, stream, message(RATE, 30000), message(RATE, 60000)),
        "switches": lambda: repeat(path, PRESENCE, message(SWITCH, 1, 1), message(SWITCH, 1, 0)),
        "viewers": lambda: repeat(path, PRESENCE, message(VIEWERS, 1, 0, len(lines), text=lines)),
    }
    for_ever(path, steps[kind]())


if __name__ == "__main__":
    main()
