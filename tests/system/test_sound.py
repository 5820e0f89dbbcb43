# SPDX-License-Identifier: MIT
"""What httpd makes of sound whose every sample is known: none missing, none twice, none late."""

import io
import os
import socket
import struct
import threading
import time

import pytest
from PIL import Image

from fake_sound import LIVE, MUTED, UNPLUGGED, FakeSound, number_of, numbered
from screenshare import Httpd
from wait import slowness, stays, wait_for
from websocket import IS_STATE, OPUS, PCM, SocketViewer

RECORD = 1920


class WavListener:
    """Reads /audio_feed as long as it is told to."""

    def __init__(self, address, path="/audio_feed", receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(30)
        self.socket.connect(address)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self.data, self.head = bytearray(), None
        self.error, self.is_ending = None, False
        self.may_read = threading.Event()
        self.may_read.set()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        buffer = bytearray()
        try:
            while True:
                self.may_read.wait()
                piece = self.socket.recv(4096)
                if not piece:
                    raise EOFError("closed")
                if self.head is None:
                    buffer += piece
                    if (at := buffer.find(b"\r\n\r\n")) >= 0:
                        self.head = buffer[:at].decode()
                        self.data += buffer[at + 4:]
                else:
                    self.data += piece
        except (OSError, EOFError) as error:
            if not self.is_ending:
                self.error = error

    def records(self):
        """The number of each whole record that has come; 0: silence."""
        data = bytes(self.data[44:])
        return [number_of(data, at) for at in range(0, len(data) - RECORD + 1, RECORD)]

    def wait_records(self, count, deadline_s=10):
        wait_for(lambda: len(self.data) >= 44 + count * RECORD or self.error, deadline_s,
                 f"{count} records of WAV")
        assert self.error is None, self.error

    def end(self):
        self.is_ending = True
        self.socket.close()


def gaps(numbers):
    return [(a, b) for a, b in zip(numbers, numbers[1:]) if b != a + 1]


@pytest.fixture
def httpd(folder):
    return Httpd(folder)


@pytest.fixture
def sound(httpd):
    fake = FakeSound(os.path.join(httpd.runtime, "audio.sock"))
    yield fake
    fake.stop()


def test_wav_begins_at_live_and_misses_nothing(httpd, sound):
    first = WavListener(httpd.address)
    first.wait_records(100)
    live = sound.sequence
    second = WavListener(httpd.address)
    second.wait_records(50)
    assert "Content-Type: audio/wav\r\n" in first.head and "Content-Length" not in first.head
    head = bytes(first.data[:44])
    assert head[:4] == b"RIFF" and head[8:16] == b"WAVEfmt "
    assert struct.unpack("<IHHIIHH", head[16:36]) == (16, 1, 2, 48000, 192000, 4, 16)
    assert struct.unpack("<I", head[4:8]) == struct.unpack("<I", head[40:44]) == (0xffffffff,)
    for listener in (first, second):
        numbers = listener.records()
        assert not gaps(numbers), gaps(numbers)
        # Every sample, not only the first of each record.
        data = bytes(listener.data[44:44 + RECORD * 20])
        assert data == b"".join(numbered(n) for n in numbers[:20])
        listener.end()
    assert second.records()[0] >= live


def test_a_listener_that_stalls_goes_on_at_live(httpd, sound):
    """Beyond what its own computer holds at most 300 ms wait for it, then sound is left out whole."""
    quick = WavListener(httpd.address)
    slow = WavListener(httpd.address, receive_buffer=4096)
    slow.wait_records(20)
    slow.may_read.clear()
    stalled_at = sound.sequence
    wait_for(lambda: sound.sequence > stalled_at + 300, 10, "three seconds of sound")
    resumed_at = sound.sequence
    slow.may_read.set()
    wait_for(lambda: slow.records()[-1] >= resumed_at, 10, "sound of after the stall")
    wait_for(lambda: slow.records()[-1] >= sound.sequence - 10, 5, "it keeps up")
    numbers = slow.records()
    jumps = gaps(numbers)
    before, after = max(jumps, key=lambda jump: jump[1] - jump[0])
    assert after - before > 200, jumps
    # What it still got of the past was what had been under way.
    assert before - stalled_at < 100, (jumps, stalled_at)
    assert not gaps(quick.records()), "another listener has noticed"
    quick.end()
    slow.end()


def test_silence_while_the_daemon_is_away_then_sound_within_a_second(httpd, sound):
    listener = WavListener(httpd.address)
    viewer = SocketViewer(httpd.address, "?picture=none&sound=pcm")
    listener.wait_records(50)
    viewer.wait_sounds(50)
    for _ in range(3):
        sound.stop()
        n = len(listener.records())
        listener.wait_records(n + 40, 3)
        silent = listener.records()[-10:]
        assert silent == [0] * 10, silent
        back_at = time.monotonic()
        sound.start()
        first = sound.sequence
        wait_for(lambda: listener.records()[-1] > first, 1, "sound again")
        assert time.monotonic() - back_at < slowness()
    # Never stalled and never fast: as many samples as there was time, on a clock without a hole.
    # (Each start tries the daemon's own clock anew: a record more or less.)
    sounds = list(viewer.sounds)
    span_ms = (sounds[-1].pts_us - sounds[0].pts_us) / 1000
    assert abs(span_ms - 10 * (len(sounds) - 1)) < 60, (span_ms, len(sounds))
    assert [b.sequence - a.sequence for a, b in zip(sounds, sounds[1:])] == [1] * (len(sounds) - 1)
    assert all(m.flags & IS_STATE for m in sounds if m.data == bytes(RECORD))
    assert listener.error is None and viewer.error is None
    listener.end()
    viewer.end()


def test_sound_without_any_daemon_is_silence(folder):
    httpd = Httpd(folder)
    listener = WavListener(httpd.address)
    listener.wait_records(100)
    assert set(listener.records()) == {0}
    words = wait_for(lambda: (s := httpd.stream("audio", "pcm"))["state"] == "not-answering" and s["words"],
                     5, "not-answering")
    assert words == "The audio daemon does not answer"
    listener.end()


def test_fifty_viewers_miss_no_sample(httpd, sound):
    """For a minute in the bench; here for as long as it takes to have heard two seconds."""
    viewers = [SocketViewer(httpd.address, "?picture=none&sound=pcm", keep_data=False) for _ in range(50)]
    for viewer in viewers:
        viewer.wait_sounds(200, 20)
    for viewer in viewers:
        numbers = [m.sequence for m in viewer.sounds]
        assert not gaps(numbers), gaps(numbers)
        pts = [m.pts_us for m in viewer.sounds]
        assert all(abs(b - a - 10000) < 2000 for a, b in zip(pts, pts[1:]))
        viewer.end()


def test_state_and_losses_are_told(httpd, sound):
    viewer = SocketViewer(httpd.address, "?picture=none&sound=pcm")
    assert viewer.wait_state("sound", "live")["words"] == "Numbers"
    sound.tell(MUTED, b"The sound is muted, and this is why")
    assert viewer.wait_state("sound", "muted")["words"] == "The sound is muted, and this is why"
    assert httpd.stream("audio", "pcm")["state"] == "muted"
    sound.tell_dropped(7)
    wait_for(lambda: httpd.stream("audio", "pcm")["dropped"] == 7, 3, "seven are lost")
    sound.stop()
    sound.start()
    wait_for(lambda: sound.n_subscriptions == 2, 3, "a second subscription")
    sound.tell_dropped(2)
    wait_for(lambda: httpd.stream("audio", "pcm")["dropped"] == 9, 3, "seven and two")
    assert 'screenshare_stream_dropped_total{source="audio",stream="pcm"} 9' in \
        httpd.get("/metrics").body.decode()
    viewer.end()


LIES = {
    "a record that is too short": dict(make=lambda n: bytes(1916)),
    "a record that is too long": dict(make=lambda n: bytes(1924)),
    "a picture in a stream of sound": dict(make=lambda n: b"\xff\xd8\xff" + bytes(1917), kind=1),
    "another rate": dict(width=44100),
    "another number of channels": dict(height=1),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_is_no_sound_is_refused(folder, lie):
    httpd = Httpd(folder)
    path = os.path.join(httpd.runtime, "audio.sock")
    liar = FakeSound(path, **LIES[lie])
    viewer = SocketViewer(httpd.address, "?picture=none&sound=pcm")
    words = viewer.wait_state("sound", "broken")["words"]
    assert words == "The audio daemon was dropped: a record of its ring is no sound"
    wait_for(lambda: len(viewer.sounds) > 20, 5, "silence instead")
    assert all(m.flags & IS_STATE for m in viewer.sounds)
    liar.stop()
    honest = FakeSound(path)
    wait_for(lambda: not viewer.sounds[-1].flags & IS_STATE, 5, "the truth is heard")
    viewer.end()
    honest.stop()


def test_opus_packets_are_handed_on_as_they_are(folder):
    httpd = Httpd(folder)
    packet = bytes([0xfc]) + os.urandom(200)
    sound = FakeSound(os.path.join(httpd.runtime, "audio.sock"), make=lambda n: packet, period_s=0.02)
    viewer = SocketViewer(httpd.address, "?picture=none&sound=opus")
    wait_for(lambda: any(m.data == packet for m in viewer.sounds), 5, "a packet")
    assert {m.kind for m in viewer.sounds} == {OPUS}
    sound.stop()
    n = len(viewer.sounds)
    viewer.wait_sounds(n + 20)
    assert viewer.sounds[-1].data == b"\xfc\xff\xfe" and viewer.sounds[-1].flags & IS_STATE
    viewer.say({"type": "set", "sound": "pcm"})
    wait_for(lambda: viewer.sounds[-1].kind == PCM, 5, "the other kind")
    viewer.end()


def test_a_state_is_not_covered_by_a_picture_of_before_it(folder):
    """The ring's wake-up may come after the state that was told after it (seen: once in a hundred)."""
    def picture(rgb):
        out = io.BytesIO()
        Image.new("RGB", (64, 48), rgb).save(out, "JPEG")
        return out.getvalue()
    httpd = Httpd(folder)
    live, words = picture((0, 200, 0)), picture((200, 0, 0))
    daemon = FakeSound(httpd.capture_path, make=lambda n: live, period_s=3600, kind=1, width=64, height=48)
    viewer = httpd.view()
    viewer.wait_newest(lambda part: part.data == live, 5)
    for n in range(80):  # two messages each: 200 in a second would be a flood
        daemon.ring.publish(live, 10 + n, time.monotonic_ns(), kind=1, width=64, height=48)
        daemon.tell(UNPLUGGED, b"It is unplugged", words)
        viewer.wait_newest(lambda part: part.data == words, 3, "the words")
        daemon.tell(LIVE, b"It is back")
    viewer.end()
    daemon.is_running = False  # its thread sleeps for an hour


def test_nobody_listens_and_nothing_is_captured(folder):
    httpd = Httpd(folder, "[http]\ngrace_s = 0\n")
    sound = FakeSound(os.path.join(httpd.runtime, "audio.sock"))
    listener = WavListener(httpd.address)
    listener.wait_records(10)
    listener.end()
    wait_for(lambda: httpd.stream("audio", "pcm")["state"] == "idle", 5, "idle")
    stays(lambda: sound.n_subscriptions == 1, 0.3, "nobody subscribes")
    sound.stop()
