# SPDX-License-Identifier: MIT
"""Files up and down, with the tools that people have: curl, zip, cp, mv."""

import hashlib
import io
import json
import os
import re
import shutil
import socket
import time
import urllib.parse
import zipfile

import pytest

import process
import web
from process import own_mounts
from screenshare import QUICK, Httpd
from wait import SLOWNESS, slowness, stays, wait_for

FREE = "[files]\nfree_mb = 0\n"


class Site(Httpd):
    """httpd with a shared folder."""

    def __init__(self, folder, config=FREE, **more):
        super().__init__(folder, QUICK + config, **more)
        self.shared = os.path.join(folder, "state-home", "uploads")
        self.url = "http://%s:%d" % self.address

    def curl(self, *arguments):
        """(status, body) by the real program."""
        status, out, err = process.run_to_end(
            ["curl", "-sS", "-w", "\n%{http_code}", *arguments], deadline_s=60)
        assert status == 0, err
        body, _, code = out.rpartition("\n")
        return int(code), body

    def put(self, path, body=b"", headers=None):
        return web.request(self.address, "PUT", "/uploads/" + urllib.parse.quote(path), body, headers)

    def list(self):
        return web.get_json(self.address, "/files")

    def names(self):
        return sorted(entry["name"] for entry in self.list()["files"])

    def on_disk(self):
        """Every file in the shared folder, hidden ones too."""
        return sorted(os.path.relpath(os.path.join(where, name), self.shared)
                      for where, _, names in os.walk(self.shared) for name in names)

    def ask(self, **request):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10 * SLOWNESS)
            sock.connect(os.path.join(self.runtime, "control.sock"))
            sock.sendall(json.dumps(request).encode() + b"\n")
            return json.loads(sock.makefile().readline())


@pytest.fixture
def site(folder):
    return Site(folder)


def make_file(path, size):
    """Random bytes, and their SHA-256."""
    data = os.urandom(min(size, 1 << 20))
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        while size > 0:
            piece = data[:size]
            file.write(piece)
            digest.update(piece)
            size -= len(piece)
    return digest.hexdigest()


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") \
            else hashlib.sha256(file.read()).hexdigest()


# --- up ---


def test_curl_puts_a_file_and_it_arrives_whole(site, folder):
    source = os.path.join(folder, "Aufnahme 1.bin")
    digest = make_file(source, 5_000_001)
    code, body = site.curl("-T", source, site.url + "/uploads/")
    assert code == 201
    answer = json.loads(body)
    assert (answer["name"], answer["size"], answer["sha256"]) == ("Aufnahme 1.bin", 5_000_001, digest)
    assert sha256(os.path.join(site.shared, "Aufnahme 1.bin")) == digest
    entry, = site.list()["files"]
    assert entry["sha256"] == digest and entry["sender"] == "127.0.0.1"
    assert site.on_disk() == ["Aufnahme 1.bin"]
    assert any(digest in line and "127.0.0.1" in line for line in site.process.stderr)
    code, _ = site.curl("-T", "-", "-H", "Transfer-Encoding: chunked", site.url + "/uploads/stdin.bin")
    assert code == 201


def test_curl_sends_a_form_with_several_files(site, folder):
    digests = {}
    for name, size in (("one.bin", 3_000_000), ("zwei ü.bin", 700_000), ("empty", 0)):
        digests[name] = make_file(os.path.join(folder, name), size)
    forms = [word for name in digests for word in ("-F", f"file=@{folder}/{name}")]
    code, body = site.curl(*forms, "-F", "sender=Ann\n", site.url + "/")
    assert code == 201
    assert {f["name"]: f["sha256"] for f in json.loads(body)["files"]} == digests
    assert {f["name"]: f["sha256"] for f in site.list()["files"]} == digests
    assert {f["sender"] for f in site.list()["files"]} == {"Ann"}


def test_two_uploads_of_one_name_at_once_are_both_there(site):
    bodies = [os.urandom(1_500_000) for _ in range(4)]
    sockets = []
    for body in bodies:
        sock = socket.create_connection(site.address, timeout=20 * SLOWNESS)
        sock.sendall(b"PUT /uploads/same.tar.gz HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n"
                     % (site.address[0].encode(), len(body)) + body[:-1])
        sockets.append(sock)
    for sock, body in zip(sockets, bodies):
        sock.sendall(body[-1:])
    answers = [sock.recv(4096) for sock in sockets]
    assert all(answer.startswith(b"HTTP/1.1 201") for answer in answers)
    assert site.names() == ["same (2).tar.gz", "same (3).tar.gz", "same (4).tar.gz", "same.tar.gz"]
    found = {sha256(os.path.join(site.shared, name)) for name in site.names()}
    assert found == {hashlib.sha256(body).hexdigest() for body in bodies}


