# SPDX-License-Identifier: MIT
"""The camera while the session of whoever sits at the computer is locked: its daemon as a service of the
system, which is nobody's of the session, with a camera and a logind that the test speaks for.  What real
ones make of it is seen in the virtual machine (tests/system/vm/guest-session)."""

import os
import signal

import pytest

import jpeg
from capture import Subscriber
from fake_camera import FAKE_BIN, FakeCamera
from seat import Daemon, as_root
from wait import stays, wait_for

RED, GREEN = 0xD02020, 0x20C040
BACK_S = 2  # pictures are back so soon after it is unlocked


class CameraDaemon(Daemon):
    """screenshare-camera as its unit starts it."""

    def __init__(self, seat, config="", options=("--follow-lock",)):
        super().__init__(seat, "camera", config)
        self.options = options

    def command(self):
        user = self.seat.camera
        return ["setpriv", f"--reuid={user.uid}", f"--regid={user.uid}", "--clear-groups",
                "--bounding-set=-all", "--no-new-privs", os.path.join(FAKE_BIN, "screenshare-camera"),
                "--config", self.config_path, *self.options]


@pytest.fixture
def camera(folder, seat):
    camera = FakeCamera(folder)
    os.chmod(camera.folder, 0o1777)
    seat.env.update(camera.env)
    camera.plug()
    camera.show(RED)
    return camera


def shows(subscriber, rgb, after=0, deadline_s=5):
    return subscriber.wait_record(lambda record: jpeg.shows(record.data, rgb, 8, 8), after, deadline_s)


def check_held(subscriber, camera):
    """Locked: the camera is let go of, and nothing of it comes."""
    assert subscriber.wait_state("locked", 1) == "The screen of this computer is locked"
    assert subscriber.picture
    wait_for(lambda: not camera.is_held(), 2, "the camera is closed")
    rings, newest = subscriber.n_rings, subscriber.newest()
    stays(lambda: (subscriber.poll() or subscriber.state == "locked") and not camera.is_held() and
          (newest is None or subscriber.newest().sequence == newest.sequence) and
          subscriber.n_rings == rings, 0.5, "nothing comes")


def check_live(subscriber, camera, rgb):
    rings = subscriber.n_rings
    camera.show(rgb)
    subscriber.wait_state("live", BACK_S)
    wait_for(lambda: subscriber.poll() or subscriber.n_rings > rings, BACK_S, "a ring")
    shows(subscriber, rgb, 0, BACK_S)
    assert camera.is_held()


@as_root
def test_while_locked_the_camera_is_closed_and_nothing_is_shown(seat, camera):
    seat.say(seat.ann.session())
    subscriber = CameraDaemon(seat).start().subscribe()
    check_live(subscriber, camera, RED)
    for rgb in (GREEN, RED):
        seat.say("hint 1")
        check_held(subscriber, camera)
        seat.say("hint 0")
        check_live(subscriber, camera, rgb)
    seat.say("lock")
    check_held(subscriber, camera)
    seat.say("unlock")
    check_live(subscriber, camera, GREEN)


@as_root
def test_the_journal_has_the_lock_once_and_its_end(seat, camera):
    seat.say(seat.ann.session())
    daemon = CameraDaemon(seat).start()
    subscriber = daemon.subscribe()
    subscriber.wait_state("live")
    seat.say("hint 1")
    subscriber.wait_state("locked")
    seat.say("hint 0")
    subscriber.wait_state("live")
    daemon.process.wait_line("Pictures again after .* of locked", stderr=True)
    assert len([line for line in daemon.process.stderr if "is locked" in line]) == 1


@as_root
def test_locked_when_it_starts_the_camera_is_never_opened(seat, camera):
    seat.say(seat.ann.session())
    seat.say("hint 1")
    subscriber = CameraDaemon(seat).start().subscribe()
    subscriber.wait_state("locked")
    check_held(subscriber, camera)
    assert subscriber.states[:2] in (["starting", "locked"], ["locked"]), subscriber.states
    assert subscriber.n_rings == 0
    seat.say("hint 0")
    check_live(subscriber, camera, GREEN)


@as_root
def test_a_lock_that_comes_before_the_first_answer_counts(seat, camera):
    seat.say(seat.ann.session())
    seat.say("lock-before 1")
    subscriber = CameraDaemon(seat).start().subscribe()
    subscriber.wait_state("locked")
    check_held(subscriber, camera)
    assert "live" not in subscriber.states
    subscriber.wait_state("live", 7)  # nobody has locked anything


@as_root
def test_a_lock_of_a_session_that_has_just_come_counts(seat, camera):
    seat.say(seat.ann.session())
    subscriber = CameraDaemon(seat).start().subscribe()
    check_live(subscriber, camera, RED)
    seat.say("lock-before 2")  # the signal that it is ben's has the first
    seat.say(seat.ben.session(2))
    check_held(subscriber, camera)


@as_root
def test_until_logind_has_answered_the_camera_stays_closed(seat, camera):
    seat.say(seat.ann.session())
    seat.logind.signal(signal.SIGSTOP)
    subscriber = CameraDaemon(seat).start().subscribe()
    subscriber.wait_state("starting")
    stays(lambda: not camera.is_held(), 1, "closed")
    seat.logind.signal(signal.SIGCONT)
    check_live(subscriber, camera, RED)


