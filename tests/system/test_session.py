# SPDX-License-Identifier: MIT
"""Whose desktop: the capture daemons as a service of the system, with a logind that the test speaks
for.  What a real one makes of it is seen in the virtual machine (tests/system/vm/guest-session)."""

import os
import signal
import socket
import stat
import time

import pytest

import sound
from process import Process, program, run_to_end
from seat import IS_ROOT, Daemon, User, as_root
from screenshare import environment, start_with_sockets
from soundserver import PulseAudio
from wait import stays, wait_for
from xserver import XServer

HELLO = b"\1\0\0\0\10\0\0\0\1\0\0\0\5\0\0\0"  # to the presence stream
COOKIE = "00112233445566778899aabbccddeeff"


@pytest.fixture
def x(folder):
    """A display that only who has the cookie may use."""
    path = os.path.join(folder, "server-auth")
    run_to_end(["xauth", "-f", path, "add", ":0", ".", COOKIE])
    server = XServer(auth=path)
    run_to_end(["xauth", "-f", path, "add", server.display, ".", COOKIE])
    yield server
    server.end()


def recorded(seat):
    """What lies there of whose desktop it is; and beside it what the desktop shows."""
    return [name for name in os.listdir(seat.record) if name != "notification"]


def watched(seat, x, user, config="", **session):
    """A daemon that shows the display to a subscriber, as that user."""
    seat.let_in(user, x, COOKIE)
    seat.say(user.session(display=x.display, **session))
    daemon = Daemon(seat, "screen", config).start()
    subscriber = daemon.subscribe()
    return daemon, subscriber


def shows(subscriber, x, colour, deadline_s=5):
    after = (subscriber.newest() or _NONE).sequence
    x.painter.fill(colour)
    return subscriber.wait_record(lambda record: len(record.data) > 100, after, deadline_s)


class _NONE:
    sequence = 0


def is_running(daemon):
    return daemon.process.popen.poll() is None


def reload(daemon, config):
    with open(daemon.config_path, "w") as file:
        file.write(config)
    os.kill(daemon.process.pid, signal.SIGHUP)


# --- who it becomes ---


@as_root
def test_it_becomes_the_user_for_good_and_shows_the_display(seat, x):
    daemon, subscriber = watched(seat, x, seat.ann)
    assert "Display" in subscriber.wait_state("live")
    shows(subscriber, x, 0x30b050)
    status = daemon.status()
    assert status["Uid"] == status["Gid"] == [str(seat.ann.uid)] * 4
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[name][0], 16) == 0, name
    # The user's other programs cannot look into it: its files in /proc are root's.
    assert os.stat(f"/proc/{daemon.process.pid}/mem").st_uid == 0
    assert any("ann" in line and "session 1" in line for line in daemon.process.stderr)


@as_root
def test_the_first_user_is_recorded_once_where_only_root_can(seat, x):
    daemon, subscriber = watched(seat, x, seat.ann)
    subscriber.wait_state("live")
    path = os.path.join(seat.record, "first")
    with open(path) as file:
        assert file.read() == "ann\n"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600 and os.stat(path).st_uid == 0
    assert recorded(seat) == ["first"]


@as_root
def test_started_before_anybody_watches_it_records_who_is_first(seat, x):
    seat.let_in(seat.ann, x, COOKIE)
    seat.say(seat.ann.session(display=x.display))
    daemon = Daemon(seat, "screen").start()
    wait_for(lambda: os.path.exists(os.path.join(seat.record, "first")), 5, "a record")
    wait_for(lambda: daemon.uid() == seat.ann.uid, 5, "become ann")
    # Who comes in time is served by that very process.
    subscriber = daemon.subscribe()
    assert "Display" in subscriber.wait_state("live")
    assert daemon.uid() == seat.ann.uid


@as_root
def test_started_before_anybody_is_logged_in_it_records_and_says_nothing_and_ends(seat):
    daemon = Daemon(seat, "screen").start()
    assert daemon.process.wait() == 0
    assert daemon.process.stderr == []
    assert recorded(seat) == []


