#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs the *.case files beside it against the real screenshare-httpd over real sockets.

    tests/http/run.py [--bin FOLDER] [WORD...]      only cases whose names contain one of the words

httpd is started as systemd would start it, with inherited sockets, on 127.0.0.1 and a free port, and
without any capture daemon; cases of the same configuration share one.  A case is a text file whose
name says what it shows; each of its lines is one of

    # …                       a remark
    config SECTION KEY VALUE  a line of httpd's configuration (first of all)
    connect [NAME]            a new connection; NAME: or back to the one of that name
    control                   a new connection to the control socket (lines end in LF)
    > TEXT                    sends TEXT and CRLF; $HOST is the server's address and port, $PORT its port
    >> TEXT                   sends TEXT alone, with escapes (\\r \\n \\x00)
    >>*N TEXT                 … N times
    shutdown                  closes our half
    < STATUS                  one response comes, with this status
    < NAME: REGEX             … which has this header (the whole value matches)
    <! NAME                   … and not this one
    body REGEX                … whose body contains this; endless bodies are read until it comes
    body! REGEX               … and not this
    json PATH = VALUE         … whose body, or the control socket's next line, has this (streams.0.source)
    json PATH ~ REGEX         … matches this
    closed                    the server closes, with nothing more to read
    closed in A..B            … so many seconds from here
    open                      the server has neither sent anything more nor closed

The last line printed is "N passed, M failed".
"""

import argparse
import codecs
import fcntl
import glob
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
DEADLINE_S = 10 * float(os.environ.get("SCREENSHARE_TEST_SLOWNESS", "1"))


class Failure(Exception):
    """What a case expected and did not get."""


# --- httpd ---


class Httpd:
    """One httpd with its configuration, its sockets and a folder of its own."""

    def __init__(self, program, config, folder):
        self.folder = folder
        http = socket.socket()
        http.bind(("127.0.0.1", 0))
        http.listen(256)
        control = socket.socket(socket.AF_UNIX)
        self.control_path = os.path.join(folder, "control.sock")
        control.bind(self.control_path)
        control.listen(16)
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        manager.bind(os.path.join(folder, "notify"))
        manager.settimeout(DEADLINE_S)
        self.address = http.getsockname()
        config_path = os.path.join(folder, "screenshare.conf")
        with open(config_path, "w") as file:
            file.write(config)
        self.log = open(os.path.join(folder, "log"), "w+")
        sockets = [fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 16) for s in (http, control)]

        def take_place():
            for number, fd in enumerate(sockets):
                os.dup2(fd, 3 + number)

        env = dict(os.environ, LISTEN_FDS="2", LISTEN_FDNAMES="http:control",
                   NOTIFY_SOCKET=os.path.join(folder, "notify"))
        # The shell knows its pid, and keeps it for what it becomes.
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "-", program, "--config", config_path,
             "--runtime", folder, "--state", folder],
            env=env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            pass_fds=(3, 4), close_fds=True, preexec_fn=take_place)
        for fd in sockets:
            os.close(fd)
        http.close()
        control.close()
        while b"READY=1" not in manager.recv(4096):
            pass
        manager.close()

    def end(self):
        """What went wrong in its life, or None."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = "none within its time"
        self.log.seek(0)
        text = self.log.read()
        self.log.close()
        if status == 0 and not re.search(r"Sanitizer|runtime error:", text):
            return None
        return f"httpd ended with status {status}:\n{text}"


# --- one connection ---


