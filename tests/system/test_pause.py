# SPDX-License-Identifier: MIT
"""`screenshare pause` and `resume`: nothing of picture or sound leaves the computer in between."""

import itertools
import json
import os
import re
import signal
import socket
import struct
import threading
import time

import pytest

import jpeg
import web
from process import exists, program, run_to_end
from screenshare import QUICK, Httpd, Run, environment
from test_mute import one_line
from wait import slowness, stays, wait_for
from websocket import IS_STATE, SocketViewer

RED, GREEN = 0xD02020, 0x20C040
SOUND_LATE_MAX = 300 * 48 * 4  # bytes of 300 ms, which lie in our own socket at most
CONFIG = QUICK + ("[camera]\nsource = pattern\nwidth = 320\nheight = 240\n"
                  "[audio]\nsources = microphone\nmicrophone = tone\n")
# A microphone that hears a tone: a file without end would end, so it is read again and again.
TONE = 'pcm.tone { type file slave.pcm null file /dev/null infile "%s" format raw }\n'


@pytest.fixture
def shared(folder, x):
    """`run` of a red screen, a moving camera and a microphone that hears a rectangle."""
    asoundrc = os.path.join(folder, "asound.conf")
    with open(os.path.join(folder, "tone"), "wb") as file:
        file.write(struct.pack("<h", 8000) * 48000 * 2 * 120)
    with open(asoundrc, "w") as file:
        file.write("</usr/share/alsa/alsa.conf>\n" + TONE % os.path.join(folder, "tone"))
    x.painter.fill(RED)
    return Run(folder, x.display, CONFIG, ALSA_CONFIG_PATH=asoundrc)


def daemons(run):
    return [name for name in ("screen", "camera", "audio") if run.children(f"screenshare-{name}")]


def pause(run):
    """When it was acknowledged (CLOCK_MONOTONIC ns)."""
    assert run.ask("pause") == (0, "Sharing is paused", "")
    return time.monotonic_ns()


def resume(run):
    assert run.ask("resume") == (0, "Sharing goes on", "")
    return time.monotonic()


def after(at, seen, is_state, dated_ns):
    """What came after `at`, but for the first of it that had left before: it lay in our own sockets, and is
    dated before.  Once the state has come that is over."""
    return list(itertools.dropwhile(lambda one: not is_state(one) and dated_ns(one) < at,
                                    [one for one in seen if one.received_ns > at]))


def messages_after(at, seen):
    return after(at, seen, lambda message: message.flags & IS_STATE, lambda message: message.pts_us * 1000)


def parts_after(at, viewer):
    paused = viewer.newest.data
    return after(at, viewer.snapshot(), lambda part: part.data == paused,
                 lambda part: jpeg.stamp(part.data)[0])


class Wav:
    """A listener, which keeps the samples with the time at which they came."""

    def __init__(self, address):
        self.socket = socket.create_connection(address)
        self.socket.sendall(b"GET /audio_feed HTTP/1.1\r\nHost: %s:%d\r\n\r\n" %
                            (address[0].encode(), address[1]))
        self.pieces = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            while data := self.socket.recv(1 << 16):
                self.pieces.append((time.monotonic_ns(), data))
        except OSError:
            pass

    def bytes(self):
        return sum(len(data) for _, data in self.pieces)

    def is_heard_after(self, at_ns, late=0):
        """Anything but silence, behind the first `late` bytes."""
        data = b"".join(data for when, data in list(self.pieces) if when > at_ns)
        return bool(data[late:].strip(b"\0"))

    def end(self):
        self.socket.close()