@pytest.mark.parametrize("form", [False, True])
def test_memory_stays_small_while_much_is_sent(site, folder, form):
    source = os.path.join(folder, "big")
    digest = make_file(source, 300_000_000)
    pid = site.process.pid
    before, most = process.private_kib(pid), 0
    how = ("-F", f"file=@{source}", site.url + "/") if form else ("-T", source, site.url + "/uploads/")
    upload = process.Process(["curl", "-sS", *how])
    while upload.is_running():
        most = max(most, process.private_kib(pid))
        time.sleep(0.02)
    assert upload.wait() == 0
    assert site.list()["files"][0]["sha256"] == digest
    assert most - before < 8192 * (4 if "san" in process.BIN else 1), f"from {before} to {most} KiB"


def test_a_broken_upload_leaves_nothing(site):
    for head, body in (
            (b"PUT /uploads/x HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\n", b"x" * 600_000),
            (b"PUT /uploads/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", b"5\r\nab"),
            (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data; boundary=b\r\n"
             b"Content-Length: 900000\r\n\r\n", b"--b\r\nContent-Disposition: form-data; name=file; "
             b"filename=x\r\n\r\n" + b"x" * 600_000)):
        with socket.create_connection(site.address) as sock:
            sock.sendall(head.replace(b"Host: h", b"Host: localhost") + body)
            wait_for(lambda: [n for n in site.on_disk() if n.startswith(".incoming/")], 5, "it has begun")
        wait_for(lambda: site.on_disk() == [], 5, "nothing is left")
    assert site.names() == []


def test_a_form_may_be_cut_anywhere(site):
    """At each byte around the boundaries, with real pauses between the pieces."""
    body = (b"--b\r\nContent-Disposition: form-data; name=file; filename=cut\r\n\r\n"
            b"data\r\n--b--\r\n")
    for at in list(range(1, 12)) + list(range(len(body) - 16, len(body))):
        with socket.create_connection(site.address, timeout=10 * SLOWNESS) as sock:
            sock.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; "
                         b"boundary=b\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:at])
            time.sleep(0.002)
            sock.sendall(body[at:])
            assert b" 201 " in sock.recv(4096)
    assert {entry["size"] for entry in site.list()["files"]} == {4}


# --- names, links, rights ---


def test_nothing_outside_is_reached_through_what_is_planted(site, folder):
    secret = os.path.join(folder, "secret")
    os.mkdir(os.path.join(folder, "outside"))
    with open(secret, "w") as file:
        file.write("secret")
    os.symlink(secret, os.path.join(site.shared, "link"))
    os.symlink(os.path.join(folder, "outside"), os.path.join(site.shared, "away"))
    os.symlink("/proc/self/root" + secret, os.path.join(site.shared, "magic"))
    os.mkfifo(os.path.join(site.shared, "fifo"))
    with open(os.path.join(folder, "outside", "there"), "w") as file:
        file.write("there")
    for name in ("link", "magic", "away/there", "fifo", "away", "../secret", "..%2fsecret",
                 "%2e%2e/secret", ".incoming", "away/../../secret"):
        for route in ("/uploads/", "/download/"):
            answer = site.get(route + name)
            assert answer.status in (400, 404), name
            assert b"there" not in answer.body.replace(b"there is", b"").replace(b"nothing here", b"")
    assert site.put("away/new").status == 409
    assert site.put("link", b"x").status == 201  # beside it: the name is taken
    assert os.listdir(os.path.join(folder, "outside")) == ["there"]
    with open(secret) as file:
        assert file.read() == "secret"
    wait_for(lambda: site.names() == ["link (2)"], 5, "links are not listed")
    answer = site.get("/files.zip")
    assert zipfile.ZipFile(io.BytesIO(answer.body)).namelist() == ["link (2)"]
    assert site.get("/files.zip?name=link").status == 404


