#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""make bench-files: files up and down beside Debian's nginx, on the same disk in the same run."""

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from processes import BenchError, Process, cpu_s

NGINX = """load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;
worker_processes 1; daemon off; master_process off; pid {folder}/pid; error_log {folder}/error;
events {{}}
http {{ access_log off; sendfile on; tcp_nopush on; client_body_temp_path {folder}/temporary;
client_max_body_size 0; default_type application/octet-stream;
server {{ listen 127.0.0.1:{port}; root {folder}/files; location / {{ dav_methods PUT DELETE; }} }} }}
"""
OURS = """[http]
grace_s = 1
[screen]
source = pattern
[files]
free_mb = 0
folder = {folder}
hash = {hash}
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_listening(port, deadline_s=10):
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise BenchError(f"nothing listens on port {port}")


def private_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return int(re.search(r"Private_Dirty:\s+(\d+) kB", file.read()).group(1))


class Nginx:
    name = "nginx"

    def __init__(self, folder):
        self.files = os.path.join(folder, "files")
        os.makedirs(self.files)
        os.makedirs(os.path.join(folder, "temporary"))
        self.port = free_port()
        config = os.path.join(folder, "nginx.conf")
        with open(config, "w") as file:
            file.write(("user root;\n" if os.geteuid() == 0 else "")
                       + NGINX.format(folder=folder, port=self.port))
        self.process = Process(["/usr/sbin/nginx", "-p", folder, "-c", config])
        self.pid = self.process.pid
        wait_listening(self.port)

    def put(self, source):
        """It stores without fsync: that is done here, and counted."""
        curl("-T", source, f"http://127.0.0.1:{self.port}/sent")
        for path in (os.path.join(self.files, "sent"), self.files):
            fd = os.open(path, os.O_RDONLY)
            os.fsync(fd)
            os.close(fd)

    def url(self, name):
        return f"http://127.0.0.1:{self.port}/{name}"

    def stop(self):
        self.process.stop()


class Ours:
    def __init__(self, binaries, folder, hashed=True, files=None, prefix=()):
        self.name = "screenshare" if hashed else "screenshare, hash = no"
        os.makedirs(folder, exist_ok=True)
        self.files = files or os.path.join(folder, "files")
        os.makedirs(self.files, exist_ok=True)
        for name in ("runtime", "state"):
            os.makedirs(os.path.join(folder, name), mode=0o700, exist_ok=True)
        config = os.path.join(folder, "conf")
        with open(config, "w") as file:
            file.write(OURS.format(folder=self.files, hash="yes" if hashed else "no"))
        env = dict(os.environ, XDG_RUNTIME_DIR=os.path.join(folder, "runtime"))
        self.process = Process([*prefix, os.path.join(binaries, "screenshare"), "run", "--listen",
                                "127.0.0.1:0", "--config", config, "--state",
                                os.path.join(folder, "state")], env, stderr=subprocess.DEVNULL)
        self.port = int(self.process.wait_for_line("READY http://127.0.0.1:").rstrip("/"))
        self.pid = self.find("screenshare-htt")

    def find(self, comm):
        for pid in os.listdir("/proc"):
            try:
                with open(f"/proc/{pid}/stat") as file:
                    head, _, rest = file.read().rpartition(")")
                if head.endswith("(" + comm) and int(rest.split()[1]) == self.process.pid:
                    return int(pid)
            except (OSError, ValueError):
                pass
        raise BenchError("httpd does not run")

    def put(self, source):
        curl("-T", source, self.url("uploads/sent", route=""))

    def form(self, source):
        curl("-F", f"file=@{source};filename=sent", self.url("", route=""))

    def tus(self, source):
        out = curl("-D", "-", "-X", "POST", "-H", "Tus-Resumable: 1.0.0", "-H",
                   f"Upload-Length: {os.path.getsize(source)}", self.url("tus/", route=""))
        path = re.search(r"Location: /(\S+)", out).group(1)
        curl("-X", "PATCH", "-T", source, "-H", "Tus-Resumable: 1.0.0", "-H", "Upload-Offset: 0",
             "-H", "Content-Type: application/offset+octet-stream", self.url(path, route=""))

    def url(self, name, route="download/"):
        return f"http://127.0.0.1:{self.port}/{route}{name}"

    def status(self):
        return json.loads(curl(self.url("status", route="")))

    def stop(self):
        self.process.stop()


def curl(*arguments):
    done = subprocess.run(["curl", "-sS", "--fail", *arguments], capture_output=True)
    if done.returncode != 0:
        raise BenchError(f"curl failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode(errors="replace")


def empty(folder):
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if not name.startswith("."):
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    os.sync()


class Watch(threading.Thread):
    """The most private memory of a process while something runs, in KiB above the beginning."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.is_over = pid, threading.Event()
        self.before = self.most = private_kib(pid)
        self.start()

    def run(self):
        while not self.is_over.wait(0.05):
            self.most = max(self.most, private_kib(self.pid))

    def end(self):
        self.is_over.set()
        self.join()
        return self.most - self.before