class Connection:
    """A socket, what came over it and was not yet looked at, and the response being looked at."""

    def __init__(self, family, address, line_end):
        self.socket = socket.socket(family)
        self.socket.settimeout(DEADLINE_S)
        self.spoke = time.monotonic()  # before the other side can know of it
        self.socket.connect(address)
        self.line_end = line_end
        self.unread = b""
        self.is_closed = False
        self.heads_asked = []  # of each request whether it was HEAD
        self.headers, self.body, self.is_endless = [], b"", False

    def send(self, data):
        for method in re.findall(rb"(?:^|\n)([A-Z]+) [^\r\n]* HTTP/1", data):
            self.heads_asked.append(method == b"HEAD")
        self.spoke = time.monotonic()
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was refused before the end: the answer says why

    def receive(self, deadline):
        """False at the end."""
        if self.is_closed:
            return False
        readable, _, _ = select.select([self.socket], [], [], max(0, deadline - time.monotonic()))
        if not readable:
            raise Failure("nothing came in time")
        try:
            piece = self.socket.recv(65536)
        except ConnectionResetError:
            piece = b""
        self.is_closed = not piece
        self.unread += piece
        return bool(piece)

    def take(self, n, deadline):
        while len(self.unread) < n:
            if not self.receive(deadline):
                raise Failure(f"closed after {len(self.unread)} of {n} bytes")
        taken, self.unread = self.unread[:n], self.unread[n:]
        return taken

    def take_until(self, end, deadline):
        while end not in self.unread:
            if not self.receive(deadline):
                raise Failure(f"closed before a whole line or head: {self.unread[:200]!r}")
        taken, _, self.unread = self.unread.partition(end)
        return taken

    def take_response(self):
        deadline = time.monotonic() + DEADLINE_S
        self.is_endless = False
        lines = self.take_until(b"\r\n\r\n", deadline).decode("latin-1").split("\r\n")
        match = re.fullmatch(r"HTTP/1\.1 (\d{3}) [ -~]+", lines[0])
        if not match:
            raise Failure(f"not a status line: {lines[0]!r}")
        self.headers = [re.fullmatch(r"([!-9;-~]+): (.*)", line) for line in lines[1:]]
        if None in self.headers:
            raise Failure(f"not a header: {lines[1:]!r}")
        self.headers = [(m.group(1).lower(), m.group(2)) for m in self.headers]
        status = int(match.group(1))
        lengths = [value for name, value in self.headers if name == "content-length"]
        is_head = self.heads_asked.pop(0) if self.heads_asked else False
        self.body = b""
        if is_head or status in (100, 204, 304):
            return status
        if len(lengths) == 1:
            self.body = self.take(int(lengths[0]), deadline)
        elif lengths:
            raise Failure("two lengths in the response")
        else:
            self.is_endless = True
        return status

    def body_has(self, pattern):
        deadline = time.monotonic() + DEADLINE_S
        while True:
            if self.is_endless:
                self.body, self.unread = self.body + self.unread, b""
            if re.search(pattern, self.body, re.S):
                return True
            if not self.is_endless or not self.receive(deadline):
                return False

    def expect_closed(self, earliest, latest):
        deadline = time.monotonic() + latest
        while self.receive(deadline):
            pass
        if self.unread and not self.is_endless:
            raise Failure(f"more came before the end: {self.unread[:200]!r}")
        if time.monotonic() - self.spoke < earliest:
            raise Failure(f"closed after {time.monotonic() - self.spoke:.2f} s already")

    def expect_open(self):
        readable, _, _ = select.select([self.socket], [], [], 0)
        if readable and not self.receive(time.monotonic()):
            raise Failure("closed")
        if self.unread:
            raise Failure(f"more came: {self.unread[:200]!r}")


# --- cases ---


class Case:
    """A file, read; its configuration taken out."""

    def __init__(self, path):
        self.name = os.path.basename(path)[:-len(".case")]
        self.steps, sections = [], {}
        with open(path) as file:
            for number, line in enumerate(file, 1):
                line = line.rstrip("\n")
                if match := re.fullmatch(r"config (\S+) (\S+) (.*)", line):
                    sections.setdefault(match.group(1), []).append(
                        f"{match.group(2)} = {match.group(3)}\n")
                elif line.strip() and not line.startswith("#"):
                    self.steps.append((number, line))
        self.config = "".join(f"[{name}]\n{''.join(lines)}" for name, lines in sections.items())

    def run(self, httpd):
        runner = Runner(httpd)
        try:
            for number, line in self.steps:
                runner.step(line)
        except (Failure, OSError, json.JSONDecodeError) as error:
            return f"{self.name}.case:{number}: {line}\n    {error}"
        finally:
            runner.end()
        return None


def look_up(value, path):
    for key in path.split("."):
        try:
            value = value[int(key)] if isinstance(value, list) else value[key]
        except (KeyError, IndexError, TypeError, ValueError):
            raise Failure(f"there is no {path} in {json.dumps(value)}") from None
    return value


