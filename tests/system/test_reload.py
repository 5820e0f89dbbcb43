# SPDX-License-Identifier: MIT
"""The configuration is read again while viewers watch."""

import os
import pty
import re
import signal

import pytest

import jpeg
import web
from process import exists, program, run_to_end
from screenshare import QUICK, Run
from wait import wait_for

PATTERN = "[screen]\nsource = pattern\npattern_width = 96\npattern_height = 64\n"
CAMERA = "[camera]\nsource = pattern\nwidth = 96\nheight = 64\n"
HEAD = QUICK + "hosts = old.example\n"


@pytest.fixture
def run(folder):
    """Without a terminal, wherever the tests are run from."""
    return Run(folder, None, HEAD + PATTERN, prefix=("setsid",))


def write(run, config):
    with open(run.config_path, "w") as file:
        file.write(config)


def by_command(run):
    status, _, err = run.ask("reload", "--port", str(run.address[1]))
    assert status == 0 and not err, err


def by_hangup(run):
    run.process.signal(signal.SIGHUP)


def answers_to(run, host):
    return run.get("/healthz", {"Host": host}).status == 200


def wait_size(viewer, size):
    """Of the pictures that come, on the connection that it has."""
    viewer.wait_newest(lambda part: jpeg.size(part.data) == size, 5, f"a picture of {size}")


@pytest.mark.parametrize("reload", [by_command, by_hangup])
def test_it_counts_at_once_and_viewers_stay(run, reload):
    viewer = run.view()
    viewer.wait_count(3)
    daemon, httpd = run.wait_daemon(), run.httpd()
    assert answers_to(run, "old.example") and not answers_to(run, "new.example")
    write(run, HEAD.replace("old", "new") + PATTERN)
    reload(run)
    wait_for(lambda: answers_to(run, "new.example"), 3, "the new name counts")
    assert not answers_to(run, "old.example")
    viewer.wait_count(viewer.count + 5)
    assert run.httpd() == httpd and run.daemons() == [daemon], "nothing was started anew"
    assert len(run.log(r"read again, changed: \[http\] hosts$")) == 1, run.process.stderr
    viewer.end()


def test_a_source_that_is_changed_begins_anew_and_viewers_stay(folder):
    run = Run(folder, None, QUICK + PATTERN + CAMERA)
    viewer, camera_viewer = run.view(), run.view("/c_video")
    wait_size(viewer, (96, 64))
    camera_viewer.wait_count(3)
    daemon, camera = run.wait_daemon(), run.children("screenshare-camera")
    write(run, QUICK + PATTERN.replace("96", "128") + CAMERA)
    by_command(run)
    wait_size(viewer, (128, 64))
    assert not exists(daemon) and viewer.error is None
    assert run.children("screenshare-camera") == camera, "the other goes on"
    assert not run.log("restarting it"), "an orderly end is none that is said"
    assert len(run.log(r"has changed \(\[screen\] pattern_width\)")) == 1
    viewer.end()
    camera_viewer.end()


def test_what_is_wrong_is_said_though_it_is_no_utf8(run):
    with open(run.config_path, "wb") as file:
        file.write(b"[files]\nfolder = B\xfccher\n")
    status, _, err = run.ask("reload", "--port", str(run.address[1]))
    assert status == 1 and f"{run.config_path}:2:" in err and "B?cher" in err, err


@pytest.mark.parametrize("broken, words", [
    ("[screen]\nrate = 61\n", ":2:"), ("[screen]\n\n\ncolour = red\n", ":4:"), (None, "No such file"),
    ("->", "a link")])
def test_a_broken_one_changes_nothing_and_is_said_once(run, broken, words):
    viewer = run.view()
    viewer.wait_count(3)
    daemon, httpd = run.wait_daemon(), run.httpd()
    if broken in (None, "->"):
        os.unlink(run.config_path)
        if broken:
            os.symlink("nowhere", run.config_path)
    else:
        write(run, broken)
    status, out, err = run.ask("reload", "--port", str(run.address[1]))
    assert status == 1 and not out
    assert run.config_path in err and words in err, err
    status, out, err = run.ask("reload", "--quiet", "--port", str(run.address[1]))
    assert status == 1 and not err, "its journal has it"
    assert answers_to(run, "old.example")
    viewer.wait_count(viewer.count + 5)
    assert run.httpd() == httpd and run.daemons() == [daemon]
    said = run.log(f"{run.config_path}.*the old one stays")
    assert len(said) == 2, "once for each time that it was asked"
    os.path.islink(run.config_path) and os.unlink(run.config_path)
    write(run, HEAD.replace("old", "new") + PATTERN)
    by_command(run)
    assert answers_to(run, "new.example")
    viewer.end()


def test_every_key_that_has_changed_is_named(run):
    """However many at once: each key but those of the screen, from its default to another value."""
    _, out, _ = run_to_end([program("screenshare-httpd"), "--print-config"])
    config, section, names = "", "", []
    for line in out.splitlines():
        if line.startswith("["):
            section = line
            config += f"{line}\n"
        elif (found := re.match(r"#(\w+) = ?(\d+|yes|no)$", line)) and section != "[screen]":
            other = {"yes": "no", "no": "yes"}.get(found[2]) or int(found[2]) + 1
            config += f"{found[1]} = {other}\n"
            names.append(f"{section} {found[1]}")
    assert len(names) > 25
    write(run, config)
    by_command(run)
    said = " ".join(run.log("read again, changed: |Could not change"))
    assert not [name for name in names if name not in said], said


def test_limits_of_files_change_and_the_folder_waits_for_a_restart(run, folder):
    def upload(name, n_bytes):
        return web.request(run.address, "PUT", f"/uploads/{name}", b"x" * n_bytes).status
    assert upload("first", 2_000_000) == 201
    write(run, HEAD + PATTERN + f"[files]\nfile_max_mb = 1\nfolder = {folder}/elsewhere\n")
    by_command(run)
    assert upload("second", 2_000_000) == 413
    assert upload("third", 1000) == 201
    assert os.path.exists(os.path.join(folder, "state/uploads/third"))
    assert len(run.log(r"Could not change \[files\] folder while it runs")) == 1
    write(run, HEAD + PATTERN + "[files]\nuploads = no\n")
    by_command(run)
    assert upload("fourth", 1000) == 403


def test_a_terminal_that_is_closed_ends_all(folder):
    """It sends the same signal."""
    master, slave = pty.openpty()
    run = Run(folder, None, QUICK + PATTERN, prefix=("setsid", "--ctty"), stdin=slave)
    os.close(slave)
    viewer = run.view()
    viewer.wait_count(1)
    os.close(master)
    run.process.wait(5)
    wait_for(lambda: viewer.is_closed, 3, "the viewer is told by the end of its connection")
