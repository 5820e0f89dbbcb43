# SPDX-License-Identifier: MIT
"""Uploads that survive: resumed by tus after lost connections, other requests and killed servers."""

import base64
import hashlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import threading
import time

import pytest

import process
import web
from test_files import FREE, Site, make_file, sha256
from tus import PATCH_TYPE, RESUMABLE, Tus, metadata
from wait import SLOWNESS, wait_for


def repr_digest(body):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


KILLS = int(os.environ.get("SCREENSHARE_TEST_KILLS", "8"))


@pytest.fixture
def site(folder):
    return Site(folder)


def test_an_upload_in_pieces_is_one_file(site):
    tus = Tus(site.address)
    body = os.urandom(1_000_003)
    path = tus.create(len(body), filename="Film ü.mp4", sender="Ann", filetype="video/mp4")
    assert tus.offset(path) == 0
    at = 0
    for size in (1, 262_144, 500_000, 0, 237_858):
        answer = tus.patch(path, at, body[at:at + size])
        assert answer.status == 204
        at += size
        assert int(answer.headers["Upload-Offset"]) == at
        assert ("Upload-Expires" in answer.headers) == (at < len(body))
    assert at == len(body)
    assert answer.headers["Content-Location"] == "/uploads/Film%20%C3%BC.mp4"
    entry, = site.list()["files"]
    assert entry["sha256"] == hashlib.sha256(body).hexdigest() and entry["sender"] == "Ann"
    assert tus.offset(path) == len(body)  # the answer may have been lost
    head = tus.request("HEAD", path)
    assert head.headers["Upload-Length"] == str(len(body)) and head.headers["Cache-Control"] == "no-store"
    assert "filename RmlsbSDDvC5tcDQ=" in head.headers["Upload-Metadata"]
    assert tus.patch(path, len(body), b"").status == 204
    assert tus.patch(path, 0, b"x").status == 409


def test_what_does_not_fit_is_refused_and_changes_nothing(site):
    tus = Tus(site.address)
    path = tus.create(10, filename="a")
    assert tus.patch(path, 0, b"12345").status == 204
    assert tus.patch(path, 4, b"5").status == 409
    assert tus.patch(path, 6, b"7").status == 409
    assert tus.patch(path, 5, b"678901").status == 413
    assert tus.patch(path, 5, iter([b"678", b"901"])).status == 413
    assert tus.request("PATCH", path, {"Upload-Offset": "5"}, b"6").status == 415
    assert tus.request("PATCH", path, {"Content-Type": "application/offset+octet-stream"},
                       b"6").status == 400
    assert tus.request("PATCH", path, {"Upload-Offset": "5", "Tus-Resumable": "2.0"}, b"6").status == 412
    at = tus.offset(path)
    assert at in (5, 8)  # a chunk that fitted may have been taken
    assert tus.patch(path, at, b"1234567890"[at:]).status == 204
    assert site.get("/uploads/a").body in (b"1234567890", b"12345678" b"90")


def test_termination_removes_everything(site):
    tus = Tus(site.address)
    path = tus.create(10, body=b"12345", filename="a")
    assert tus.offset(path) == 5
    assert tus.request("DELETE", path).status == 204
    assert tus.offset(path) == -404
    assert tus.patch(path, 5, b"67890").status == 404
    assert site.on_disk() == []
    # For who can send no DELETE.
    path = tus.create(10, filename="a")
    assert tus.request("POST", path, {"X-HTTP-Method-Override": "DELETE"}).status == 204
    assert tus.offset(path) == -404


def test_one_that_is_being_received_is_ended_too(site):
    tus = Tus(site.address)
    for _ in range(20):
        path = tus.create(3_000_000, filename="a")
        sender = tus.begin_patch(path, 0, 3_000_000)
        sender.sendall(bytes(700_000))
        assert tus.request("DELETE", path).status == 204
        assert site.on_disk() == []
        sender.close()


