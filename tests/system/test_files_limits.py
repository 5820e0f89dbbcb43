# SPDX-License-Identifier: MIT
"""What files may not do: become too old, too many, too large, or anything but whole; and a folder that
cannot be written."""

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time

import pytest

import web
from process import own_mounts
from screenshare import QUICK, Httpd
from test_files import FREE, Site
from tus import Tus, metadata
from wait import SLOWNESS, wait_for

HOUR, DAY = 3600, 86400


def set_back(path, seconds):
    then = time.time() - seconds
    os.utime(path, (then, then))


def restart(site, folder, config):
    site.end()
    shutil.rmtree(site.runtime)
    return Site(folder, FREE + config)


# --- what is too old ---


def test_what_was_sent_long_ago_goes_into_the_trash(folder):
    site = Site(folder)
    for name in ("old", "sub/old too", "new"):
        assert site.put(name, b"sent").status == 201
    with open(os.path.join(site.shared, "by hand"), "w") as file:
        file.write("put there")
    for name in ("old", "sub/old too", "by hand"):
        set_back(os.path.join(site.shared, name), 2 * DAY + HOUR)
    set_back(os.path.join(site.shared, "new"), 2 * DAY - HOUR)
    site = restart(site, folder, "")
    wait_for(lambda: site.names() == ["by hand", "new", "old", "sub/old too"], 5, "nothing is too old")
    site = restart(site, folder, "age_days = 2\n")
    wait_for(lambda: site.names() == ["by hand", "new"], 5, "what is too old has gone")
    wait_for(lambda: sorted(os.listdir(site.shared)) == [".incoming", ".trash", "by hand", "new"], 5,
             "its folder too")
    trash = site.ask(request="files", action="trash")["files"]
    assert sorted(entry["name"] for entry in trash) == ["old", "sub/old too"]
    for entry in trash:
        assert site.ask(request="files", action="restore", id=entry["id"])["name"] == entry["name"]
    wait_for(lambda: site.names() == ["by hand", "new", "old", "sub/old too"], 5, "both are back")


def test_the_trash_is_kept_for_as_long_as_it_says(folder):
    site = Site(folder)
    for name in ("long ago", "just now"):
        assert site.put(name, b"x").status == 201
        assert site.ask(request="files", action="delete", name=name)["ok"]
    trash = os.path.join(site.shared, ".trash")
    for entry in site.ask(request="files", action="trash")["files"]:
        if entry["name"] == "long ago":  # its folder's name says when
            seconds, _, number = entry["id"].partition("-")
            os.rename(os.path.join(trash, entry["id"]), os.path.join(trash, f"{int(seconds) - 3 * HOUR}-{number}"))
    site = restart(site, folder, "trash_hours = 4\n")
    wait_for(lambda: len(os.listdir(trash)) == 2, 5, "both are there")
    site = restart(site, folder, "trash_hours = 2\n")
    wait_for(lambda: len(os.listdir(trash)) == 1, 5, "one has gone for good")
    entry, = site.ask(request="files", action="trash")["files"]
    assert site.ask(request="files", action="restore", id=entry["id"])["name"] == "just now"


# --- how much ---


def head(address, method, path, length, *lines, source="127.0.0.1"):
    """The answer to a request that has sent no body yet."""
    with socket.create_connection(address, timeout=10 * SLOWNESS, source_address=(source, 0)) as sock:
        sock.sendall("\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {length}",
                                  "Expect: 100-continue", *lines, "", ""]).encode())
        return int(sock.recv(4096).split()[1])


FORM = "Content-Type: multipart/form-data; boundary=b"
PATCH = "Content-Type: application/offset+octet-stream"


def ways(site, length, **more):
    """What each way of sending so many bytes is told before its body: 100 is Go on."""
    told = []
    for way in (("PUT", "/uploads/a", length), ("POST", "/", length, FORM),
                ("POST", "/tus/", length, PATCH, "Tus-Resumable: 1.0.0", f"Upload-Length: {length}",
                 "Upload-Metadata: " + metadata(filename="a"))):
        told.append(head(site.address, *way, **more))
        wait_for(lambda: site.status()["files"]["uploading"] == 0, 5, "it has been given up")
    return tuple(told)


