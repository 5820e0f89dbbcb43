# SPDX-License-Identifier: MIT
"""The camera's daemon with a camera that the test holds in its hands (tests/lib/fake_camera.c): what
it shows, what it drops, and what happens when the camera comes and goes."""

import os
import re
import socket
import subprocess
import time

import pytest
from PIL import Image

import jpeg
from capture import Subscriber
from fake_camera import FAKE_BIN, FakeCamera
from screenshare import environment, start_with_sockets
from wait import SLOWNESS, slowness, stays, wait_for

RED, GREEN, BLUE = 0xD02020, 0x20C040, 0x2040D0
BACK_S = 2    # pictures are back so soon after a cause has ended
SILENT_S = 3  # a camera without whole pictures is told of


class Camera(FakeCamera):
    """A camera, and screenshare-camera that shows it."""

    def __init__(self, folder, config="", prefix=()):
        super().__init__(folder)
        self.path = os.path.join(folder, "camera.sock")
        config_path = os.path.join(folder, "camera.conf")
        with open(config_path, "w") as file:
            file.write(f"[camera]\n{config}\n")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen(16)
        self.argv = [*prefix, os.path.join(FAKE_BIN, "screenshare-camera"), "--config", config_path]
        self.env = environment(folder, **self.env)

    def start(self):
        """It has a subscriber: what would start it."""
        subscriber = Subscriber(self.path)
        self.process = start_with_sockets(self.argv, [("capture", self.listener)], self.env)
        return subscriber

    def log(self, pattern):
        return [line for line in self.process.stderr if re.search(pattern, line)]


@pytest.fixture
def camera(folder):
    one = Camera(folder)
    yield one
    one.listener.close()


def wait_colour(subscriber, rgb, after=0, deadline_s=5):
    return subscriber.wait_record(
        lambda record: record.kind == 1 and record.data and jpeg.shows(record.data, rgb, 8, 8),
        after, deadline_s)


def check_back(camera, subscriber, since, rgb=GREEN):
    after = subscriber.newest().sequence if subscriber.newest() else 0
    wait_colour(subscriber, rgb, after, BACK_S + 1)
    took = time.monotonic() - since
    assert took < BACK_S * slowness(), f"pictures are back after {took:.1f} s"
    subscriber.wait_state("live")


# --- what is shown ---


@pytest.mark.parametrize("layout", ["mjpeg", "yuyv", "nv12", "yu12"])
def test_pictures_have_the_cameras_colours_and_size_and_say_when_they_were_taken(camera, layout):
    camera.plug(f"{layout} 322 242 30")
    camera.show(RED)
    subscriber = camera.start()
    first = wait_colour(subscriber, RED)
    assert subscriber.wait_state("live").startswith(f"Camera Fake, 322x242, {layout.upper()}, 30 ")
    assert (first.width, first.height) == jpeg.size(first.data) == (322, 242)
    assert first.flags == 1
    pts_ns, real_s = jpeg.stamp(first.data)
    assert pts_ns == first.pts_ns
    assert 0 <= time.monotonic_ns() - pts_ns < 5e9 * SLOWNESS
    assert abs(real_s - pts_ns / 1e9 - jpeg.clocks_apart_s()) < 0.1
    camera.show(BLUE)
    second = wait_colour(subscriber, BLUE, first.sequence)
    assert second.pts_ns > first.pts_ns
    assert subscriber.dropped == 0


def test_frames_without_huffman_tables_get_the_standard_ones(camera):
    camera.plug()
    camera.set("frames", "no-tables")
    camera.show(RED)
    record = wait_colour(camera.start(), RED)
    markers = [marker for marker, _, _ in jpeg.segments(record.data)]
    assert markers.count(0xC4) == 1 and markers.index(0xC4) == markers.index(0xDA) - 1
    assert jpeg.stamp(record.data)


def give(camera, name, **form):
    """The camera gives that picture from now on, saved by another encoder in that form."""
    mode = form.pop("mode", "RGB")
    image = Image.new(mode, (321, 241), 200 if mode == "L" else (RED >> 16, RED >> 8 & 255, RED & 255))
    image.save(os.path.join(camera.folder, f"given-{name}"), "JPEG", **form)
    camera.set("frames", f"given-{name}")