@as_root
def test_without_a_session_it_stays_root_and_opens_nothing(seat, x):
    daemon = Daemon(seat, "screen").start()
    subscriber = daemon.subscribe()
    assert subscriber.wait_state("no-session") == "Nobody is logged in on this computer"
    assert subscriber.picture
    daemon.process.wait_line("No pictures .*no-session.*Nobody is logged in", stderr=True)
    assert daemon.uid() == 0
    assert recorded(seat) == []
    # Somebody logs in: its successor is to look.
    seat.let_in(seat.ann, x, COOKIE)
    seat.say(seat.ann.session(display=x.display))
    assert daemon.process.wait() == 0
    daemon.start()
    subscriber = daemon.subscribe()
    subscriber.wait_state("live")
    assert daemon.uid() == seat.ann.uid


@as_root
@pytest.mark.parametrize("session, words", [
    (dict(cls="greeter"), "log-in screen"),
    (dict(kind="tty"), "text console"),
    (dict(state="closing"), "Nobody is logged in"),
])
def test_what_is_no_desktop_is_no_session(seat, session, words):
    seat.say(seat.ann.session(**session))
    daemon = Daemon(seat, "screen").start()
    subscriber = daemon.subscribe()
    assert words in subscriber.wait_state("no-session")
    assert daemon.uid() == 0
    assert recorded(seat) == []


@as_root
def test_wayland_says_what_to_do(seat):
    seat.say(seat.ann.session(kind="wayland"))
    daemon = Daemon(seat, "screen").start()
    subscriber = daemon.subscribe()
    assert "X11 session" in subscriber.wait_state("wayland")
    assert daemon.uid() == seat.ann.uid


@as_root
def test_root_is_never_shown(seat):
    seat.say("session 1 0 root x11 user active :0")
    daemon = Daemon(seat, "screen", "[session]\nusers = all\n").start()
    subscriber = daemon.subscribe()
    assert "root" in subscriber.wait_state("not-allowed")
    stays(daemon.process.is_running, 0.5, "it waits")
    seat.say(seat.ann.session())
    assert daemon.process.wait() == 0


@as_root
def test_a_record_that_cannot_be_written_is_said_and_tried_again(seat, x):
    os.rmdir(seat.record)
    daemon, subscriber = watched(seat, x, seat.ann)
    subscriber.wait_state("misconfigured")
    assert daemon.uid() == 0
    stays(lambda: subscriber.poll() or is_running(daemon), 2.5, "the same process tries again")
    assert len([line for line in daemon.process.stderr if "Could not record" in line]) == 1
    os.mkdir(seat.record, 0o700)
    assert daemon.process.wait() == 0
    daemon.start()
    daemon.subscribe().wait_state("live")


@as_root
def test_a_user_who_cannot_be_become_is_said_once_and_starts_no_process_again(seat, x):
    seat.say(seat.ann.session())
    daemon = Daemon(seat, "screen", may_have_groups=False).start()
    subscriber = daemon.subscribe()
    assert "ann" in subscriber.wait_state("misconfigured")
    stays(lambda: subscriber.poll() or is_running(daemon), 3.5, "the same process tries again")
    assert daemon.uid() == 0
    assert len([line for line in daemon.process.stderr if "Could not become" in line]) == 1
    seat.say(seat.ben.session(2))
    assert daemon.process.wait() == 0, "another user may be luckier"


@as_root
def test_a_fixed_user_needs_no_session(seat, x):
    seat.let_in(seat.ben, x, COOKIE)
    daemon = Daemon(
        seat, "screen", f"[screen]\ndisplay = {x.display}\n[session]\nfixed_user = ben\n").start()
    daemon.subscribe().wait_state("live")
    assert daemon.uid() == seat.ben.uid


@as_root
@pytest.mark.parametrize("name", ["nobody-of-that-name", "root"])
def test_a_fixed_user_whom_it_cannot_become_is_said_once(seat, name):
    daemon = Daemon(seat, "screen", f"[session]\nfixed_user = {name}\n").start()
    assert daemon.process.wait() == 78
    assert any("fixed_user" in line for line in daemon.process.stderr)


# --- who comes and goes ---


