# SPDX-License-Identifier: MIT
"""Real programs: started with everything they print kept, looked at by /proc, ended by their pid."""

import array
import fcntl
import os
import re
import select
import signal
import socket
import subprocess
import termios
import threading
import time

from wait import wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("SCREENSHARE_BUILD", os.path.join(ROOT, "build")))
# The programs under test, and the tests' own tools: these are never built with sanitizers.
BIN = os.path.abspath(os.environ.get("SCREENSHARE_BIN", os.path.join(BUILD, "bin")))
TOOLS = os.path.join(BUILD, "testlib")

# A report of a sanitizer is a failure of the test that caused it (conftest.py).
SANITIZER_REPORT = re.compile(
    r"(AddressSanitizer|ThreadSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|runtime error:)"
)
all_processes = []  # of this test


def own_mounts(script):
    """Begins a command that sees mounts of its own, which this script makes; for root as for anybody."""
    return ("unshare", "-m" if os.geteuid() == 0 else "-Urm", "sh", "-c", script + ' && exec "$@"', "-")


class Process:
    """A child of ours.  Lines of its output are kept with the time at which they came."""

    def __init__(self, argv, env=None, cwd=None, stdin=None, **more):
        self.argv = argv
        self.stdout_lines, self.stderr_lines = [], []
        self._reading = threading.Lock()
        self.popen = subprocess.Popen(
            argv, env=env, cwd=cwd, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, **more)
        self.pid = self.popen.pid
        self._readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.popen.stdout, self.stdout_lines),
                         (self.popen.stderr, self.stderr_lines))]
        for reader in self._readers:
            reader.start()
        all_processes.append(self)

    def _read(self, stream, lines):
        rest, poll = b"", select.poll()
        poll.register(stream, select.POLLIN)
        while True:
            poll.poll()
            with self._reading:  # no line is between pipe and `lines` while somebody else has the lock
                data = os.read(stream.fileno(), 65536)
                *whole, rest = (rest + data).split(b"\n")
                if not data:
                    stream.close()
                    whole = [rest] if rest else []
                lines += [(time.monotonic(), line.decode("utf-8", "replace")) for line in whole]
                if not data:
                    return

    def _printed(self, stream, lines):
        """All lines that have been printed by now, though the thread that reads them may be late."""
        end = time.monotonic() + 1
        unread = array.array("i", [0])
        while True:
            with self._reading:
                if stream.closed or time.monotonic() > end:
                    break
                fcntl.ioctl(stream, termios.FIONREAD, unread)
                if unread[0] == 0:
                    break
            time.sleep(0.001)
        return [line for _, line in list(lines)]

    @property
    def stdout(self):
        return self._printed(self.popen.stdout, self.stdout_lines)

    @property
    def stderr(self):
        return self._printed(self.popen.stderr, self.stderr_lines)

    def is_running(self):
        return self.popen.poll() is None

    def wait_line(self, pattern, deadline_s=10, stderr=False, count=1):
        """The count-th line that matches; fails when the process ends without it."""
        def look():
            running = self.is_running()
            found = [m for line in (self.stderr if stderr else self.stdout)
                     if (m := re.search(pattern, line))]
            if len(found) >= count:
                return found[count - 1]
            if not running and not any(reader.is_alive() for reader in self._readers):
                raise AssertionError(f"{self.argv[0]} ended ({self.popen.returncode}) without a "
                                     f"line {pattern!r}:\n" + "\n".join(self.stderr))
            return None
        return wait_for(look, deadline_s, f"a line {pattern!r} of {self.argv[0]}")

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, deadline_s=10):
        """Its exit status, and all of its output read."""
        wait_for(lambda: not self.is_running(), deadline_s, f"the end of {self.argv[0]}")
        for reader in self._readers:
            reader.join(5)
        return self.popen.returncode

    def end(self, deadline_s=10):
        """By SIGTERM; SIGKILL and a failure where that is not enough."""
        if self.is_running():
            self.signal(signal.SIGTERM)
        try:
            return self.wait(deadline_s)
        except AssertionError:
            self.signal(signal.SIGKILL)
            self.wait(5)
            raise AssertionError(f"{self.argv[0]} did not end on SIGTERM") from None

    def log(self):
        out = "".join(f"  {line}\n" for line in self.stdout)
        err = "".join(f"  {line}\n" for line in self.stderr)
        return f"--- {' '.join(self.argv)} (status {self.popen.poll()})\n{out}{err}"


def tool(name):
    return os.path.join(TOOLS, name)


def program(name):
    return os.path.join(BIN, name)


def run_to_end(argv, env=None, deadline_s=20):
    """(status, stdout, stderr) of a short-lived program."""
    process = Process(argv, env)
    status = process.wait(deadline_s)
    return status, "\n".join(process.stdout), "\n".join(process.stderr)


def listens(path):
    """Is there somebody at that socket?  It is there before they listen."""
    with socket.socket(socket.AF_UNIX) as sock:
        return sock.connect_ex(path) == 0


# --- what /proc says ---


def children(pid):
    """Pids of the children of all threads of `pid`."""
    found = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                found += [int(word) for word in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def executable(pid):
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return None


def exists(pid):
    """Alive, and no zombie."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def descendants(pid):
    found = []
    for child in children(pid):
        found += [child] + descendants(child)
    return found


def open_fds(pid):
    """Number of open file descriptors."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def private_kib(pid):
    """Private_Dirty of a process, in KiB."""
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return int(re.search(r"Private_Dirty:\s+(\d+) kB", file.read()).group(1))


def shared_memory_names():
    """What lies in /dev/shm by name: nothing of ours ever should."""
    return sorted(name for name in os.listdir("/dev/shm") if "screenshare" in name)
