# SPDX-License-Identifier: MIT
"""Who sits at the computer is told on the desktop who watches it, and can pause there."""

import glob
import os
import signal
import socket
import time

import pytest

from desktop_bus import Bus, Desktop
from screenshare import QUICK, Httpd, Run, ScreenDaemon
from test_mute import message
from wait import SLOWNESS, stays, wait_for
from websocket import SocketViewer

RED = 0xD02020
PRESENCE, VIEWERS, HELLO, STATE, REFUSED = 5, 7, 1, 65, 66
SCREEN, CAMERA, SOUND = 1, 2, 4
CAMERA_PATTERN = "[camera]\nsource = pattern\nwidth = 320\nheight = 240\n"


def tell_of(path, *names):
    """A subscription of presence that tells of these viewers."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(path)
    lines = "\n".join(names).encode()
    connection.send(message(HELLO, 1, PRESENCE))
    connection.send(message(VIEWERS, SCREEN, 0, len(lines), text=lines))
    return connection


@pytest.fixture
def bus(folder):
    return Bus(folder)


@pytest.fixture
def desktop(bus):
    return Desktop(bus)


@pytest.fixture
def shared(folder, x, bus):
    """`run` of a red screen, whose user has that bus."""
    x.painter.fill(RED)
    return Run(folder, x.display, QUICK + CAMERA_PATTERN, **bus.env)


def test_one_notification_comes_changes_and_goes(desktop, shared):
    viewer = shared.view("/d_video?name=living-room+TV")
    assert desktop.wait_calls(1) == [
        ("notify", 1, 0, "pause", "This screen is being watched", ["living-room TV, 127.0.0.1: screen"])]
    # Another, by another name; and the same one again, which is nobody new
    other = shared.view("/c_video?name=%3Cb%3EEve%3C%2Fb%3E")
    again = shared.view("/d_video?name=living-room+TV")
    kind, number, replaces, action, summary, lines = desktop.wait_calls(2)[1]
    assert (kind, number, replaces, action) == ("notify", 1, 1, "pause")
    assert summary == "This computer is being watched"
    assert sorted("/".join(lines).replace("&lt;/b", "&lt;b").split("/")) == [
        "&lt;b&gt;Eve&lt;b&gt;, 127.0.0.1: camera", "living-room TV, 127.0.0.1: screen"]
    other.end()
    assert desktop.wait_calls(3)[2] == (
        "notify", 1, 1, "pause", "This screen is being watched", ["living-room TV, 127.0.0.1: screen"])
    viewer.end()
    again.end()
    assert desktop.wait_calls(4)[3] == ("close", 1)
    shared.wait_no_daemon()
    assert len(desktop.calls()) == 4


def test_whoever_only_watches_the_camera_is_told_of_too(desktop, shared):
    viewer = shared.view("/c_video")
    assert desktop.wait_calls(1)[0][4:] == ("This camera is being watched", ["127.0.0.1: camera"])
    assert "screen" not in " ".join(shared.log("Live:")), "the screen is not captured for it"
    viewer.end()
    assert desktop.wait_calls(2)[1] == ("close", 1)
    shared.wait_no_daemon()


def test_who_fetches_one_picture_after_another_watches(desktop, shared):
    shared.get("/d.jpg?name=Kiosk")
    assert desktop.wait_calls(1)[0][4:] == ("This screen is being watched", ["Kiosk, 127.0.0.1: screen"])


def test_a_page_that_takes_nothing_does_not_watch(desktop, shared):
    viewer = SocketViewer(shared.address, "?picture=none&sound=none")
    wait_for(lambda: viewer.hello, 5, "the hello")
    stays(lambda: not desktop.calls() and not shared.daemons(), 0.8, "nobody watches")
    viewer.say({"type": "set", "picture": "jpeg"})
    desktop.wait_calls(1)
    viewer.say({"type": "set", "picture": "none"})
    assert desktop.wait_calls(2)[1] == ("close", 1)
    viewer.end()


def test_the_button_pauses_and_goes_on(desktop, shared):
    viewer = shared.view()
    viewer.wait_colour(RED)
    desktop.wait_calls(1)
    desktop.tell("action 2 pause")  # another's
    desktop.tell("action 1 dance")
    stays(lambda: not shared.status()["paused"], 0.3, "that was not for us")
    desktop.tell("action 1 pause")
    wait_for(lambda: shared.status()["paused"], 3, "it is paused")
    assert desktop.wait_calls(2)[1][:5] == ("notify", 1, 1, "resume", "Sharing is paused")
    viewer.wait_newest(lambda part: not part.shows(RED), 3, "the pause")
    desktop.tell("action 1 resume")
    viewer.wait_colour(RED)
    assert not shared.status()["paused"]
    assert desktop.wait_calls(3)[2][:5] == ("notify", 1, 1, "pause", "This screen is being watched")
    viewer.end()


def test_what_was_closed_by_hand_comes_again_for_who_is_new(desktop, shared):
    first, second = shared.view("/d_video?name=A"), shared.view("/d_video?name=B")
    wait_for(lambda: "A" in str(desktop.calls()[-1:]) and "B" in str(desktop.calls()[-1:]), 5, "both")
    n = len(desktop.calls())
    desktop.tell("closed 1 2")
    second.end()
    stays(lambda: len(desktop.calls()) == n, 1.5, "who has gone is no news")
    third = shared.view("/d_video?name=C")
    call = desktop.wait_calls(n + 1)[n]
    assert call[1:3] == (2, 0) and sorted(call[5]) == ["A, 127.0.0.1: screen", "C, 127.0.0.1: screen"]
    first.end()
    third.end()
    wait_for(lambda: desktop.calls()[-1] == ("close", 2), 5, "it goes with the last")


@pytest.mark.parametrize("fault", ["no bus", "nobody there", "hangs", "stopped", "dies", "bus dies"])
def test_pictures_flow_whatever_the_desktop_does(folder, x, fault):
    bus = None if fault == "no bus" else Bus(folder)
    desktop = Desktop(bus) if bus and fault != "nobody there" else None
    if fault == "hangs":
        desktop.tell("hang")
    elif fault == "stopped":
        desktop.stop()
    env = bus.env if bus else {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={folder}/no-bus"}
    run = Run(folder, x.display, QUICK + "[log]\ndebug = yes\n", **env)
    x.painter.fill(RED)
    viewer = run.view()
    viewer.wait_colour(RED)
    if fault in ("dies", "bus dies"):
        desktop.wait_calls(1)
        (desktop if fault == "dies" else bus).end()
    end = time.monotonic() + 1.5
    while time.monotonic() < end or rgb != RED:  # while the desktop is asked, and does not answer
        for rgb in (0x20C040, 0x2030E0, RED):
            x.painter.fill(rgb)
            viewer.wait_colour(rgb)
    if fault in ("no bus", "nobody there"):
        assert run.log("Could not say on the desktop")
    second = run.view("/d_video?name=another")
    daemon = run.daemons()
    second.wait_colour(RED)
    if fault == "dies":  # the next change finds the next one
        desktop = Desktop(bus)
        third = run.view("/d_video?name=third")
        wait_for(lambda: "third, 127.0.0.1: screen" in str(desktop.calls()), 5, "it is told")
        third.end()
    assert run.daemons() == daemon and not run.log("Could not do what was asked")
    assert len(run.log("Could not say on the desktop")) <= 4
    viewer.end()
    second.end()
    run.wait_no_daemon()
    if fault == "stopped":
        desktop.end()


def wait_written(pattern, before=""):
    """The daemon has been told the number of what it shows, which takes a moment, and keeps it."""
    def written():
        for path in glob.glob(pattern, recursive=True):
            with open(path) as file:
                text = file.read()
            return text if text != before else ""
    return wait_for(written, 5, "it is written down")


def test_a_daemon_that_is_killed_leaves_nothing_on_the_desktop(folder, desktop, shared):
    viewer = shared.view("/d_video?name=TV")
    desktop.wait_calls(1)
    first = wait_written(f"{folder}/**/notification")
    os.kill(shared.wait_daemon(), signal.SIGKILL)
    calls = desktop.wait_calls(3)
    assert calls[1] == ("close", 1), "that of the one before"
    assert calls[2][:3] == ("notify", 2, 0) and calls[2][5] == ["TV, 127.0.0.1: screen"]
    desktop.tell("action 2 pause")
    wait_for(lambda: shared.status()["paused"], 3, "its button is of the one that lives")
    # … also where nobody watches any more, and the next one only takes it away.
    desktop.wait_calls(4)
    wait_written(f"{folder}/**/notification", first)
    os.kill(shared.wait_daemon(), signal.SIGKILL)
    viewer.end()
    assert ("close", 2) in wait_for(lambda: ("close", 2) in desktop.calls() and desktop.calls(), 5, "it goes")
    shared.wait_no_daemon()
    assert [call[0] for call in desktop.calls()].count("close") >= 2


def test_what_was_left_on_another_bus_is_nobodys(folder, x):
    """The number is that of something else there."""
    first_bus = Bus(folder)
    first = Desktop(first_bus)
    daemon = ScreenDaemon(folder, f"{folder}/screen.sock", x.display, arguments=["--runtime", folder], **first_bus.env)
    presence = tell_of(f"{folder}/screen.sock", "one")
    first.wait_calls(1)
    left = wait_written(f"{folder}/notification")
    daemon.process.signal(signal.SIGKILL)
    daemon.process.wait()
    presence.close()
    first.end()
    first_bus.end()
    bus = Bus(folder)
    second = Desktop(bus)
    for text in (left, "", "1", "no bus :1.1 1\n", left.replace(" :1.", " org.a"), left.strip() + "000000000\n", "x" * 5000):
        n = len(second.calls())
        with open(f"{folder}/notification", "w") as file:
            file.write(text)
        daemon = ScreenDaemon(folder, f"{folder}/screen.sock", x.display, arguments=["--runtime", folder], **bus.env)
        presence = tell_of(f"{folder}/screen.sock", "two")
        assert second.wait_calls(n + 1)[n][::2][:2] == ("notify", 0), text
        wait_written(f"{folder}/notification", text)
        presence.close()
        assert daemon.process.wait() == 0
        with open(f"{folder}/notification") as file:
            assert file.read() == "", "nothing is shown"
        assert [call[0] for call in second.wait_calls(n + 2)[n:]] == ["notify", "close"], "of its own"


def test_what_is_just_being_shown_is_taken_back_too(folder, x, bus, desktop):
    """Whoever watched has gone before the desktop has given it a number; it has half a second for that."""
    desktop.tell("late")
    daemon = ScreenDaemon(folder, f"{folder}/screen.sock", x.display, arguments=["--runtime", folder], **bus.env)
    presence = tell_of(f"{folder}/screen.sock", "one")
    desktop.wait_calls(1)
    presence.close()
    assert daemon.process.wait() == 0
    assert desktop.wait_calls(2)[1] == ("close", 1)
    # One that does not answer at all does not keep the daemon.
    desktop.tell("hang")
    daemon = ScreenDaemon(folder, f"{folder}/screen.sock", x.display, arguments=["--runtime", folder], **bus.env)
    presence = tell_of(f"{folder}/screen.sock", "one")
    wait_for(lambda: os.path.getsize(f"{folder}/notification") == 0, 5, "it has begun")
    begin = time.monotonic()
    presence.close()
    assert daemon.process.wait() == 0 and time.monotonic() - begin < 1 * SLOWNESS


def test_a_stranger_on_the_bus_can_press_no_button(bus, desktop, shared):
    viewer = shared.view("/d_video?name=A")
    desktop.wait_calls(1)
    us, = desktop.callers()
    bus.signal(us, "ActionInvoked", "uint32:1", "string:pause")
    bus.signal(us, "NotificationClosed", "uint32:1", "uint32:2")
    stays(lambda: not shared.status()["paused"], 0.5, "it goes on")
    other = shared.view("/d_video?name=B")
    assert desktop.wait_calls(2)[1][1:3] == (1, 1), "nor close what is shown"
    other.end()
    viewer.end()


def test_a_desktop_that_begins_anew_is_told_anew(bus, desktop, shared):
    """What the one before has shown is gone, and its numbers are those of others by now."""
    viewer = shared.view("/d_video?name=A")
    desktop.wait_calls(1)
    desktop.end()
    later = Desktop(bus)
    assert later.wait_calls(1)[0][1:3] == (1, 0)
    assert later.calls()[0][5] == ["A, 127.0.0.1: screen"]
    later.tell("closed 1 2")
    later.end()
    last = Desktop(bus)
    stays(lambda: not last.calls(), 1.5, "what was closed by hand is not said again for that")
    viewer.end()
    shared.wait_no_daemon()
    assert not last.calls(), "and nothing of others is closed"


def test_a_desktop_that_refuses_is_asked_ever_more_rarely(desktop, shared):
    desktop.tell("refuse")
    viewer = shared.view("/d_video?name=A")
    wait_for(lambda: len(desktop.callers()) == 3, 10, "it is asked again")
    times = [when for when, line in desktop.process.stdout_lines if line.startswith("caller ")]
    assert 0.9 < times[1] - times[0] < 1.9 and 1.9 < times[2] - times[1] < 3.9, times
    desktop.tell("obey")
    other = shared.view("/d_video?name=B")  # a change need not wait for so long
    desktop.wait_calls(1, 2.5)
    other.end()
    viewer.end()


def test_a_desktop_that_is_late_shows_who_watches_already(folder, x, bus):
    run = Run(folder, x.display, QUICK + "[log]\ndebug = yes\n", **bus.env)
    viewer = run.view("/d_video?name=early")
    wait_for(lambda: run.log("Could not say on the desktop"), 5, "nobody is there yet")
    desktop = Desktop(bus)
    assert desktop.wait_calls(1, 8)[0][5] == ["early, 127.0.0.1: screen"]
    stays(lambda: len(desktop.calls()) == 1, 1.5, "it is said once")
    viewer.end()


def test_without_notify_nobody_is_told(folder, x, bus, desktop):
    run = Run(folder, x.display, QUICK + CAMERA_PATTERN + "[session]\nnotify = no\n", **bus.env)
    viewer = run.view("/c_video")
    viewer.wait_count(3)
    stays(lambda: not desktop.calls() and not run.daemons(), 1, "nothing is said")
    viewer.end()


class FakeDaemon:
    """The screen's capture socket, whose subscribers of presence are heard."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(path)
        self.listener.listen(8)
        self.listener.settimeout(5)

    def accept_presence(self):
        """Passes the others over, which see nothing."""
        while True:
            connection, _ = self.listener.accept()
            connection.settimeout(5)
            if connection.recv(64) == message(HELLO, 1, PRESENCE):
                return connection
            self.other = connection

    @staticmethod
    def viewers(connection):
        data = connection.recv(4096)
        assert data[:4] == VIEWERS.to_bytes(4, "little"), data
        numbers = [int.from_bytes(data[at:at + 4], "little") for at in (8, 12, 16)]
        assert len(data) == 20 + numbers[2]
        return numbers[0], numbers[1], data[20:].decode().split("\n")