def make_source(path, mb):
    block = os.urandom(1_000_000)
    with open(path, "wb") as file:
        for number in range(mb):
            file.write(number.to_bytes(8, "little") + block[8:])
        os.fsync(file.fileno())


def drop_cache(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


# --- cases ---


def measure_uploads(arguments, folder, source, say):
    """MB/s, CPU s and KiB of each way up, medians."""
    systems = {"nginx": Nginx(os.path.join(folder, "nginx")),
               "hashed": Ours(arguments.bin, os.path.join(folder, "hashed")),
               "plain": Ours(arguments.bin, os.path.join(folder, "plain"), hashed=False)}
    ways = [("nginx", "put"), ("hashed", "put"), ("plain", "put"), ("hashed", "tus"), ("plain", "tus"),
            ("hashed", "form"), ("plain", "form")]
    found = {way: [] for way in ways}
    try:
        for number in range(arguments.rounds):
            for way in ways:
                say(f"upload, round {number + 1}, {way[0]} {way[1]}")
                system = systems[way[0]]
                empty(system.files)
                with open(source, "rb") as file:  # the same warm source for all
                    while file.read(1 << 22):
                        pass
                watch, cpu, begun = Watch(system.pid), cpu_s(system.pid), time.monotonic()
                getattr(system, way[1])(source)
                seconds = time.monotonic() - begun
                found[way].append((os.path.getsize(source) / 1e6 / seconds,
                                   cpu_s(system.pid) - cpu, watch.end()))
                stored = [os.path.getsize(os.path.join(system.files, name))
                          for name in os.listdir(system.files) if not name.startswith(".")]
                if stored != [os.path.getsize(source)]:
                    raise BenchError(f"{way} did not store all of it")
                empty(system.files)
    finally:
        for system in systems.values():
            system.stop()
    return {way: [statistics.median(column) for column in zip(*rows)] for way, rows in found.items()}


def measure_downloads(arguments, folder, source, say):
    systems = [Nginx(os.path.join(folder, "nginx2")), Ours(arguments.bin, os.path.join(folder, "ours2"))]
    found = {(system.name, kind): [] for system in systems for kind in ("warm", "cold")}
    try:
        for system in systems:
            shutil.copy(source, os.path.join(system.files, "film"))
        os.sync()
        time.sleep(1)
        for number in range(arguments.rounds):
            for kind in ("warm", "cold"):
                for system in systems:
                    say(f"download, round {number + 1}, {system.name} {kind}")
                    path = os.path.join(system.files, "film")
                    if kind == "cold":
                        drop_cache(path)
                    else:
                        curl("-o", "/dev/null", system.url("film"))
                    begun = time.monotonic()
                    curl("-o", "/dev/null", system.url("film"))
                    found[system.name, kind].append(
                        os.path.getsize(path) / 1e6 / (time.monotonic() - begun))
    finally:
        for system in systems:
            system.stop()
    return {key: statistics.median(values) for key, values in found.items()}


class Viewer(threading.Thread):
    """One viewer of /d_video: the age of each picture when its last byte came."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.sendall(b"GET /d_video?headers=full HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.file = self.socket.makefile("rb", buffering=1 << 20)
        self.ages_ms, self.is_over = [], False
        self.start()

    def run(self):
        while not self.is_over:
            line = self.file.readline()
            if not line:
                return
            if match := re.match(rb"Content-Length: (\d+)", line):
                self.file.readline()
                while self.file.peek(1)[:1] == b"X":
                    self.file.readline()
                body = self.file.read(int(match.group(1)))
                now = time.monotonic_ns()
                if pts := re.search(rb"pts=(\d+)", body[:2000] + body[-200:]):
                    self.ages_ms.append((now - int(pts.group(1))) / 1e6)


class Throttled:
    """A disk of its own (a loop device) of so many MB/s each way, by the blkio controller."""

    BLKIO = "/sys/fs/cgroup/blkio"

    def __init__(self, folder, size_mb, rate_mb):
        self.path, image = os.path.join(folder, "throttled"), os.path.join(folder, "image")
        os.makedirs(self.path)
        self.device = None
        if os.geteuid() != 0 or not os.path.exists(f"{self.BLKIO}/blkio.throttle.read_bps_device"):
            raise BenchError("a throttled disk needs root and the blkio controller (cgroup v1)")
        with open(image, "wb") as file:
            file.truncate(size_mb * 1_000_000)
        subprocess.run(["/sbin/mkfs.ext4", "-qF", image], check=True)
        self.device = subprocess.run(["/sbin/losetup", "--find", "--show", image], check=True,
                                     capture_output=True, text=True).stdout.strip()
        subprocess.run(["mount", self.device, self.path], check=True)
        rdev = os.stat(self.device).st_rdev
        self.number = f"{os.major(rdev)}:{os.minor(rdev)}"
        self.limit(rate_mb * 1_000_000)

    def limit(self, rate):
        for name in ("read_bps_device", "write_bps_device"):
            with open(f"{self.BLKIO}/blkio.throttle.{name}", "w") as file:
                file.write(f"{self.number} {rate}\n")

    def end(self):
        if self.device:
            self.limit(0)
            subprocess.run(["umount", self.path], check=False)
            subprocess.run(["/sbin/losetup", "-d", self.device], check=False)


def measure_stream(arguments, folder, source, say):
    """A viewer, alone and then while four uploads and four cold downloads share a slow disk."""
    say("stream beside a throttled disk")
    disk = Throttled(folder, 9 * arguments.stream_mb, 60)
    server, curls = None, []
    try:
        disk.limit(0)
        part = os.path.join(folder, "part")
        with open(source, "rb") as whole, open(part, "wb") as file:
            for _ in range(arguments.stream_mb):
                file.write(whole.read(1_000_000))
        server = Ours(arguments.bin, os.path.join(folder, "ours3"), files=disk.path)
        for number in range(4):
            shutil.copy(part, os.path.join(disk.path, f"down{number}"))
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("1\n")
        disk.limit(60_000_000)
        viewer = Viewer(server.port)
        time.sleep(3)
        begun, frames = time.monotonic(), server.status()["streams"][0]["frames"]
        viewer.ages_ms.clear()
        for number in range(4):
            curls.append(subprocess.Popen(["curl", "-sS", "-o", "/dev/null", "-T", part,
                                           server.url(f"uploads/up{number}", route="")]))
            curls.append(subprocess.Popen(["curl", "-sS", "-o", "/dev/null",
                                           server.url(f"down{number}")]))
        while time.monotonic() - begun < arguments.seconds and any(c.poll() is None for c in curls):
            time.sleep(0.1)
        seconds = time.monotonic() - begun
        ages = sorted(viewer.ages_ms)
        sent = server.status()["streams"][0]["frames"] - frames
        still = sum(c.poll() is None for c in curls)
        viewer.is_over = True
        return {"lost": 1 - len(ages) / max(1, sent), "p50": ages[len(ages) // 2],
                "p95": ages[int(len(ages) * 0.95)], "fps": len(ages) / seconds, "seconds": seconds,
                "still": still}
    finally:
        for process in curls:
            process.kill()
            process.wait()
        if server:
            server.stop()
        disk.end()


def measure_list(arguments, folder, say):
    say("a list of 10,000")
    server = Ours(arguments.bin, os.path.join(folder, "list"))
    try:
        for number in range(10_000):
            open(os.path.join(server.files, f"picture number {number}.jpg"), "w").close()
        while json.loads(curl(server.url("files", route="")))["count"] < 10_000:
            time.sleep(0.1)
        times = []
        for number in range(9):
            open(os.path.join(server.files, f"one more {number}"), "w").close()
            time.sleep(0.2)
            with socket.create_connection(("127.0.0.1", server.port)) as sock:
                begun = time.monotonic()
                sock.sendall(b"GET /files HTTP/1.0\r\nHost: localhost\r\n\r\n")
                while sock.recv(1 << 20):
                    pass
                times.append(1000 * (time.monotonic() - begun))
        return statistics.median(times)
    finally:
        server.stop()


# --- the table ---


def rows_of(uploads, downloads, stream, list_ms):
    rows = []

    def row(what, figure, target=None, is_met=None):
        rows.append((what, figure, target or "", is_met))
    if uploads:
        base = uploads["nginx", "put"]
        row("upload, nginx, PUT + fsync", f"{base[0]:.0f} MB/s, {base[1]:.1f} s CPU")
        for (system, way), (rate, cpu, kib) in uploads.items():
            if system == "nginx":
                continue
            least = 0.5 if system == "hashed" else 0.7
            row(f"upload, {way}, {'with' if system == 'hashed' else 'without'} hash",
                f"{rate:.0f} MB/s = {rate / base[0]:.2f} of nginx", f"≥ {least}", rate / base[0] >= least)
            row("  its memory", f"+{kib / 1024:.1f} MB", "≤ 8 MB", kib <= 8192)
            if system == "plain":
                row("  its CPU", f"{cpu:.1f} s = {cpu / base[1]:.2f} of nginx", "≤ 2", cpu <= 2 * base[1])
            else:
                row("  its CPU", f"{cpu:.1f} s = {cpu / base[1]:.2f} of nginx")
    for kind in ("warm", "cold") if downloads else ():
        ours, base = downloads["screenshare", kind], downloads["nginx", kind]
        row(f"download, {kind}", f"{ours:.0f} MB/s = {ours / base:.2f} of nginx ({base:.0f})",
            "≥ 0.9", ours / base >= 0.9)
    if stream:
        row(f"stream beside 4 uploads, 4 cold downloads at 60 MB/s, {stream['seconds']:.0f} s",
            f"{stream['fps']:.1f} fps, {100 * max(0, stream['lost']):.1f} % lost", "≤ 5 %",
            stream["lost"] <= 0.05)
        row("  its latency", f"p50 {stream['p50']:.1f}, p95 {stream['p95']:.1f} ms", "≤ 50 ms",
            stream["p95"] <= 50)
    if list_ms is not None:
        row("/files of 10,000, written anew", f"{list_ms:.0f} ms", "≤ 100 ms", list_ms <= 100)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--programs", help="not needed; as the other benches have it")
    parser.add_argument("--folder", required=True, help="on the disk to be measured")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=2000, help="MB of a file")
    parser.add_argument("--stream-mb", type=int, default=1000, help="MB of each file beside the stream")
    parser.add_argument("--seconds", type=float, default=60, help="of the stream at most")
    parser.add_argument("--cases", default="upload,download,stream,list")
    arguments = parser.parse_args()
    cases = arguments.cases.split(",")
    is_shown = sys.stderr.isatty()

    def say(text):
        if is_shown:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    os.makedirs(arguments.folder, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="files-", dir=os.path.abspath(arguments.folder))
    uploads = downloads = stream = list_ms = None
    errors = []
    try:
        source = os.path.join(folder, "source")
        make_source(source, arguments.size if set(cases) & {"upload", "download"} else arguments.stream_mb)
        try:
            if "upload" in cases:
                uploads = measure_uploads(arguments, folder, source, say)
            if "download" in cases:
                downloads = measure_downloads(arguments, folder, source, say)
            if "list" in cases:
                list_ms = measure_list(arguments, folder, say)
            if "stream" in cases:
                stream = measure_stream(arguments, folder, source, say)
        except BenchError as error:
            errors.append(str(error))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    rows = rows_of(uploads, downloads, stream, list_ms)
    say("")
    for what, figure, target, is_met in rows:
        mark = "" if is_met is None else "yes" if is_met else "NO"
        print(f"{what:62} {figure:44} {target:8} {mark}")
    for error in errors:
        print(f"Could not measure: {error}")
    judged = [is_met for *_, is_met in rows if is_met is not None]
    print(f"{sum(judged)} of {len(judged)} targets reached; {arguments.size} MB, medians of "
          f"{arguments.rounds} rounds")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
