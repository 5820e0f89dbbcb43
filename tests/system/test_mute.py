# SPDX-License-Identifier: MIT
"""`screenshare mute` and `unmute`: with an audio daemon of our own, which says what no other would,
and with the real one; and how `status` shows sound."""

import fcntl
import json
import os
import re
import socket
import struct
import threading

import pytest

from process import program, run_to_end
from screenshare import QUICK, Run, environment
from wait import wait_for

HELLO, SWITCH, STATE, REFUSED, SWITCHED = 1, 8, 65, 66, 68
PRESENCE, MUTED = 5, 19
INPUTS = ("desktop", "microphone")
PORT = 8001


def message(kind, *numbers, text=b""):
    body = struct.pack(f"={len(numbers)}I", *numbers) + text
    return struct.pack("=II", kind, len(body)) + body


class FakeRun:
    """The runtime folder of a `screenshare run` that is us: its lock, and the sockets of an audio
    daemon that answers as `answer` says (obey, silent, hang-up, or words to refuse with) and of a
    server that answers any question with `status`."""

    def __init__(self, folder, port=PORT, answer="obey", status=None):
        self.env = environment(folder)
        self.runtime = os.path.join(self.env["XDG_RUNTIME_DIR"], f"screenshare-{port}")
        os.mkdir(self.runtime, 0o700)
        self.lock = open(os.path.join(self.runtime, "lock"), "w")
        fcntl.lockf(self.lock, fcntl.LOCK_EX)
        self.answer, self.status = answer, status
        self.muted = {}
        self.sockets = [self._listen("audio.sock", socket.SOCK_SEQPACKET, self._be_daemon),
                        self._listen("control.sock", socket.SOCK_STREAM, self._be_server)]

    def _listen(self, name, kind, serve):
        listener = socket.socket(socket.AF_UNIX, kind)
        listener.bind(os.path.join(self.runtime, name))
        listener.listen(8)
        threading.Thread(target=self._accept, args=(listener, serve), daemon=True).start()
        return listener

    @staticmethod
    def _accept(listener, serve):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # closed
                return
            with connection:
                serve(connection)

    def _be_daemon(self, connection):
        if self.answer == "hang-up":
            return
        kind, length, version, stream = struct.unpack("=4I", connection.recv(70000))
        assert (kind, length, version, stream) == (HELLO, 8, 1, PRESENCE)
        words = b"All is muted"
        for _ in range(3):
            connection.send(message(STATE, MUTED, len(words), 0, text=words))
        kind, length, which, muted = struct.unpack("=4I", connection.recv(70000))
        assert (kind, length) == (SWITCH, 8)
        if self.answer == "obey":
            self.muted[INPUTS[which]] = bool(muted)
            connection.send(message(SWITCHED, which, muted))
        elif self.answer != "silent":
            words = self.answer.encode()
            connection.send(message(REFUSED, len(words), text=words))
        connection.recv(1)  # until the other side has gone

    def _be_server(self, connection):
        connection.makefile("rb").readline()
        connection.sendall(json.dumps({"ok": True, "status": self.status}).encode() + b"\n")

    def ask(self, *arguments):
        return run_to_end([program("screenshare"), *arguments], self.env)

    def end(self):
        for listener in self.sockets:
            listener.shutdown(socket.SHUT_RDWR)  # wakes whoever accepts
            listener.close()
        self.lock.close()


@pytest.fixture
def fake(folder):
    made = []

    def make(**more):
        made.append(FakeRun(folder, **more))
        return made[-1]
    yield make
    for one in made:
        one.end()


@pytest.mark.parametrize("arguments, muted, lines", [
    (["mute", "microphone"], {"microphone": True}, ["The microphone is muted"]),
    (["unmute", "microphone"], {"microphone": False}, ["The microphone is heard from now on"]),
    (["mute", "desktop"], {"desktop": True}, ["The desktop's sound is muted"]),
    (["unmute", "--port", str(PORT), "desktop"], {"desktop": False},
     ["The desktop's sound is heard from now on"]),
    (["mute", "all"], {"desktop": True, "microphone": True},
     ["The desktop's sound is muted", "The microphone is muted"]),
])
def test_what_the_daemon_has_done_is_said_in_a_line(fake, arguments, muted, lines):
    run = fake()
    assert run.ask(*arguments) == (0, "\n".join(lines), "")
    assert run.muted == muted


def one_line(result, status):
    """The only line of a command that failed."""
    assert result[0] == status and not result[1], result
    line, = result[2].splitlines()
    return line


def test_a_refusal_is_said_in_the_daemons_words(fake):
    run = fake(answer="it could not be remembered\u202e")
    line = one_line(run.ask("unmute", "microphone"), 1)
    assert "unmute the microphone" in line and "refused: it could not be remembered?" in line


@pytest.mark.parametrize("answer, words", [("silent", "does not answer"), ("hang-up", "ended before")])
def test_a_daemon_that_does_not_answer(fake, answer, words):
    run = fake(answer=answer)
    line = one_line(run.ask("mute", "desktop"), 1)
    assert "mute the desktop's sound" in line and words in line and "`screenshare run`" in line


def test_a_daemon_that_is_not_there(fake):
    run = fake()
    os.unlink(os.path.join(run.runtime, "audio.sock"))
    assert "is not there" in one_line(run.ask("mute", "desktop"), 1)


def test_nothing_shared(folder):
    env = environment(folder)
    for arguments in (["mute", "all"], ["unmute", "microphone", "--port", "8009"]):
        line = one_line(run_to_end([program("screenshare"), *arguments], env), 3)
        assert "screenshare run" in line


