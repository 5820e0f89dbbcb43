# SPDX-License-Identifier: MIT
"""A wave of clicks that tell which they are, and where they are found again in a recording."""

import numpy

from processes import BenchError

RATE = 48000
# No multiple of 10 ms: each click lies elsewhere in its record.
BEAT = 25790
# A click's frequency rises or falls; no seven in a row look like those one to six clicks later.
KINDS = (True, True, True, False, False, True, False)
CLICK = 240
LATEST_US = 1_500_000


def _chirp():
    t = numpy.arange(CLICK) / RATE
    low, high, length = 600, 6000, CLICK / RATE
    swept = numpy.sin(2 * numpy.pi * (low * t + (high - low) * t * t / (2 * length)))
    return swept * numpy.hanning(CLICK)


TEMPLATES = {True: _chirp(), False: _chirp()[::-1]}
_ENERGY = float(numpy.sum(TEMPLATES[True] ** 2))


def write_wave(path):
    """For tests/bench/beats.c: one beat for each kind."""
    wave = numpy.zeros(BEAT * len(KINDS))
    for number, kind in enumerate(KINDS):
        wave[number * BEAT:number * BEAT + CLICK] = TEMPLATES[kind]
    (wave * 20000).astype("<i2").tofile(path)


def kind_of(beat):
    return KINDS[beat % len(KINDS)]


def find(samples):
    """[(frame at which a click begins, its kind)] of mono samples (numpy, any number type)."""
    loud = numpy.flatnonzero((samples > 2000) | (samples < -2000))
    if not len(loud):
        return []
    found = []
    breaks = numpy.flatnonzero(numpy.diff(loud) > CLICK * 4)
    for first, last in zip(numpy.concatenate(([loud[0]], loud[breaks + 1])),
                           numpy.concatenate((loud[breaks], [loud[-1]]))):
        begin = max(0, first - CLICK)
        piece = samples[begin:last + CLICK].astype(numpy.float64)
        if len(piece) < CLICK:
            continue
        best = (0.0, None, None)
        for kind, template in TEMPLATES.items():
            likeness = numpy.correlate(piece, template, "valid")
            at = int(numpy.argmax(likeness))
            best = max(best, (float(likeness[at]), begin + at, kind))
        # A click that was cut in two, or is none, is not one of ours.
        if best[0] > 0.4 * 20000 * _ENERGY:
            found.append(best[1:])
    return found


class Dates:
    """When each frame of a recording was played: from (frame, µs) of now and then."""

    def __init__(self, pairs):
        if len(pairs) < 2:
            raise BenchError("a recording without dates")
        self.frames = numpy.array([frame for frame, _ in pairs], dtype=numpy.float64)
        self.us = numpy.array([us for _, us in pairs], dtype=numpy.float64)
        # The nominal length of a frame is taken out, so that what is interpolated is flat.
        self.offsets = self.us - self.frames * 1e6 / RATE

    def at_us(self, frame):
        return float(numpy.interp(frame, self.frames, self.offsets)) + frame * 1e6 / RATE


def match(sent, heard):
    """
    [(sent, heard)] of those that belong together; both are lists of tuples that begin with (µs, kind).
    The way takes about as long for all of them, and between nothing and LATEST_US.
    """
    ways = []
    for one in heard:
        for other in sent:
            if other[1] == one[1] and -20_000 <= one[0] - other[0] <= LATEST_US:
                ways.append(one[0] - other[0])
    if not ways:
        return []
    ways = numpy.array(ways)
    near = 100_000
    usual = max(ways, key=lambda way: int(numpy.sum(numpy.abs(ways - way) < near)))
    pairs = []
    for one in heard:
        fitting = [other for other in sent if other[1] == one[1]
                   and abs(one[0] - other[0] - usual) < BEAT * 1e6 / RATE * 0.9]
        if fitting:
            pairs.append((min(fitting, key=lambda other: abs(one[0] - other[0] - usual)), one))
    return pairs


def percentile(values, share):
    """The nearest rank."""
    if not len(values):
        raise BenchError("nothing was found to measure")
    ordered = sorted(values)
    return float(ordered[min(len(ordered) - 1, int(len(ordered) * share))])