def test_viewers_see_the_pause_and_then_the_screen_again(shared, x):
    viewers = [shared.view(), shared.view("/d_video?headers=full"), shared.view("/c_video")]
    sockets = [SocketViewer(shared.address, f"?picture={picture}&sound={sound}")
               for picture, sound in (("jpeg", "pcm"), ("delta", "opus"))]
    sockets.append(SocketViewer(shared.address, "?source=camera"))
    wav = Wav(shared.address)
    for viewer in viewers:
        viewer.wait_count(2 if "c_video" in str(viewer) else 1)
    for viewer in sockets:
        viewer.wait_pictures(1)
    wait_for(lambda: wav.is_heard_after(0) and wav.bytes() > 100000, 10, "sound")
    wait_for(lambda: daemons(shared) == ["screen", "camera", "audio"], 5, "all capture")

    at = pause(shared)
    x.painter.fill(GREEN)  # which nobody may see
    wait_for(lambda: daemons(shared) in (["screen"], []), 5, "nothing captures")
    for viewer in sockets:
        viewer.wait_state("picture", "paused")
    for viewer in sockets[:2]:
        viewer.wait_state("sound", "paused")
    n = wav.bytes()
    wait_for(lambda: wav.bytes() > n + 200000, 10, "silence goes on")
    for viewer in viewers:
        assert all(len(part.data) < 60000 and not part.shows(RED) for part in parts_after(at, viewer))
        assert not any(part.shows(GREEN) for part in viewer.snapshot())
        assert viewer.newest.data[:2] == b"\xff\xd8" and viewer.error is None
    for viewer in sockets:
        assert all(message.flags & IS_STATE for message in messages_after(at, viewer.pictures))
        assert viewer.pictures[-1].flags & IS_STATE and viewer.error is None
    assert not wav.is_heard_after(at, SOUND_LATE_MAX)
    for viewer in sockets[:2]:
        late = messages_after(at, viewer.sounds)
        assert late and all(m.flags & IS_STATE for m in late)
    answer = shared.get("/d.jpg")
    assert answer.status == 200 and answer.headers["x-screenshare-state"] == "paused"
    assert answer.body == viewers[0].newest.data

    began = resume(shared)
    for viewer in viewers[:2]:
        viewer.wait_colour(GREEN, deadline_s=2)
    assert time.monotonic() - began < 1 * slowness()
    wait_for(lambda: not any(viewer.pictures[-1].flags & IS_STATE for viewer in sockets), 3, "pictures")
    wait_for(lambda: wav.is_heard_after(int(began * 1e9)), 5, "sound")
    for viewer in [*viewers, *sockets, wav]:
        viewer.end()


def test_whoever_comes_meanwhile_sees_the_pause(shared):
    pause(shared)
    viewer = shared.view()
    viewer.wait_count(1)
    assert not viewer.newest.shows(RED)
    watcher = SocketViewer(shared.address, "?picture=delta&sound=pcm")
    watcher.wait_pictures(1)
    assert watcher.pictures[0].flags & IS_STATE
    watcher.wait_sounds(5)
    assert not any(message.data.strip(b"\0") for message in watcher.sounds)
    assert shared.status()["paused"] is True
    assert {entry["state"] for entry in shared.status()["streams"]} == {"paused"}
    assert "\nscreenshare_paused 1\n" in shared.get("/metrics").body.decode()
    assert "Sharing is paused" in shared.get("/").body.decode()
    status, out, _ = shared.ask("status")
    assert status == 0 and re.search(r"^Paused by \w+ since \d", out, re.M)
    stays(lambda: daemons(shared) in ([], ["screen"]), 0.5, "nothing captures")
    resume(shared)
    viewer.wait_colour(RED)
    assert shared.status()["paused"] is False and "Sharing is paused" not in shared.get("/").body.decode()
    viewer.end()
    watcher.end()


def test_files_go_on(shared):
    pause(shared)
    status, _, err = shared.ask("files", "add", shared.config_path)
    assert status == 0, err
    assert shared.get("/download/screenshare.conf").status == 200


def test_a_slow_viewer_gets_nothing_after_the_answer(folder, x):
    """What waits for it is thrown away, and its connection with it."""
    x.painter.noise(0)
    run = Run(folder, x.display)
    slow = run.view("/d_video?headers=full", bytes_per_s=30000)
    quick = run.view()
    wait_for(lambda: quick.count, 5, "a picture")
    for seed in range(20):
        x.painter.noise(seed)
    began = time.monotonic()
    pause(run)
    assert time.monotonic() - began < 3 * slowness()
    viewers = json.loads(run.ask("viewers", "--json")[1])["viewers"]
    assert len(viewers) == 1, "it was cut off before that"
    wait_for(lambda: slow.error, 5, "its connection is reset")
    assert isinstance(slow.error, ConnectionResetError) and quick.error is None
    slow.end()
    quick.end()


def test_nor_does_who_has_hung_up_with_a_picture_on_its_way(folder, x):
    """A connection that the server has closed is not left to the kernel, which would send what waits."""
    run = Run(folder, x.display)
    with web.ask_slowly(run.address, "/d_video") as slow:
        for seed in range(20):
            x.painter.noise(seed)
        viewers = lambda: json.loads(run.ask("viewers", "--json")[1])["viewers"]
        wait_for(lambda: viewers() and viewers()[0]["frames"] > 0, 5, "a picture is under way")
        slow.shutdown(socket.SHUT_WR)
        wait_for(lambda: not viewers(), 5, "it has hung up")
        pause(run)
        n = 0
        with pytest.raises(ConnectionResetError):
            while data := slow.recv(1 << 16):
                n += len(data)
        assert n < 100_000, n