def test_which_of_several_runs(fake):
    first, second = fake(), fake(port=8002)
    assert "8001, 8002" in one_line(first.ask("mute", "desktop"), 2)
    assert first.ask("mute", "desktop", "--port", "8002")[0] == 0
    assert not first.muted and second.muted == {"desktop": True}


def test_usage_of_mute(fake):
    run = fake()
    for arguments in ([], ["camera"], ["desktop", "microphone"], ["--dance"], ["--port"],
                      ["desktop", "--port", "0"]):
        for command in ("mute", "unmute"):
            one_line(run.ask(command, *arguments), 2)
    assert not run.muted
    for command in ("mute", "unmute"):
        status, out, err = run.ask(command, "--help")
        assert status == 0 and f"screenshare {command} desktop|microphone|all" in out and not err


def test_the_real_daemon_answers(folder):
    """It obeys its own user, and keeps an open microphone no longer than `run` runs."""
    run = Run(folder, None, QUICK + "[screen]\nsource = pattern\n[audio]\ndesktop = null\n"
                                    "microphone = null\n")
    marker = os.path.join(run.env["XDG_RUNTIME_DIR"], f"screenshare-{run.address[1]}",
                          "unmute-microphone")
    for command, words, is_open in (("unmute", "The microphone is heard from now on", True),
                                    ("mute", "The microphone is muted", False)):
        status, out, err = run.ask(command, "microphone")
        assert (status, out) == (0, words), err
        with open(marker) as file:
            assert file.read() == (f"{os.geteuid()}\n" if is_open else "")
    wait_for(lambda: not run.children("screenshare-audio"), 5, "the daemon has gone again")


def stream(source, encoding, **more):
    entry = {"source": source, "stream": encoding, "state": "live", "words": "Sharing is live",
             "width": 0, "height": 0, "rate": 0.0, "frames": 0, "bytes": 0, "skipped": 0, "lapped": 0,
             "subscriptions": 1, "failures": 0, "viewers": 1, "dropped": 0}
    return {**entry, **more}


def test_status_shows_pictures_and_sound(fake):
    idle = {"state": "idle", "words": "Nobody watches, so nothing is captured", "viewers": 0}
    run = fake(status={
        "version": "0.1.0", "uptime_s": 61, "viewers": 3, "viewers_total": 5, "connections": 4,
        "urls": ["http://192.0.2.7:8001/", "http://laptop.local:8001/"],
        "streams": [
            stream("screen", "jpeg", width=1920, height=1080, rate=29.9, bytes=7100000),
            stream("camera", "jpeg", width=640, height=360, rate=15.0, bytes=123456, dropped=12),
            stream("audio", "pcm", width=48000, height=2, rate=100.0, bytes=1920000),
            stream("audio", "opus", bytes=960000, dropped=3, **idle)],
        "files": {"words": "Files are shared", "count": 2, "bytes": 1500000, "uploading": 1},
        "watching": [
            {"address": "192.0.2.20", "source": "screen", "kind": "socket", "user_agent": "Firefox/115", "rate": 29.7,
             "lag_ms": 40, "watching_ms": 192000},
            {"address": "192.0.2.21", "source": "audio", "kind": "wav", "user_agent": "", "rate": 100.0,
             "lag_ms": 0, "watching_ms": 4200}]})
    status, out, err = run.ask("status")
    assert status == 0 and not err
    assert out.splitlines() == [
        "Sharing for 1 min 1 s, version 0.1.0",
        "",
        "  http://192.0.2.7:8001/",
        "  http://laptop.local:8001/",
        "",
        "screen          live            Sharing is live",
        "                                1920 × 1080, 29.9 pictures a second, 7.1 MB so far",
        "camera          live            Sharing is live",
        "                                640 × 360, 15.0 pictures a second, 123.5 kB so far, 12 lost at the source",
        "audio (pcm)     live            Sharing is live",
        "                                1.9 MB so far",
        "files           2 files, 1.5 MB, 1 being received",
        "",
        "3 viewers now, 5 since the start",
        "  192.0.2.20    screen for 3 min 12 s, 29.7 pictures a second, 40 ms behind; Firefox/115",
        "  192.0.2.21    audio for 4 s, up to date; of no name"]


def test_status_keeps_to_the_width_and_tells_of_who_was_here(fake):
    run = fake(status={
        "version": "0.1.0", "uptime_s": 7200, "viewers": 0, "viewers_total": 0, "urls": [],
        "paused": True, "pause": {"by": "ada", "since": 1767225600},
        "visitor": {"ago_s": 3700, "address": "192.0.2.20"},
        "streams": [stream("screen", "jpeg", state="not-allowed",
                           words="The display :0 refuses this user: set XAUTHORITY, or permit the user \033[31m")],
        "files": {"words": "Files are shared", "count": 0}})
    run.env["COLUMNS"] = "60"
    status, out, err = run.ask("status")
    assert status == 0 and not err
    assert re.match(r"Paused by ada since 20\d\d-\d\d-\d\d \d\d:\d\d; `screenshare resume` goes on\nSharing for 2 h 0 min", out)
    assert out.splitlines()[4:] == [
        "screen          not-allowed     The display :0 refuses this",
        "                                user: set XAUTHORITY, or",
        "                                permit the user ?[31m",
        "files           Files are shared",
        "",
        "Nobody watches, 0 since the start; from another computer somebody came 1 h 1 min ago"]
