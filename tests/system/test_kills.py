# SPDX-License-Identifier: MIT
"""The screen daemon dies, again and again, while twenty watch."""

import os
import random
import signal
import threading
import time

import jpeg
import process
from screenshare import QUICK, Run
from wait import SLOWNESS, slowness, wait_for

KILLS = int(os.environ.get("SCREENSHARE_TEST_KILLS", "10"))
VIEWERS = 20
SIZE = (320, 200)


class Film(threading.Thread):
    """Paints without end, so that there is always something newer to see."""

    def __init__(self, painter):
        super().__init__(daemon=True)
        self.painter, self.wants_end = painter, threading.Event()
        self.start()

    def run(self):
        step = 0
        while not self.wants_end.wait(0.03):
            step += 1
            self.painter.fill(0x100804 * (step % 16), 0, 0, *SIZE)

    def end(self):
        self.wants_end.set()
        self.join(5)


def test_no_kill_of_the_daemon_costs_a_viewer_its_connection(folder, request):
    from xserver import XServer
    x = XServer(*SIZE)
    request.addfinalizer(x.end)
    run = Run(folder, x.display, QUICK)
    film = Film(x.painter)
    request.addfinalizer(film.end)
    viewers = [run.view(keep=3, timeout_s=120) for _ in range(VIEWERS)]
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    choose = random.Random(seed)

    def all_have_pictures_of(moment_ns):
        """Taken from the screen, not drawn in its place, and after that moment."""
        for viewer in viewers:
            assert viewer.error is None, f"a viewer lost its connection: {viewer.error!r}"
            part = viewer.newest
            if part is None or jpeg.size(part.data) != SIZE or \
                    jpeg.stamp(part.data)[0] <= moment_ns:
                return False
        return True

    wait_for(lambda: all_have_pictures_of(0), 5, "the first pictures")
    httpd = run.httpd()
    wait_for(lambda: run.status()["viewers"] == VIEWERS, 5, "all are connected")
    fds = {pid: process.open_fds(pid) for pid in (httpd, run.pid)}
    slowest = 0
    for turn in range(KILLS):
        victim = run.wait_daemon()
        os.kill(victim, signal.SIGKILL)
        if turn % 3 == 2:  # again, while it is being started
            follower = wait_for(lambda: [pid for pid in run.daemons() if pid != victim], 2,
                                "the next daemon")[0]
            time.sleep(choose.random() * 0.03)
            os.kill(follower, signal.SIGKILL)
        killed_ns = time.monotonic_ns()
        wait_for(lambda: all_have_pictures_of(killed_ns), 1,
                 f"pictures within a second of kill {turn + 1} of {KILLS}")
        slowest = max(slowest, time.monotonic_ns() - killed_ns)
        assert all(not viewer.is_closed for viewer in viewers)
        time.sleep(choose.random() * 0.1)  # any phase of grabbing, encoding and publishing
    print(f"slowest: {slowest / 1e6:.0f} ms")
    assert run.httpd() == httpd
    assert len(run.daemons()) == 1
    for pid, before in fds.items():
        wait_for(lambda: process.open_fds(pid) <= before, 3,
                 f"no more fds than before in {process.executable(pid)}: {before}")
    wait_for(lambda: not process.shared_memory_names(), 2, "nothing in /dev/shm")
    assert run.stream()["failures"] >= KILLS
    for viewer in viewers:
        viewer.end()
    run.wait_no_daemon()


def test_a_daemon_that_is_stopped_is_not_waited_for(folder, x):
    """SIGSTOP: no EOF, no answer.  `run` plays systemd's watchdog; viewers keep what they have."""
    run = Run(folder, x.display, QUICK)
    x.painter.fill(0x204060)
    viewer = run.view()
    viewer.wait_colour(0x204060)
    daemon = run.wait_daemon()
    os.kill(daemon, signal.SIGSTOP)
    try:
        x.painter.fill(0x604020)
        # killed by the watchdog, and followed by another
        wait_for(lambda: run.daemons() not in ([], [daemon]), 60, "another daemon")
        viewer.wait_colour(0x604020, deadline_s=5 * SLOWNESS)
    finally:
        if process.exists(daemon):
            os.kill(daemon, signal.SIGCONT)
    viewer.end()


def test_httpd_is_restarted_and_its_port_answers_again(folder, x):
    run = Run(folder, x.display, QUICK)
    x.painter.fill(0x204060)
    for _ in range(min(KILLS, 20) // 2):
        viewer = run.view()
        viewer.wait_colour(0x204060)
        httpd = run.httpd()
        os.kill(httpd, signal.SIGKILL)
        killed = time.monotonic()
        wait_for(lambda: viewer.is_closed, 3, "the viewer's connection ends")

        def answers():
            try:
                return run.get("/healthz").status == 200
            except OSError:
                return False
        wait_for(answers, 3, "the port answers")
        assert time.monotonic() - killed < 2 * slowness()
        assert run.httpd() != httpd
        viewer.end()