@as_root
def test_another_user_is_another_process(seat, x):
    daemon, subscriber = watched(seat, x, seat.ann)
    subscriber.wait_state("live")
    seat.let_in(seat.ben, x, COOKIE)
    seat.say(seat.ben.session(2, display=x.display))
    assert daemon.process.wait() == 0
    subscriber.poll()
    assert subscriber.state == "no-session" and "logged in" in subscriber.words
    daemon.start()
    subscriber = daemon.subscribe()
    words = subscriber.wait_state("not-allowed")
    assert "ben" in words and "screenshare allow" in words
    assert daemon.uid() == seat.ben.uid
    assert subscriber.newest() is None


@as_root
def test_ben_allows_and_denies(seat, x):
    with open(os.path.join(seat.record, "first"), "w") as file:
        file.write("ann\n")
    daemon, subscriber = watched(seat, x, seat.ben)
    subscriber.wait_state("not-allowed")
    status, out, _ = seat.command(seat.ben, "allow")
    assert status == 0 and "ben" in out
    subscriber.wait_state("live", 2)
    shows(subscriber, x, 0xb03050)
    assert seat.command(seat.ben, "deny")[0] == 0
    subscriber.wait_state("not-allowed", 2)
    assert seat.command(seat.ben, "allow")[0] == 0
    subscriber.wait_state("live", 2)
    path = os.path.join(seat.ben.home, ".config/screenshare/desktop")
    # What others can write is not ben's word.
    os.chmod(path, 0o622)
    subscriber.wait_state("not-allowed", 2)
    os.chmod(path, 0o600)
    subscriber.wait_state("live", 2)
    os.rename(os.path.join(seat.ben.home, ".config"), os.path.join(seat.ben.home, "gone"))
    subscriber.wait_state("not-allowed", 2)


INOTIFY_IS_USED_UP = """import ctypes
libc = ctypes.CDLL(None)
while libc.inotify_init1(0) >= 0:
    pass
print("READY", flush=True)
libc.pause()
"""


@as_root
def test_a_word_is_heard_without_inotify(seat, x):
    """Other programs of that user have all there is (of a user whom no other test has)."""
    cid = User(seat.folder, "cid", 61004)
    with open(seat.accounts, "a") as file:
        file.write(f"cid:x:{cid.uid}:{cid.uid}::{cid.home}:/bin/sh\n")
    with open(os.path.join(seat.record, "first"), "w") as file:
        file.write("ann\n")
    Process(["setpriv", f"--reuid={cid.uid}", f"--regid={cid.uid}", "--clear-groups", "/usr/bin/python3", "-c",
             INOTIFY_IS_USED_UP]).wait_line("^READY$")
    daemon, subscriber = watched(seat, x, cid)
    subscriber.wait_state("not-allowed")
    assert seat.command(cid, "allow")[0] == 0
    subscriber.wait_state("live", 3)
    shows(subscriber, x, 0xb03050)
    assert seat.command(cid, "deny")[0] == 0
    subscriber.wait_state("not-allowed", 3)
    assert daemon.uid() == cid.uid


@as_root
def test_a_word_in_another_users_file_does_not_count(seat, x):
    with open(os.path.join(seat.record, "first"), "w") as file:
        file.write("ann\n")
    seat.command(seat.ann, "allow")
    folder = os.path.join(seat.ben.home, ".config/screenshare")
    os.makedirs(folder)
    os.symlink(os.path.join(seat.ann.home, ".config/screenshare/desktop"),
               os.path.join(folder, "desktop"))
    daemon, subscriber = watched(seat, x, seat.ben)
    subscriber.wait_state("not-allowed")


@as_root
@pytest.mark.parametrize("users", ["all", "ann ben"])
def test_users_of_the_configuration(seat, x, users):
    _, subscriber = watched(seat, x, seat.ben, f"[session]\nusers = {users}\n")
    subscriber.wait_state("live")
    assert recorded(seat) == []


# --- locked ---


