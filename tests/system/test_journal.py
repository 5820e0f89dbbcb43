# SPDX-License-Identifier: MIT
"""What an administrator finds in the journal: one line a thing, with its fields, explained by `-x`.

A real journald keeps the lines (tests/lib/journal.py)."""

import hashlib
import http.client
import os
import re
import signal
import socket

import pytest

import web
from journal import Journal, message_ids
from process import ROOT
from screenshare import QUICK, Run
from wait import wait_for

ID = message_ids()
PATTERN = QUICK + "[screen]\nsource = pattern\n[camera]\ndevice = /dev/no-such-camera\n"
WARNING, INFO, ERROR = "4", "6", "3"


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture
def run(folder, journal):
    return Run(folder, config=PATTERN, prefix=journal.prefix)


def test_a_visit_is_told_once_each(run, journal):
    entry = journal.wait_entry(MESSAGE_ID=ID["SERVING"])
    assert f":{run.address[1]}/" in entry["MESSAGE"] and "Version" in entry["MESSAGE"]
    assert entry["PRIORITY"] == INFO and entry["SYSLOG_IDENTIFIER"] == "screenshare-httpd"
    assert entry["CODE_FILE"] == "httpd/main.c" and int(entry["CODE_LINE"]) > 0
    first, second = run.view(), run.view()
    first.wait_count(20)
    second.wait_count(20)
    first.end()
    second.end()
    gone = journal.wait_entry(MESSAGE_ID=ID["UNWANTED"])
    for name in ("WANTED", "FIRST_VIEWER", "LAST_VIEWER"):
        entries = journal.entries(MESSAGE_ID=ID[name])
        assert len(entries) == 1, (name, entries)
        assert entries[0]["SCREENSHARE_VIEWER"] == "127.0.0.1" in entries[0]["MESSAGE"]
        assert entries[0]["PRIORITY"] == INFO
    wanted = journal.entries(MESSAGE_ID=ID["WANTED"])[0]
    for entry in (wanted, gone):
        assert (entry["SCREENSHARE_SOURCE"], entry["SCREENSHARE_STREAM"]) == ("screen", "jpeg")
    # Forty frames, two viewers: no line for any of them.
    lines = [entry["MESSAGE"] for entry in journal.entries()]
    assert len(lines) < 15, lines


def test_an_upload_is_told_with_name_size_hash_and_address(run, journal):
    data = os.urandom(100_000)
    assert web.request(run.address, "PUT", "/uploads/two%20words.bin", data).status == 201
    entry = journal.wait_entry(MESSAGE_ID=ID["UPLOADED"])
    assert entry["SCREENSHARE_FILE"] == "two words.bin" and entry["SCREENSHARE_FILE_SIZE"] == "100000"
    assert entry["SCREENSHARE_FILE_SHA256"] == hashlib.sha256(data).hexdigest()
    assert entry["SCREENSHARE_VIEWER"] == "127.0.0.1" and entry["PRIORITY"] == INFO
    text = journal.ask("-x", f"MESSAGE_ID={ID['UPLOADED']}")
    assert "127.0.0.1 has sent two words.bin, of 100000 bytes." in text, text
    assert "man:screenshare(1)" in text


def test_a_fault_is_told_when_it_begins_and_explained(run, journal):
    viewer = run.view("/c_video")
    entry = journal.wait_entry(MESSAGE_ID=ID["NO_DEVICE"])
    assert entry["PRIORITY"] == WARNING and entry["SCREENSHARE_STATE"] == "no-device"
    assert entry["SCREENSHARE_SOURCE"] == "camera" and entry["SYSLOG_IDENTIFIER"] == "screenshare-camera"
    assert "[camera] device" in journal.ask("-x", f"MESSAGE_ID={ID['NO_DEVICE']}")
    viewer.end()
    assert len(journal.entries(MESSAGE_ID=ID["NO_DEVICE"])) == 1


def test_a_killed_daemon_is_told_and_its_return(run, journal):
    viewer = run.view()
    viewer.wait_count(3)
    for pid in run.daemons():
        os.kill(pid, signal.SIGKILL)
    entry = journal.wait_entry(MESSAGE_ID=ID["DAEMON_ENDED"])
    assert entry["PRIORITY"] == WARNING and "SIGKILL" in entry["MESSAGE"]
    assert entry["SYSLOG_IDENTIFIER"] == "screenshare-run"
    viewer.end()


def test_a_stranger_cannot_fill_it(run, journal):
    before = len(journal.entries())
    for _ in range(100):
        assert run.get("/", {"Host": "evil.example"}).status == 421
    for _ in range(60):  # comes and goes
        with socket.create_connection(run.address) as sock:
            sock.sendall(b"GET /d_video HTTP/1.1\r\nHost: localhost\r\n\r\n")
            sock.recv(100)
        wait_for(lambda: run.status()["viewers"] == 0, 5, "it has gone")
    stays = run.view()  # in the noise
    for number in range(60):  # begins to send, and hangs up
        with socket.create_connection(run.address) as sock:
            sock.sendall(b"PUT /uploads/%d HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx" % number)
        wait_for(lambda: run.status()["files"]["uploads_failed"] == number + 1, 5, "it is noticed")
    journal.wait_entry(MESSAGE_ID=ID["UPLOAD_FAILED"])
    refused = journal.entries(MESSAGE_ID=ID["FORBIDDEN"])
    assert len(refused) == 1 and refused[0]["SCREENSHARE_VIEWER"] == "127.0.0.1"
    assert "evil.example" in refused[0]["MESSAGE"]
    assert len(journal.entries()) - before < 120, [entry["MESSAGE"] for entry in journal.entries()]
    assert len(journal.entries(MESSAGE_ID=ID["FIRST_VIEWER"])) <= 30
    # Who stays is told, however many have come and gone before.
    wait_for(lambda: "more like it" in journal.entries(MESSAGE_ID=ID["FIRST_VIEWER"])[-1]["MESSAGE"], 15,
             "a line of who stays")
    n_gone = len(journal.entries(MESSAGE_ID=ID["LAST_VIEWER"]))
    stays.end()
    wait_for(lambda: len(journal.entries(MESSAGE_ID=ID["LAST_VIEWER"])) == n_gone + 1, 5, "it has gone, too")
    assert len(journal.entries(MESSAGE_ID=ID["UPLOAD_FAILED"])) <= 30


