# SPDX-License-Identifier: MIT
"""What lies in a JPEG, and what it shows."""

import io
import re
import time

from PIL import Image


def segments(data):
    """(marker, offset, length with marker) of each segment up to and with SOS."""
    assert data[:2] == b"\xff\xd8" and data[-2:] == b"\xff\xd9", "no whole JPEG"
    at = 2
    while True:
        assert data[at] == 0xFF, f"no marker at {at}"
        length = 2 + int.from_bytes(data[at + 2:at + 4], "big")
        yield data[at + 1], at, length
        if data[at + 1] == 0xDA:
            return
        at += length


def comment(data):
    """The text of its one COM segment, which must lie right before SOF; None without one."""
    found = None
    last = None
    for marker, at, length in segments(data):
        if marker == 0xFE:
            assert found is None, "two COM segments"
            found = data[at + 4:at + length]
        if marker in (0xC0, 0xC1, 0xC2):
            assert found is None or last == 0xFE, "COM does not lie right before SOF"
        last = marker
    return found.decode("ascii") if found is not None else None


def stamp(data):
    """(pts in CLOCK_MONOTONIC ns, time in CLOCK_REALTIME s) from the COM segment; None in others."""
    match = re.fullmatch(r"pts=(\d+) time=(\d+\.\d{6})", comment(data) or "")
    return (int(match.group(1)), float(match.group(2))) if match else None


def clocks_apart_s():
    """CLOCK_REALTIME before CLOCK_MONOTONIC; of several looks the one that was least disturbed."""
    looks = [(time.monotonic(), time.time(), time.monotonic()) for _ in range(20)]
    before, real_s, after = min(looks, key=lambda look: look[2] - look[0])
    return real_s - (before + after) / 2


def without_comment(data):
    for marker, at, length in segments(data):
        if marker == 0xFE:
            return data[:at] + data[at + length:]
    return data


def size(data):
    for marker, at, _ in segments(data):
        if marker in (0xC0, 0xC1, 0xC2):
            height = int.from_bytes(data[at + 5:at + 7], "big")
            return int.from_bytes(data[at + 7:at + 9], "big"), height
    raise AssertionError("no SOF")


def decode(data):
    """An RGB image (PIL)."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image.convert("RGB")


def is_near(colour, rgb, tolerance=10):
    """A decoded (r, g, b) against 0xrrggbb: JPEG rounds."""
    wanted = (rgb >> 16 & 0xFF, rgb >> 8 & 0xFF, rgb & 0xFF)
    return all(abs(a - b) <= tolerance for a, b in zip(colour, wanted))


def shows(data, rgb, x, y, tolerance=10):
    """False for a smaller picture; AssertionError for what is none."""
    try:
        image = decode(data)
    except OSError as error:
        raise AssertionError(f"no picture: {error} ({data[:40]!r})") from None
    return x < image.width and y < image.height and is_near(image.getpixel((x, y)), rgb, tolerance)