def age(shared, name, seconds):
    """As if the deleted file of that name had been deleted so much earlier."""
    trash = os.path.join(shared, ".trash")
    folder, = (one for one in os.listdir(trash) if os.listdir(os.path.join(trash, one)) == [name])
    then, _, rest = folder.partition("-")
    os.rename(os.path.join(trash, folder), os.path.join(trash, f"{int(then) - seconds}-{rest}"))


def test_what_was_deleted_gives_way_to_what_is_sent_but_not_for_nothing(folder):
    site = Site(folder, FREE + "quota_mb = 4\nsender_quota_mb = 4\ncount_max = 4\n")

    def delete(name, ago):
        assert site.ask(request="files", action="delete", name=name)["ok"]
        age(site.shared, name, ago)

    def in_trash():
        return sorted(entry["name"] for entry in site.ask(request="files", action="trash")["files"])

    def chunked(name, n):
        return web.request(site.address, "PUT", f"/uploads/{name}", iter([b"x" * 500_000] * n)).status
    for name in ("a", "b", "c"):
        assert site.put(name, b"x" * 1_000_000).status == 201
    delete("b", 20)
    delete("a", 10)
    assert site.put("d", b"x" * 1_000_000).status == 201
    assert in_trash() == ["a", "b"]  # there is room for all, and of a sender's they are no part
    assert site.put("e", b"x" * 2_500_000).status == 507
    assert in_trash() == ["a", "b"]  # nothing went for what finds no room without them either
    assert chunked("e", 2) == 201
    assert in_trash() == ["a"]
    # Who has emptied it by hand has made room, too.
    for one in os.listdir(os.path.join(site.shared, ".trash")):
        shutil.rmtree(os.path.join(site.shared, ".trash", one))
    assert site.put("f", b"x" * 1_000_000).status == 201
    assert site.names() == ["c", "d", "e", "f"]


def test_a_disk_that_is_full_of_what_was_deleted_is_not_full(folder):
    shared = os.path.join(folder, "small")
    os.mkdir(shared)
    prefix = own_mounts(f"mount -t tmpfs -o size=8m none {shared}")
    site = Httpd(folder, QUICK + "[files]\nfree_mb = 1\ndelete = yes\n" + f"folder = {shared}\n", prefix=prefix)
    inside = f"/proc/{site.process.pid}/root{shared}"

    def put(name, size):
        return web.request(site.address, "PUT", f"/uploads/{name}", b"x" * size).status

    def deleted():
        return sorted(name for _, _, names in os.walk(inside + "/.trash") for name in names)
    for ago, name in enumerate(("new", "old")):
        assert put(name, 3_000_000) == 201
        assert web.get(site.address, f"/uploads/{name}", method="DELETE").status == 204
        age(inside, name, ago * 10)
    assert put("large", 8_000_000) == 507
    assert deleted() == ["new", "old"]
    form = (b"--x\r\nContent-Disposition: form-data; name=file; filename=form\r\n\r\n" + b"f" * 2_500_000 +
            b"\r\n--x--\r\n")
    assert web.request(site.address, "POST", "/", form,
                       {"Content-Type": "multipart/form-data; boundary=x"}).status == 201
    assert deleted() == ["new"]
    tus = Tus(site.address)
    path = tus.create(4_000_000, filename="t")
    assert tus.patch(path, 0, b"t" * 4_000_000).status == 204
    assert deleted() == []


def test_each_sender_has_a_quota_of_its_own(folder):
    site = Site(folder, FREE + "sender_quota_mb = 2\n")
    assert ways(site, 2_000_001) == (507, 507, 507)
    assert ways(site, 1_900_000) == (100, 100, 100)
    assert site.put("first", b"x" * 1_500_000).status == 201
    assert ways(site, 600_000) == (507, 507, 507)
    assert ways(site, 600_000, source="127.0.0.2") == (100, 100, 100)
    # Of unknown length: until it is too much.
    assert web.request(site.address, "PUT", "/uploads/b", iter([b"x" * 100_000] * 6)).status == 507
    assert web.request(site.address, "PUT", "/uploads/b", iter([b"x" * 100_000] * 4)).status == 201
    assert site.ask(request="files", action="delete", name="first")["ok"]
    assert site.put("third", b"x" * 1_500_000).status == 201
    assert site.names() == ["b", "third"]