def test_a_connection_that_died_without_a_word_does_not_hold_the_upload(site):
    tus = Tus(site.address)
    body = os.urandom(3_000_000)
    path = tus.create(len(body), filename="a")
    silent = tus.begin_patch(path, 0, len(body))
    silent.sendall(body[:1_000_000])
    # As after a changed Wi-Fi: the old one is open for all that the server knows.
    part = os.path.join(site.shared, ".incoming", path[5:] + ".part")
    wait_for(lambda: os.path.getsize(part) > 0, 5, "it is received")
    at = tus.offset(path)
    assert 0 < at <= 1_000_000
    assert tus.patch(path, at, body[at:]).status == 204
    assert sha256(os.path.join(site.shared, "a")) == hashlib.sha256(body).hexdigest()
    silent.settimeout(5 * SLOWNESS)
    try:
        assert silent.recv(100) == b""
    except ConnectionResetError:
        pass


def test_what_came_before_a_connection_broke_is_kept(site):
    tus = Tus(site.address)
    body = os.urandom(700_000)
    path = tus.create(len(body), filename="a")
    with tus.begin_patch(path, 0, len(body)) as sock:
        sock.sendall(body[:300_001])
    # Asked earlier, the rest would still be under way: then the server does not wait for it.
    wait_for(lambda: site.status()["files"]["uploading"] == 0, 5, "the end has been seen")
    assert tus.offset(path) == 300_001
    assert tus.patch(path, 300_001, body[300_001:]).status == 204
    assert site.list()["files"][0]["sha256"] == hashlib.sha256(body).hexdigest()


def test_an_upload_that_nobody_resumes_expires(folder):
    site = Site(folder, FREE + "resume_hours = 1\n")
    tus = Tus(site.address)
    path = tus.create(10, body=b"12345", filename="a")
    kept = tus.create(10, body=b"12345", filename="b")
    site.end()
    for name in os.listdir(os.path.join(site.shared, ".incoming")):
        if path[5:] in name:
            old = time.time() - 3700
            os.utime(os.path.join(site.shared, ".incoming", name), (old, old))
    shutil.rmtree(site.runtime)
    site = Site(folder, FREE + "resume_hours = 1\n")
    tus = Tus(site.address)
    wait_for(lambda: tus.offset(path) == -404, 5, "it has expired")
    assert tus.offset(kept) == 5


# --- kill -9 ---


class Sender(threading.Thread):
    """Sends one file by tus until it is there, whatever becomes of the server."""

    def __init__(self, address, name, body, rate):
        super().__init__(daemon=True)
        self.tus, self.name_, self.body, self.rate = Tus(address), name, body, rate
        self.path, self.done, self.resumed, self.error = None, False, 0, None
        self.start()

    def run(self):
        while not self.done:
            try:
                self.step()
            except (OSError, ValueError) as error:
                self.last = error
                time.sleep(0.02)
            except Exception as error:  # pylint: disable=broad-except
                self.error = error
                return

    def step(self):
        if not self.path:
            answer = self.tus.request("POST", "/tus/", {
                "Upload-Length": str(len(self.body)),
                "Upload-Metadata": metadata(filename=self.name_)})
            self.path = answer.headers["Location"] if answer.status == 201 else None
            return
        at = self.tus.offset(self.path)
        if at < 0:
            raise AssertionError(f"{self.path} answered {-at}")
        self.resumed += at > 0
        if at == len(self.body):
            self.done = True
            return
        with self.tus.begin_patch(self.path, at, len(self.body) - at) as sock:
            while at < len(self.body):
                sock.sendall(self.body[at:at + self.rate])
                at += self.rate
                time.sleep(0.001)
            answer = sock.recv(4096)
            if answer and b" 204 " not in answer.split(b"\r\n")[0]:
                raise AssertionError(answer)


class Restarting:
    """A listening socket that stays, and a server on it that is killed."""

    def __init__(self, folder):
        from screenshare import QUICK, environment
        self.env = environment(folder)
        self.shared = os.path.join(folder, "state-home", "uploads")
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = self.listener.getsockname()
        self.config = os.path.join(folder, "conf")
        with open(self.config, "w") as file:
            file.write(QUICK + FREE)
        self.folder = folder
        self.start()

    def start(self):
        from screenshare import start_with_sockets
        self.process = start_with_sockets(
            [process.program("screenshare-httpd"), "--config", self.config, "--runtime",
             self.env["XDG_RUNTIME_DIR"], "--state", os.path.join(self.folder, "state-home")],
            [("http", self.listener)], self.env)

    def kill(self):
        self.process.signal(signal.SIGKILL)
        self.process.wait()


