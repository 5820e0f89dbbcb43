#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What runs in the terminal: coloured output that scrolls, and the time code in the last line.

    xterm … -e terminal.py RATE

Each frame writes two lines of what looks like a build's output into the scrolling region, then the
bar code of timecode.h as 64 blocks of coloured spaces: the terminal is 192 columns wide, three a block.
"""

import os
import sys
import time

BLOCKS = 64
WORDS = ("gcc", "-O2", "-Wall", "-c", "src/viewer.c", "warning:", "linking", "build/obj", "ok", "test_ring",
         "installed", "in", "0.31s", "libcommon.a", "note:", "unused", "value", "include", "passed")


def checksum(bits):
    crc = 0xffff
    for bit in bits:
        top = crc >> 15 ^ int(bit)
        crc = crc << 1 & 0xffff
        if top:
            crc ^= 0x1021
    return crc


def time_code(number, columns, rows):
    us = time.monotonic_ns() // 1000 % (1 << 40)
    content = f"{us:040b}{number & 255:08b}"
    bits = content + f"{checksum(content):016b}"
    text = f"\x1b7\x1b[{rows};1H"
    for at, bit in enumerate(bits):
        width = (at + 1) * columns // BLOCKS - at * columns // BLOCKS
        text += f"\x1b[48;5;{231 if bit == '1' else 16}m" + " " * width
    return text + "\x1b[0m\x1b8"


def output(number):
    """Two lines, in colours, the same for each number."""
    text = ""
    for line in range(2):
        seed = (number * 2 + line) * 2654435761 & 0xffffffff
        text += f"\r\n\x1b[90m[{number * 2 + line:6d}]\x1b[0m"
        for i in range(5 + seed % 14):
            seed = (seed * 1664525 + 1013904223) & 0xffffffff
            colour = (0, 31, 32, 33, 34, 35, 36, 1)[seed >> 8 & 7]
            text += f" \x1b[{colour}m{WORDS[(seed >> 12) % len(WORDS)]}\x1b[0m"
    return text


def main():
    rate = float(sys.argv[1])
    columns, rows = os.get_terminal_size()
    os.write(1, f"\x1b[?25l\x1b[2J\x1b[1;{rows - 1}r\x1b[1;1H".encode())
    start = time.monotonic()
    number = 0
    while True:
        number += 1
        due = start + number / rate
        time.sleep(max(0.0, due - time.monotonic()))  # a fixed grid of time, as workload.c's
        os.write(1, (output(number) + time_code(number, columns, rows)).encode())


if __name__ == "__main__":
    main()
