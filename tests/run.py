#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs a suite of tests once, a few jobs at a time, and ends with the line "N passed, N failed".

    tests/run.py --build BUILD check|deep [NAME ...]

Success is quiet; whatever fails shows its log, and the longest jobs are named.  Jobs marked `alone`
measure time, or load the machine themselves: they run after all others, one at a time.  NAME: only
jobs whose names contain it.  A skipped test is a failed one.  Every process started here is ended here.

Of a whole suite, up to UNSTEADY_MAX failed jobs are run a second time, alone: browsers, X and sound
servers now and then fail by themselves.  What passes then is called unsteady: the suite passes, the log
of the failure is shown all the same, and is to be explained.  What a sanitizer or a fuzzer found, and
what needs no other program, gets no second time.
"""

import argparse
import concurrent.futures
import glob
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTHON = "/usr/bin/python3"  # Debian's, which has Debian's pytest
SHOWN_LINES = 400            # of a failed job's log
SHOWN_LONGEST = 5            # jobs
UNSTEADY_MAX = 2             # jobs: with more of them it is the suite, the machine or the product

SANITIZERS = {
    "ASAN_OPTIONS": "abort_on_error=0:exitcode=99:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "exitcode=99:second_deadlock_stack=1:halt_on_error=0",
}


class Job:
    """One command whose output is counted by `kind`: tap (cmocka, node), pytest, lines (a last line
    "N passed, N failed") or plain (its exit status is one test)."""

    def __init__(self, name, argv, kind="plain", env=None, alone=False, timeout_s=240, weight=0):
        self.name, self.argv, self.kind, self.env = name, argv, kind, env or {}
        self.alone, self.timeout_s, self.weight = alone, timeout_s, weight
        self.passed, self.failed, self.seconds, self.output = 0, 0, 0.0, ""

    def is_browser(self):
        return self.name.startswith("browser/")

    def may_be_unsteady(self):
        return (self.name.startswith(("browser/", "system/")) and
                not re.search(r"Sanitizer|runtime error:", self.output))


running = set()
running_lock = threading.Lock()
is_ending = threading.Event()


def execute(job, build):
    env = dict(os.environ, SCREENSHARE_BUILD=build, **SANITIZERS)
    # Where nft is, which on Debian an ordinary user's path does not name.
    env["PATH"] = env.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    env.update(job.env)
    started = time.monotonic()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(job.argv, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        with running_lock:
            running.add(process)
        timed_out = False
        try:
            status = process.wait(job.timeout_s)
        except subprocess.TimeoutExpired:
            timed_out = True
            # Its own session: the group is the job and what it has left behind.
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
            status = process.wait()
        with running_lock:
            running.discard(process)
        log.seek(0)
        job.output = log.read().decode("utf-8", "replace")
    job.seconds = time.monotonic() - started
    count(job, status)
    if timed_out:
        job.output += f"\nended after {job.timeout_s} s\n"


def count(job, status):
    text = job.output
    if job.kind == "tap":
        if (ours := re.findall(r"^# (pass|fail|cancelled|skipped|todo) (\d+)$", text, re.M)):
            figures = {name: int(n) for name, n in ours}
            job.passed = figures.get("pass", 0)
            job.failed = sum(figures.values()) - job.passed
        else:
            skipped = len(re.findall(r"^ok \d+.*# SKIP", text, re.M))
            job.passed = len(re.findall(r"^ok \d+", text, re.M)) - skipped
            job.failed = len(re.findall(r"^not ok \d+", text, re.M)) + skipped
    elif job.kind == "pytest":
        last = next((line for line in reversed(text.splitlines()) if re.search(r" in [\d.:]+s?", line)), "")
        figures = {name: int(n) for n, name in re.findall(r"(\d+) (\w+)", last)}
        job.passed = figures.get("passed", 0)
        job.failed = sum(figures.get(name, 0)
                         for name in ("failed", "error", "errors", "skipped", "xfailed", "xpassed"))
    elif job.kind == "lines":
        found = re.findall(r"^(\d+) passed, (\d+) failed$", text, re.M)
        if found:
            job.passed, job.failed = map(int, found[-1])
    else:
        job.passed = int(status == 0)
    if status != 0 and job.failed == 0:
        job.failed = 1
    if job.passed + job.failed == 0:
        job.failed = 1
        job.output += "\nno test was run\n"


def look_again(failed, run):
    """Of a few jobs that have failed, those that pass when they are alone."""
    if len(failed) > UNSTEADY_MAX or not all(job.may_be_unsteady() for job in failed):
        return []
    for job in failed:
        print(f"\n==== {job.name}: once more, alone")
        job.passed = job.failed = 0
        run(job)
    return [job for job in failed if not job.failed]


def end_all():
    is_ending.set()
    with running_lock:
        for process in running:
            try:
                os.killpg(process.pid, signal.SIGTERM)
            except ProcessLookupError:
                pass


# --- the suites ---


def unit_jobs(folder, tag, names=None):
    """One job for each cmocka program of `folder`."""
    found = sorted(path for path in glob.glob(os.path.join(folder, "test_*"))
                   if not path.endswith(".d") and os.access(path, os.X_OK))
    sources = {os.path.basename(path)[:-2] for path in glob.glob(f"{ROOT}/tests/unit/test_*.c")}
    return [Job(f"unit/{os.path.basename(path)[5:]} ({tag})", [path], "tap",
                {"CMOCKA_MESSAGE_OUTPUT": "TAP"}, timeout_s=120)
            for path in found if os.path.basename(path) in (names or sources)]


# Whatever has threads, or is read by another process while it is written.
def thread_tests():
    return {os.path.basename(path)[:-2]
            for path in glob.glob(f"{ROOT}/tests/unit/test_*_threads.c") +
            [f"{ROOT}/tests/unit/test_{name}.c" for name in ("ring", "ring_watch", "workers", "log", "camera_source")]
            if os.path.exists(path)}


def pytest_job(path, env=None, tag="", **more):
    name = os.path.basename(path)[5:-3]
    argv = [PYTHON, "-m", "pytest", "-c", "tests/pytest.ini", "-q", "--no-header", path]
    return Job(f"system/{name}{tag}", argv, "pytest", env, **more)


def system_files():
    return sorted(glob.glob(f"{ROOT}/tests/system/test_*.py"))


# Those that measure time, or need the machine for themselves.
ALONE = {"latency", "crowd", "audio_daemon", "sound", "delta"}
# Rough seconds of the long ones: they are begun first.
WEIGHT = {"lying_daemon": 60, "states": 50, "picture": 20, "stream": 30, "run_command": 20,
          "kills": 30, "bad_requests": 20, "camera": 25, "audio_daemon": 40, "sound": 20,
          "websocket": 25, "doctor": 35, "session": 25,
          "viewer_firefox": 90, "viewer_chromium": 60, "delta_firefox": 60, "delta_chromium": 50,
          "delta_screen": 45, "sending": 60, "camera_locked": 25, "files_tus": 30, "presence": 25}


def system_jobs(env=None, tag="", timeout_s=240, without=()):
    jobs = []
    for path in system_files():
        name = os.path.basename(path)[5:-3]
        if name in without:
            continue
        jobs.append(pytest_job(path, env, tag, alone=name in ALONE, timeout_s=timeout_s,
                               weight=WEIGHT.get(name, 10)))
    return jobs


def browser_jobs(build):
    env = {"SCREENSHARE_BIN": f"{build}/bin"}
    return [Job(f"browser/{(name := os.path.basename(path)[:-8])}",
                ["node", "--test", "--test-reporter=tap", path], "tap", env, timeout_s=300,
                weight=WEIGHT.get(name, 30), alone=name == "single_change")
            for path in sorted(glob.glob(f"{ROOT}/tests/browser/*.spec.js"))]


def source_jobs(build):
    """What is looked at without being run."""
    jobs = [Job("walls", ["bash", "tests/walls.sh"], "lines"),
            Job("format", ["bash", "tests/format_check.sh"], "lines"),
            Job("documents", ["bash", "tests/docs_check.sh"], "lines"),
            Job("manuals", ["bash", "tests/manual_check.sh"], "lines"),
            Job("catalogue", ["bash", "tests/catalog_check.sh"], "lines")]
    if os.path.exists(f"{ROOT}/tests/conf_check.sh"):
        jobs.append(Job("configuration", ["sh", "tests/conf_check.sh",
                                          f"{build}/bin/screenshare-httpd"]))
    return jobs


def check_jobs(build):
    asan = f"{build}/asan"
    jobs = source_jobs(build)
    jobs += unit_jobs(f"{asan}/test", "ASan, UBSan")
    jobs += unit_jobs(f"{build}/tsan/test", "TSan", thread_tests())
    if os.path.exists(f"{ROOT}/tests/http/run.py"):
        jobs.append(Job("http cases (ASan, UBSan)", [PYTHON, "tests/http/run.py"], "lines",
                        {"SCREENSHARE_BIN": f"{asan}/bin", "SCREENSHARE_BUILD": build}, weight=30))
    jobs += system_jobs({"SCREENSHARE_BIN": f"{build}/bin"})
    jobs += browser_jobs(build)
    return jobs


def deep_jobs(build):
    jobs = []
    for name, slowness in (("asan", "3"), ("tsan", "4")):
        env = {"SCREENSHARE_BIN": f"{build}/{name}/bin", "SCREENSHARE_TEST_SLOWNESS": slowness}
        jobs += system_jobs(env, f" ({name.upper().replace('AN', 'an')})", timeout_s=600,
                            without={"kills", "latency", "install", "completion"})
    if os.path.exists(f"{ROOT}/tests/http/run.py"):
        jobs.append(Job("http cases (TSan)", [PYTHON, "tests/http/run.py"], "lines",
                        {"SCREENSHARE_BIN": f"{build}/tsan/bin", "SCREENSHARE_TEST_SLOWNESS": "4"}))
    for name, variable, times in (("kills", "SCREENSHARE_TEST_KILLS", 100),
                                  ("files_tus", "SCREENSHARE_TEST_KILLS", 60),
                                  ("states", "SCREENSHARE_TEST_ROUNDS", 20)):
        jobs.append(pytest_job(f"{ROOT}/tests/system/test_{name}.py",
                               {"SCREENSHARE_BIN": f"{build}/bin", variable: str(times)},
                               f" ({times} times)", alone=True, timeout_s=400))
    for path in sorted(glob.glob(f"{ROOT}/tests/fuzz/*.c")):
        target = os.path.basename(path)[:-2]
        jobs.append(Job(f"fuzz/{target}", ["bash", "tests/fuzz/run.sh", build, target],
                        timeout_s=180, weight=60))
    return jobs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    # More than cores: most of them wait most of the time.  Those with a browser do not.
    parser.add_argument("--jobs", type=int, default=1 + (os.cpu_count() or 1))
    parser.add_argument("--browsers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("suite", choices=("check", "deep"))
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    build = os.path.abspath(arguments.build)
    jobs = {"check": check_jobs, "deep": deep_jobs}[arguments.suite](build)
    if arguments.names:
        jobs = [job for job in jobs if any(name in job.name for name in arguments.names)]
        if not jobs:
            parser.error(f"no job is called so: {' '.join(arguments.names)} (--list shows all)")
    if arguments.list:
        for job in jobs:
            print(f"{job.name}: {shlex.join(job.argv)}")
        return 0
    # Ended by a signal: so are all jobs.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    lock = threading.Lock()
    started = time.monotonic()

    def run(job):
        if is_ending.is_set():
            return
        execute(job, build)
        with lock:
            if job.failed and not is_ending.is_set():
                lines = job.output.rstrip().splitlines()
                print(f"\n==== {job.name}: failed ({shlex.join(job.argv)})")
                if len(lines) > SHOWN_LINES:
                    print(f"  ... {len(lines) - SHOWN_LINES} lines before these")
                print("\n".join(f"  {line}" for line in lines[-SHOWN_LINES:]))
            elif sys.stdout.isatty():
                print(f"\r\033[K{job.name}", end="")
            sys.stdout.flush()

    try:
        together = sorted((job for job in jobs if not job.alone), key=lambda job: -job.weight)
        with (concurrent.futures.ThreadPoolExecutor(arguments.browsers) as browsers,
              concurrent.futures.ThreadPoolExecutor(arguments.jobs) as others):
            for future in [(browsers if job.is_browser() else others).submit(run, job) for job in together]:
                future.result()
        for job in jobs:
            if job.alone:
                run(job)
        unsteady = [] if arguments.names else look_again([job for job in jobs if job.failed], run)
    finally:
        end_all()
    if sys.stdout.isatty():
        print("\r\033[K", end="")
    with open(os.path.join(build, f"{arguments.suite}-times.txt"), "w") as file:
        for job in sorted(jobs, key=lambda job: -job.seconds):
            file.write(f"{job.seconds:7.1f} s  {job.passed:4} passed {job.failed:3} failed  "
                       f"{job.name}\n")
    failed = sum(job.failed for job in jobs)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    longest = ", ".join(f"{job.name} {job.seconds:.0f} s"
                        for job in sorted(jobs, key=lambda job: -job.seconds)[:SHOWN_LONGEST])
    print(f"{time.monotonic() - started:.0f} s for the tests, {used.ru_utime + used.ru_stime:.0f} s of CPU; "
          f"longest: {longest} (all: {os.path.relpath(build, ROOT)}/{arguments.suite}-times.txt)")
    for job in unsteady:
        print(f"UNSTEADY: {job.name} failed at first, see above; it passed alone")
    print(f"{sum(job.passed for job in jobs)} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
