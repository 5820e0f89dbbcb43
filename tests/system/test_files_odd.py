# SPDX-License-Identifier: MIT
"""Odd requests and odd files: what clumsy people, old programs and strangers send, ask for, and put there."""

import io
import json
import os
import socket
import time
import urllib.parse
import zipfile

import pytest

import web
from test_files import FREE, Site
from tus import Tus, metadata
from wait import SLOWNESS, wait_for

FORM = {"Content-Type": "multipart/form-data; boundary=b"}


@pytest.fixture
def site(folder):
    return Site(folder, FREE + "rename = yes\ndelete = yes\n")


def form(site, *parts):
    """Each part is what stands behind form-data; in its Content-Disposition, and the data."""
    body = b"".join(b"--b\r\nContent-Disposition: form-data; " + disposition.encode() + b"\r\n\r\n" + data + b"\r\n"
                    for disposition, data in parts) + b"--b--\r\n"
    return web.request(site.address, "POST", "/", body, FORM)


# --- down ---


@pytest.mark.parametrize("ask, status, body", [
    ("bytes=0-0", 206, b"0"), ("bytes=-1", 206, b"9"), ("bytes=-100", 206, b"0123456789"), ("bytes=-0", 416, b""),
    ("bytes=9-20", 206, b"9"), ("bytes=10-", 416, b""), ("bytes=18446744073709551615-", 416, b""),
    ("bytes=0-1,3-4", 200, b"0123456789"), ("bytes=3-2", 200, b"0123456789"), ("items=0-1", 200, b"0123456789")])
def test_a_range_is_what_the_standard_says(site, ask, status, body):
    site.put("digits", b"0123456789")
    answer = site.get("/uploads/digits", {"Range": ask})
    assert (answer.status, answer.body) == (status, body)
    if status == 416:
        assert answer.headers["Content-Range"] == "bytes */10"


def test_a_range_is_a_matter_of_get_and_of_the_same_file(site):
    site.put("digits", b"0123456789")
    site.put("empty")
    whole = site.get("/uploads/digits")
    tag, date = whole.headers["ETag"], whole.headers["Last-Modified"]
    part = {"Range": "bytes=1-2"}
    head = site.get("/uploads/digits", part, "HEAD")
    assert (head.status, head.headers["Content-Length"]) == (200, "10")
    for known, status in ((tag, 206), (date, 206), ('"other"', 200), ("W/" + tag, 200),
                          ("Mon, 01 Jan 2024 00:00:00 GMT", 200)):
        assert site.get("/uploads/digits", {**part, "If-Range": known}).status == status, known
    for condition, status in (
            ({"If-Unmodified-Since": "Mon, 01 Jan 2024 00:00:00 GMT"}, 412), ({"If-Unmodified-Since": date}, 200),
            ({"If-Unmodified-Since": "rubbish"}, 200), ({"If-Match": '"other"'}, 412), ({"If-Match": "*"}, 200),
            ({"If-None-Match": "W/" + tag}, 304), ({"If-Modified-Since": date}, 304)):
        assert site.get("/uploads/digits", condition).status == status, condition
    assert site.get("/uploads/empty", {"Range": "bytes=0-"}).status == 416
    assert site.get("/uploads/empty").body == b""


def test_a_zip_has_each_file_once_and_is_broken_off_where_one_was_written_over(site):
    site.put("a", b"a")
    for query in ("name=a&name=a", "&".join(["name=a"] * 580)):
        answer = site.get("/files.zip?" + query)
        assert zipfile.ZipFile(io.BytesIO(answer.body)).namelist() == ["a"]
    path = os.path.join(site.shared, "big")
    for mode, is_whole in (("r+b", False), ("ab", True)):  # written over; grown, as a recording does
        with open(path, "wb") as file:
            file.write(bytes(64 << 20))
        wait_for(lambda: "big" in site.names(), 5, "it is listed")
        connection = web.http.client.HTTPConnection(*site.address, timeout=20)
        connection.request("GET", "/files.zip?name=big")
        response = connection.getresponse()
        read = response.read(100_000)
        time.sleep(0.02)  # the clock of the file system has moved on
        with open(path, mode) as file:
            file.write(b"x")
        try:
            read += response.read()
            assert is_whole and zipfile.ZipFile(io.BytesIO(read)).testzip() is None
        except (web.http.client.IncompleteRead, ConnectionResetError):
            assert not is_whole
        connection.close()


# --- up ---


def test_a_put_can_ask_for_a_name_that_nobody_has(site):
    assert site.put("a", b"1", {"If-None-Match": "*"}).status == 201
    answer = site.put("a", b"2", {"If-None-Match": "*"})
    assert answer.status == 412 and b"ever replaced" in answer.body
    assert site.put("a", b"2", {"If-Match": "*"}).status == 412
    assert site.names() == ["a"] and site.get("/uploads/a").body == b"1"


