# SPDX-License-Identifier: MIT
"""The WebSocket of doc/protocol.md, as a viewer that keeps up, one that is slow, and one that lies."""

import json
import os
import socket
import struct
import time

import pytest

import jpeg
from screenshare import QUICK, Run
from wait import SLOWNESS, slowness, wait_for
from websocket import (BINARY, CLOSE, IS_KEY, IS_STATE, JPEG, PING, PONG, SocketViewer, WebSocket,
                       frame, left_out)

PATTERN = ("[screen]\nsource = pattern\npattern_width = 320\npattern_height = 200\n"
           "[camera]\nsource = pattern\nwidth = 160\nheight = 120\n")


@pytest.fixture
def run(folder):
    return Run(folder, None, QUICK + PATTERN)


def test_pictures_are_whole_numbered_and_dated(run):
    viewer = SocketViewer(run.address)
    viewer.wait_pictures(60)
    now_us = time.monotonic_ns() // 1000
    assert viewer.hello["source"] == "screen" and viewer.hello["protocol"] == 1
    assert abs(viewer.hello["clock"]["now_us"] - now_us) < 10e6 * SLOWNESS
    assert viewer.wait_state("picture", "live")["words"] == "Test picture, 320x200"
    live = [m for m in viewer.pictures if not m.flags & IS_STATE]
    for message in live:
        assert message.kind == JPEG and message.flags == IS_KEY and message.base == 0
        assert (message.width, message.height) == (320, 200) == jpeg.size(message.data)
        # The head's time is the picture's own, to the microsecond.
        assert message.pts_us == jpeg.stamp(message.data)[0] // 1000
    steps = [b.sequence - a.sequence for a, b in zip(live, live[1:])]
    assert min(steps) == 1 and sum(steps) < 1.5 * len(steps), steps
    assert all(a.pts_us < b.pts_us for a, b in zip(live, live[1:]))
    viewer.end()