class Runner:
    """Carries out the lines of one case."""

    def __init__(self, httpd):
        self.httpd = httpd
        self.all, self.named = [], {}
        self.now = self.is_control = self.json = None

    def open(self, family, address, line_end):
        self.now = Connection(family, address, line_end)
        self.all.append(self.now)
        return self.now

    def connection(self):
        return self.now or self.open(socket.AF_INET, self.httpd.address, "\r\n")

    def end(self):
        for connection in self.all:
            connection.socket.close()

    def expand(self, text):
        host, port = self.httpd.address
        return text.replace("$HOST", f"{host}:{port}").replace("$PORT", str(port))

    def step(self, line):
        word, _, rest = line.partition(" ")
        if match := re.fullmatch(r">>\*(\d+) (.*)", line):
            text = codecs.decode(self.expand(match.group(2)), "unicode_escape").encode("latin-1")
            self.connection().send(text * int(match.group(1)))
        elif word == ">>":
            self.json = None
            text = codecs.decode(self.expand(rest), "unicode_escape").encode("latin-1")
            self.connection().send(text)
        elif word == ">":
            self.json = None
            self.send_line(self.expand(rest).encode())
        elif word == "<" and re.fullmatch(r"\d{3}", rest):
            status = self.connection().take_response()
            self.json = None
            if status != int(rest):
                raise Failure(f"the status is {status}: {self.now.body[:300]!r}")
        elif word == "<":
            self.expect_header(rest)
        elif word == "<!":
            if found := [v for name, v in self.now.headers if name == rest.lower()]:
                raise Failure(f"there is one: {found}")
        elif word == "body":
            if not self.now.body_has(self.expand(rest).encode()):
                raise Failure(f"the body is {self.now.body[:500]!r}")
        elif word == "body!":
            if re.search(self.expand(rest).encode(), self.now.body, re.S):
                raise Failure("the body has it")
        elif word == "json":
            self.expect_json(rest)
        else:
            self.act(line)

    def act(self, line):
        word, _, rest = line.partition(" ")
        if word == "connect" and rest in self.named:
            self.now = self.named[rest]
        elif word == "connect":
            self.named[rest or len(self.all)] = self.open(
                socket.AF_INET, self.httpd.address, "\r\n")
        elif word == "control":
            self.open(socket.AF_UNIX, self.httpd.control_path, "\n")
            self.json = None
        elif word == "shutdown":
            self.connection().socket.shutdown(socket.SHUT_WR)
        elif match := re.fullmatch(r"closed(?: in ([\d.]+)\.\.([\d.]+))?", line):
            slowness = DEADLINE_S / 10
            self.connection().expect_closed(float(match.group(1) or 0),
                                            float(match.group(2) or 10) * slowness)
        elif word == "open":
            self.connection().expect_open()
        else:
            raise Failure("this is not a line of a case")

    def send_line(self, text):
        self.connection().send(text + self.now.line_end.encode())

    def expect_header(self, text):
        name, colon, pattern = text.partition(": ")
        if not colon:
            raise Failure("this is not a line of a case")
        found = [value for key, value in self.now.headers if key == name.lower()]
        if len(found) != 1 or not re.fullmatch(self.expand(pattern), found[0]):
            raise Failure(f"it is {found}")

    def expect_json(self, text):
        match = re.fullmatch(r"(\S+) ([=~]) (.*)", text)
        if not match:
            raise Failure("this is not a line of a case")
        if self.json is None:
            if self.now.line_end == "\n":
                self.json = json.loads(self.now.take_until(b"\n", time.monotonic() + DEADLINE_S))
            else:
                self.json = json.loads(self.now.body)
        value = look_up(self.json, match.group(1))
        if match.group(2) == "=" and value != json.loads(self.expand(match.group(3))):
            raise Failure(f"it is {json.dumps(value)}")
        if match.group(2) == "~" and not re.fullmatch(self.expand(match.group(3)), str(value)):
            raise Failure(f"it is {json.dumps(value)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", default=os.environ.get("SCREENSHARE_BIN", f"{ROOT}/build/bin"))
    parser.add_argument("words", nargs="*")
    arguments = parser.parse_args()
    program = os.path.join(arguments.bin, "screenshare-httpd")
    cases = [Case(path) for path in sorted(glob.glob(f"{HERE}/*.case"))]
    if arguments.words:
        cases = [c for c in cases if any(word in c.name for word in arguments.words)]
    failures = []
    for config in sorted({case.config for case in cases}):
        with tempfile.TemporaryDirectory(prefix="screenshare-http-") as folder:
            httpd = Httpd(program, config, folder)
            for case in (c for c in cases if c.config == config):
                if failure := case.run(httpd):
                    failures.append(failure)
                    print(failure, flush=True)
            if failure := httpd.end():
                failures.append(failure)
                print(failure, flush=True)
    print(f"{len(cases) - min(len(failures), len(cases))} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