@pytest.mark.parametrize("disposition, name", [
    (r'name="file"; filename="a\"b.txt"', "a_b.txt"), ('name="file"; filename="q%22q.txt"', "q_q.txt"),
    ("name=file; filename*=UTF-8''%C3%A4%20b.txt; filename=plain", "ä b.txt"),
    ("name=file; filename*=iso-8859-1''%E4.txt; filename=plain.txt", "plain.txt"),
    ('name=file; filename="C:\\Users\\me\\x.txt"', "x.txt"), ('name=file; filename="a%0D%0Ab"', "a__b"),
    ("filename=nameless", "nameless"), ("name=other; filename=other", "other")])
def test_a_forms_file_has_the_name_that_was_meant(site, disposition, name):
    assert form(site, (disposition, b"x")).status == 201
    assert site.names() == [name]


def test_the_sender_of_a_form_may_stand_anywhere_and_turns_nothing_around(site):
    for where, sender in enumerate(("Zoë", "\u202eevil\u200b", "<b>&\"'")):
        parts = [("name=sender", sender.encode()), (f"name=file; filename={where}", b"x")]
        assert form(site, *(parts if where % 2 else reversed(parts))).status == 201
    assert {e["name"]: e["sender"] for e in site.list()["files"]} == {"0": "Zoë", "1": "evil", "2": "<b>&\"'"}
    assert "&#60;b&#62;&#38;" in site.get("/").body.decode()


def test_what_a_tus_server_without_it_would_misunderstand_is_refused(site):
    tus = Tus(site.address)
    for headers in ({"Upload-Defer-Length": "1"}, {"Upload-Length": "3", "Upload-Defer-Length": "1"},
                    {"Upload-Length": "3", "Upload-Concat": "partial"}, {"Upload-Concat": "final;/tus/a /tus/b"}):
        assert tus.request("POST", "/tus/", headers).status == 400, headers
    assert site.on_disk() == []
    path = tus.create(3, filename="a")
    answer = tus.request("POST", path, {"X-HTTP-Method-Override": "HEAD"})
    assert (answer.status, answer.headers["Upload-Offset"]) == (200, "0")
    for content_type in ("application/octet-stream", "application/offset+octet-stream; charset=utf-8"):
        assert tus.request("PATCH", path, {"Upload-Offset": "0", "Content-Type": content_type}, b"abc").status == 415
    options = web.request(site.address, "OPTIONS", "/tus/")
    assert options.status == 204 and options.headers["Tus-Version"] == "1.0.0"
    assert "concatenation" not in options.headers["Tus-Extension"]


def test_what_is_encoded_is_refused_with_words_before_its_body(site):
    """It would be kept under the name of what it is not."""
    source = os.path.join(os.path.dirname(site.shared), "a.gz")
    with open(source, "wb") as file:
        file.write(b"\x1f\x8b" + b"x" * 3_000_000)
    encoded = ["-H", "Content-Encoding: gzip"]
    status, body = site.curl("-T", source, *encoded, site.url + "/uploads/")
    assert status == 415 and "Content-Encoding" in body
    assert site.curl("-F", f"file=@{source}", *encoded, site.url + "/")[0] == 415
    answer = site.put("b", b"abc", {"Content-Encoding": "br"})
    assert (answer.status, answer.headers["Accept-Encoding"]) == (415, "identity")
    tus = Tus(site.address)
    path = tus.create(3, filename="t")
    assert tus.request("PATCH", path, {"Upload-Offset": "0", "Content-Encoding": "gzip",
                                       "Content-Type": "application/offset+octet-stream"}, b"abc").status == 415
    assert tus.offset(path) == 0 and site.names() == []
    assert site.put("b", b"abc", {"Content-Encoding": "identity"}).status == 201
    assert site.curl("-T", source, site.url + "/uploads/")[0] == 201  # of itself it may be a .gz


def test_a_put_that_does_not_say_how_long_it_is_makes_no_empty_file(site):
    def put(line, *headers):
        with socket.create_connection(site.address, timeout=10 * SLOWNESS) as sock:
            sock.sendall("\r\n".join([f"PUT /uploads/a {line}", "Host: localhost", "Connection: close",
                                      *headers, "", "all of it"]).encode())
            sock.shutdown(socket.SHUT_WR)
            return int(sock.makefile("rb").readline().split()[1])
    assert put("HTTP/1.1") == 411 and put("HTTP/1.0") == 411
    assert site.curl("-X", "PUT", site.url + "/uploads/a")[0] == 411
    assert site.names() == []
    assert put("HTTP/1.0", "Content-Length: 9") == 201 and put("HTTP/1.1", "Content-Length: 0") == 201
    assert [site.get(f"/uploads/{name}").body for name in ("a", "a%20(2)")] == [b"all of it", b""]


