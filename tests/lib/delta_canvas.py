# SPDX-License-Identifier: MIT
"""The canvas of a delta viewer, made from doc/protocol.md alone: what a stranger's client would do."""

import io
import struct

import numpy
from PIL import Image

from websocket import IS_STATE, JPEG, SocketViewer

STEP, CATCH_UP = 4, 5
IS_KEY, IS_REFINEMENT, IS_EXACT, IS_LAST = 1, 4, 8, 16
COPY, PNG, JPEG_OP, SHAPE, POINTER, FILL, GLYPHS = 1, 2, 3, 4, 5, 6, 7


class Canvas:
    """pixels: height × width × RGB; approximate: where a JPEG was painted and no PNG since."""

    def __init__(self):
        self.sequence, self.pixels, self.approximate = 0, None, None
        self.shapes, self.pointer = {}, None
        self.steps = self.catch_ups = self.misfits = self.bytes = 0

    def applies(self, message):
        if message.kind == STEP:
            return self.sequence == message.base and self.sequence != 0
        if message.flags & IS_EXACT:
            return self.sequence == message.sequence
        return message.flags & IS_KEY or message.base <= self.sequence < message.sequence

    def take(self, message):
        self.bytes += len(message.data) + 24
        if message.kind == JPEG:
            assert message.flags & IS_STATE
            self.sequence = 0
            return
        if not self.applies(message):
            self.misfits += 1
            return
        self.steps += message.kind == STEP
        self.catch_ups += message.kind == CATCH_UP
        if message.kind == CATCH_UP and message.flags & IS_KEY:
            self.pixels = numpy.zeros((message.height, message.width, 3), numpy.uint8)
            self.approximate = numpy.ones((message.height, message.width), bool)
        assert self.pixels.shape == (message.height, message.width, 3)
        at = 0
        while at < len(message.data):
            kind, flags, shape, length = struct.unpack_from("<BBHI", message.data, at)
            self._do(kind, flags, shape, message.data[at:at + length])
            at += (length + 3) // 4 * 4
        self.sequence = message.sequence

    def _do(self, kind, flags, shape, op):
        if kind == COPY:
            sx, sy, x, y, w, h = struct.unpack_from("<6H", op, 8)
            for plane in (self.pixels, self.approximate):
                plane[y:y + h, x:x + w] = plane[sy:sy + h, sx:sx + w].copy()
        elif kind in (PNG, JPEG_OP):
            x, y, w, h = struct.unpack_from("<4H", op, 8)
            image = numpy.asarray(Image.open(io.BytesIO(op[16:])).convert("RGB"))
            if kind == PNG and flags & 1:
                image = image.swapaxes(0, 1)
            assert image.shape == (h, w, 3), (image.shape, w, h)
            self.pixels[y:y + h, x:x + w] = image
            self.approximate[y:y + h, x:x + w] = kind == JPEG_OP
        elif kind == FILL:
            x, y, w, h, colour = struct.unpack_from("<4HI", op, 8)
            self.pixels[y:y + h, x:x + w] = (colour >> 16, colour >> 8 & 255, colour & 255)
            self.approximate[y:y + h, x:x + w] = False
        elif kind == GLYPHS:
            x, y, w, h = struct.unpack_from("<4H", op, 8)
            before = self.pixels.copy(), self.approximate.copy()
            for sx, sy, gap, width in struct.iter_unpack("<HHBB", op[16:]):
                x += gap
                for plane, source in zip((self.pixels, self.approximate), before):
                    plane[y:y + h, x:x + width] = source[sy:sy + h, sx:sx + width]
                x += width
        elif kind == SHAPE:
            self.shapes[shape] = op[12:]
        elif kind == POINTER:
            self.pointer = (shape, *struct.unpack_from("<2h", op, 8), bool(flags & 1))
        else:
            raise AssertionError(f"an unknown operation {kind}")


class DeltaViewer(SocketViewer):
    """A WebSocket viewer whose canvas is painted when it says that it has drawn."""

    def __init__(self, address, query="?picture=delta", **more):
        self.canvas = Canvas()
        super().__init__(address, query, on_draw=self.canvas.take, **more)
