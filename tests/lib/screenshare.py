# SPDX-License-Identifier: MIT
"""The programs of screenshare as tests start them: all of them by `run`, or one alone as systemd does."""

import fcntl
import os
import re
import shlex
import socket
import subprocess

import web
from process import Process, children, executable, exists, program, run_to_end, tool
from viewer import Viewer
from wait import wait_for

# Configuration in most tests: a daemon goes soon after its last viewer.
QUICK = "[http]\ngrace_s = 1\n"


def environment(folder, display=None, xauthority=None, **more):
    """Nothing of the machine's own session or configuration gets in."""
    env = {key: os.environ[key] for key in ("PATH", "LANG", "HOME") if key in os.environ}
    # Reports go to files, which conftest.py looks at: stderr may be gone before the process.
    for key in ("ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"):
        env[key] = os.environ.get(key, "") + f":log_path={folder}/sanitizer"
    for name in ("runtime", "state-home", "config-home"):
        os.makedirs(os.path.join(folder, name), mode=0o700, exist_ok=True)
    env.update(XDG_RUNTIME_DIR=os.path.join(folder, "runtime"),
               XDG_STATE_HOME=os.path.join(folder, "state-home"),
               XDG_CONFIG_HOME=os.path.join(folder, "config-home"))
    if display:
        env["DISPLAY"] = display
    # Never the one of whoever runs the tests: by default a file that is not there.
    env["XAUTHORITY"] = xauthority or os.path.join(folder, "no-xauthority")
    env.update(more)
    return env


class Server:
    """What answers on `address`."""

    address = None

    def get(self, path, headers=None, method="GET"):
        return web.get(self.address, path, headers, method)

    def status(self):
        return web.get_json(self.address, "/status")

    def stream(self, source="screen", stream="jpeg"):
        """What /status says of one stream; None before its first use."""
        for entry in self.status()["streams"]:
            if entry["source"] == source and entry["stream"] == stream:
                return entry
        return None

    def state(self):
        """(code, words) of the screen's stream."""
        entry = self.stream()
        return (entry["state"], entry["words"]) if entry else (None, None)

    def wait_state(self, code, deadline_s=5):
        """The words of the state."""
        last = [None]

        def look():
            last[0] = self.state()
            return last[0][0] == code
        try:
            wait_for(look, deadline_s, f"state {code}")
        except AssertionError as error:
            raise AssertionError(f"{error} (it is {last[0]})") from None
        return last[0][1]

    def view(self, path="/d_video", **more):
        return Viewer(self.address, path, **more)


class Run(Server):
    """`screenshare run`, ready."""

    def __init__(self, folder, display=None, config=QUICK, xauthority=None, arguments=(),
                 wait_ready=True, listen="127.0.0.1:0", prefix=(), stdin=None, **env):
        self.folder = folder
        self.env = environment(folder, display, xauthority, **env)
        self.config_path = os.path.join(folder, "screenshare.conf")
        with open(self.config_path, "w") as file:
            file.write(config)
        argv = [*prefix, program("screenshare"), "run", "--listen", listen, "--config",
                self.config_path, "--state", os.path.join(folder, "state"), *arguments]
        self.process = Process(argv, self.env, stdin=stdin)
        if wait_ready:
            self.wait_ready()

    def wait_ready(self):
        match = self.process.wait_line(r"^READY http://(\S+):(\d+)/$", 15)
        self.address = (match.group(1), int(match.group(2)))

    @property
    def pid(self):
        return self.process.pid

    def children(self, name):
        """Pids of the running programs of that name."""
        found = []
        todo = children(self.pid)
        while todo:
            pid = todo.pop()
            if executable(pid) == name and exists(pid):
                found.append(pid)
            todo += children(pid)
        return found

    def daemons(self):
        return self.children("screenshare-screen")

    def httpd(self):
        return wait_for(lambda: self.children("screenshare-httpd"), 5, "httpd runs")[0]

    def wait_daemon(self, deadline_s=5):
        return wait_for(self.daemons, deadline_s, "the screen daemon runs")[0]

    def wait_no_daemon(self, deadline_s=5):
        wait_for(lambda: not self.daemons(), deadline_s, "the screen daemon is gone")

    def log(self, pattern):
        """The lines on its stderr that match."""
        return [line for line in self.process.stderr if re.search(pattern, line)]

    def ask(self, *arguments):
        """(status, stdout, stderr) of the command line beside it."""
        return run_to_end([program("screenshare"), *arguments], self.env)

    def end(self):
        return self.process.end()


def start_with_sockets(argv, sockets, env):
    """As systemd does: `sockets` is a list of (name, socket); they get the numbers from 3 on."""
    # Duplicates far up, so that no move to its place closes one that is still to be moved.
    high = [fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD, 100) for _, sock in sockets]
    redirections = " ".join(f"{number + 3}<&{fd} {fd}<&-" for number, fd in enumerate(high))
    env = dict(env, LISTEN_FDS=str(len(sockets)),
               LISTEN_FDNAMES=":".join(name for name, _ in sockets))
    # The pid is only known to the child itself: a shell says it, then becomes the program.
    script = f'LISTEN_PID=$$; export LISTEN_PID; exec {shlex.join(argv)} {redirections}'
    try:
        return Process(["bash", "-c", script], env, pass_fds=high)
    finally:
        for fd in high:
            os.close(fd)


class Httpd(Server):
    """screenshare-httpd alone: whoever listens on <folder>/runtime/screen.sock is its daemon."""

    def __init__(self, folder, config=QUICK, prefix=()):
        self.folder = folder
        self.env = environment(folder)
        self.runtime = self.env["XDG_RUNTIME_DIR"]
        self.capture_path = os.path.join(self.runtime, "screen.sock")
        config_path = os.path.join(folder, "screenshare.conf")
        with open(config_path, "w") as file:
            file.write(config)
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener, \
                socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
            self.address = listener.getsockname()
            control.bind(os.path.join(self.runtime, "control.sock"))
            control.listen(16)
            self.process = start_with_sockets(
                [*prefix, program("screenshare-httpd"), "--config", config_path, "--runtime", self.runtime,
                 "--state", os.path.join(folder, "state-home")],
                [("http", listener), ("control", control)], self.env)
        wait_for(lambda: self.get("/healthz").status == 200, 10, "httpd answers")

    def end(self):
        return self.process.end()


class ScreenDaemon:
    """screenshare-screen alone, listening at `path` (of a capture socket)."""

    def __init__(self, folder, path, display=None, config="", arguments=(), **env):
        config_path = os.path.join(folder, "screen.conf")
        with open(config_path, "w") as file:
            file.write(config)
        if os.path.exists(path):
            os.unlink(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(path)
            listener.listen(16)
            self.process = start_with_sockets(
                [program("screenshare-screen"), "--config", config_path, *arguments],
                [("capture", listener)], environment(folder, display, **env))

    def end(self):
        return self.process.end()


class LyingDaemon:
    """tests/lib/lying_daemon.c at a capture socket."""

    def __init__(self, path, picture_path):
        self.process = Process([tool("lying_daemon"), path, picture_path], stdin=subprocess.PIPE)
        self.process.wait_line("^ready$")
        self._n_ok = 0

    def tell(self, lie):
        """From now on; whoever is subscribed loses the connection."""
        self.process.popen.stdin.write(f"{lie}\n".encode())
        self.process.popen.stdin.flush()
        self._n_ok += 1
        self.process.wait_line("^ok$", count=self._n_ok)

    def end(self):
        self.process.popen.stdin.close()
        self.process.wait()