def test_after_an_answer_that_came_before_the_body_the_connection_lives_on(site):
    """Whoever sends a body hears the answer when all is sent, if he has not been reset before."""
    def talk(method, path, headers, body, first=None):
        """The status, and whether the connection takes another request; `first` comes with the head."""
        with socket.create_connection(site.address, timeout=20 * SLOWNESS) as sock:
            sock.sendall("\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode() +
                         (body[:first] if first else b""))
            answers = sock.makefile("rb")
            status = b""
            if first is not None:  # it has answered before the rest comes
                status = answers.readline()
            try:
                sock.sendall(body[first or 0:] + b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                status = status or answers.readline()
                return int(status.split()[1]), answers.read().endswith(b"\r\n\r\nok\n")
            except (ConnectionResetError, BrokenPipeError):
                return int(status.split()[1]), False
    small, large = os.urandom(900_000), os.urandom(3_000_000)
    encoded = ["Content-Encoding: gzip"]
    length = [f"Content-Length: {len(small)}"]
    for first in (None, 0, 1000):
        assert talk("PUT", "/uploads/a", [*encoded, *length], small, first) == (415, True), first
        assert talk("DELETE", "/uploads/a", length, small, first) == (413, True), first
        assert talk("POST", "/nothing", length, small, first) == (404, True), first
        assert talk("PUT", "/uploads/.", length, small, first)[0] == 400  # no request at all: closed
    # Where nobody knows what will come, and where it is much, there is no other way.
    assert talk("PUT", "/uploads/a", [*encoded, *length, "Expect: 100-continue"], b"", 0) == (415, False)
    chunks = [*encoded, "Transfer-Encoding: chunked"]
    assert talk("PUT", "/uploads/a", chunks, b"3\r\nabc\r\n0\r\n\r\n") == (415, False)
    assert talk("PUT", "/uploads/a", [*encoded, f"Content-Length: {len(large)}"], large)[1] is False
    # As the page sends small files: whole, with the request that creates them; and once more.
    tus = ["Tus-Resumable: 1.0.0", f"Upload-Length: {len(small)}", "Upload-Key: " + "a" * 32,
           "Content-Type: application/offset+octet-stream", "Upload-Metadata: " + metadata(filename="t"), *length]
    assert talk("POST", "/tus/", tus, small) == (201, True)
    for first in (None, 0, 1000):
        assert talk("POST", "/tus/", tus, small, first) == (201, True), first
    assert site.names() == ["t"] and site.get("/uploads/t").body == small


def test_of_two_patches_at_once_the_newer_one_goes_on(site):
    tus = Tus(site.address)
    path = tus.create(600_000, filename="a")
    older = tus.begin_patch(path, 0, 600_000)
    older.sendall(b"1" * 200_000)
    wait_for(lambda: tus.offset(tus.create(1)) == 0 and site.status()["files"]["uploading"] == 1, 5, "it has begun")
    time.sleep(0.05)
    at = tus.offset(path)  # which has cut the older one off
    newer = tus.begin_patch(path, at, 600_000 - at)
    newer.sendall(b"2" * (600_000 - at))
    assert newer.recv(4096).startswith(b"HTTP/1.1 204")
    body = site.get("/uploads/a").body
    assert len(body) == 600_000 and body == b"1" * at + b"2" * (600_000 - at)


# --- names ---


def test_a_name_of_255_bytes_has_room_for_its_number(site):
    for name in ("x" * 255, "x" * 251 + ".txt", "ü" * 127, "/".join(["y" * 250] * 4) + "/" + "z" * 19):
        before = set(site.names())
        answers = [site.put(name, b"x") for _ in range(3)]
        assert [answer.status for answer in answers] == [201] * 3, name
        given = {json.loads(answer.body)["name"] for answer in answers}
        assert len(given) == 3 and set(site.names()) - before == given
        assert {len(one.encode().split(b"/")[-1]) <= 255 for one in given} == {True}
    # The number would leave nothing of the last part.
    name = "/".join(["y" * 255] * 3 + ["y" * 249, "a.txt"])
    assert (len(name), site.put(name, b"x").status, site.put(name, b"x").status) == (1023, 201, 409)


@pytest.mark.parametrize("name, cleaned", [
    ("x\u202egpj.exe", "x_gpj.exe"), ("\ufeffa", "_a"), ("\u200b", "_"), ("a\u061cb", "a_b"),
    ("👩‍💻 نامه‌ها.txt", "👩‍💻 نامه‌ها.txt"), (".incoming/x", "_incoming/x"), (".trash", "_trash")])
def test_what_nobody_sees_is_seen(site, name, cleaned):
    tus = Tus(site.address)
    tus.create(0, filename=name)
    assert site.names() == [cleaned]


def test_rename_says_why_not(site):
    for name in ("a", "b", "c/d"):
        site.put(name, name.encode())

    def rename(name, to):
        return web.request(site.address, "POST", f"/uploads/{name}?rename=" + urllib.parse.quote(to))
    assert rename("a", "A").status == 200 and rename("A", "a").status == 200
    for to, status, words in (("b", 409, b"a file of that name"), ("a", 409, b"a file of that name"),
                              ("b/x", 409, b"the name of its folder"), ("a/x", 409, b"the name of its folder"),
                              ("x" * 2000, 400, b"too long"), ("dir/", 400, b"of a folder"), ("..", 400, b"..")):
        answer = rename("a", to)
        assert answer.status == status and words in answer.body, to
    assert site.names() == ["a", "b", "c/d"]
    assert sorted(os.listdir(site.shared)) == [".incoming", ".trash", "a", "b", "c"]


# --- put there by hand ---


def test_by_hand_a_file_may_have_any_name_that_a_person_can_read(site):
    good = ["Q: A?.pdf", "-dash", "CON", "trail.", " lead", 'a"b<c>|*.txt', "sub/con.txt", "a%41+&.txt"]
    os.mkdir(os.path.join(site.shared, "sub"))
    for name in good + [".hidden", "new\nline", "back\\slash", "turn\u202eed"]:
        with open(os.path.join(site.shared, name), "w") as file:
            file.write(name)
    with open(os.fsencode(site.shared) + b"/\xff\xfe", "w"):
        pass
    wait_for(lambda: site.names() == sorted(good), 5, lambda: f"all are listed: {site.names()}")
    page = site.get("/").body.decode()
    for name in good:
        answer = site.get("/download/" + urllib.parse.quote(name))
        assert answer.status == 200 and answer.body == name.encode(), name
        assert "\n" not in answer.headers["Content-Disposition"]
        assert 'href="/uploads/' + urllib.parse.quote(name, safe="/!$'()*+,;=:@&").replace("&", "&#38;") \
            .replace("'", "&#39;") + '"' in page, name
    assert sorted(zipfile.ZipFile(io.BytesIO(site.get("/files.zip").body)).namelist()) == sorted(good)
    assert web.request(site.address, "POST", "/uploads/CON?rename=con.txt").status == 200
    assert "_con.txt" in site.names()
    assert web.request(site.address, "DELETE", "/uploads/" + urllib.parse.quote("Q: A?.pdf")).status == 204
    trash, = site.ask(request="files", action="trash")["files"]
    assert site.ask(request="files", action="restore", id=trash["id"])["name"] == "Q: A?.pdf"


def test_a_hard_link_is_a_file_too(site, folder):
    source = os.path.join(folder, "source")
    with open(source, "w") as file:
        file.write("linked")
    os.link(source, os.path.join(site.shared, "link"))
    wait_for(lambda: site.names() == ["link"], 5, "it is listed")
    # What is only just being written is not.
    with open(os.path.join(site.shared, "half"), "w") as file:
        file.write("half")
        file.flush()
        os.link(source, os.path.join(site.shared, "second"))
        wait_for(lambda: site.names() == ["link", "second"], 5, "that alone")
    wait_for(lambda: site.names() == ["half", "link", "second"], 5, "it is whole")


def test_who_puts_a_file_there_that_cannot_be_read_is_told(folder):
    prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    site = Site(folder, FREE, prefix=prefix)
    path = os.path.join(site.shared, "slides.pdf")
    with open(path, "w") as file:
        os.fchmod(file.fileno(), 0)
    told = site.process.wait_line('Could not share "slides.pdf".*', stderr=True).group(0)
    assert "chmod" in told and site.names() == []
    os.chmod(path, 0o644)
    wait_for(lambda: site.names() == ["slides.pdf"], 5, "it is listed")


def test_of_cookies_the_one_that_is_ours_counts(folder):
    site = Site(folder)
    mine = site.put("a").headers["Set-Cookie"].split(";")[0]
    forged = "screenshare_owner=" + "z" * 32
    for cookie, status in ((forged, 403), ("screenshare_owner=", 403), (mine[:-1], 403), (mine.upper(), 403),
                           (f"x=y; {forged}; {mine}", 204)):
        assert web.request(site.address, "DELETE", "/uploads/a", headers={"Cookie": cookie}).status == status, cookie
    # The end of an upload is not the end of its file.
    tus = Tus(site.address)
    path = tus.create(0, filename="b")
    assert tus.request("DELETE", path).status == 204
    assert site.names() == ["b"]