@as_root
def test_while_locked_nothing_is_shown(seat, x):
    seat.env["SCREENSHARE_LOG_PREFIX"] = "1"
    daemon, subscriber = watched(seat, x, seat.ann)
    subscriber.wait_state("live")
    seat.say("hint 1")
    subscriber.wait_state("locked", 1)
    assert subscriber.picture
    before = subscriber.newest().sequence
    x.painter.fill(0xb03050)
    stays(lambda: subscriber.newest().sequence == before, 0.5, "no picture")
    seat.say("hint 0")
    subscriber.wait_state("live", 2)
    shows(subscriber, x, 0x30b050)
    # As it should be: no warning.
    (line,) = [line for line in daemon.process.stderr if "(locked)" in line]
    assert line.startswith("<6>"), line


@as_root
def test_the_signal_to_lock_counts_until_the_hint_has_followed(seat, x):
    _, subscriber = watched(seat, x, seat.ann)
    subscriber.wait_state("live")
    seat.say("lock")
    subscriber.wait_state("locked", 1)
    seat.say("hint 1")
    stays(lambda: subscriber.poll() or subscriber.state == "locked", 0.3, "locked")
    seat.say("hint 0")
    subscriber.wait_state("live", 2)
    seat.say("lock")
    subscriber.wait_state("locked", 1)
    seat.say("unlock")
    subscriber.wait_state("live", 2)
    # Nobody locks anything: shown again after 5 s.
    seat.say("lock")
    subscriber.wait_state("locked", 1)
    stays(lambda: subscriber.poll() or subscriber.state == "locked", 3, "locked")
    subscriber.wait_state("live", 4)


@as_root
def test_locked_when_it_starts(seat, x):
    seat.let_in(seat.ann, x, COOKIE)
    seat.say(seat.ann.session(display=x.display))
    seat.say("hint 1")
    subscriber = Daemon(seat, "screen").start().subscribe()
    subscriber.wait_state("locked")
    assert "live" not in subscriber.states and subscriber.newest() is None


@as_root
@pytest.mark.parametrize("question", [1, 2], ids=["as root", "as the user"])
def test_a_lock_that_comes_before_the_first_answer_counts(seat, x, question):
    seat.let_in(seat.ann, x, COOKIE)
    seat.say(seat.ann.session(display=x.display))
    seat.say(f"lock-before {question}")
    subscriber = Daemon(seat, "screen").start().subscribe()
    subscriber.wait_state("locked")
    assert "live" not in subscriber.states and subscriber.newest() is None
    subscriber.wait_state("live", 7)  # nobody has locked anything


@as_root
def test_locked_is_shown_where_the_configuration_says_so(seat, x):
    _, subscriber = watched(seat, x, seat.ann, "[session]\nshow_locked = yes\n")
    subscriber.wait_state("live")
    seat.say("hint 1")
    stays(lambda: subscriber.poll() or subscriber.state == "live", 0.5, "live")


@as_root
def test_the_log_in_screen_comes_and_goes_in_the_same_process(seat, x):
    daemon, subscriber = watched(seat, x, seat.ann)
    subscriber.wait_state("live")
    seat.say("session c1 114 lightdm x11 greeter active :1")
    assert "log-in screen" in subscriber.wait_state("no-session", 1)
    seat.say(seat.ann.session(display=x.display))
    subscriber.wait_state("live", 2)
    assert daemon.process.is_running()


@as_root
def test_without_logind_nothing_is_shown_and_it_comes_back(seat, x):
    _, subscriber = watched(seat, x, seat.ann)
    subscriber.wait_state("live")
    seat.say("away")
    assert "logind" in subscriber.wait_state("no-session", 1)
    seat.say("back")
    subscriber.wait_state("live", 2)
    seat.bus.end()
    assert "logind" in subscriber.wait_state("no-session", 1)


# --- sound ---


@as_root
def test_the_sound_daemon_becomes_the_user_and_is_silent_while_locked(seat):
    seat.say(seat.ann.session())
    daemon = Daemon(seat, "audio").start()
    subscriber = daemon.subscribe()
    subscriber.wait_state("no-sound-server")
    assert daemon.uid() == seat.ann.uid
    seat.say("hint 1")
    subscriber.wait_state("locked")
    subscriber.wait_records(50)
    seat.say("hint 0")
    subscriber.wait_state("no-sound-server")


