# SPDX-License-Identifier: MIT
"""A seat of a test's own: a message bus with a logind on it that says what it is told to say, accounts
that exist for its daemons alone, and capture daemons that follow it as systemd starts them: as root,
with the right to become somebody else and no other.  Root only."""

import os
import socket

import sound_capture
from capture import Subscriber
from process import Process, program, run_to_end, tool
from screenshare import environment, start_with_sockets

BUS = """<busconfig><type>session</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
"""
# In a mount namespace of its own the accounts are those of the test; then nothing but two rights.
AS_SERVICE = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/passwd && exec "$@"']
AS_ROOT = ["setpriv", "--inh-caps=-all", "--no-new-privs", "--bounding-set=-all,+setuid"]
IS_ROOT = os.geteuid() == 0


def as_root(test):
    """Nobody else can become somebody, or has a seat to give: to others there is no such test."""
    return test if IS_ROOT else None


class User:
    def __init__(self, folder, name, uid):
        self.name, self.uid = name, uid
        self.home = os.path.join(folder, name)
        os.mkdir(self.home, 0o700)
        os.chown(self.home, uid, uid)

    def session(self, number=1, kind="x11", cls="user", state="active", display="-"):
        return f"session {number} {self.uid} {self.name} {kind} {cls} {state} {display}"

    def owns(self, path):
        os.chown(path, self.uid, self.uid)


class Seat:
    def __init__(self, folder):
        self.folder = folder
        os.chmod(folder, 0o1777)  # what sanitizers have to say of a user's process lies there, too
        self.ann, self.ben = User(folder, "ann", 61001), User(folder, "ben", 61002)
        self.camera = User(folder, "camera", 61003)
        self.accounts = os.path.join(folder, "passwd")
        with open("/etc/passwd") as file, open(self.accounts, "w") as own:
            own.write(file.read())
            for user in (self.ann, self.ben, self.camera):
                own.write(f"{user.name}:x:{user.uid}:{user.uid}::{user.home}:/bin/sh\n")
        self.record = os.path.join(folder, "session")
        os.mkdir(self.record, 0o700)
        path = os.path.join(folder, "bus")
        config = os.path.join(folder, "bus.conf")
        with open(config, "w") as file:
            file.write(BUS.format(path=path))
        # It asks for the groups of whoever connects.
        self.bus = Process([*AS_SERVICE, self.accounts, "dbus-daemon", f"--config-file={config}",
                            "--nofork", "--print-address"])
        self.bus.wait_line("unix:")
        self.env = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={path}"}
        read_fd, self._lines = os.pipe()
        self.logind = Process([tool("fake_logind")], dict(os.environ, **self.env), stdin=read_fd)
        os.close(read_fd)
        self.logind.wait_line("^READY$")
        self._n_said = 0

    def say(self, line):
        """logind says it; back once it is on its way."""
        os.write(self._lines, line.encode() + b"\n")
        self._n_said += 1
        self.logind.wait_line("^ok$", count=self._n_said)

    def command(self, user, *arguments):
        """The command line, typed by that user."""
        return run_to_end([*AS_SERVICE, self.accounts, "setpriv", f"--reuid={user.uid}",
                           f"--regid={user.uid}", "--clear-groups", program("screenshare"),
                           *arguments], environment(self.folder))

    def let_in(self, user, x, cookie):
        """The display's right lies in the user's home."""
        path = os.path.join(user.home, ".Xauthority")
        run_to_end(["xauth", "-f", path, "add", x.display, ".", cookie])
        user.owns(path)

    def end(self):
        os.close(self._lines)


class Daemon:
    """screenshare-NAME of a seat, and the socket that outlives it."""

    def __init__(self, seat, name, config="", may_have_groups=True):
        self.seat, self.name, self.may_have_groups = seat, name, may_have_groups
        self.path = os.path.join(seat.folder, f"{name}.sock")
        self.config_path = os.path.join(seat.folder, f"{name}.conf")
        with open(self.config_path, "w") as file:
            file.write(config)
        self.state_dir = os.path.join(seat.folder, f"{name}-state")
        self.runtime_dir = os.path.join(seat.folder, f"{name}-runtime")
        for path in (self.state_dir, self.runtime_dir):
            os.makedirs(path, 0o700, exist_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(self.path)
        os.chmod(self.path, 0o666)
        self._listener.listen(16)
        self.process = None

    def start(self):
        env = environment(self.seat.folder, **self.seat.env)
        for name in ("XAUTHORITY", "XDG_RUNTIME_DIR", "HOME"):  # systemd sets none of them
            del env[name]
        # It looks for leaks by tracing the process, which nobody can any more.
        env["ASAN_OPTIONS"] += ":detect_leaks=0"
        self.process = start_with_sockets(
            [*AS_SERVICE, self.seat.accounts, *self.command()], [("capture", self._listener)], env)
        return self

    def command(self):
        """The program, with its rights."""
        as_root = [*AS_ROOT[:-1], AS_ROOT[-1] + ",+setgid"] if self.may_have_groups else AS_ROOT
        return [*as_root, program(f"screenshare-{self.name}"), "--config", self.config_path,
                "--session", self.seat.record, "--state", self.state_dir, "--runtime",
                self.runtime_dir]

    def subscribe(self):
        if self.name == "audio":
            return sound_capture.Subscriber(self.path)
        return Subscriber(self.path)

    def status(self):
        """Of its /proc/PID/status, as a dict of words."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return {line.split(":")[0]: line.split(":")[1].split() for line in file}

    def uid(self):
        return int(self.status()["Uid"][1])