def test_a_crowd_is_counted(folder):
    httpd = Httpd(folder)
    daemon = FakeDaemon(httpd.capture_path)
    viewers = [httpd.view(f"/d_video?name={'n' * 100}{i}") for i in range(30)]
    presence = daemon.accept_presence()
    sources, paused, lines = daemon.viewers(presence)
    while lines[-1] != "and 19 more":
        sources, paused, lines = daemon.viewers(presence)
    assert (sources, paused, len(lines)) == (SCREEN, 0, 12)
    assert all(line.endswith(", 127.0.0.1: screen") for line in lines[:-1])
    for viewer in viewers:
        viewer.end()
    while daemon.viewers(presence) != (0, 0, [""]):
        pass  # of those who have gone before the last had, where that took a while
    assert presence.recv(64) == b""


def test_a_daemon_that_is_not_there_is_no_fault(folder):
    """… of presence: that of the pictures is said once, as ever."""
    httpd = Httpd(folder, QUICK + "[log]\ndebug = no\n")
    viewer = httpd.view("/audio_feed", timeout_s=3)
    wait_for(lambda: httpd.status()["viewers"] == 1, 3, "a listener")
    stays(lambda: not [line for line in httpd.process.stderr if "screen" in line], 1.5, "not a word")
    viewer.end()