def test_each_of_many_files_is_told_but_no_flood_of_changes(run, journal):
    """A file can be renamed a thousand times a second, for ever: soon the journal would take nothing else."""
    client = http.client.HTTPConnection(*run.address)

    def ask(method, path, **headers):
        client.request(method, path, b"", headers)
        answer = client.getresponse()
        answer.read()
        return answer
    for number in range(300):
        answer = ask("PUT", f"/uploads/{number}")
        assert answer.status == 201
    cookie = answer.headers["Set-Cookie"].split(";")[0]
    names = ["299", "other"]
    for _ in range(700):
        assert ask("POST", f"/uploads/{names[0]}?rename={names[1]}", Cookie=cookie).status == 200
        names.reverse()
    wait_for(lambda: len(journal.entries(MESSAGE_ID=ID["UPLOADED"])) == 300, 10, "each file is told")
    told = [entry["MESSAGE"] for entry in journal.entries() if "renamed by 127.0.0.1" in entry["MESSAGE"]]
    assert 500 <= len(told) < 600, len(told)
    # Found by either name, also where this computer's user has done it.
    assert run.ask("files", "rename", "0", "talk.pdf")[0] == 0
    for found in (journal.ask("SCREENSHARE_FILE=0"), journal.ask("SCREENSHARE_FILE=talk.pdf")):
        assert '"0" is "talk.pdf" now: renamed by the presenter' in found
    assert '"299" is "other" now' in journal.ask("SCREENSHARE_FILE=other")
    wait_for(lambda: ask("POST", f"/uploads/{names[0]}?rename={names[1]}", Cookie=cookie).status == 200 and
             not names.reverse() and "more like it before" in journal.entries()[-1]["MESSAGE"], 5,
             "the rest is counted")


def test_what_a_stranger_sends_turns_no_line_around(run, journal):
    """U+202E makes an address read backwards, U+2028 a line of its own; controls are escape sequences."""
    name = "%E2%80%AEsgol%E2%80%A8"
    sender = {"X-Sender": f"b{name}%1B%5B31m"}
    assert web.request(run.address, "PUT", f"/uploads/a{name}.txt", b"x", sender).status == 201
    assert run.get("/c" + name, {"Host": "evil.example"}).status == 421
    assert journal.wait_entry(MESSAGE_ID=ID["FORBIDDEN"])["SCREENSHARE_ROUTE"].startswith("/c?")
    journal.wait_entry(MESSAGE_ID=ID["UPLOADED"])
    for entry in journal.entries():
        for value in entry.values():
            assert not re.search("[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069\u2028\u2029]", str(value)), entry
    status, out, _ = run.ask("files")
    assert "asgol" not in out and "a_sgol_.txt" in out
    assert status == 0 and not re.search("[\x00-\x09\x0b-\x1f\u202a-\u202e\u2028]", out), out


def test_what_keeps_it_from_starting(folder, journal):
    wrong = Run(folder, config="[screen]\nrate = 61\n", prefix=journal.prefix, wait_ready=False)
    assert wrong.process.wait() == 78
    entry = journal.wait_entry(MESSAGE_ID=ID["CONFIG_WRONG"])
    assert entry["PRIORITY"] == ERROR and "screenshare.conf:2: [screen] rate" in entry["MESSAGE"]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        taken = Run(folder, config=PATTERN, prefix=journal.prefix, wait_ready=False, listen=f"127.0.0.1:{port}")
        assert taken.process.wait() == 1
    entry = journal.wait_entry(MESSAGE_ID=ID["PORT_TAKEN"])
    assert entry["PRIORITY"] == ERROR and str(port) in entry["MESSAGE"]


def test_a_shared_folder_that_cannot_be_used(folder, journal):
    path = os.path.join(folder, "file")
    open(path, "w").close()
    run = Run(folder, config=PATTERN + f"[files]\nfolder = {path}\n", prefix=journal.prefix)
    entry = journal.wait_entry(MESSAGE_ID=ID["FOLDER_UNUSABLE"])
    assert entry["PRIORITY"] == ERROR and path in entry["MESSAGE"]
    assert "screenshare doctor" in journal.ask("-x", f"MESSAGE_ID={ID['FOLDER_UNUSABLE']}")
    assert run.get("/d.jpg").status == 200  # everything else is shared


def test_every_line_has_its_place_and_priority(run, journal):
    viewer = run.view()
    viewer.wait_count(3)
    viewer.end()
    journal.wait_entry(MESSAGE_ID=ID["LAST_VIEWER"])
    for entry in journal.entries():
        assert entry["PRIORITY"] in (ERROR, WARNING, INFO), entry
        assert os.path.exists(os.path.join(ROOT, entry["CODE_FILE"]))
        assert entry["CODE_FUNC"] and not entry["MESSAGE"].endswith(".")
        assert entry.get("MESSAGE_ID", ID["SERVING"]) in ID.values()