def visible(shared):
    return {name for name in os.listdir(shared) if not name.startswith(".")}


def test_killed_at_any_moment_no_file_is_half_and_all_arrive(folder):
    """tus, PUT and forms at once; the server is killed again and again."""
    chance = random.Random(7)
    site = Restarting(folder)
    bodies = {f"tus{n}": chance.randbytes(6_000_000 + n) for n in range(3)}
    whole = {hashlib.sha256(body).hexdigest() for body in bodies.values()}
    plain = chance.randbytes(1_500_000)
    whole.add(hashlib.sha256(plain).hexdigest())
    senders = [Sender(site.address, name, body, 60_000) for name, body in bodies.items()]
    is_over = threading.Event()

    def put():
        number = 0
        while not is_over.is_set():
            number += 1
            form = b"--b\r\nContent-Disposition: form-data; name=file; filename=form%d\r\n\r\n%s" \
                   b"\r\n--b--\r\n" % (number, plain)
            try:
                web.request(site.address, "PUT", f"/uploads/plain{number}", plain)
                web.request(site.address, "POST", "/", form,
                            {"Content-Type": "multipart/form-data; boundary=b"})
            except (OSError, web.http.client.HTTPException):
                pass
    putter = threading.Thread(target=put, daemon=True)
    putter.start()

    def check():
        for name in visible(site.shared):
            assert sha256(os.path.join(site.shared, name)) in whole, f"{name} is not whole"
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.03, 0.35) * SLOWNESS)
        site.kill()
        check()
        site.start()
    wait_for(lambda: all(s.done or s.error for s in senders), 60, "all have arrived")
    is_over.set()
    putter.join(30)
    assert [s.error for s in senders if s.error] == []
    assert sum(s.resumed for s in senders) > 0
    check()
    for name, body in bodies.items():
        assert sha256(os.path.join(site.shared, name)) == hashlib.sha256(body).hexdigest()
    assert not [name for name in visible(site.shared) if name.startswith("tus") and "(" in name]
    site.listener.close()


def test_killed_between_the_last_byte_and_the_name_it_is_placed_later(folder):
    """As the disk is then: all bytes there, no name yet; and named, but never told."""
    site = Restarting(folder)
    tus = Tus(site.address)
    path = tus.create(5, body=b"12345"[:4], filename="late")
    placed = tus.create(5, body=b"12345"[:4], filename="told")
    site.kill()
    incoming = os.path.join(site.shared, ".incoming")
    with open(os.path.join(incoming, path[5:] + ".part"), "ab") as file:
        file.write(b"5")
    digest = hashlib.sha256(b"12345").hexdigest()
    with open(os.path.join(incoming, placed[5:] + ".info")) as file:
        known = json.load(file)
    with open(os.path.join(incoming, "whole.log"), "a") as file:
        file.write("\n" + "0" * 32 + ' {"half')  # a line that another kill has cut
        file.write(f"\n{placed[5:]} {json.dumps({**known, 'sha256': digest})}\n")
    os.rename(os.path.join(incoming, placed[5:] + ".part"), os.path.join(site.shared, "told"))
    site.start()
    assert tus.offset(path) == 5
    head = tus.request("HEAD", placed)
    assert (head.status, head.headers["Upload-Offset"]) == (200, "5")
    assert head.headers["Repr-Digest"] == repr_digest(b"12345")
    with open(os.path.join(site.shared, "late")) as file:
        assert file.read() == "12345"
    assert visible(site.shared) == {"late", "told"}
    site.listener.close()