@as_root
@pytest.mark.parametrize("line", [
    "none",
    "session c1 114 lightdm x11 greeter active :0",
    "session 1 61001 ann tty user active -",
    "away",
], ids=["nobody", "greeter", "console", "no logind"])
def test_without_a_session_it_goes_on(seat, camera, line):
    """It belongs to the computer, whoever sits before it."""
    seat.say(seat.ann.session())
    daemon = CameraDaemon(seat).start()
    subscriber = daemon.subscribe()
    check_live(subscriber, camera, RED)
    seat.say(line)
    stays(lambda: subscriber.poll() or subscriber.state == "live", 0.5, "live")
    daemon.process.end()
    subscriber = daemon.start().subscribe()
    check_live(subscriber, camera, GREEN)


GREETER = "session c1 114 lightdm x11 greeter active :0"


@as_root
@pytest.mark.parametrize("line", [GREETER, "none"], ids=["greeter", "another terminal"])
def test_behind_a_log_in_screen_is_as_good_as_locked(seat, camera, line):
    seat.say(seat.ann.session())
    seat.say("behind 2 ben user online")
    daemon = CameraDaemon(seat).start()
    subscriber = daemon.subscribe()
    check_live(subscriber, camera, RED)
    seat.say("behind 1 ann user online")
    seat.say(line)
    check_held(subscriber, camera)
    # … also for who comes only then.
    subscriber.end()
    assert daemon.process.wait() == 0
    subscriber = daemon.start().subscribe()
    subscriber.wait_state("locked")
    seat.say(seat.ann.session())
    check_live(subscriber, camera, GREEN)
    seat.say(line)
    check_held(subscriber, camera)
    seat.say("behind 1 ann user closing")
    check_live(subscriber, camera, RED)
    seat.say("behind 1 ann user online")
    check_held(subscriber, camera)
    seat.say("behind c2 lightdm greeter online")
    check_live(subscriber, camera, GREEN)


@as_root
def test_without_a_message_bus_it_goes_on(seat, camera):
    seat.say(seat.ann.session())
    daemon = CameraDaemon(seat).start()
    subscriber = daemon.subscribe()
    check_live(subscriber, camera, RED)
    seat.bus.end()
    stays(lambda: subscriber.poll() or subscriber.state == "live", 0.5, "live")
    daemon.process.end()
    subscriber = daemon.start().subscribe()
    check_live(subscriber, camera, GREEN)


@as_root
def test_a_lock_outlasts_a_logind_that_is_started_anew(seat, camera):
    seat.say(seat.ann.session())
    subscriber = CameraDaemon(seat).start().subscribe()
    check_live(subscriber, camera, RED)
    seat.say("hint 1")
    check_held(subscriber, camera)
    seat.say("away")
    check_held(subscriber, camera)
    seat.say("back")
    check_held(subscriber, camera)
    seat.say("hint 0")
    check_live(subscriber, camera, GREEN)


@as_root
def test_who_logs_out_while_it_is_locked_leaves_it_unlocked(seat, camera):
    seat.say(seat.ann.session())
    seat.say("hint 1")
    subscriber = CameraDaemon(seat).start().subscribe()
    subscriber.wait_state("locked")
    seat.say("none")
    check_live(subscriber, camera, GREEN)


@as_root
def test_whose_desktop_is_shared_does_not_concern_it(seat, camera):
    seat.say(seat.ben.session())
    seat.command(seat.ben, "deny")
    subscriber = CameraDaemon(seat, "[session]\nusers = ann\n").start().subscribe()
    check_live(subscriber, camera, RED)


@as_root
@pytest.mark.parametrize("config, options", [
    ("[session]\nshow_locked = yes\n", ("--follow-lock",)),
    ("[session]\nfixed_user = ann\n", ("--follow-lock",)),
    ("", ()),
], ids=["show_locked", "fixed_user", "as of screenshare run"])
def test_where_locks_do_not_count_it_goes_on(seat, camera, config, options):
    seat.say(seat.ann.session())
    seat.say("hint 1")
    subscriber = CameraDaemon(seat, config, options).start().subscribe()
    check_live(subscriber, camera, RED)
    stays(lambda: subscriber.poll() or subscriber.state == "live", 0.5, "live")


@as_root
def test_the_test_picture_is_held_too(seat, camera):
    seat.say(seat.ann.session())
    config = "[camera]\nsource = pattern\nwidth = 320\nheight = 240\n"
    subscriber = CameraDaemon(seat, config).start().subscribe()
    subscriber.wait_state("live")
    subscriber.wait_record()
    seat.say("hint 1")
    check_held(subscriber, camera)
    seat.say("hint 0")
    subscriber.wait_state("live", BACK_S)


@as_root
def test_who_only_asks_is_told_and_opens_no_camera(seat, camera):
    seat.say(seat.ann.session())
    seat.say("hint 1")
    daemon = CameraDaemon(seat).start()
    asker = Subscriber(daemon.path, "presence")
    asker.wait_state("locked")
    seat.say("hint 0")
    asker.wait_state("starting", 1)
    stays(lambda: not camera.is_held(), 0.5, "closed")
    subscriber = daemon.subscribe()
    check_live(subscriber, camera, RED)
    seat.say("hint 1")
    check_held(subscriber, camera)
    subscriber.end()
    seat.say("hint 0")
    asker.wait_state("starting", 2)
    wait_for(lambda: not camera.is_held(), 2, "closed, whatever of the two came first")
    stays(lambda: not camera.is_held(), 0.5, "closed")
