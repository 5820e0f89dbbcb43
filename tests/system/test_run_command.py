# SPDX-License-Identifier: MIT
"""`screenshare run` and the other commands, at a terminal."""

import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

import process
from process import descendants, executable, exists, program, run_to_end
from screenshare import QUICK, Httpd, Run, environment
from wait import wait_for

PATTERN = QUICK + "[screen]\nsource = pattern\npattern_width = 96\npattern_height = 64\n"


@pytest.fixture
def pattern_run(folder):
    return Run(folder, None, PATTERN)


def refuses(address):
    try:
        socket.create_connection(address, timeout=2).close()
        return False
    except ConnectionRefusedError:
        return True


def everybody(run):
    """All processes of a run that watches somebody."""
    viewer = run.view()
    viewer.wait_count(1)
    run.wait_daemon()
    pids = descendants(run.pid)
    assert {"screenshare-httpd", "screenshare-screen"} <= {executable(pid) for pid in pids}
    return viewer, pids


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_end_by_signal_ends_all(pattern_run, how):
    viewer, pids = everybody(pattern_run)
    runtime = pattern_run.env["XDG_RUNTIME_DIR"]
    assert os.listdir(runtime)
    pattern_run.process.signal(how)
    status = pattern_run.process.wait(5)
    assert status == 0 or status == -how
    wait_for(lambda: not any(exists(pid) for pid in pids), 2, "no child is left")
    assert refuses(pattern_run.address)
    assert not os.listdir(runtime), "its folder is gone"
    viewer.end()


def test_ctrl_c_at_a_terminal_ends_all_in_good_order(folder):
    """A real terminal sends SIGINT to everybody in the foreground; nobody's death is a fault."""
    master, slave = pty.openpty()
    run = Run(folder, None, PATTERN, prefix=("setsid", "--ctty"), stdin=slave)
    os.close(slave)
    viewer = run.view()
    viewer.wait_count(1)
    pids = descendants(run.pid)
    assert {"screenshare-httpd", "screenshare-screen"} <= {executable(pid) for pid in pids}
    os.write(master, b"\x03")
    run.process.wait(5)
    wait_for(lambda: not any(exists(pid) for pid in pids), 2, "no child is left")
    assert not [line for line in run.process.stderr if "restart" in line.lower() or
                "again" in line.lower()], run.process.stderr
    os.close(master)
    viewer.end()


def test_configuration_of_the_user_is_found(folder):
    env = environment(folder)
    place = os.path.join(env["XDG_CONFIG_HOME"], "screenshare")
    os.mkdir(place)
    with open(os.path.join(place, "screenshare.conf"), "w") as file:
        file.write("[screen]\nrate = 0\n")
    status, out, err = run_to_end([program("screenshare"), "run", "--listen", "127.0.0.1:0"], env)
    assert status == 78 and os.path.join(place, "screenshare.conf") + ":2:" in err, err


def test_state_is_kept_where_it_was_said(pattern_run):
    assert os.stat(os.path.join(pattern_run.folder, "state")).st_mode & 0o777 == 0o700


def test_a_kill_of_run_leaves_no_process(pattern_run):
    viewer, pids = everybody(pattern_run)
    pattern_run.process.signal(signal.SIGKILL)
    pattern_run.process.wait()
    wait_for(lambda: not any(exists(pid) for pid in pids), 3, "no child is left")
    # A process is no more to be seen a moment before the kernel has closed its sockets.
    wait_for(lambda: refuses(pattern_run.address), 3, "the port is closed")
    viewer.end()


def test_what_a_killed_run_left_is_in_nobodys_way(folder, pattern_run):
    port = pattern_run.address[1]
    pattern_run.process.signal(signal.SIGKILL)
    pattern_run.process.wait()
    assert os.listdir(pattern_run.env["XDG_RUNTIME_DIR"])
    again = Run(folder, None, PATTERN, listen=f"127.0.0.1:{port}")
    assert again.address == ("127.0.0.1", port)
    assert again.get("/d.jpg").status == 200
    status, out, _ = again.ask("status")
    assert status == 0 and out