@pytest.mark.parametrize("is_small", [False, True])
def test_whose_last_answer_was_lost_learns_after_a_kill_that_it_is_whole(folder, is_small):
    """Sent in one request with its creation, or by PATCH: HEAD says all that the answer had said."""
    site = Restarting(folder)
    tus, body = Tus(site.address), os.urandom(300_001)
    if is_small:
        path = tus.create(len(body), body=body, filename="Film ü", sender="Ann")
    else:
        path = tus.create(len(body), filename="Film ü", sender="Ann")
        assert tus.patch(path, 0, body).status == 204
    incoming = os.path.join(site.shared, ".incoming")
    for _ in range(2):
        head = tus.request("HEAD", path)
        assert head.status == 200 and head.headers["Upload-Offset"] == head.headers["Upload-Length"] == "300001"
        assert head.headers["Repr-Digest"] == repr_digest(body)
        assert head.headers["Content-Location"] == "/uploads/Film%20%C3%BC"
        assert metadata(filename="Film ü") in head.headers["Upload-Metadata"]
        assert "Upload-Expires" not in head.headers
        assert tus.patch(path, len(body), b"").status == 204
        assert os.listdir(incoming) == ["whole.log"]
        site.kill()
        site.start()
    # It can be ended like any other; what it has brought stays.
    assert tus.request("DELETE", path).status == 204
    assert tus.offset(path) == -404
    site.kill()
    site.start()
    assert tus.offset(path) == -404
    assert visible(site.shared) == {"Film ü"}
    site.listener.close()


def test_a_creation_that_is_sent_again_makes_no_second_file(folder):
    """Its answer was lost: by the ID, which the client has chosen, it is known."""
    site = Restarting(folder)
    tus, body = Tus(site.address), os.urandom(100_000)

    def create(key, length, sent=None):
        return tus.request("POST", "/tus/", {
            "Upload-Length": str(length), "Upload-Metadata": metadata(filename="photo.jpg"), "Upload-Key": key,
            **({} if sent is None else PATCH_TYPE)}, sent)
    whole, part, fresh = "a" * 32, "b" * 32, "c" * 32
    for _ in range(3):
        answer = create(whole, len(body), body)
        assert (answer.status, answer.headers["Upload-Offset"]) == (201, "100000")
        assert answer.headers["Repr-Digest"] == repr_digest(body)
        assert answer.headers["Location"] == "/tus/" + whole
        answer = create(part, len(body), body[:1000])
        assert (answer.status, answer.headers["Upload-Offset"]) == (201, "1000")
        site.kill()
        site.start()
    assert visible(site.shared) == {"photo.jpg"}
    assert tus.patch("/tus/" + part, 1000, body[1000:]).status == 204
    assert visible(site.shared) == {"photo.jpg", "photo (2).jpg"}
    # One that is still being received is not waited for: its connection has died.
    with socket.create_connection(site.address) as sock:
        sock.sendall(f"POST /tus/ HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Length: 9\r\n"
                     f"Upload-Key: {fresh}\r\nContent-Type: application/offset+octet-stream\r\n"
                     f"Content-Length: 9\r\n\r\n1234".encode())
        wait_for(lambda: fresh + ".part" in os.listdir(os.path.join(site.shared, ".incoming")), 5, "it has begun")
        assert create(fresh, 9, b"12345").headers["Upload-Offset"] == "5"
    assert tus.offset("/tus/" + fresh) == 5
    for key in ("", "x", "A" * 32, "../" + "a" * 29, "a" * 33):
        assert create(key, 0).status == 400, key
    assert visible(site.shared) == {"photo.jpg", "photo (2).jpg"}
    site.listener.close()


def test_what_is_remembered_of_whole_uploads_stays_small(site):
    """As small files of a folder come: whole, in one request each."""
    tus, paths = Tus(site.address), []
    connection = http.client.HTTPConnection(*site.address, timeout=20 * SLOWNESS)
    for number in range(1500):
        connection.request("POST", "/tus/", None, {
            **RESUMABLE, "Upload-Length": "0",
            "Upload-Metadata": metadata(filename=f"{number}", padding="x" * 2000)})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 201, number
        paths.append(answer.headers["Location"])
    incoming = os.path.join(site.shared, ".incoming")
    assert sorted(os.listdir(incoming)) == ["whole.log", "whole.old"]
    assert sum(os.path.getsize(os.path.join(incoming, name)) for name in os.listdir(incoming)) <= 4 << 20
    assert tus.offset(paths[-1]) == 0 and tus.offset(paths[-500]) == 0 and tus.offset(paths[0]) == -404
    assert site.list()["count"] == 1500