@as_root
def test_the_desktops_sound_is_silent_while_locked_and_comes_back(seat, folder):
    server = PulseAudio(folder)
    path = os.path.join(folder, "pulse")
    assert server.pactl("load-module", "module-native-protocol-unix", "auth-anonymous=1",
                        f"socket={path}").returncode == 0
    seat.env["PULSE_SERVER"] = f"unix:{path}"
    seat.say(seat.ann.session())
    subscriber = Daemon(seat, "audio").start().subscribe()
    player = sound.Player(server.address)
    player.play_on()
    sound.wait_found(subscriber, 0, deadline_s=8, threshold=0.3)
    for _ in range(3):
        seat.say("hint 1")
        subscriber.wait_state("locked")
        locked_ns, taken = time.monotonic_ns(), []  # since then: what comes later may be of before

        def is_enough():
            taken[:] = [one for one in subscriber.records if one.pts_ns > locked_ns]
            return len(taken) >= 60
        wait_for(is_enough, 5, "0.6 s of the lock")
        assert not sound.samples_of(taken).any()
        since = len(subscriber.records)
        seat.say("hint 0")
        sound.wait_found(subscriber, since, deadline_s=2, threshold=0.3)


@as_root
def test_what_is_unmuted_is_for_that_user_alone_and_kept_where_root_alone_can(seat):
    seat.say(seat.ann.session())
    config = "[audio]\nsources = none\n[session]\nusers = all\n"
    daemon = Daemon(seat, "audio", config).start()
    subscriber = daemon.subscribe()
    subscriber.wait_state("muted", words="switched on")
    assert subscriber.switch("desktop", False)[0] == "switched"
    subscriber.wait_state("no-sound-server")
    for folder in (daemon.state_dir, daemon.runtime_dir):
        for name in os.listdir(folder):
            assert os.stat(os.path.join(folder, name)).st_uid == 0
    with open(os.path.join(daemon.runtime_dir, "unmute-desktop")) as file:
        assert file.read() == f"{seat.ann.uid}\n"
    daemon.process.end()
    subscriber.close()
    subscriber = daemon.start().subscribe()
    subscriber.wait_state("no-sound-server")
    seat.say(seat.ben.session(2))
    assert daemon.process.wait() == 0
    subscriber.close()
    subscriber = daemon.start().subscribe()
    subscriber.wait_state("muted", words="switched on")
    assert daemon.uid() == seat.ben.uid


@as_root
def test_while_nobody_is_logged_in_root_may_mute_and_nobody_unmute(seat):
    daemon = Daemon(seat, "audio").start()
    subscriber = daemon.subscribe()
    subscriber.wait_state("no-session")
    assert subscriber.switch("desktop", True)[0] == "switched"
    assert subscriber.switch("microphone", False) == ("refused", "nobody is logged in whose sound it is")


@as_root
def test_another_user_is_refused_in_words(seat):
    seat.say(seat.ann.session())
    daemon = Daemon(seat, "audio").start()
    listener = daemon.subscribe()
    listener.wait_state("no-sound-server")
    script = ("import socket, struct; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); "
              f"s.connect({daemon.path!r}); print(s.recv(1000)[12:].decode())")
    ben = seat.ben.uid
    status, out, _ = run_to_end(["setpriv", f"--reuid={ben}", f"--regid={ben}", "--clear-groups",
                                 "/usr/bin/python3", "-c", script])
    assert (status, out) == (0, "only root and the user whose desktop is shared may")
    # … also where its first word came before the refusal.
    os.kill(daemon.process.pid, signal.SIGSTOP)
    script = script.replace("print(", f"s.send({HELLO!r}); print('sent', flush=True); print(")
    peer = Process(["setpriv", f"--reuid={ben}", f"--regid={ben}", "--clear-groups",
                    "/usr/bin/python3", "-c", script])
    peer.wait_line("^sent$")
    os.kill(daemon.process.pid, signal.SIGCONT)
    peer.wait_line("only root")


