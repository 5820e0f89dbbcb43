# SPDX-License-Identifier: MIT
"""A disk that does not answer costs nobody but those who want something of it."""

import fcntl
import os
import subprocess
import threading
import time

import web
from screenshare import QUICK, Run
from test_files import FREE, make_file, sha256
from tus import Tus
from wait import slowness, wait_for

FREEZE, THAW = 0xC0045877, 0xC0045878  # FIFREEZE, FITHAW of linux/fs.h
PATTERN = "[screen]\nsource = pattern\npattern_width = 320\npattern_height = 200\n"


class Disk:
    """A file system of its own that can be frozen: everything that writes to it waits.  Where none may
    be mounted, an ordinary folder, which is never frozen: what is tested must hold there, too."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "disk")
        image = os.path.join(folder, "image")
        os.mkdir(self.path)
        self.prefix, self.fd = (), -1
        self.is_real = os.geteuid() == 0 and os.path.exists("/dev/loop-control")
        if self.is_real:
            with open(image, "wb") as file:
                file.truncate(160_000_000)
            subprocess.run(["/sbin/mkfs.ext4", "-qF", image], check=True)
            self.prefix = ("unshare", "-m", "sh", "-c", f'mount -o loop {image} {self.path} && exec "$@"', "-")

    def opened_by(self, pid):
        self.fd = os.open(f"/proc/{pid}/root{self.path}", os.O_RDONLY)

    def freeze(self):
        if self.is_real:
            fcntl.ioctl(self.fd, FREEZE, 0)

    def thaw(self):
        if self.is_real:
            fcntl.ioctl(self.fd, THAW, 0)


def test_a_frozen_disk_stops_no_stream(folder):
    disk = Disk(folder)
    run = Run(folder, None, QUICK + PATTERN + FREE + f"folder = {disk.path}\n", prefix=disk.prefix)
    disk.opened_by(run.httpd())
    viewer = run.view()
    viewer.wait_count(30)
    digests = {f"up{n}": make_file(os.path.join(folder, f"up{n}"), 9_000_000) for n in range(6)}
    assert web.request(run.address, "PUT", "/uploads/there", bytes(5_000_000)).status == 201
    results = {}

    def put(name):
        with open(os.path.join(folder, name), "rb") as file:
            results[name] = web.request(run.address, "PUT", f"/uploads/{name}", file.read(),
                                        timeout_s=60).status
    disk.freeze()
    frozen = time.monotonic()
    try:
        threads = [threading.Thread(target=put, args=(name,)) for name in digests]
        for thread in threads:
            thread.start()
        wait_for(lambda: web.get_json(run.address, "/status")["files"]["uploading"] == 6
                 or not disk.is_real, 5, "they are under way")
        while time.monotonic() - frozen < 1.5:
            begun = time.monotonic()
            assert run.get("/healthz").status == 200
            assert run.get("/status").status == 200
            assert run.get("/files").status == 200
            assert len(run.get("/download/there").body) == 5_000_000
            assert time.monotonic() - begun < 0.3 * slowness()
            time.sleep(0.02)
        if disk.is_real:
            assert not results, "the disk was not frozen"
    finally:
        disk.thaw()
    for thread in threads:
        thread.join(30)
    assert results == dict.fromkeys(digests, 201)
    end = time.monotonic()
    times = [part.received_ns / 1e9 for part in viewer.snapshot()]
    times = [frozen] + [moment for moment in times if frozen <= moment <= end] + [end]
    gap = max(b - a for a, b in zip(times, times[1:]))
    assert gap < 0.3 * slowness(), f"the stream paused for {gap:.2f} s"
    for name, digest in digests.items():
        assert sha256(f"/proc/{run.httpd()}/root{disk.path}/{name}") == digest
    os.close(disk.fd)
    viewer.end()


def test_sharing_is_paused_and_resumed_though_the_disk_of_the_files_stands(folder):
    disk = Disk(folder)
    run = Run(folder, None, QUICK + PATTERN + FREE + f"folder = {disk.path}\n", prefix=disk.prefix)
    disk.opened_by(run.httpd())
    names = [f"file{n}" for n in range(8)]
    for name in names:
        assert web.request(run.address, "PUT", f"/uploads/{name}", b"x").status == 201
    ask = lambda name: run.ask("files", "delete", name)
    threads = [threading.Thread(target=ask, args=(name,)) for name in names]
    disk.freeze()
    try:
        for thread in threads:
            thread.start()
        time.sleep(0.5)  # more of them than there are workers stand now
        for word, state in (("pause", True), ("resume", False)):
            begun = time.monotonic()
            assert run.ask(word)[0] == 0
            assert time.monotonic() - begun < 2 * slowness()
            assert web.get_json(run.address, "/status")["paused"] is state
    finally:
        disk.thaw()
    for thread in threads:
        thread.join(30)
    os.close(disk.fd)


def test_who_ends_an_upload_is_told_when_it_is_gone(folder):
    disk = Disk(folder)
    run = Run(folder, None, QUICK + PATTERN + FREE + f"folder = {disk.path}\n", prefix=disk.prefix)
    disk.opened_by(run.httpd())
    tus = Tus(run.address)
    path = tus.create(10, body=b"12345", filename="a")
    kept = f"/proc/{run.httpd()}/root{disk.path}/.incoming"
    assert len(os.listdir(kept)) == 2
    answers = []
    thread = threading.Thread(target=lambda: answers.append(tus.request("DELETE", path).status))
    disk.freeze()
    try:
        thread.start()
        thread.join(0.5)
        if disk.is_real:
            assert not answers, "it was told before it was done"
    finally:
        disk.thaw()
    thread.join(10)
    assert answers == [204] and os.listdir(kept) == []
    os.close(disk.fd)


def test_a_stop_does_not_wait_for_an_upload_without_end(folder):
    import socket
    run = Run(folder, None, QUICK + PATTERN + FREE)
    with socket.create_connection(run.address) as sock:
        sock.sendall(b"PUT /uploads/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n" +
                     b"x" * 500_000)
        wait_for(lambda: web.get_json(run.address, "/status")["files"]["uploading"] == 1, 5, "begun")
        begun = time.monotonic()
        assert run.end() == 0
        assert time.monotonic() - begun < 3 * slowness()
    shared = os.path.join(folder, "state", "uploads")
    assert os.listdir(os.path.join(shared, ".incoming")) == []