def test_every_baseline_form_passes_and_no_other(camera):
    camera.plug("mjpeg 321 241 60")
    give(camera, "444", subsampling=0)
    subscriber = camera.start()
    after = wait_colour(subscriber, RED).sequence
    for name, form in (("grey", {"mode": "L"}), ("422", {"subsampling": 1}),
                       ("own-tables", {"optimize": True})):
        give(camera, name, **form)
        with open(os.path.join(camera.folder, f"given-{name}"), "rb") as file:
            scan = file.read().partition(b"\xff\xda")[2]
        after = subscriber.wait_record(lambda record: record.data.endswith(scan), after).sequence
    assert subscriber.dropped == 0
    give(camera, "progressive", progressive=True)
    subscriber.wait_dropped(20)
    assert camera.log(r"Dropped a broken frame of the camera Fake: it is not baseline")


def test_padding_behind_the_picture_is_cut_off(camera):
    camera.plug()
    camera.set("frames", "padded")
    subscriber = camera.start()
    assert subscriber.wait_record().data[-2:] == b"\xff\xd9"
    assert subscriber.dropped == 0


def test_the_test_picture_can_be_configured(folder):
    camera = Camera(folder, "source = pattern\nwidth = 400\nheight = 300")
    subscriber = camera.start()
    record = subscriber.wait_record()
    assert jpeg.size(record.data) == (400, 300) and jpeg.stamp(record.data)
    assert jpeg.decode(subscriber.wait_record(after=record.sequence).data).size == (400, 300)
    assert subscriber.wait_state("live") == "Test picture, 400x300"


def test_a_lower_rate_is_kept_without_counting_frames_as_lost(camera):
    camera.plug("mjpeg 320 240 60")
    subscriber = camera.start()
    first = subscriber.wait_record()
    subscriber.wish_rate(10000)

    def is_kept():
        nonlocal first
        before, first = first, subscriber.wait_record(after=first.sequence + 9)
        return 6 < (first.sequence - before.sequence) / ((first.pts_ns - before.pts_ns) / 1e9) < 11
    wait_for(is_kept, 5, "ten pictures a second")
    assert subscriber.dropped == 0


def test_controls_are_set_what_is_automatic_first(folder):
    camera = Camera(folder, "controls = brightness=99 focus=30 sharpness=1")
    camera.plug()
    camera.start().wait_state("live")
    with open(os.path.join(camera.folder, "controls")) as file:
        assert file.read().split() == [
            "focus_automatic_continuous=0", "brightness=10", "focus_absolute=30"]
    assert len(camera.log("has no control sharpness")) == 1
    assert len(camera.log("brightness of the camera Fake to 10 instead of 99")) == 1


# --- what is dropped ---


@pytest.mark.parametrize("kind", ["truncated", "no-soi", "wrong-size", "lying-size", "marked"])
def test_broken_frames_are_dropped_and_counted(camera, kind):
    camera.plug()
    camera.show(GREEN)
    subscriber = camera.start()
    wait_colour(subscriber, GREEN)
    camera.set("frames", kind)
    subscriber.wait_dropped(1)
    before = subscriber.newest()
    subscriber.wait_dropped(subscriber.dropped + 1)
    assert subscriber.newest().sequence == before.sequence
    camera.set("frames", "good")
    assert wait_colour(subscriber, GREEN, before.sequence).sequence > before.sequence
    assert subscriber.states[-1] == "live"
    assert len(camera.log("Dropped a broken frame")) == 1


def test_a_frame_that_lost_its_last_part_but_ends_properly_is_dropped(camera):
    """Without restart markers only its codes tell."""
    camera.plug("mjpeg 321 241 60")
    give(camera, "whole")
    subscriber = camera.start()
    wait_colour(subscriber, RED)
    with open(os.path.join(camera.folder, "given-whole"), "rb") as file:
        whole = file.read()
    with open(os.path.join(camera.folder, "given-cut"), "wb") as file:
        file.write(whole[:-12] + b"\xff\xd9")
    camera.set("frames", "given-cut")
    subscriber.wait_dropped(1)
    before = subscriber.newest()
    subscriber.wait_dropped(subscriber.dropped + 1)
    assert subscriber.newest().sequence == before.sequence


def test_yuyv_frames_that_are_cut_off_are_dropped_and_counted(camera):
    camera.plug("yuyv 320 240 30")
    camera.set("frames", "truncated")
    subscriber = camera.start()
    subscriber.wait_dropped(2)
    assert subscriber.newest() is None


# --- what comes and goes ---