@as_root
def test_who_is_refused_does_not_start_a_process_each_time(seat):
    seat.say(seat.ann.session())
    daemon = Daemon(seat, "audio").start()
    ben = seat.ben.uid
    script = ("import socket\nfor i in range(100):\n"
              "    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
              f"    s.connect({daemon.path!r}); assert b'only root' in s.recv(1000)\n")
    status, _, err = run_to_end(["setpriv", f"--reuid={ben}", f"--regid={ben}", "--clear-groups",
                                 "/usr/bin/python3", "-c", script])
    assert status == 0, err
    stays(lambda: is_running(daemon), 1, "it stays")
    assert len([line for line in daemon.process.stderr if "Refused" in line]) == 1
    assert daemon.process.wait() == 0, "not for ever"


# --- reload ---


@as_root
def test_a_reload_without_a_change_is_none(seat, x):
    daemon, subscriber = watched(seat, x, seat.ann, "[screen]\nrate = 20\n")
    subscriber.wait_state("live")
    reload(daemon, "[screen]\nrate = 20\n")
    stays(lambda: subscriber.poll() or is_running(daemon), 0.7, "it goes on")
    reload(daemon, "[screen]\nrate = 10\n")
    assert daemon.process.wait() == 0
    assert any("[screen] rate" in line for line in daemon.process.stderr)


@as_root
def test_who_waits_reloads_too(seat):
    daemon = Daemon(seat, "screen").start()
    subscriber = daemon.subscribe()
    subscriber.wait_state("no-session")
    reload(daemon, "")
    stays(lambda: subscriber.poll() or is_running(daemon), 0.7, "it goes on")
    reload(daemon, "[session]\nfixed_user = ben\n")
    assert daemon.process.wait() == 0


# --- forged ---


@as_root
def test_signals_of_anybody_else_change_nothing(seat, x):
    def forge(path, member, *words):
        for number in range(12):  # whoever of them is the daemon
            run_to_end(["dbus-send", f"--bus={seat.env['DBUS_SYSTEM_BUS_ADDRESS']}", "--type=signal",
                        f"--dest=:1.{number}", path, member, *words])

    daemon, subscriber = watched(seat, x, seat.ann)
    subscriber.wait_state("live")
    forge("/org/freedesktop/DBus", "org.freedesktop.DBus.NameOwnerChanged",
          "string:org.freedesktop.login1", "string::1.0", "string:")
    forge("/org/freedesktop/login1/session/_1", "org.freedesktop.login1.Session.Lock")
    stays(lambda: subscriber.poll() or subscriber.state == "live", 0.5, "live")
    seat.say("lock")
    subscriber.wait_state("locked", 1)
    forge("/org/freedesktop/login1/session/_1", "org.freedesktop.login1.Session.Unlock")
    stays(lambda: subscriber.poll() or subscriber.state == "locked", 0.5, "locked")
    seat.say("unlock")
    subscriber.wait_state("live", 2)


@as_root
def test_a_lock_outlasts_a_logind_that_is_started_anew(seat, x):
    _, subscriber = watched(seat, x, seat.ann)
    subscriber.wait_state("live")
    seat.say("lock")
    subscriber.wait_state("locked", 1)
    seat.say("away")
    wait_for(lambda: subscriber.poll() or subscriber.state != "locked", 2, "it is away")
    seat.say("back")
    subscriber.wait_state("locked", 2)


# --- wrong use ---


@as_root
def test_root_has_no_desktop_to_allow(folder):
    for command in ("allow", "deny"):
        status, _, err = run_to_end([program("screenshare"), command], environment(folder))
        assert status == 1 and "root" in err


def test_allow_and_deny_take_no_argument(folder):
    for command in ("allow", "deny"):
        assert run_to_end([program("screenshare"), command, "me"], environment(folder))[0] == 2
        assert command in run_to_end([program("screenshare"), command, "--help"],
                                     environment(folder))[1]


def test_without_root_it_says_so_once(folder):
    argv = [program("screenshare-screen"), "--session", folder]
    if IS_ROOT:
        argv = ["setpriv", "--reuid=65534", "--clear-groups", *argv]
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(os.path.join(folder, "sock"))
        listener.listen(1)
        os.chmod(folder, 0o755)
        process = start_with_sockets(argv, [("capture", listener)], environment(folder))
        assert wait_for(lambda: process.wait() == 78, 5, "its end")
    assert any("not as root" in line for line in process.stderr)