def test_what_a_sender_has_begun_counts_against_its_quota(folder):
    config = "sender_quota_mb = 2\n"
    site = Site(folder, FREE + config)
    tus = Tus(site.address)
    path = tus.create(1_500_000, body=b"x" * 1_000_000, filename="resting")
    for _ in range(2):
        assert ways(site, 1_000_001) == (507, 507, 507)
        assert ways(site, 1_000_000) == (100, 100, 100)
        assert ways(site, 2_000_000, source="127.0.0.2") == (100, 100, 100)
        site = restart(site, folder, config)
        tus = Tus(site.address)
    # Resumed it needs room for its rest alone, and still counts once.
    assert tus.patch(path, 1_000_000, b"x" * 100_000).status == 204
    assert ways(site, 900_001) == (507, 507, 507)
    assert site.put("beside", b"x" * 500_000).status == 201
    assert tus.patch(path, 1_100_000, b"x" * 400_000).status == 204
    assert ways(site, 1) == (507, 507, 507)
    # Ended, it counts no more.
    assert site.ask(request="files", action="delete", name="beside")["ok"]
    path = tus.create(500_000, body=b"x" * 400_000, filename="ended")
    assert ways(site, 100_001)[0] == 507
    assert tus.request("DELETE", path).status == 204
    assert ways(site, 500_000)[0] == 100


def test_every_way_of_sending_is_told_its_limit_before_the_body(folder):
    site = Site(folder, FREE + "file_max_mb = 2\nquota_mb = 4\n")
    # A form may be of several files: only their sum is known.
    assert ways(site, 9_000_000) == (413, 507, 413)
    assert ways(site, 3_999_000) == (413, 100, 413)
    three = part(b"1", b"x" * 1_200_000) + part(b"2", b"x" * 1_200_000) + part(b"3", b"x" * 1_200_000)
    answer = web.request(site.address, "POST", "/", three + b"--b--\r\n", {"Content-Type": FORM.partition(": ")[2]})
    assert answer.status == 201 and site.names() == ["1", "2", "3"]
    for name in site.names():
        assert site.ask(request="files", action="delete", name=name)["ok"]
    answer = web.request(site.address, "POST", "/", part(b"1", b"x" * 2_000_001) + b"--b--\r\n",
                         {"Content-Type": FORM.partition(": ")[2]})
    assert answer.status == 413 and b"file_max_mb" in answer.body and site.names() == []
    assert site.put("a", b"x" * 2_000_000).status == 201
    assert site.put("b", b"x" * 1_000_000).status == 201
    assert ways(site, 1_000_001) == (507, 507, 507)
    assert site.names() == ["a", "b"]


def test_what_rests_counts_too_but_not_twice(folder):
    site = Site(folder, FREE + "quota_mb = 4\ncount_max = 3\n")
    tus = Tus(site.address)
    path = tus.create(3_500_000, body=b"x" * 2_900_000, filename="resting")
    assert ways(site, 1_100_001) == (507, 507, 507)
    assert site.put("beside", b"x" * 400_000).status == 201
    site = restart(site, folder, "quota_mb = 4\ncount_max = 3\n")
    tus = Tus(site.address)
    assert ways(site, 900_000) == (507, 507, 507)
    assert tus.patch(path, 2_900_000, b"x" * 600_000).status == 204
    assert site.names() == ["beside", "resting"]
    # The third, and last, is begun with nothing; then there are three.
    path = tus.create(1000, filename="third")
    assert site.put("fourth", b"").status == 507
    assert tus.patch(path, 0, b"x" * 1000).status == 204
    assert site.put("fourth", b"").status == 507
    assert site.names() == ["beside", "resting", "third"]


