# SPDX-License-Identifier: MIT
"""Sounds that can be found again: who plays them, and where they are in what was recorded."""

import ctypes
import threading
import time

import numpy

from wait import wait_for

RATE, CHANNELS = 48000, 2
BLOCK = 480  # frames that are played at once
S16LE, PLAYBACK = 3, 1
OPUS_MAX_FRAMES = 5760


def chirp(low=500, high=6000, frames=2400, peak=0.5):
    """A sweep of 50 ms: its correlation with itself is a peak of a fraction of a millisecond."""
    t = numpy.arange(frames) / RATE
    sweep = numpy.sin(2 * numpy.pi * (low * t + (high - low) * t * t * RATE / (2 * frames)))
    return sweep * numpy.hanning(frames) * peak


CHIRP = chirp()
OTHER_CHIRP = chirp(8000, 1500)


class _Spec(ctypes.Structure):
    _fields_ = [("format", ctypes.c_int), ("rate", ctypes.c_uint32), ("channels", ctypes.c_uint8)]


class _Buffer(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in
                ("maxlength", "tlength", "prebuf", "minreq", "fragsize")]


class Player:
    """Plays silence on a sink, and a sound in it whenever asked; `played` holds when each began to
    be heard (CLOCK_MONOTONIC ns), as the sound server says."""

    def __init__(self, server, sink=None, sound=CHIRP):
        self.library = ctypes.CDLL("libpulse-simple.so.0")
        self.library.pa_simple_new.restype = ctypes.c_void_p
        self.library.pa_simple_get_latency.restype = ctypes.c_uint64
        self.played = []
        self.error = None
        samples = numpy.clip(sound * 32767, -32768, 32767).astype("<i2")
        self._sound = numpy.repeat(samples, CHANNELS).tobytes()
        self._wanted = 0
        self._is_over = False
        self._is_constant = False
        self._is_quiet = threading.Event()
        error = ctypes.c_int(0)
        spec, unset = _Spec(S16LE, RATE, CHANNELS), 0xffffffff
        buffer = _Buffer(unset, RATE * CHANNELS * 2 // 50, unset, unset, unset)
        self._stream = self.library.pa_simple_new(
            server.encode(), b"screenshare tests", PLAYBACK, sink.encode() if sink else None,
            b"chirps", ctypes.byref(spec), None, ctypes.byref(buffer), ctypes.byref(error))
        assert self._stream, f"a player of {server}: error {error.value}"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        stream, error = ctypes.c_void_p(self._stream), ctypes.c_int(0)
        pending = b""
        silence = bytes(BLOCK * CHANNELS * 2)
        while not self._is_over:
            if not pending and (self._wanted > 0 or self._is_constant):
                latency_us = self.library.pa_simple_get_latency(stream, ctypes.byref(error))
                self.played.append(time.monotonic_ns() + latency_us * 1000)
                if not self._is_constant:
                    self._wanted -= 1
                pending = self._sound
            if not pending:
                self._is_quiet.set()
            block = pending[:len(silence)] or silence
            pending = pending[len(silence):]
            if self.library.pa_simple_write(stream, block, len(block), ctypes.byref(error)) < 0:
                self.error = error.value  # the server is gone
                break
        self.library.pa_simple_free(stream)

    def play(self):
        """Once, from the next block on."""
        self._wanted += 1

    def play_on(self, on=True):
        """Again and again, without a pause; or no more, and what was begun has been played."""
        self._is_constant = on
        self._is_quiet.clear()
        if not on:
            wait_for(lambda: self._is_quiet.is_set() or not self._thread.is_alive(), 5, "the end of the sound")

    def end(self):
        self._is_over = True
        self._thread.join(10)


# --- what was recorded ---


def samples_of(records):
    """The left channel of records of pcm, as floats."""
    data = b"".join(record.data for record in records)
    return numpy.frombuffer(data, "<i2").reshape(-1, CHANNELS)[:, 0] / 32768


def find(signal, sound=CHIRP, threshold=0.5):
    """Where the sound begins in the signal: the frames' indices."""
    if len(signal) < len(sound):
        return []
    size = 1 << int(numpy.ceil(numpy.log2(len(signal) + len(sound))))
    product = numpy.fft.irfft(numpy.fft.rfft(signal, size) * numpy.conj(numpy.fft.rfft(sound, size)))
    match = product[:len(signal)] / numpy.dot(sound, sound)
    found = []
    while len(match) and (best := int(numpy.argmax(match))) is not None and match[best] > threshold:
        found.append(best)
        match[max(0, best - len(sound)):best + len(sound)] = 0
    return sorted(found)


def dates_of(records, sound=CHIRP, threshold=0.5):
    """(pts_ns, seen_ns) of each occurrence: when it began by its records' pts, and when the record
    with its begin was seen."""
    found = []
    for index in find(samples_of(records), sound, threshold):
        record = records[index // BLOCK]
        found.append((record.pts_ns + index % BLOCK * 1_000_000_000 // RATE, record.seen_ns))
    return found


def decode_opus(packets):
    """The left channel of a row of Opus packets, as floats."""
    library = ctypes.CDLL("libopus.so.0")
    library.opus_decoder_create.restype = ctypes.c_void_p
    error = ctypes.c_int(0)
    decoder = ctypes.c_void_p(library.opus_decoder_create(RATE, CHANNELS, ctypes.byref(error)))
    out = (ctypes.c_int16 * (OPUS_MAX_FRAMES * CHANNELS))()
    pieces = []
    for packet in packets:
        n = library.opus_decode(decoder, packet, len(packet), out, OPUS_MAX_FRAMES, 0)
        assert n == RATE // 50, f"opus_decode of {len(packet)} bytes: {n}"
        pieces.append(numpy.frombuffer(out, "<i2", n * CHANNELS).copy())
    library.opus_decoder_destroy(decoder)
    return numpy.concatenate(pieces).reshape(-1, CHANNELS)[:, 0] / 32768


def wait_found(subscriber, since, sound=CHIRP, deadline_s=5, threshold=0.5):
    """(pts_ns, seen_ns) of the first occurrence in the records from index `since` on."""
    def look():
        return dates_of(subscriber.records[since:], sound, threshold)
    return wait_for(look, deadline_s, "the sound in the records")[0]