def test_who_has_sent_a_file_may_rename_and_delete_it(site):
    answer = site.put("mine.txt", b"mine")
    cookie = {"Cookie": "a=b; " + answer.headers["Set-Cookie"].split(";")[0]}
    other = {"Cookie": "screenshare_owner=" + "0" * 32}
    for headers in ({}, other):
        assert web.request(site.address, "DELETE", "/uploads/mine.txt", headers=headers).status == 403
        assert web.request(site.address, "POST", "/uploads/mine.txt?rename=x",
                           headers=headers).status == 403
    site.put("taken")
    assert web.request(site.address, "POST", "/uploads/mine.txt?rename=taken",
                       headers=cookie).status == 409
    assert web.request(site.address, "POST", "/uploads/mine.txt?rename=../x",
                       headers=cookie).status == 400
    assert web.request(site.address, "POST", "/uploads/mine.txt", headers=cookie).status == 400
    answer = web.request(site.address, "POST", "/uploads/mine.txt?rename=sub/new%20name.txt",
                         headers=cookie)
    assert answer.status == 200 and json.loads(answer.body)["name"] == "sub/new name.txt"
    assert site.names() == ["sub/new name.txt", "taken"]
    # It is still its own after a restart: the cookie's hash lies with the file.
    you = json.loads(web.get(site.address, "/files", cookie).body)["you"]
    assert [e["owner"] == you for e in site.list()["files"] if e["name"] != "taken"] == [True]
    assert web.request(site.address, "DELETE", "/uploads/sub/new%20name.txt",
                       headers=cookie).status == 204
    assert web.request(site.address, "DELETE", "/uploads/sub/new%20name.txt",
                       headers=cookie).status == 404
    assert site.names() == ["taken"] and not os.path.exists(os.path.join(site.shared, "sub"))


@pytest.mark.parametrize("right, status", [("yes", 204), ("presenter", 403), ("no", 403)])
def test_the_configuration_says_who_may_delete(folder, right, status):
    site = Site(folder, FREE + f"delete = {right}\n")
    cookie = {"Cookie": site.put("a").headers["Set-Cookie"].split(";")[0]}
    assert web.request(site.address, "DELETE", "/uploads/a", headers=cookie).status == status


def test_uploads_can_be_switched_off(folder):
    site = Site(folder, FREE + "uploads = no\n")
    assert site.put("a").status == 403
    assert web.request(site.address, "POST", "/tus/", headers={
        "Tus-Resumable": "1.0.0", "Upload-Length": "1"}).status == 403
    with open(os.path.join(site.shared, "by-hand"), "w") as file:
        file.write("x")
    wait_for(lambda: site.names() == ["by-hand"], 5, "it is listed")
    assert site.get("/download/by-hand").status == 200


# --- limits ---


def test_limits_are_told_before_the_body(folder):
    site = Site(folder, FREE + "file_max_mb = 2\nquota_mb = 3\nsender_quota_mb = 3\ncount_max = 3\n")
    head = "PUT /uploads/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"

    def refusal(length):
        with socket.create_connection(site.address, timeout=10) as sock:
            sock.sendall((head % length).encode())
            return int(sock.recv(4096).split()[1])
    assert refusal(2_000_001) == 413
    assert site.put("a", b"x" * 2_000_000).status == 201
    assert refusal(1_000_001) == 507
    # Who reads the answer only after all of it still gets it.
    with socket.create_connection(site.address, timeout=10) as sock:
        sock.sendall((head % 9_000_000).encode() + bytes(9_000_000))
        assert sock.recv(4096).startswith(b"HTTP/1.1 413")
    # Nobody knows how long: refused when it is too much, and nothing is left.
    assert web.request(site.address, "PUT", "/uploads/b", iter([b"x" * 100_000] * 11)).status == 507
    assert web.request(site.address, "PUT", "/uploads/b", iter([b"x" * 100_000] * 9)).status == 201
    assert site.put("c").status == 201
    assert site.put("d").status == 507
    assert site.on_disk() == ["a", "b", "c"]


def test_a_full_disk_is_told_and_uploads_stay_resumable(folder):
    """On a disk of 6 MB, in a mount namespace of its own."""
    from tus import Tus
    shared = os.path.join(folder, "small")
    os.mkdir(shared)
    prefix = own_mounts(f"mount -t tmpfs -o size=6m none {shared}")
    site = Httpd(folder, QUICK + FREE + f"folder = {shared}\n", prefix=prefix)
    inside = f"/proc/{site.process.pid}/root{shared}"

    def put(name, size):
        return web.request(site.address, "PUT", f"/uploads/{name}", b"x" * size).status

    def chunked(name, n):
        return web.request(site.address, "PUT", f"/uploads/{name}", iter([b"x" * 500_000] * n)).status
    assert put("a", 3_000_000) == 201
    with socket.create_connection(site.address, timeout=10) as sock:
        sock.sendall(b"PUT /uploads/b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000000\r\n\r\n")
        assert sock.recv(4096).startswith(b"HTTP/1.1 507")
    assert chunked("b", 10) == 507
    assert sorted(os.listdir(inside)) == [".incoming", ".trash", "a"]
    assert os.listdir(inside + "/.incoming") == []
    tus = Tus(site.address)
    path = tus.create(2_500_000, filename="t")
    assert put("c", 1_500_000) == 201  # the room has gone to somebody else meanwhile
    assert tus.patch(path, 0, b"t" * 2_500_000).status == 507
    assert tus.offset(path) == 0
    os.unlink(inside + "/c")
    wait_for(lambda: len(web.get_json(site.address, "/files")["files"]) == 1, 5, "it has gone")
    assert tus.patch(path, 0, b"t" * 2_500_000).status == 204
    assert sorted(os.listdir(inside)) == [".incoming", ".trash", "a", "t"]


