# SPDX-License-Identifier: MIT
"""Processes: started, spoken to by lines with deadlines, measured, ended; and what /proc tells of them."""

import os
import select
import signal
import subprocess
import time


class BenchError(Exception):
    """What ends one case: said in the table, the other cases go on."""


class Process:
    """A child whose standard output is read line by line, never without a deadline."""

    def __init__(self, argv, env=None, stderr=None, stdin=None, pass_fds=()):
        self.name = os.path.basename(argv[0])
        self.buffer = b""
        try:
            self.popen = subprocess.Popen(argv, stdin=stdin or subprocess.DEVNULL,
                                          stdout=subprocess.PIPE, stderr=stderr, env=env,
                                          pass_fds=pass_fds, bufsize=0)
        except OSError as error:
            raise BenchError(f"Could not start {argv[0]}: {error.strerror}") from error
        self.pid = self.popen.pid

    def read_line(self, timeout_s):
        """The next line without its end; BenchError when none comes in time."""
        deadline = time.monotonic() + timeout_s
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.popen.stdout], [], [], left)[0]:
                raise BenchError(f"{self.name} said nothing for {timeout_s:.0f} s")
            data = os.read(self.popen.stdout.fileno(), 65536)
            if not data:
                raise BenchError(f"{self.name} ended, with status {self.popen.wait()}")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode()

    def wait_for_line(self, start, timeout_s=20):
        """Skips lines until one begins with `start`; gives the rest of it."""
        deadline = time.monotonic() + timeout_s
        while True:
            line = self.read_line(max(0.001, deadline - time.monotonic()))
            if line.startswith(start):
                return line[len(start):].strip()

    def write_line(self, text=""):
        self.popen.stdin.write(text.encode() + b"\n")

    def stop(self, timeout_s=10):
        """SIGTERM, and SIGKILL when that is not enough."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        self.popen.stdout.close()
        if self.popen.stdin:
            self.popen.stdin.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def cpu_s(pid):
    """CPU time of a process, all its threads, to the nanosecond: its clock of clock_getcpuclockid(3)."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return None


def machine_busy_s():
    """Busy time of all cores together, steal included, since boot."""
    with open("/proc/stat", encoding="ascii") as stat:
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, stat.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def descendants(pid):
    """{pid: name of its program} of all that a process has started, directly or not."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as stat:
                    parents[int(entry)] = int(stat.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                pass
    found = {}
    for child in parents:
        ancestor = parents[child]
        while ancestor > 1 and ancestor != pid:
            ancestor = parents.get(ancestor, 0)
        if ancestor == pid:
            try:
                found[child] = os.path.basename(os.readlink(f"/proc/{child}/exe"))
            except OSError:
                pass
    return found


def tree_cpu_s(*pids):
    """CPU time of processes and of all that they have started and that still runs."""
    spent = [cpu_s(pid) for root in pids for pid in [root, *descendants(root)]]
    return sum(seconds for seconds in spent if seconds is not None)


def memory_kb(pid):
    """{"Private_Dirty": kB, "Pss": kB, …} of a process."""
    figures = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        for line in rollup:
            words = line.split()
            if len(words) == 3 and words[2] == "kB":
                figures[words[0].rstrip(":")] = int(words[1])
    return figures


def wake_ups(pid):
    """How often its threads have gone to sleep of their own will: each time they were woken again."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii", errors="replace") as status:
            for line in status:
                if line.startswith("voluntary_ctxt_switches:"):
                    total += int(line.split()[1])
    return total


def wait_until(condition, timeout_s, what):
    """Polls; gives how long it took."""
    begin = time.monotonic()
    while not condition():
        if time.monotonic() - begin > timeout_s:
            raise BenchError(f"{what} did not happen within {timeout_s:.0f} s")
        time.sleep(0.02)
    return time.monotonic() - begin