def test_an_upload_is_resumed_on_a_disk_that_has_room_for_its_rest_alone(folder):
    shared = os.path.join(folder, "small")
    os.mkdir(shared)
    prefix = own_mounts(f"mount -t tmpfs -o size=6m none {shared}")
    site = Httpd(folder, QUICK + FREE + f"folder = {shared}\n", prefix=prefix)
    tus = Tus(site.address)
    path = tus.create(5_000_000, body=b"x" * 4_000_000, filename="large")
    assert tus.patch(path, 4_000_000, b"x" * 1_000_000).status == 204
    assert json.loads(site.get("/files").body)["files"][0]["size"] == 5_000_000


def test_a_thousand_of_a_name_are_enough(site):
    for number in range(1, 1001):
        name = "x" if number == 1 else f"x ({number})"
        open(os.path.join(site.shared, name), "w").close()
    assert site.put("x", b"1").status == 409
    assert not os.listdir(os.path.join(site.shared, ".incoming"))


# --- forms ---


@pytest.fixture
def site(folder):
    return Site(folder)


def part(name, data, parameters="name=file; "):
    return b"--b\r\nContent-Disposition: form-data; %sfilename=%s\r\n\r\n%s\r\n" % (
        parameters.encode(), name, data)


def test_a_form_may_be_cut_at_every_byte(site):
    """With another packet, and a turn of the server, between the two pieces."""
    body = part(b"one", b"\r\n--x\r\n--\r") + part(b"two", b"") + b"--b--\r\n"
    for at in range(1, len(body)):
        with socket.create_connection(site.address, timeout=10 * SLOWNESS) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n%s\r\nContent-Length: %d\r\n\r\n"
                         % (FORM.encode(), len(body)))
            assert b" 100 " in sock.recv(4096)
            sock.sendall(body[:at])
            time.sleep(0.001)
            sock.sendall(body[at:])
            assert b" 201 " in sock.recv(4096), at
    found = {(entry["name"][:3], entry["size"]) for entry in site.list()["files"]}
    assert found == {("one", 10), ("two", 0)}
    assert len(site.names()) == 2 * (len(body) - 1)


@pytest.mark.parametrize("body", [
    b"", b"no boundary at all", b"--b", part(b"a", b"x") + b"--b", part(b"a", b"x"),
    part(b"a", b"x") + b"--b\r\n" + b"X: y\r\n" * 3000,
    part(b"a", b"x") + b"--b\r\nContent-Disposition: form-data; name=file\r\n"
    b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--\r\n",
    part(b"a", b"x") + part(b"../b", b"x") + b"--b--\r\n",
    part(b"a", b"x") + part(b'"' + b"n" * 300 + b'"', b"x") + b"--b--\r\n",
    part(b"a", b"x") + part(b'"\xff"', b"x") + b"--b--\r\n",
    b"--b\r\nContent-Disposition: form-data; name=sender\r\n\r\nAnn\r\n--b--\r\n",
    part(b'""', b"") + b"--b--\r\n"])
def test_of_a_form_that_is_none_nothing_is_left(site, body):
    answer = web.request(site.address, "POST", "/", body, {"Content-Type": FORM.partition(": ")[2]})
    assert answer.status == 400
    assert len(answer.body.split(b".")) > 2, "it says what is wrong"
    assert site.on_disk() == [] and site.names() == []


@pytest.mark.parametrize("name, words", [
    ("n" * 300, b"longer than 255 bytes"), ("a/../b", b".."), ("a/" + "/".join("b" * 12), b"11 folders")])
def test_a_name_that_is_refused_is_refused_with_words(site, name, words):
    tus = Tus(site.address)
    answer = tus.request("POST", "/tus/", {"Upload-Length": "0", "Upload-Metadata": metadata(filename=name)})
    assert answer.status == 400 and words in answer.text.encode(), answer.text
    form = part(b'"' + name.encode() + b'"', b"x") + b"--b--\r\n"
    answer = web.request(site.address, "POST", "/", form, {"Content-Type": FORM.partition(": ")[2]})
    assert answer.status == 400 and words in answer.body
    assert site.on_disk() == []