def test_thousands_that_are_begun_and_left_keep_nobody_from_sending(site):
    """What the memory holds of them goes for what is new: the disk knows it as well."""
    tus, paths = Tus(site.address), []
    connection = http.client.HTTPConnection(*site.address, timeout=20 * SLOWNESS)
    for number in range(1100):
        connection.request("POST", "/tus/", None, {
            **RESUMABLE, "Upload-Length": "3", "Upload-Metadata": metadata(filename=f"{number}")})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 201, number
        paths.append(answer.headers["Location"])
    assert tus.patch(paths[0], 0, b"one").status == 204
    assert site.names() == ["0"]


def test_an_upload_that_comes_right_at_the_start_is_not_taken_for_a_left_over_one(folder):
    """The first cleaning removed what had just been begun (seen with a slow, sanitized server)."""
    site = Restarting(folder)
    wait_for(lambda: os.path.exists(os.path.join(site.shared, ".incoming")), 5, "it runs")
    site.kill()
    for number in range(20000):  # so that it takes a while
        open(os.path.join(site.shared, ".incoming", "%032x.tmp" % number), "w").close()
    sockets = []
    for number in range(8):  # these wait for the server, not it for them
        sock = socket.create_connection(site.address, timeout=20 * SLOWNESS)
        sock.sendall(b"PUT /uploads/early%d HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n"
                     % number + bytes(299_999))
        sockets.append(sock)
    site.start()
    wait_for(lambda: len(os.listdir(os.path.join(site.shared, ".incoming"))) <= 8, 20, "the others are removed")
    for sock in sockets:
        sock.sendall(b"x")
    assert [sock.recv(4096)[:12] for sock in sockets] == [b"HTTP/1.1 201"] * 8
    assert not os.listdir(os.path.join(site.shared, ".incoming"))
    site.listener.close()


def test_the_presenter_lists_adds_deletes_restores_and_renames(folder):
    from screenshare import QUICK, Run
    run = Run(folder, None, QUICK + "[screen]\nsource = pattern\n" + FREE + "uploads = no\n")
    source = os.path.join(folder, "Folien 1.pdf")
    digest = make_file(source, 2_000_000)

    def ask(*words, status=0):
        found, out, err = run.ask("files", *words)
        assert found == status, err
        return out if status == 0 else err
    assert "No files" in ask()
    ask("add", source)
    assert "uploads" in json.loads(web.get(run.address, "/status").body)["files"]
    assert sha256(os.path.join(folder, "state", "uploads", "Folien 1.pdf")) == digest
    assert "2.0 MB" in ask("list") and "Folien 1.pdf" in ask("list")
    assert json.loads(ask("--json"))[0]["sha256"] == digest
    assert ask("rename", "Folien 1.pdf", ".Vortrag: 1.pdf") == "_Vortrag_ 1.pdf"
    assert ask("rename", "_Vortrag_ 1.pdf", "Vortrag/Folien.pdf") == ""
    assert "name of its folder" in ask("rename", "Vortrag/Folien.pdf", "Vortrag/Folien.pdf/x", status=1)
    with open(os.path.join(folder, "state", "uploads", "-by hand"), "w"):
        pass
    wait_for(lambda: "-by hand" in ask("list"), 5, "it is listed")
    ask("delete", "--", "-by hand")
    ask("delete", "Vortrag/Folien.pdf")
    assert "No files" in ask()
    trash = ask("restore")
    number, = [line.split()[0] for line in trash.splitlines() if "Vortrag/Folien.pdf" in line]
    assert ask("restore", number) == "Vortrag/Folien.pdf"
    assert sha256(os.path.join(folder, "state", "uploads", "Vortrag", "Folien.pdf")) == digest
    assert ask("restore", ask("restore").split()[0]) == "-by hand"
    assert "nothing" in ask("restore")
    assert "Could not delete nothing: There is no such file" in ask("delete", "nothing", status=1)
    assert "no such file" in ask("restore", "../x", status=1)
    assert ".." in ask("rename", "Vortrag/Folien.pdf", "../x", status=1)
    ask("add", folder, status=1)
    ask("remove", status=2)
    assert web.request(run.address, "PUT", "/uploads/x", b"", {
        "X-Screenshare-Presenter": "0" * 32}).status == 403
