# SPDX-License-Identifier: MIT
"""An X server of a test's own (Xvfb), and somebody who paints on it."""

import os
import subprocess

from process import Process, tool
from wait import wait_for


class XServer:
    """Xvfb on a display number that it chooses itself; `number` asks for one that was used before."""

    def __init__(self, width=640, height=480, depth=24, auth=None, number=None, without=()):
        self.start_size = (width, height)
        read_fd, write_fd = os.pipe()
        argv = ["Xvfb"] + ([f":{number}"] if number is not None else []) + [
            "-displayfd", str(write_fd), "-screen", "0", f"{width}x{height}x{depth}", "-noreset",
            "-nolisten", "tcp"] + (["-auth", auth] if auth else [])
        argv += [word for extension in without for word in ("-extension", extension)]
        self.process = Process(argv, pass_fds=(write_fd,))
        os.close(write_fd)
        with os.fdopen(read_fd) as pipe:
            line = pipe.readline()  # EOF where it could not start
        assert line.strip(), "Xvfb did not start:\n" + self.process.log()
        self.number = int(line)
        self.display = f":{self.number}"
        self.env = dict(os.environ, DISPLAY=self.display, **({"XAUTHORITY": auth} if auth else {}))
        self._painter = None
        self._modes = {self.start_size}

    @property
    def painter(self):
        if self._painter is None:
            self._painter = Painter(self.env)
        return self._painter

    def xrandr(self, *arguments):
        subprocess.run(["xrandr", *map(str, arguments)], env=self.env, check=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def resize(self, width, height):
        """To a mode at most as large as the server was started with."""
        name = f"{width}x{height}" if (width, height) == self.start_size else f"m{width}x{height}"
        if (width, height) not in self._modes:
            self._modes.add((width, height))
            self.xrandr("--newmode", name, 50, width, width + 9, width + 19, width + 39, height,
                        height + 9, height + 19, height + 39)
            self.xrandr("--addmode", "screen", name)
        self.xrandr("--output", "screen", "--mode", name)
        wait_for(lambda: self.painter.size() == (width, height), 5, "the new size")

    def add_monitor(self, name, width, height, x, y):
        self.xrandr("--setmonitor", name, f"{width}/100x{height}/100+{x}+{y}", "none")

    def end(self):
        if self._painter:
            self._painter.end()
            self._painter = None
        return self.process.end()


class Painter:
    """tests/lib/painter.c; each call returns when the X server has done the work."""

    def __init__(self, env):
        self.popen = subprocess.Popen([tool("painter")], env=env, stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True, bufsize=1)
        assert self.popen.stdout.readline() == "ready\n", "the painter did not start"

    def _ask(self, line):
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()
        answer = self.popen.stdout.readline().split()
        assert answer and answer[0] == "ok", f"the painter failed at: {line}"
        return [int(word) for word in answer[1:]]

    def fill(self, rgb, x=0, y=0, width=32000, height=32000):
        """When it was begun, in CLOCK_MONOTONIC ns.  (More than 32767 wide, and Xvfb's damage is lost.)"""
        return self._ask(f"fill {x} {y} {width} {height} {rgb:06x}")[0]

    def noise(self, seed):
        return self._ask(f"noise {seed}")[0]

    def page(self, seed):
        return self._ask(f"page {seed}")[0]

    def scroll(self, rows, seed):
        return self._ask(f"scroll {rows} {seed}")[0]

    def cursor(self, rgb):
        return self._ask(f"cursor {rgb:06x}")[0]

    def warp(self, x, y):
        return self._ask(f"warp {x} {y}")[0]

    def size(self):
        return tuple(self._ask("size"))

    def grab(self, path, x=0, y=0, size=None):
        width, height = size or self.size()
        self._ask(f"grab {path} {x} {y} {width} {height}")
        with open(path, "rb") as file:
            return file.read()

    def reference(self, path, quality=80, subsampling="420", x=0, y=0, size=None):
        """libjpeg-turbo's own JPEG of what is on the screen now."""
        width, height = size or self.size()
        self._ask(f"reference {path} {quality} {subsampling} {x} {y} {width} {height}")
        with open(path, "rb") as file:
            return file.read()

    def end(self):
        self.popen.stdin.close()
        self.popen.stdout.close()
        try:
            self.popen.wait(5)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait(5)