def test_two_tus_uploads_and_a_form_of_one_name_at_once_are_all_there(site):
    tus, bodies = Tus(site.address), [os.urandom(400_000) for _ in range(3)]
    paths = [tus.create(400_000, filename="same.bin") for _ in range(2)]
    senders = [tus.begin_patch(path, 0, 400_000) for path in paths]
    form = part(b"same.bin", bodies[2]) + b"--b--\r\n"
    senders.append(socket.create_connection(site.address, timeout=10 * SLOWNESS))
    senders[2].sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\n%s\r\nContent-Length: %d\r\n\r\n"
                       % (FORM.encode(), len(form)))
    whole = [bodies[0], bodies[1], form]
    for sock, body in zip(senders, whole):
        sock.sendall(body[:-1])
    for sock, body in zip(senders, whole):
        sock.sendall(body[-1:])
    assert sorted(int(sock.recv(4096).split()[1]) for sock in senders) == [201, 204, 204]
    assert site.names() == ["same (2).bin", "same (3).bin", "same.bin"]
    assert {entry["sha256"] for entry in site.list()["files"]} == {hashlib.sha256(b).hexdigest() for b in bodies}


def test_a_folder_that_goes_with_its_last_file_takes_no_other_along(site):
    """A PUT was answered 404 when somebody had deleted the last file of its folder (seen, 1 of 80)."""
    found = []

    def put_and_delete(mine):
        for number in range(60):
            path = f"/uploads/folder/sub/{mine}-{number}"
            answer = web.request(site.address, "PUT", path, b"x")
            found.append(answer.status)
            cookie = {"Cookie": answer.headers.get("Set-Cookie", "").split(";")[0]}
            found.append(web.request(site.address, "DELETE", path, headers=cookie).status)
    threads = [threading.Thread(target=put_and_delete, args=(mine,)) for mine in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(set(found)) == [201, 204] and len(found) == 720
    wait_for(lambda: site.names() == [], 5, "nothing is listed that is gone")


def test_a_folder_that_goes_while_others_are_renamed_into_it_keeps_nobody_out(folder):
    site, found = Site(folder, FREE + "rename = yes\ndelete = yes\n"), []

    def rename_and_delete(mine):
        for number in range(60):
            name = f"{mine}-{number}"
            assert web.request(site.address, "PUT", f"/uploads/{name}", b"x").status == 201
            path = f"/uploads/{name}?rename=folder/sub/{name}"
            found.append(web.request(site.address, "POST", path).status)
            found.append(web.request(site.address, "DELETE", f"/uploads/folder/sub/{name}").status)
    threads = [threading.Thread(target=rename_and_delete, args=(mine,)) for mine in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(set(found)) == [200, 204] and len(found) == 720
    wait_for(lambda: site.names() == [], 5, "nothing is listed that is gone")


def test_what_is_begun_and_sent_in_one_request_leaves_nothing_beside_it(folder):
    site = Site(folder)
    tus, incoming = Tus(site.address), os.path.join(site.shared, ".incoming")
    path = tus.create(5, body=b"12345", filename="small")
    assert site.names() == ["small"] and os.listdir(incoming) == ["whole.log"]
    assert tus.offset(path) == 5
    # Broken off before anybody was told where it is: nobody can go on with it.
    with socket.create_connection(site.address) as sock:
        sock.sendall(b"POST /tus/ HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Length: 9\r\n"
                     b"%s\r\nContent-Length: 9\r\n\r\n1234" % PATCH.encode())
        wait_for(lambda: os.listdir(incoming) != ["whole.log"], 5, "it has begun")
    wait_for(lambda: os.listdir(incoming) == ["whole.log"], 5, "nothing is left")
    # The same, but it was the server that ended.
    kept = tus.create(5, body=b"1234", filename="kept")
    with open(os.path.join(incoming, "0" * 32 + ".part"), "w") as file:
        file.write("1234")
    assert len(os.listdir(incoming)) == 4
    site = restart(site, folder, "")
    wait_for(lambda: len(os.listdir(incoming)) == 3, 5, "it has gone")
    assert Tus(site.address).offset(kept) == 4


# --- a folder that cannot be written ---


@pytest.mark.parametrize("was_used", [False, True])
def test_a_read_only_folder_is_told_in_the_journal_and_on_the_page(folder, was_used):
    shared = os.path.join(folder, "read-only")
    os.mkdir(shared)
    if was_used:
        for name in (".incoming", ".trash"):
            os.mkdir(os.path.join(shared, name))
    prefix = own_mounts(f"mount --bind {shared} {shared} && mount -o remount,ro,bind {shared}")
    site = Httpd(folder, QUICK + FREE + f"folder = {shared}\n", prefix=prefix)
    told = site.process.wait_line(f"Could not use the folder {shared}.*", stderr=True).group(0)
    assert "read-only" in told and "ReadWritePaths=" in told, told
    page = site.get("/", {"Accept": "text/html"})
    assert page.status == 200
    text = page.body.decode()
    assert "read-only" in text and "ReadWritePaths=" in text and shared not in text
    assert 'class="send hidden"' in text
    for answer in (site.get("/files"), web.request(site.address, "PUT", "/uploads/x", b"x"),
                   web.request(site.address, "POST", "/tus/", None, {"Tus-Resumable": "1.0.0"})):
        assert answer.status == 503 and b"read-only" in answer.body
        assert b"memory" not in answer.body
    assert site.get("/d").status == 200
    # Its end is noticed, and everything is there as if it had been from the start.
    subprocess.run(["nsenter", "-t", str(site.process.pid), "-m", *(() if os.geteuid() == 0 else ("-U", "--preserve")),
                    "mount", "-o", "remount,rw,bind", shared], check=True)
    wait_for(lambda: site.get("/files").status == 200, 2, "files are shared")
    assert web.request(site.address, "PUT", "/uploads/x", b"x").status == 201
    wait_for(lambda: [entry["name"] for entry in json.loads(site.get("/files").body)["files"]] == ["x"], 5, "listed")
    assert 'class="send "' in site.get("/").body.decode()
    assert site.process.wait_line("The folder .* can be used after", stderr=True)


def test_a_folder_that_is_moved_away_is_told_and_another_takes_its_place(folder):
    site = Site(folder)
    gone, away = site.shared + " of yesterday", r"Could not|has gone"
    site.put("yesterday", b"x")
    os.rename(site.shared, gone)
    wait_for(lambda: site.get("/files").status == 503, 10, "it is told")
    page = site.get("/", {"Accept": "text/html"}).body.decode()
    assert "put it back" in page and site.put("a", b"x").status == 503
    assert sorted(os.listdir(gone)) == [".incoming", ".trash", "yesterday"]
    os.mkdir(site.shared)
    with open(os.path.join(site.shared, "by hand"), "w") as file:
        file.write("of today")
    wait_for(lambda: site.get("/files").status == 200 and site.names() == ["by hand"], 20, "the other is shared")
    assert site.put("today", b"x").status == 201
    wait_for(lambda: site.names() == ["by hand", "today"], 5, "it is watched")
    assert site.ask(request="files", action="delete", name="today")["ok"]
    os.rename(site.shared, site.shared + " too")
    os.rename(gone, site.shared)
    wait_for(lambda: site.get("/files").status == 200 and site.names() == ["yesterday"], 20, "the first is back")
    assert len([line for line in site.process.stderr if re.search(away, line)]) <= 2, "told once each time"


def test_hidden_folders_that_somebody_has_tidied_away_are_made_again(folder):
    site = Site(folder, FREE + "delete = yes\n")
    assert site.put("a", b"x").status == 201
    for name in (".trash", ".incoming"):
        shutil.rmtree(os.path.join(site.shared, name))
        wait_for(lambda: os.path.isdir(os.path.join(site.shared, name)), 10, "it is there again")
    wait_for(lambda: site.put("b", b"x").status == 201, 10, "files are taken")
    wait_for(lambda: web.get(site.address, "/uploads/a", method="DELETE").status == 204, 10, "and deleted")
    entry, = site.ask(request="files", action="trash")["files"]
    assert entry["name"] == "a"


def test_where_nothing_may_be_sent_the_page_has_no_form(folder):
    site = Site(folder, FREE + "uploads = no\n")
    assert 'class="send hidden"' in site.get("/").body.decode()
    assert json.loads(site.get("/files").body)["may"]["upload"] is False