def test_a_slow_viewer_sees_what_is_new_and_a_fast_one_loses_nothing(run):
    """12 pictures a second: at most 200 ms behind what is there (doc/protocol.md)."""
    fast = SocketViewer(run.address, "?id=1")
    slow = SocketViewer(run.address, "?id=2", draw_s=1 / 12)
    slow.wait_pictures(45, 20)
    behind_ms = sorted((m.drawn_ns / 1e3 - m.pts_us) / 1e3 for m in slow.drawn[8:])
    assert len(behind_ms) >= 30
    assert behind_ms[len(behind_ms) * 95 // 100] < 200 * slowness(), behind_ms
    # It is served at its own pace, not in bursts.
    duration_s = (slow.drawn[-1].drawn_ns - slow.drawn[8].drawn_ns) / 1e9
    assert len(slow.drawn[8:]) / duration_s > 9 / slowness()
    # Where this program was late, it was slow itself; where the server was, the newest counts.
    assert left_out(fast.pictures, JPEG) < 0.1 * len(fast.pictures)
    assert run.get("/alive?id=2").body and json.loads(run.get("/alive?id=2").body)["alive"]
    status, out, _ = run.ask("viewers")
    assert status == 0 and out.count("(socket)") == 2, out
    fast.end()
    slow.end()


def test_two_pictures_are_under_way_to_who_never_says_drawn(run):
    silent = WebSocket(run.address)
    other = SocketViewer(run.address)
    pictures = 0
    silent.send({"type": "ping", "t": 0})
    while True:
        opcode, payload = silent.receive()
        pictures += opcode == BINARY
        if opcode == 1 and b'"t":30' in payload:
            break
        if opcode == 1 and b"pong" in payload:
            seen = len(other.pictures)
            wait_for(lambda: len(other.pictures) > seen, 5, "another picture for the other")
            silent.send({"type": "ping", "t": json.loads(payload)["t"] + 1})
    assert pictures == 2
    other.end()
    silent.close()


def test_what_is_sent_can_be_changed(run):
    viewer = SocketViewer(run.address, "?source=camera&picture=none")
    assert viewer.hello is None or viewer.hello["picture"] == "none"
    viewer.say({"type": "set", "picture": "jpeg"})
    viewer.wait_state("picture", "live")
    viewer.wait_pictures(5)
    assert (viewer.pictures[-1].width, viewer.pictures[-1].height) == (160, 120)
    viewer.say({"type": "set", "picture": "none"})
    wait_for(lambda: run.stream("camera")["viewers"] == 0, 5, "nobody wants the camera's pictures")
    viewer.say({"type": "set"})
    viewer.say({"type": "set", "picture": "jpeg", "sound": "pcm"})
    n = len(viewer.pictures)
    viewer.wait_pictures(n + 5)
    wait_for(lambda: viewer.sounds, 5, "sound")
    assert viewer.error is None
    viewer.end()


def test_pings_are_answered(run):
    socket_ = WebSocket(run.address, "?picture=none")
    hello = socket_.receive_json("hello")
    socket_.send({"type": "ping", "t": 12.5})
    pong = socket_.receive_json("pong")
    assert pong["t"] == 12.5 and pong["now_us"] >= hello["clock"]["now_us"]
    socket_.send_raw(frame(b"still there?", opcode=PING))
    assert socket_.receive() == (PONG, b"still there?")
    socket_.close()


FORGED = {
    "not masked": (frame(b"{}", masked=False), 1002),
    "a reserved bit": (frame(b"{}", rsv=4), 1002),
    "a reserved opcode": (frame(b"{}", opcode=3), 1002),
    "a continuation of nothing": (frame(b"x", opcode=0), 1002),
    "a ping that is too long": (frame(b"x" * 126, opcode=PING), 1002),
    "a ping in fragments": (frame(b"x", opcode=PING, fin=False), 1002),
    "half a code in a close": (frame(b"\x03", opcode=CLOSE), 1002),
    "a length beyond 63 bits": (frame(b"x" * 10, length=1 << 63), 1002),
    "binary": (frame(b"abc", opcode=BINARY), 1003),
    "no UTF-8": (frame(b"\xff\xfe"), 1007),
    "no JSON": (frame(b"hello"), 1007),
    "an unknown type": (frame(b'{"type":"draw"}'), 1008),
    "an unknown stream": (frame(b'{"type":"set","sound":"mp3"}'), 1008),
    "a flood": (frame(b'{"type":"ping","t":1}') * 600, 1008),
    "a message that is too long": (frame(b"x" * 4097), 1009),
    "a length that lies": (frame(b"x" * 100, length=1 << 62), 1009),
    "long fragments": (frame(b"x" * 2048, fin=False) + frame(b"x" * 2049, opcode=0, fin=False), 1009),
    "fragments without end": (frame(b"", fin=False) + frame(b"", opcode=0, fin=False) * 80, 1009),
    "goodbye": (frame(struct.pack(">H", 1000), opcode=CLOSE), 1000),
}


def test_forged_frames_are_closed_with_the_code_that_says_why(run):
    watch = SocketViewer(run.address)
    watch.wait_pictures(10)
    wrong = []
    for name, (data, code) in FORGED.items():
        socket_ = WebSocket(run.address, "?picture=none")
        socket_.send_raw(data)
        closed = socket_.receive_close()
        if closed != code:
            wrong.append(f"{name}: {closed} instead of {code}")
        with pytest.raises((EOFError, OSError)):
            socket_.receive()  # and then the connection ends
        socket_.close()
    assert not wrong, wrong
    n = len(watch.pictures)
    watch.wait_pictures(n + 10)
    assert watch.error is None
    watch.end()


def test_a_fragment_that_is_never_finished_is_given_up(run):
    socket_ = WebSocket(run.address, "?picture=none")
    began = time.monotonic()
    socket_.send_raw(frame(b"x", fin=False))
    assert socket_.receive_close() == 1008
    assert 4.5 < time.monotonic() - began < 8 * SLOWNESS
    socket_.close()


def test_a_fragment_that_trickles_is_given_up_as_well(run):
    """Each bit of it moved the deadline: a message could take for ever."""
    socket_ = WebSocket(run.address, "?picture=none", timeout_s=1)
    began = time.monotonic()
    socket_.send_raw(frame(b"x", fin=False))
    bits = iter([frame(b"", PING), *[bytes([byte]) for byte in frame(b"y" * 20, opcode=0)]])
    code = None
    while code is None and time.monotonic() - began < 8 * SLOWNESS:
        try:
            code = socket_.receive_close()
        except TimeoutError:
            socket_.send_raw(next(bits))
    assert code == 1008 and time.monotonic() - began > 4.5
    socket_.close()


def test_handshakes_that_are_none(run):
    own = "http://%s:%d" % run.address
    for headers, status in (
            ({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403),
            ({"Sec-Fetch-Site": "cross-site"}, 403), ({"Host": "evil.example"}, 421),
            ({"Upgrade": None}, 426), ({"Connection": "close"}, 426),
            ({"Sec-WebSocket-Version": "8"}, 426), ({"Sec-WebSocket-Key": None}, 400),
            ({"Sec-WebSocket-Key": "c2hvcnQ="}, 400), ({"Origin": own}, 101),
            ({"Connection": "Upgrade", "Upgrade": "WebSocket"}, 101)):
        WebSocket(run.address, headers=headers, expect=status).close()
    WebSocket(run.address, "?source=%73%63reen&picture=%64elta&sound=%6Fpus").close()
    for query in ("?picture=gif", "?source=audio", "?sound=mp3", "?id=x", "?source=screen&source=camera"):
        WebSocket(run.address, query, expect=400).close()
    # A HEAD of it, and another method.
    assert run.get("/ws", method="HEAD").status == 405
    assert run.get("/ws").status == 426


def test_what_is_said_before_the_handshakes_answer_is_heard(run):
    """It was lost, and half a message desynchronised the rest."""
    early, late = frame(b'{"type":"ping","t":1}'), frame(b'{"type":"ping","t":2}')
    with socket.create_connection(run.address, 5) as raw:
        raw.sendall(b"GET /ws?picture=none HTTP/1.1\r\n" + f"Host: {run.address[0]}\r\n".encode() +
                    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" + early + late[:9])
        raw.sendall(late[9:])
        came = b""
        while came.count(b'"pong"') < 2:
            assert (data := raw.recv(4096)), came
            came += data
    assert came.startswith(b"HTTP/1.1 101 ") and came.index(b'"t":1,') < came.index(b'"t":2,')


def test_the_server_says_goodbye(run):
    socket_ = WebSocket(run.address, "?picture=none")
    socket_.receive_json("hello")
    os.kill(run.httpd(), 15)
    assert socket_.receive_close() == 1001
    socket_.close()


def test_kills_of_the_daemon_leave_the_connection(run):
    viewer = SocketViewer(run.address)
    for _ in range(5):
        n = len(viewer.pictures)
        viewer.wait_pictures(n + 5)
        os.kill(run.wait_daemon(), 9)
        killed = time.monotonic()
        n = len(viewer.pictures)
        viewer.wait_pictures(n + 3)
        assert time.monotonic() - killed < slowness()
    assert viewer.error is None
    viewer.end()


def test_who_takes_nothing_is_closed(folder):
    run = Run(folder, None, "[http]\ngrace_s = 1\nstall_timeout_s = 1\n[screen]\nsource = pattern\n"
              "pattern_width = 1920\npattern_height = 1080\n")
    deaf = WebSocket(run.address, receive_buffer=4096)
    # It says that it has drawn what it never reads, so that there is always more for it.
    began = time.monotonic()
    with pytest.raises(OSError):
        while time.monotonic() - began < 20:
            deaf.send({"type": "drawn", "sequence": int((time.monotonic() - began) * 30) + 1})
            time.sleep(0.03)  # its pace
    assert run.status()["viewers"] == 0
    deaf.close()
