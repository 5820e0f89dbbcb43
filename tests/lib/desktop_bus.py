# SPDX-License-Identifier: MIT
"""A session bus of a test's own, and who shows notifications on it (tests/lib/fake_desktop.c)."""

import os
import re
import signal
import subprocess

from process import Process, listens, run_to_end, tool
from wait import wait_for


class Bus:
    """`env` leads to it, and only to it."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "bus")
        self.env = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.path}"}
        self.process = Process(["dbus-daemon", "--session", "--nofork", f"--address=unix:path={self.path}"],
                               {"PATH": os.environ["PATH"], "HOME": folder})
        wait_for(lambda: listens(self.path), 10, "the bus")

    def signal(self, to, name, *arguments):
        """A signal of the notifications' to one on the bus, by a stranger."""
        argv = ["dbus-send", f"--bus={self.env['DBUS_SESSION_BUS_ADDRESS']}", f"--dest={to}", "--type=signal",
                "/org/freedesktop/Notifications", f"org.freedesktop.Notifications.{name}", *arguments]
        assert run_to_end(argv)[0] == 0

    def end(self):
        self.process.end()


class Desktop:
    def __init__(self, bus):
        self.process = Process([tool("fake_desktop")], {**bus.env, "PATH": os.environ["PATH"]},
                               stdin=subprocess.PIPE)
        self.process.wait_line("^ready$")

    def tell(self, line):
        n = self.process.stdout.count("ok")
        self.process.popen.stdin.write(f"{line}\n".encode())
        self.process.popen.stdin.flush()
        self.process.wait_line("^ok$", count=n + 1)

    def callers(self):
        """Who asked it to notify, by name on the bus, and how often."""
        return [line.split()[1] for line in self.process.stdout if line.startswith("caller ")]

    def calls(self):
        """All so far: ("notify", id, replaces, action, summary, body lines) or ("close", id)."""
        found = []
        for line in self.process.stdout:
            if match := re.match(r"notify (\d+) (\d+) (\S+) ([^|]*)\|(.*)$", line):
                found.append(("notify", int(match[1]), int(match[2]), match[3], match[4],
                              match[5].split("/")))
            elif match := re.match(r"close (\d+)$", line):
                found.append(("close", int(match[1])))
        return found

    def wait_calls(self, n, deadline_s=5):
        wait_for(lambda: len(self.calls()) >= n, deadline_s, f"{n} calls (came: {self.calls()})")
        return self.calls()

    def stop(self):
        """It neither reads nor answers any more."""
        self.process.signal(signal.SIGSTOP)

    def end(self):
        self.process.signal(signal.SIGCONT)
        self.process.end()
