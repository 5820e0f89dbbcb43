# SPDX-License-Identifier: MIT
"""The picture that arrives is the one on the screen."""

import os
import subprocess
import time

import pytest

import jpeg
from screenshare import QUICK, Run
from wait import slowness
from xserver import XServer

RED, GREEN, BLUE, WHITE, GREY = 0xD02020, 0x20C040, 0x2030E0, 0xFFFFFF, 0x808080


@pytest.fixture
def display():
    """Makes X servers of a size and depth."""
    made = []

    def make(width, height, depth=24, **more):
        made.append(XServer(width, height, depth, **more))
        return made[-1]
    yield make
    for server in made:
        server.end()


def paint_quarters(painter):
    width, height = painter.size()
    half_width, half_height = width // 2, height // 2
    painter.fill(RED)
    painter.fill(GREEN, x=half_width)
    painter.fill(BLUE, y=half_height)
    painter.fill(WHITE, x=half_width, y=half_height)


def check_quarters(data, width, height):
    image = jpeg.decode(data)
    assert image.size == (width, height)
    for rgb, x, y in ((RED, 0, 0), (GREEN, width - 1, 0), (BLUE, 0, height - 1),
                      (WHITE, width - 1, height - 1), (RED, width // 2 - 9, height // 2 - 9),
                      (WHITE, width // 2 + 8, height // 2 + 8)):
        assert jpeg.is_near(image.getpixel((x, y)), rgb), f"#{rgb:06x} at {x}, {y}"


def test_every_corner_has_its_colour(x, run):
    paint_quarters(x.painter)
    viewer = run.view()
    part = viewer.wait_colour(WHITE, 639, 479)
    check_quarters(part.data, 640, 480)
    check_quarters(run.get("/d.jpg").body, 640, 480)
    viewer.end()


def test_ffmpeg_sees_the_same_pixels(x, run, folder):
    paint_quarters(x.painter)
    data = run.get("/d.jpg").body
    decoded = subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "mjpeg", "-i", "pipe:0", "-f", "rawvideo", "-pix_fmt",
         "rgb24", "pipe:1"], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
    assert decoded.stderr == b"", "ffmpeg complains"
    assert len(decoded.stdout) == 640 * 480 * 3
    for rgb, at_x, at_y in ((RED, 10, 10), (GREEN, 630, 10), (BLUE, 10, 470), (WHITE, 630, 470)):
        at = (at_y * 640 + at_x) * 3
        assert jpeg.is_near(decoded.stdout[at:at + 3], rgb)


def test_first_picture_from_cold_within_a_second(x, run):
    x.painter.fill(RED)
    for _ in range(3):
        run.wait_no_daemon()
        begin = time.monotonic()
        answer = run.get("/d.jpg")
        took = time.monotonic() - begin
        assert answer.status == 200 and answer.headers["Content-Type"] == "image/jpeg"
        assert jpeg.shows(answer.body, RED, 8, 8)
        assert took < 1 * slowness(), f"{took:.3f} s"
        run.wait_daemon()


@pytest.mark.parametrize("width, height, subsampling", [
    (1919, 1079, "420"), (1919, 1079, "444"), (801, 601, "420"), (801, 601, "444"),
    (640, 480, "420"), (97, 33, "420")])
def test_jpeg_equals_libjpegs_own(folder, display, width, height, subsampling):
    x = display(width, height)
    x.painter.page(1)
    run = Run(folder, x.display, QUICK + f"[screen]\ncursor = no\nsubsampling = {subsampling}\n")
    viewer = run.view()
    path = os.path.join(folder, "reference.jpg")

    def check(what):
        wanted = x.painter.reference(path, 80, subsampling)
        # Nothing is painted meanwhile: the newest picture becomes this one.
        viewer.wait_newest(lambda part: jpeg.without_comment(part.data) == wanted, 5, what)
        assert jpeg.without_comment(run.get("/d.jpg").body) == wanted, what

    check("the whole page")
    for step, box in enumerate([(3, 5, 40, 7), (width - 9, height - 5, 9, 5), (0, 15, width, 2),
                                (width // 2, 0, 1, height), (17, height // 2, 33, 16)]):
        x.painter.fill(0x3050A0 + 0x101010 * step, *box)
        check(f"after change {step} at {box}")
    x.painter.page(2)
    check("another page")
    viewer.end()


def test_quality_of_the_configuration_is_libjpegs(folder, display):
    x = display(640, 480)
    x.painter.page(3)
    for quality in (1, 35, 95):
        with_quality = os.path.join(folder, f"q{quality}")
        os.mkdir(with_quality)
        run = Run(with_quality, x.display, QUICK + f"[screen]\ncursor = no\nquality = {quality}\n")
        wanted = x.painter.reference(os.path.join(folder, "reference.jpg"), quality)
        assert jpeg.without_comment(run.get("/d.jpg").body) == wanted
        run.end()


def test_noise_that_fits_no_record_arrives_at_a_lower_quality(folder, display):
    x = display(1280, 720)
    x.painter.noise(1)
    run = Run(folder, x.display, QUICK + "[screen]\nquality = 100\nsubsampling = 444\n")
    data = run.get("/d.jpg").body
    # 1280 × 720 needs a ring of 4 MiB: a record has at most a quarter
    assert jpeg.size(data) == (1280, 720) and len(data) <= 1024 * 1024
    x.painter.fill(RED)
    viewer = run.view()
    viewer.wait_colour(RED, tolerance=3)
    viewer.end()


def test_comment_says_when_the_pixels_were_taken(x, run):
    viewer = run.view()
    viewer.wait_count(1)
    for rgb in (RED, GREEN, BLUE):
        painted_ns = x.painter.fill(rgb)
        part = viewer.wait_colour(rgb)
        pts_ns, realtime = jpeg.stamp(part.data)
        assert painted_ns <= pts_ns <= part.received_ns
        assert abs(realtime - pts_ns / 1e9 - jpeg.clocks_apart_s()) < 0.05
    viewer.end()


def test_depth_30(folder, display):
    x = display(321, 203, depth=30)
    run = Run(folder, x.display, QUICK + "[screen]\ncursor = no\n")
    paint_quarters(x.painter)
    viewer = run.view()
    check_quarters(viewer.wait_colour(WHITE, 320, 202).data, 321, 203)
    x.painter.page(5)
    wanted = x.painter.reference(os.path.join(folder, "reference.jpg"))
    viewer.wait_newest(lambda part: jpeg.without_comment(part.data) == wanted, 5, "the page")
    viewer.end()


def test_pointer_is_seen_where_it_is_and_leaves_nothing_behind(x, run):
    x.painter.fill(GREY)
    x.painter.cursor(RED)
    x.painter.warp(100, 100)
    viewer = run.view()
    viewer.wait_colour(RED, 108, 108, tolerance=24)
    # Still screen, moving pointer: no damage tells of it.
    for at_x, at_y in ((333, 222), (7, 300), (600, 460)):
        x.painter.warp(at_x, at_y)
        part = viewer.wait_colour(RED, at_x + 8, at_y + 8, tolerance=24)
        assert part.shows(GREY, 108, 108)
    # Half outside
    x.painter.warp(632, 472)
    part = viewer.wait_colour(RED, 637, 477, tolerance=24)
    assert part.shows(GREY, 608, 468)
    # Another shape, without a move
    x.painter.cursor(BLUE)
    viewer.wait_colour(BLUE, 637, 477, tolerance=24)
    viewer.end()


def test_a_display_that_reports_no_damage_is_looked_at_in_every_tick(folder, display):
    """It was looked at every two seconds: the look at everything put itself off as if others came."""
    x = display(640, 480, without=("DAMAGE",))
    run = Run(folder, x.display, QUICK)
    x.painter.fill(GREY)
    viewer = run.view()
    viewer.wait_colour(GREY)
    begin = time.monotonic()
    for colour in (RED, GREEN, BLUE, WHITE, RED, GREEN):
        x.painter.fill(colour)
        viewer.wait_colour(colour)
    assert time.monotonic() - begin < 3 * slowness()  # it took twelve
    viewer.end()


def test_pointer_can_be_left_out(folder, x):
    run = Run(folder, x.display, QUICK + "[screen]\ncursor = no\n")
    x.painter.fill(GREY)
    x.painter.cursor(RED)
    x.painter.warp(100, 100)
    viewer = run.view()
    viewer.wait_colour(GREY, 108, 108)
    x.painter.warp(200, 200)
    x.painter.fill(GREEN, x=300, width=20, height=20)
    part = viewer.wait_colour(GREEN, 310, 10)
    assert part.shows(GREY, 208, 208) and part.shows(GREY, 108, 108)
    viewer.end()


def test_resize_reaches_a_connected_viewer(x, run):
    x.painter.fill(RED)
    viewer = run.view()
    viewer.wait_colour(RED)
    for width, height in ((333, 201), (640, 480), (512, 480)):
        x.resize(width, height)
        x.painter.fill(GREEN)
        part = viewer.wait_newest(lambda part: jpeg.size(part.data) == (width, height) and
                                  part.shows(GREEN, width - 1, height - 1), 5,
                                  f"a picture of {width} × {height}")
        assert jpeg.stamp(part.data)
        entry = run.stream()
        assert (entry["width"], entry["height"]) == (width, height)
        x.painter.fill(RED)
        viewer.wait_colour(RED, width - 1, height - 1)
    assert len(run.daemons()) == 1
    viewer.end()


def test_monitor_by_name_and_by_number(folder, display):
    x = display(640, 480)
    x.painter.fill(WHITE)
    x.add_monitor("left", 200, 301, 0, 0)
    x.add_monitor("right", 321, 240, 300, 100)
    x.painter.fill(BLUE, 300, 100, 321, 240)
    for number, (name, size) in enumerate((("right", (321, 240)), ("left", (200, 301)),
                                           ("1", None), ("all", (640, 480)))):
        inner = os.path.join(folder, str(number))
        os.mkdir(inner)
        run = Run(inner, x.display, QUICK + f"[screen]\ncursor = no\nmonitor = {name}\n")
        data = run.get("/d.jpg").body
        if size:
            assert jpeg.size(data) == size, name
        if name == "right":
            image = jpeg.decode(data)
            assert jpeg.is_near(image.getpixel((0, 0)), BLUE)
            assert jpeg.is_near(image.getpixel((320, 239)), BLUE)
            # What is painted there later arrives, what is painted elsewhere does not.
            viewer = run.view()
            viewer.wait_colour(BLUE)
            x.painter.fill(RED, 0, 0, 250, 250)
            x.painter.fill(GREEN, 332, 132, 32, 32)
            part = viewer.wait_colour(GREEN, 48, 48)
            assert part.shows(BLUE, 0, 0)
            viewer.end()
        run.end()


def test_test_picture_moves(folder):
    run = Run(folder, None, QUICK + "[screen]\nsource = pattern\npattern_width = 321\n"
              "pattern_height = 200\n")
    viewer = run.view()
    viewer.wait_count(20)
    parts = viewer.snapshot()
    assert all(jpeg.size(part.data) == (321, 200) for part in parts)
    assert len({jpeg.without_comment(part.data) for part in parts}) > 10
    assert run.state()[0] == "live"
    viewer.end()


def test_rate_is_a_ceiling(folder, x):
    run = Run(folder, x.display, QUICK + "[screen]\nrate = 5\n")
    viewer = run.view()
    viewer.wait_count(1)
    begin, first = time.monotonic(), viewer.count
    colour = 0
    while time.monotonic() < begin + 2:
        colour += 0x010305
        x.painter.fill(colour & 0xFFFFFF)
    # 5 a second, one frame of credit, one at each edge
    most = 5 * (time.monotonic() - begin) + 3
    assert 8 / slowness() <= viewer.count - first <= most
    viewer.end()


