# SPDX-License-Identifier: MIT
"""One measurement: a window of time, the CPU spent in it by whom, and what the viewers saw."""

import json
import os
import subprocess
import time

from processes import BenchError, Process, cpu_s, machine_busy_s


class Window:
    """CPU between open() and close(), in per cent of one core."""

    def __init__(self, display, painter, server=None):
        self.display, self.painter, self.server = display, painter, server

    def snapshot(self):
        return {
            "time": time.monotonic(),
            "x": self.display.cpu_s(),
            "painter": self.painter_cpu_s(),
            "machine": machine_busy_s(),
            "server": self.server.cpu_s() if self.server else {},
        }

    def painter_cpu_s(self):
        return cpu_s(self.painter.pid)

    def open(self):
        self.begin = self.snapshot()

    def close(self, client_cpu_s=0.0):
        begin, end = self.begin, self.snapshot()
        seconds = end["time"] - begin["time"]

        def percent(key):
            if begin[key] is None or end[key] is None:
                raise BenchError(f"the {key} ended while it was measured")
            return (end[key] - begin[key]) / seconds * 100

        server = {}
        for name, spent in end["server"].items():
            before = begin["server"].get(name)
            if spent is None or before is None or spent < before:
                raise BenchError(f"{name} was restarted while it was measured")
            server[name] = (spent - before) / seconds * 100
        if set(begin["server"]) - set(end["server"]):
            raise BenchError("a program of the server ended while it was measured")
        x, painter, machine = map(percent, ("x", "painter", "machine"))
        client = client_cpu_s / seconds * 100
        own = x + painter + client + sum(server.values())
        return {"cpu": sum(server.values()), "cpu_of": server, "x": x, "painter": painter,
                "client": client, "others": max(0.0, machine - own), "seconds": seconds}


def unwatched(display, painter, seconds):
    """The same workload with nobody looking: what the X server spends anyway."""
    time.sleep(0.5)
    window = Window(display, painter)
    window.open()
    time.sleep(seconds)
    return window.close()


def start_client(programs, server, *options):
    return Process([os.path.join(programs, "client"), *map(str, options), server.address])


def watched(programs, display, painter, server, seconds, viewers=1, warmup_s=1.5, is_whole=False):
    """Viewers for some seconds, after a warm-up: their figures and the CPU, in one dict."""
    options = ["--viewers", viewers, "--warmup", warmup_s, "--seconds", seconds]
    if is_whole:
        options.append("--whole")
    with start_client(programs, server, *options) as client:
        window = Window(display, painter, server)
        client.wait_for_line("MEASURE", 30 + warmup_s)
        window.open()
        seen = json.loads(client.read_line(seconds + 10))
        return {**seen, **window.close(seen["cpu_s"])}


def encoded_by_ffmpeg(display, painter, ffmpeg, seconds, warmup_s=1.5):
    ffmpeg.rate_for(warmup_s)
    window = Window(display, painter, ffmpeg)
    window.open()
    rate = ffmpeg.rate_for(seconds)
    return {**window.close(), "whole_fps": rate}


def encoded_alone(programs, display):
    """libjpeg-turbo alone on the frames of the workload that is running: ms and bytes a frame."""
    done = subprocess.run([os.path.join(programs, "jpeg_alone"), "--display", display.name],
                          stdout=subprocess.PIPE, timeout=120, check=True)
    return json.loads(done.stdout)


def server_sockets(server):
    """[{"peer": port, "state": …, "kernel": bytes}] of the server's connections, by ss(8)."""
    port = server.address.rsplit(":", 1)[1]
    done = subprocess.run(["ss", "-tmanOH", f"sport = :{port}"], stdout=subprocess.PIPE, timeout=10,
                          check=True, text=True)
    sockets = []
    for line in done.stdout.splitlines():
        words = line.split()
        if words[0] == "LISTEN" or "skmem:(" not in line:
            continue
        figures = {}
        for item in line.split("skmem:(", 1)[1].split(")", 1)[0].split(","):
            letters = item.rstrip("0123456789")
            figures[letters] = int(item[len(letters):])
        # w: what is queued for sending, sent and unsent; f: set aside; o: options.
        kernel = figures.get("w", 0) + figures.get("f", 0) + figures.get("o", 0) + figures.get("r", 0)
        sockets.append({"peer": int(words[4].rsplit(":", 1)[1]), "state": words[0],
                        "kernel": kernel})
    return sockets
