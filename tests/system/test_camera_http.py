# SPDX-License-Identifier: MIT
"""The camera as viewers see it: /c_video, /c.jpg and /status, through `screenshare run`."""

import time

import pytest

import jpeg
import process
from fake_camera import FAKE_BIN, FakeCamera
from screenshare import QUICK, Run
from wait import slowness, wait_for

RED, GREEN = 0xD02020, 0x20C040
BACK_S = 2  # pictures are back so soon after a cause has ended


@pytest.fixture
def camera(folder):
    return FakeCamera(folder)


@pytest.fixture
def run(folder, camera, monkeypatch):
    monkeypatch.setattr(process, "BIN", FAKE_BIN)
    return Run(folder, config=QUICK, **camera.env)


def wait_state(run, code, deadline_s=5):
    """The words of the camera's stream in /status."""
    def look():
        entry = run.stream("camera")
        return entry and entry["state"] == code and entry
    return wait_for(look, deadline_s, f"state {code}")["words"]


def test_viewers_see_the_cameras_pictures(run, camera):
    camera.plug("mjpeg 640 480 30")
    camera.show(RED)
    viewer = run.view("/c_video")
    part = viewer.wait_colour(RED)
    assert jpeg.size(part.data) == (640, 480) and jpeg.stamp(part.data)
    answer = run.get("/c.jpg")
    assert answer.status == 200 and jpeg.shows(answer.body, RED, 8, 8)
    camera.show(GREEN)
    viewer.wait_colour(GREEN)
    assert wait_state(run, "live").startswith("Camera Fake, 640x480, MJPEG")
    viewer.end()
    wait_for(lambda: not run.children("screenshare-camera"), 5, "the camera is let go of")


def test_broken_frames_are_counted_in_status(run, camera):
    camera.plug()
    camera.show(RED)
    viewer = run.view("/c_video")
    viewer.wait_colour(RED)
    assert run.stream("camera")["dropped"] == 0
    camera.set("frames", "truncated")
    wait_for(lambda: run.stream("camera")["dropped"] > 3, 5, "dropped frames in /status")
    camera.set("frames", "good")
    camera.show(GREEN)
    viewer.wait_colour(GREEN)
    viewer.end()


def test_unplugged_and_plugged_in_again(run, camera):
    camera.plug()
    camera.show(RED)
    viewer = run.view("/c_video")
    viewer.wait_colour(RED)
    for _ in range(2):
        camera.unplug()
        assert wait_state(run, "unplugged", 3) == "The camera Fake is unplugged"
        viewer.wait_newest(lambda part: jpeg.size(part.data) == (1280, 720), 3, "the words")
        camera.plug()
        since = time.monotonic()
        viewer.wait_colour(RED)
        took = time.monotonic() - since
        assert took < BACK_S * slowness(), f"pictures are back after {took:.1f} s"
    viewer.end()


def test_no_camera_is_said_in_words(run, camera):
    viewer = run.view("/c_video")
    viewer.wait_newest(lambda part: jpeg.size(part.data) == (1280, 720), 5, "the words")
    assert wait_state(run, "no-device")
    camera.plug()
    camera.show(GREEN)
    viewer.wait_colour(GREEN)
    viewer.end()