@pytest.mark.parametrize("more, other", [
    ({}, r"screenshare run --listen '127\.0\.0\.1:(\d+)'$"),
    ({"MAKELEVEL": "1"}, r"make run PORT=(\d+)$"),
], ids=["by the command", "by make run"])
def test_a_taken_port_is_one_clear_line(folder, more, other):
    """… and the other port is taken in the way that this one was asked for."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, out, err = run_to_end([program("screenshare"), "run", "--listen", f"127.0.0.1:{port}"],
                                      environment(folder, **more))
    assert status != 0 and not out
    lines = [line for line in err.splitlines() if "as root" not in line]
    assert len(lines) == 1 and str(port) in lines[0], lines
    found = re.search(other, lines[0])
    assert found and int(found.group(1)) != port, lines


@pytest.mark.parametrize("config, wanted", [
    ("[screen]\nrate = 61\n", [r":2:", "rate", "1 to 60", "61"]),
    ("[screen]\n\n# a comment\nbrightness = 3\n", [r":4:", "brightness"]),
    ("[film]\nrate = 3\n", ["film"]),
    ("[http]\nhead_timeout_s = soon\n", [r":2:", "head_timeout_s", "soon"]),
    ("rate\n", [":1:"]),
])
def test_a_wrong_configuration_names_file_line_and_key(folder, config, wanted):
    run = Run(folder, None, config, wait_ready=False)
    assert run.process.wait() == 78
    lines = [line for line in run.process.stderr if "as root" not in line]
    assert len(lines) == 1, lines
    for word in [re.escape(run.config_path)] + wanted:
        assert re.search(word, lines[0]), f"{word} in {lines[0]}"


def test_a_configuration_that_is_not_there(folder):
    status, out, err = run_to_end(
        [program("screenshare"), "run", "--listen", "127.0.0.1:0", "--config",
         os.path.join(folder, "nowhere.conf")], environment(folder))
    assert status != 0 and "nowhere.conf" in err and not out


@pytest.mark.parametrize("missing", ["screenshare-httpd", "screenshare-screen", "screenshare-camera",
                                     "screenshare-audio"])
def test_a_missing_program_is_named(folder, missing):
    copy = os.path.join(folder, "bin")
    shutil.copytree(os.path.dirname(program("screenshare")), copy)
    os.unlink(os.path.join(copy, missing))
    status, out, err = run_to_end(
        [os.path.join(copy, "screenshare"), "run", "--listen", "127.0.0.1:0", "--state",
         os.path.join(folder, "state")], environment(folder))
    lines = [line for line in err.splitlines() if "as root" not in line]
    assert status != 0 and not out
    assert len(lines) == 1 and missing in lines[0], lines


def test_two_runs_of_one_user_do_not_meet(folder):
    first = Run(folder, None, PATTERN)
    other = os.path.join(folder, "second")
    os.mkdir(other)
    second = Run(other, None, PATTERN, XDG_RUNTIME_DIR=first.env["XDG_RUNTIME_DIR"])
    assert first.address[1] != second.address[1]
    for run in (first, second):
        status, out, err = run.ask("status", "--port", str(run.address[1]))
        assert status == 0, err
    # Without --port the question is which
    status, out, err = first.ask("status")
    assert status != 0
    assert str(first.address[1]) in err and str(second.address[1]) in err
    second.end()
    wait_for(lambda: first.ask("status")[0] == 0, 3, "only one is left")
    assert first.get("/healthz").status == 200


def test_commands_without_anything_running(folder):
    env = environment(folder)
    for command in (["status"], ["viewers"], ["url"], ["mute", "all"]):
        status, out, err = run_to_end([program("screenshare"), *command], env)
        assert status != 0 and not out
        assert len(err.splitlines()) == 1, err


def test_usage(folder):
    env = environment(folder)
    status, out, err = run_to_end([program("screenshare"), "--help"], env)
    assert status == 0 and not err
    for command in ("run", "status", "viewers", "url", "mute", "unmute", "doctor", "version"):
        assert command in out
    for arguments in (["dance"], ["run", "--dance"], ["run", "--listen"], ["run", "--listen", "x"],
                      ["run", "--listen", "127.0.0.1:0", "--state", ""],
                      ["run", "--listen", "127.0.0.1:99999"], ["status", "--port", "x"], []):
        status, out, err = run_to_end([program("screenshare"), *arguments], env)
        assert status not in (0, 139, 134), arguments
        assert err and not out, arguments


def test_version(folder):
    status, out, err = run_to_end([program("screenshare"), "version"], environment(folder))
    assert status == 0 and re.search(r"\d+\.\d+", out) and not err
    for name in ("screenshare-httpd", "screenshare-screen", "screenshare-camera",
                 "screenshare-audio"):
        status, named, _ = run_to_end([program(name), "--version"], environment(folder))
        assert status == 0 and re.search(r"\d+\.\d+\.\d+", out)[0] in named


@pytest.mark.parametrize("arguments", [["--version", "more"], ["version", "more"], ["url", "more"]])
def test_a_word_too_many_is_refused(folder, arguments):
    status, out, err = run_to_end([program("screenshare"), *arguments], environment(folder))
    assert status == 2 and not out and "more" in err, (status, err)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["status"], ["viewers"], ["url"], ["files"],
                                       ["files", "--json"], ["pause"], ["resume"], ["doctor", "--json"]])
def test_what_cannot_be_printed_is_no_success(pattern_run, arguments):
    run = pattern_run
    with open("/dev/full", "w") as full:
        done = subprocess.run([program("screenshare"), *arguments], env=run.env, stdout=full,
                              stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == 1 and b"Could not print" in done.stderr, done


def test_status_viewers_and_url(pattern_run):
    run = pattern_run
    viewer = run.view()
    viewer.wait_count(5)
    status, out, err = run.ask("status")
    assert status == 0 and not err
    assert "screen" in out.lower() and "live" in out and "96" in out
    status, out, err = run.ask("viewers")
    assert status == 0 and "127.0.0.1" in out and "test-viewer" in out
    status, out, err = run.ask("url")
    assert status == 0 and f":{run.address[1]}" in out
    viewer.end()
    wait_for(lambda: "test-viewer" not in run.ask("viewers")[1], 3, "no viewer is left")


def test_control_socket_speaks_json_lines_to_its_owner(pattern_run):
    run = pattern_run
    runtime = run.env["XDG_RUNTIME_DIR"]
    path = os.path.join(runtime, os.listdir(runtime)[0], "control.sock")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(5)
        sock.connect(path)
        file = sock.makefile("rwb")
        for request, key in (("status", "status"), ("viewers", "viewers"), ("url", "urls"),
                             ("version", "version")):
            file.write(json.dumps({"request": request}).encode() + b"\n")
            file.flush()
            answer = json.loads(file.readline())
            assert answer["ok"] is True and key in json.dumps(answer), answer
        for bad in (b"{}\n", b"[]\n", b"{\"request\": \"dance\"}\n", b"{\"request\": 3}\n"):
            file.write(bad)
            file.flush()
            answer = json.loads(file.readline())
            assert answer["ok"] is False and answer["error"], bad
    for bad in (b"nonsense\n", b"x" * 5000, b"{\"request\":\"status\"" + b" " * 5000):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(5)
            sock.connect(path)
            sock.sendall(bad)
            answer = json.loads(sock.makefile("rb").readline())
            assert answer["ok"] is False and answer["error"], bad
    assert run.get("/healthz").status == 200


def test_a_users_own_service_is_asked_before_a_run(folder, pattern_run):
    """Where systemd --user has its sockets; its server is played by one that was started alone."""
    os.makedirs(f"{folder}/own/state-home")
    server = Httpd(f"{folder}/own")
    os.makedirs(f"{pattern_run.env['XDG_RUNTIME_DIR']}/screenshare")
    control = f"{pattern_run.env['XDG_RUNTIME_DIR']}/screenshare/control.sock"
    os.symlink(f"{server.runtime}/control.sock", control)
    served = f":{server.address[1]}/"
    assert served in pattern_run.ask("url")[1]
    assert served not in pattern_run.ask("url", "--port", str(pattern_run.address[1]))[1]
    os.unlink(control)
    assert served not in pattern_run.ask("url")[1]


def as_nobody(script, *arguments):
    """What becomes of a Python script that another user runs."""
    argv = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "/usr/bin/python3", "-c"]
    return subprocess.run([*argv, script, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=20)


def test_another_user_may_neither_control_nor_capture(pattern_run):
    """Even where the sockets are open to all, the peer is what counts.  (Only root can become
    somebody else: anybody else sees that the folder keeps others out.)"""
    run = pattern_run
    if os.getuid() != 0:
        for _, folders, _ in os.walk(run.env["XDG_RUNTIME_DIR"]):
            for name in folders:
                path = os.path.join(run.env["XDG_RUNTIME_DIR"], name)
                assert os.stat(path).st_mode & 0o077 == 0
        return
    runtime = run.env["XDG_RUNTIME_DIR"]
    inner = os.path.join(runtime, os.listdir(runtime)[0])
    for path in (run.folder, runtime, inner):
        os.chmod(path, 0o755)
    control = os.path.join(inner, "control.sock")
    os.chmod(control, 0o666)
    script = ("import socket, sys; s = socket.socket(socket.AF_UNIX); s.settimeout(5); "
              "s.connect(sys.argv[1]); s.sendall(b'{\"request\":\"viewers\"}\\n'); "
              "print(s.recv(65536).decode())")
    done = as_nobody(script, control)
    assert '"ok":true' not in done.stdout.replace(" ", ""), done.stdout
    # nor does the capture socket serve a stranger
    screen = os.path.join(inner, "screen.sock")
    os.chmod(screen, 0o666)
    # (it may be refused before its first word, and is told why all the same)
    script = ("import contextlib, socket, struct, sys\n"
              "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
              "s.settimeout(10); s.connect(sys.argv[1])\n"
              "with contextlib.suppress(BrokenPipeError): s.send(struct.pack('IIII', 1, 8, 1, 0))\n"
              "data = s.recv(70000); print(struct.unpack('I', data[:4])[0] if data else 'closed')")
    done = as_nobody(script, screen)
    assert done.stdout.strip() in ("closed", "66") or "reset" in done.stderr.lower(), done


def test_the_runtime_folder_is_private(pattern_run):
    runtime = pattern_run.env["XDG_RUNTIME_DIR"]
    name, = os.listdir(runtime)
    assert name == f"screenshare-{pattern_run.address[1]}"
    assert os.stat(os.path.join(runtime, name)).st_mode & 0o777 == 0o700


def test_without_a_runtime_folder_a_checked_one_under_tmp(folder):
    run = Run(folder, None, PATTERN, XDG_RUNTIME_DIR="")
    assert run.get("/healthz").status == 200
    status, _, err = run.ask("status")
    assert status == 0, err
    run.end()


def test_a_daemon_that_cannot_start_is_tried_with_pauses(folder):
    copy = os.path.join(folder, "bin")
    shutil.copytree(os.path.dirname(program("screenshare")), copy)
    counter = os.path.join(folder, "starts")
    with open(os.path.join(copy, "screenshare-screen"), "w") as file:
        file.write(f"#!/bin/sh\necho x >>{counter}\nexit 1\n")
    old, process.BIN = process.BIN, copy
    try:
        run = Run(folder, None, PATTERN)
    finally:
        process.BIN = old
    viewer = run.view()
    begin = time.monotonic()
    run.wait_state("not-answering", 6)
    wait_for(lambda: time.monotonic() - begin > 4, 5, "four seconds")
    with open(counter) as file:
        starts = len(file.readlines())
    assert 2 <= starts <= 40, f"{starts} starts in 4 s"
    lines = [line for line in run.process.stderr if "screenshare-screen" in line or "screen" in line]
    assert len(lines) <= 8, "one fault, few lines: " + "\n".join(lines)
    viewer.end()


def test_nothing_is_listened_to_but_where_it_was_said(pattern_run):
    """--listen 127.0.0.1:0 means nobody else's address."""
    port = pattern_run.address[1]
    with open("/proc/net/tcp") as file:
        listening = [line.split()[1] for line in file.readlines()[1:] if line.split()[3] == "0A"]
    assert [entry for entry in listening if int(entry.split(":")[1], 16) == port] == \
        [f"0100007F:{port:04X}"]