def test_no_camera_then_one_is_plugged_in(camera):
    subscriber = camera.start()
    assert subscriber.wait_state("no-device") == "No camera is connected"
    assert subscriber.picture
    camera.show(GREEN)
    camera.plug()
    check_back(camera, subscriber, time.monotonic())
    assert subscriber.picture is None
    assert len(camera.log("Pictures again")) == 1


def test_an_unplugged_camera_comes_back_by_itself(camera):
    camera.plug()
    camera.show(GREEN)
    subscriber = camera.start()
    wait_colour(subscriber, GREEN)
    subscriber.wait_state("live")
    for round_ in range(1, 4):
        camera.unplug()
        assert subscriber.wait_state("unplugged", 2) == "The camera Fake is unplugged"
        assert jpeg.size(subscriber.picture) == (1280, 720)
        camera.plug()
        check_back(camera, subscriber, time.monotonic())
        assert len(camera.log(r"No pictures \(unplugged\)")) == round_
        wait_for(lambda: len(camera.log("Pictures again")) == round_, 2, "a line that says so")


def test_a_missing_camera_stays_unplugged_and_is_said_once(camera):
    camera.plug()
    subscriber = camera.start()
    subscriber.wait_state("live")
    camera.unplug()
    subscriber.wait_state("unplugged", 2)
    n = len(subscriber.states)
    stays(lambda: subscriber.poll() or len(subscriber.states) == n, 1.5, "one state, said once")


@pytest.mark.parametrize("cause, code", [("busy", "busy"), ("denied", "not-allowed")])
def test_a_camera_that_cannot_be_had_is_had_when_it_can(camera, cause, code):
    camera.plug()
    camera.show(GREEN)
    camera.set(cause, "")
    subscriber = camera.start()
    assert subscriber.wait_state(code, 2)
    assert subscriber.picture
    camera.remove(cause)
    check_back(camera, subscriber, time.monotonic())
    assert len(camera.log(rf"No pictures \({code}\)")) == 1


@pytest.mark.parametrize("layout", ["mjpeg", "yuyv"])
def test_shared_memory_that_is_full(folder, layout):
    """A /dev/shm of its own, too small for a ring; then it is made larger."""
    camera = Camera(folder, prefix=(
        "unshare", "--user", "--map-root-user", "--mount", "bash", "-c",
        'mount -t tmpfs -o size=24k tmpfs /dev/shm && exec "$@"', "-"))
    camera.plug(f"{layout} 320 240 60")
    camera.show(GREEN)
    subscriber = camera.start()
    assert subscriber.wait_state("no-memory") == "This computer has run out of shared memory"
    assert subscriber.picture and subscriber.dropped > 0
    subprocess.run(["nsenter", "--user", "--mount", "--target", str(camera.process.pid), "mount",
                    "-o", "remount,size=8m", "/dev/shm"], check=True)
    check_back(camera, subscriber, time.monotonic())
    assert len(camera.log(r"No pictures \(no-memory\)")) == 1


def test_a_camera_without_whole_pictures_is_a_state_and_is_opened_again(camera):
    camera.plug()
    camera.show(GREEN)
    camera.set("controls", "")
    subscriber = camera.start()
    wait_colour(subscriber, GREEN)
    camera.set("frames", "silent")
    words = subscriber.wait_state("not-answering", SILENT_S + 2)
    assert words == "The camera Fake sends no pictures"
    camera.set("frames", "good")
    check_back(camera, subscriber, time.monotonic())


def test_a_camera_that_does_not_open_stalls_nobody(camera):
    camera.plug()
    camera.set("stuck", "")
    first = camera.start()
    first.wait_state("starting")
    other = Subscriber(camera.path)
    other.wait_state("starting", 1)
    assert first.wait_state("not-answering", SILENT_S + 2) == "The camera does not answer"
    assert other.wait_state("not-answering", 1)
    camera.remove("stuck")
    first.wait_state("live", BACK_S)


def test_the_daemon_ends_with_its_last_subscriber_even_while_the_camera_is_stuck(camera):
    camera.plug()
    camera.set("stuck", "")
    subscriber = camera.start()
    subscriber.wait_state("starting")
    subscriber.end()
    assert camera.process.wait(2) == 0


def test_capture_ends_with_the_last_subscriber(camera):
    camera.plug()
    subscriber, other = camera.start(), Subscriber(camera.path)
    first = other.wait_record()
    subscriber.end()
    assert other.wait_record(after=first.sequence)
    other.end()
    assert camera.process.wait(2) == 0