def test_nor_does_who_fetches_a_single_picture_slowly(folder, x):
    """What is on its way when sharing is paused does not go on its way any more."""
    x.painter.noise(1)
    run = Run(folder, x.display)
    size = len(run.get("/d.jpg").body)
    with web.ask_slowly(run.address, "/d.jpg") as slow:
        assert slow.recv(100)
        pause(run)
        n = 0
        with pytest.raises(ConnectionResetError):
            while data := slow.recv(1 << 16):
                n += len(data)
        assert n < size / 2, (n, size)


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_no_crash_and_no_start_anew_undoes_it(folder, x, end):
    x.painter.fill(RED)
    run = Run(folder, x.display)
    viewer = run.view()
    viewer.wait_colour(RED)
    pause(run)
    if end == "kill":
        pid = run.httpd()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not exists(pid), 5, "httpd is dead")
        wait_for(lambda: pid not in run.children("screenshare-httpd") and
                 run.children("screenshare-httpd"), 5, "the next one")
        wait_for(lambda: answers(run), 5, "it answers")
    else:
        run.end()
        run = Run(folder, x.display)
    again = run.view()
    again.wait_count(1)
    assert run.status()["paused"] and not again.newest.shows(RED)
    assert run.log("Sharing is still paused, by")
    stays(lambda: not again.newest.shows(RED), 0.5, "it stays so")
    resume(run)
    again.wait_colour(RED)
    assert not os.path.exists(os.path.join(folder, "state", "paused"))
    again.end()
    viewer.end()


def answers(run):
    try:
        return run.get("/healthz").status == 200
    except OSError:
        return False


def test_what_cannot_be_written_down_is_paused_anyway(folder, x):
    x.painter.fill(RED)
    run = Run(folder, x.display)
    state = os.path.join(folder, "state")
    os.mkdir(os.path.join(state, "paused.new"))  # which no file can take the place of
    viewer = run.view()
    viewer.wait_colour(RED)
    status, out, err = run.ask("pause")
    assert (status, out) == (1, "Sharing is paused") and "could not be written down" in err
    viewer.wait_newest(lambda part: not part.shows(RED), 2, "the pause")
    assert len(run.log("Could not write down")) == 1
    os.rmdir(os.path.join(state, "paused.new"))
    assert run.ask("pause") == (0, "Sharing is paused", "")  # tried again
    assert os.path.exists(os.path.join(state, "paused"))
    resume(run)
    viewer.wait_colour(RED)
    viewer.end()


@pytest.mark.parametrize("content", [b"", b"\xff\x00\nuid x\n", b"x" * 5000])
def test_a_mark_that_cannot_be_understood_is_a_pause(folder, content):
    state = os.path.join(folder, "state-home")
    os.makedirs(state)
    with open(os.path.join(state, "paused"), "wb") as file:
        file.write(content)
    httpd = Httpd(folder)
    assert httpd.status()["paused"]
    viewer = httpd.view()
    viewer.wait_count(1)
    viewer.end()


def test_the_last_word_counts(shared):
    words = ["pause", "resume"] * 4 + ["pause"]
    for word in words:
        assert shared.ask(word)[0] == 0
    assert shared.status()["paused"]
    assert len(shared.log("Sharing was paused by")) == 5
    results = []
    threads = [threading.Thread(target=lambda w=word: results.append(shared.ask(w)[0]))
               for word in ("resume", "pause", "resume", "resume", "pause", "pause")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [0] * 6
    is_paused = shared.status()["paused"]
    assert os.path.exists(os.path.join(shared.folder, "state", "paused")) == is_paused


def test_usage(folder):
    env = environment(folder)
    for command in ("pause", "resume"):
        assert "screenshare run" in one_line(run_to_end([program("screenshare"), command], env), 3)
        for arguments in (["now"], ["--dance"], ["--port"], ["--port", "0"]):
            one_line(run_to_end([program("screenshare"), command, *arguments], env), 2)
        status, out, err = run_to_end([program("screenshare"), command, "--help"], env)
        assert status == 0 and f"screenshare {command}" in out and not err
    assert "  pause " in run_to_end([program("screenshare"), "--help"], env)[1]