# --- down ---


def test_curl_resumes_a_download(site, folder):
    source, target = os.path.join(folder, "source"), os.path.join(folder, "target")
    digest = make_file(source, 20_000_000)
    assert site.curl("-T", source, site.url + "/uploads/film.mp4")[0] == 201
    with open(source, "rb") as whole, open(target, "wb") as part:
        part.write(whole.read(7_654_321))
    code, _ = site.curl("-C", "-", "-o", target, site.url + "/download/film.mp4")
    assert code == 206 and sha256(target) == digest
    os.unlink(target)
    status, _, _ = process.run_to_end(["curl", "-sSOJ", "--output-dir", folder,
                                       site.url + "/download/film.mp4"])
    assert status == 0 and sha256(os.path.join(folder, "film.mp4")) == digest


def test_a_slow_reader_gets_all_of_a_large_file(site, folder):
    source = os.path.join(folder, "source")
    digest = make_file(source, 30_000_000)
    shutil.copy(source, os.path.join(site.shared, "film.mp4"))
    with socket.create_connection(site.address, timeout=20) as sock:
        sock.sendall(b"GET /download/film.mp4 HTTP/1.0\r\nHost: localhost\r\n\r\n")
        received, hashed, n = b"", hashlib.sha256(), 0
        while b"\r\n\r\n" not in received:
            received += sock.recv(4096)
        hashed.update(received.partition(b"\r\n\r\n")[2])
        while (piece := sock.recv(200_000)):
            hashed.update(piece)
            n += 1
            if n % 40 == 0:
                time.sleep(0.005)
    assert hashed.hexdigest() == digest


def test_a_file_that_shrinks_is_not_taken_for_whole(site, folder):
    path = os.path.join(site.shared, "film.mp4")
    make_file(path, 60_000_000)
    with socket.create_connection(site.address, timeout=20) as sock:
        sock.sendall(b"GET /download/film.mp4 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        n = len(sock.recv(100_000))
        os.truncate(path, 1000)
        try:
            while (piece := sock.recv(1 << 20)):
                n += len(piece)
        except ConnectionResetError:
            pass
        assert n < 60_000_000
    assert site.get("/healthz").status == 200


def test_a_zip_has_everything_or_what_was_chosen(site, folder):
    digests = {}
    for name, size in (("a.bin", 3_000_000), ("sub/ü/会议.txt", 10), ("empty", 0)):
        body = os.urandom(size)
        digests[name] = hashlib.sha256(body).hexdigest()
        assert site.put(name, body).status == 201
    path = os.path.join(folder, "all.zip")
    assert site.curl("-o", path, site.url + "/files.zip")[0] == 200
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {i.filename: hashlib.sha256(archive.read(i)).hexdigest()
                for i in archive.infolist()} == digests
        assert {i.compress_type for i in archive.infolist()} == {zipfile.ZIP_STORED}
    query = urllib.parse.urlencode([("name", "empty"), ("name", "sub/ü/会议.txt")])
    answer = site.get("/files.zip?" + query)
    assert zipfile.ZipFile(io.BytesIO(answer.body)).namelist() == ["empty", "sub/ü/会议.txt"]
    assert site.get("/files.zip?name=nothing").status == 404
    assert site.get("/files.zip", method="HEAD").status == 200


def test_a_zip_waits_for_who_takes_it(site, folder):
    make_file(os.path.join(site.shared, "big"), 200_000_000)
    wait_for(lambda: site.names() == ["big"], 5, "it is listed")
    before = process.private_kib(site.process.pid)
    with socket.create_connection(site.address, timeout=20) as sock:
        sock.sendall(b"GET /files.zip HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 200")
        time.sleep(0.3)
        grown = process.private_kib(site.process.pid) - before
        assert grown < 8192 * (4 if "san" in process.BIN else 1), f"{grown} KiB"
        assert site.get("/healthz").status == 200
    wait_for(lambda: site.status()["files"]["zipping"] == 0, 5, "it has stopped")


# --- the list ---


def test_what_is_put_there_by_hand_appears_and_goes(site, folder):
    inside = site.shared
    with open(os.path.join(inside, "by hand.txt"), "w") as file:
        file.write("x")
    wait_for(lambda: site.names() == ["by hand.txt"], 5, "a new file")
    os.makedirs(os.path.join(folder, "tree/deep"))
    for name in ("tree/1", "tree/deep/2"):
        open(os.path.join(folder, name), "w").close()
    shutil.move(os.path.join(folder, "tree"), inside)
    wait_for(lambda: site.names() == ["by hand.txt", "tree/1", "tree/deep/2"], 5, "a folder")
    open(os.path.join(inside, "tree/deep/3"), "w").close()
    wait_for(lambda: "tree/deep/3" in site.names(), 5, "a file in it")
    os.rename(os.path.join(inside, "tree/1"), os.path.join(inside, "one"))
    wait_for(lambda: site.names() == ["by hand.txt", "one", "tree/deep/2", "tree/deep/3"], 5, "renamed")
    os.rename(os.path.join(inside, "tree"), os.path.join(inside, "wood"))
    wait_for(lambda: "wood/deep/2" in site.names() and "tree/deep/2" not in site.names(), 5, "moved")
    shutil.rmtree(os.path.join(inside, "wood"))
    os.unlink(os.path.join(inside, "one"))
    open(os.path.join(inside, ".hidden"), "w").close()
    open(os.path.join(inside, "bad\nname"), "w").close()
    wait_for(lambda: site.names() == ["by hand.txt"], 5, "gone")


def test_who_waits_for_news_is_told(site):
    tag = site.list()["tag"]
    assert site.get("/files", {"If-None-Match": f'"{tag}"'}).status == 304
    with socket.create_connection(site.address, timeout=20) as sock:
        sock.sendall(f"GET /files?after={tag} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        sock.setblocking(False)

        def silent():
            try:
                return bool(sock.recv(1, socket.MSG_PEEK)) and False
            except BlockingIOError:
                return True
        stays(silent, 0.2, "silence")
        sock.setblocking(True)
        assert site.put("news").status == 201
        assert b'"name":"news"' in sock.recv(65536).partition(b"\r\n\r\n")[2]


def test_ten_thousand_files_are_listed_at_once(site):
    for folder_number in range(10):
        os.mkdir(os.path.join(site.shared, f"f{folder_number}"))
        for number in range(1000):
            open(os.path.join(site.shared, f"f{folder_number}", f"file number {number}.txt"), "w").close()
    wait_for(lambda: site.list()["count"] == 10000, 30, "all are listed")
    times = []
    for number in range(5):
        site.put("one more")  # so that the list has to be written again
        begun = time.monotonic()
        answer = site.get("/files")
        times.append(time.monotonic() - begun)
        assert len(json.loads(answer.body)["files"]) == 10001 + number
    assert min(times) < 0.1 * slowness(), times
    assert len(zipfile.ZipFile(io.BytesIO(site.get("/files.zip").body)).namelist()) == 10005


def test_a_restart_forgets_nothing(folder):
    site = Site(folder)
    cookie = {"Cookie": site.put("a", b"hello", {"X-Sender": "J%C3%BCrgen"}).headers["Set-Cookie"]
              .split(";")[0]}
    before = site.list()["files"]
    with open(os.path.join(site.shared, ".incoming", "0" * 32 + ".tmp"), "w") as file:
        file.write("left behind by a kill")
    site.end()
    shutil.rmtree(site.runtime)
    site = Site(folder)
    wait_for(lambda: site.list()["files"] == before, 5, "the same list")
    assert before[0]["sender"] == "Jürgen"
    wait_for(lambda: site.on_disk() == ["a"], 5, "what was left behind is removed")
    # What was changed by hand has no hash that fits any more.
    with open(os.path.join(site.shared, "a"), "w") as file:
        file.write("other")
    wait_for(lambda: "sha256" not in site.list()["files"][0], 5, "no wrong hash")
    assert "Repr-Digest" not in site.get("/uploads/a").headers
    assert web.request(site.address, "DELETE", "/uploads/a", headers=cookie).status == 204
