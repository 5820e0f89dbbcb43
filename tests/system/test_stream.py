# SPDX-License-Identifier: MIT
"""The stream as viewers get it: when something is sent, when nothing is, and to whom."""

import itertools
import os
import subprocess
import time

import jpeg
import process
import web
from process import exists
from screenshare import QUICK, Run
from wait import SLOWNESS, slowness, stays, wait_for

RED, GREEN = 0xD02020, 0x20C040


def ffmpeg_frames(run, path, count):
    """How many pictures ffmpeg decodes from the stream, with its complaints as failures."""
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "mpjpeg", "-i", "http://%s:%d%s" % (*run.address, path),
         "-frames:v", str(count), "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24",
         "pipe:1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30 * SLOWNESS)
    assert done.returncode == 0 and done.stderr == b"", done.stderr.decode()
    return len(done.stdout) // (320 * 200 * 3)


def test_ffmpeg_decodes_the_stream(folder):
    run = Run(folder, None, QUICK + "[screen]\nsource = pattern\npattern_width = 320\n"
              "pattern_height = 200\n")
    assert ffmpeg_frames(run, "/d_video", 25) == 25
    assert ffmpeg_frames(run, "/d_video?headers=full", 25) == 25


def test_curl_gets_pictures_and_the_stream(x, run, folder):
    x.painter.fill(RED)
    base = "http://%s:%d" % run.address
    path = os.path.join(folder, "d.jpg")
    status, out, err = process.run_to_end(
        ["curl", "-sS", "--fail", "-o", path, "-w", "%{content_type} %{size_download}",
         f"{base}/d.jpg"])
    assert status == 0 and not err, err
    assert out == f"image/jpeg {os.path.getsize(path)}"
    with open(path, "rb") as file:
        assert jpeg.shows(file.read(), RED, 8, 8)
    # Without end: curl gives up by itself (28), with whole parts in hand
    path = os.path.join(folder, "stream")
    status, out, err = process.run_to_end(
        ["curl", "-sN", "--max-time", "1", "-o", path, "-w", "%{content_type}",
         f"{base}/d_video?headers=full"])
    assert status == 28 and out.startswith("multipart/x-mixed-replace"), (status, out, err)
    with open(path, "rb") as file:
        head, _, rest = file.read().partition(b"\r\n\r\n")
    length = int(dict(line.split(b": ") for line in head.split(b"\r\n")[1:])[b"Content-Length"])
    assert jpeg.shows(rest[:length], RED, 8, 8)


def test_full_headers_give_length_and_time(x, run):
    """Classic parts, for programs that are no browsers."""
    viewer = run.view("/d_video?headers=full")
    viewer.wait_count(1)
    x.painter.fill(RED)
    part = viewer.wait_colour(RED)
    assert int(part.headers["content-length"]) == len(part.data)
    assert part.headers["content-type"] == "image/jpeg"
    assert float(part.headers["x-timestamp"]) == jpeg.stamp(part.data)[1]
    viewer.end()


def test_still_screen_sends_one_repeat_and_then_nothing(x, run):
    viewer = run.view()
    full = run.view("/d_video?headers=full")
    viewer.wait_count(1)
    x.painter.fill(RED)
    changed = viewer.wait_colour(RED)
    full.wait_colour(RED)
    count, full_count = viewer.count, full.count
    viewer.wait_count(count + 1, 3)
    repeat = viewer.newest
    assert repeat.data == changed.data
    # Since it was taken: when it was received is as late as this program was.
    assert 0.9 <= repeat.received_ns / 1e9 - jpeg.stamp(changed.data)[0] / 1e9 <= 1.5 * slowness()
    full.wait_count(full_count + 1, 3)
    # Not a byte more, but for the 15 s of those who asked for full headers
    size, full_size, begin = viewer.bytes, full.bytes, time.monotonic()
    full_count, full_ns = full.count, full.newest.received_ns
    stays(lambda: viewer.bytes == size and full.bytes == full_size, 4, "silence")
    wait_for(lambda: full.count == full_count + 1, 15, "a repeat with full headers")
    assert 14 <= (full.newest.received_ns - full_ns) / 1e9 <= 16.5 * slowness()
    assert viewer.bytes == size, "bytes to a viewer of a still screen"
    assert time.monotonic() - begin > 10
    viewer.end()
    full.end()


def test_capture_ends_after_the_grace_and_begins_again(x, run):
    x.painter.fill(RED)
    run.wait_no_daemon()
    for rgb in (RED, GREEN):
        x.painter.fill(rgb)
        viewer = run.view()
        viewer.wait_colour(rgb)
        daemon = run.wait_daemon()
        # A reload within the grace finds it running
        viewer.end()
        again = run.view()
        again.wait_colour(rgb)
        assert run.daemons() == [daemon]
        again.end()
        begin = time.monotonic()
        wait_for(lambda: not exists(daemon), 4, "the daemon is gone")
        assert 0.8 < time.monotonic() - begin < 2 * slowness()
        wait_for(lambda: run.state()[0] == "idle", 2, "idle in /status")
    assert run.httpd()


def test_the_grace_is_ten_seconds_by_default(x, folder):
    run = Run(folder, x.display, "")
    run.get("/d.jpg")
    daemon = run.wait_daemon()
    begin = time.monotonic()
    stays(lambda: exists(daemon), 8.5, "the grace")
    wait_for(lambda: not exists(daemon), 4, "the daemon is gone")
    assert time.monotonic() - begin < 11.5 * slowness()


def test_all_viewers_get_the_same_bytes(x, run):
    viewers = [run.view() for _ in range(5)]
    x.painter.page(1)
    x.painter.fill(GREEN, 0, 0, 32, 32)
    parts = [viewer.wait_colour(GREEN) for viewer in viewers]
    wait_for(lambda: len({viewer.newest.data for viewer in viewers}) == 1, 3, "one picture for all")
    assert run.get("/d.jpg").body == viewers[0].newest.data
    assert run.stream()["viewers"] >= 5 and run.status()["viewers"] == 5
    assert parts
    for viewer in viewers:
        viewer.end()
    wait_for(lambda: run.status()["viewers"] == 0, 3, "no viewer is left")


def test_viewer_that_never_reads_slows_nobody_and_is_closed(folder, x):
    run = Run(folder, x.display, QUICK + "stall_timeout_s = 3\n")
    x.painter.noise(0)
    viewer = run.view()
    viewer.wait_count(1)
    sleeper = web.ask_slowly(run.address, "/d_video")
    wait_for(lambda: run.status()["viewers"] == 2, 3, "the second viewer")
    begin, seed, late = time.monotonic(), 0, 0
    while run.status()["viewers"] == 2:
        assert time.monotonic() - begin < 8 * slowness(), "it is still connected"
        seed += 1
        x.painter.noise(seed)  # nothing that a kernel's buffer could hold for long
        mark = 0x0101 * (seed % 200) * 0x100 + seed % 200
        painted_ns = x.painter.fill(mark, 0, 0, 32, 32)
        part = viewer.wait_colour(mark, tolerance=1)
        late = max(late, part.received_ns - painted_ns)
    assert 2.5 < time.monotonic() - begin
    assert late < 0.5e9 * slowness(), f"a picture came after {late / 1e9:.3f} s"
    # By reset: what it never read is not kept for it
    sleeper.settimeout(5)
    try:
        while sleeper.recv(1 << 20):
            pass
    except ConnectionResetError:
        pass
    sleeper.close()
    viewer.wait_count(viewer.count)
    viewer.end()


def test_slow_viewer_skips_pictures_and_sees_the_newest(x, run):
    """Film at 30 pictures a second, fewer where the machine is busy; it can take one or two.  Nothing is
    queued for it."""
    viewer = run.view(bytes_per_s=400000)
    fast = run.view(keep=2)
    ages, seeds = [], itertools.count()

    def film():
        x.painter.noise(next(seeds))
        time.sleep(0.03)  # its pace
        if viewer.count > len(ages):
            part = viewer.newest
            ages.append((part.received_ns - jpeg.stamp(part.data)[0]) / 1e9)
        return len(ages) >= 7 and fast.count > 2 * viewer.count
    wait_for(film, 15, "seven pictures for it, and more than twice as many for who is fast")
    size = len(viewer.newest.data)
    # What was begun is sent whole, and the kernel has its share; then comes the newest.
    assert max(ages[2:]) < (2 * size + 300000) / 400000 * slowness(), (size, ages)
    viewer.end()
    fast.end()


def test_alive_tells_of_a_connection(x, run):
    answer = run.get("/alive?id=12345678901234567890")
    assert answer.status == 200 and b'"alive":false' in answer.body
    viewer = run.view("/d_video?id=12345678901234567890")
    viewer.wait_count(1)
    x.painter.fill(RED)
    viewer.wait_colour(RED)
    answer = run.get("/alive?id=12345678901234567890")
    assert b'"alive":true' in answer.body
    viewer.end()
    wait_for(lambda: b'"alive":false' in run.get("/alive?id=12345678901234567890").body, 3,
             "the end of the connection is known")
    for bad in ("/alive", "/alive?id=", "/alive?id=-1", "/alive?id=1e3", "/alive?id=1&id=2",
                "/alive?id=18446744073709551616"):
        assert run.get(bad).status == 400, bad


def test_status_and_metrics_tell_the_same(x, run):
    viewer = run.view()
    x.painter.fill(RED)
    viewer.wait_colour(RED)
    viewer.wait_count(viewer.count + 1, 3)  # the repeat: nothing moves any more
    entry = run.stream()
    assert entry["state"] == "live" and entry["words"]
    assert (entry["width"], entry["height"]) == (640, 480)
    assert entry["frames"] > 0 and entry["bytes"] > 0 and entry["viewers"] == 1
    metrics = run.get("/metrics")
    assert metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    text = metrics.body.decode()
    label = '{source="screen",stream="jpeg"}'
    for name, value in (("frames_total", entry["frames"]), ("bytes_total", entry["bytes"]),
                        ("viewers", 1), ("width_pixels", 640), ("height_pixels", 480)):
        assert f"screenshare_stream_{name}{label} {value}\n" in text, name
    # Who it is stays with the presenter
    assert "127.0.0.1" not in run.get("/status").body.decode() + text
    assert "test-viewer" not in run.get("/status").body.decode() + text
    viewer.end()


def test_a_moving_picture_leaks_nothing(folder):
    run = Run(folder, None, QUICK + "[screen]\nsource = pattern\nrate = 60\npattern_width = 640\n"
              "pattern_height = 360\n")
    viewer = run.view(keep=2)
    viewer.wait_count(60)
    httpd, daemon = run.httpd(), run.wait_daemon()
    before = {pid: (process.open_fds(pid), process.private_kib(pid)) for pid in (httpd, daemon)}
    viewer.wait_count(360, 20)
    for pid, (fds, kib) in before.items():
        wait_for(lambda: process.open_fds(pid) <= fds, 3, "no more descriptors than before")
        if os.path.basename(os.path.dirname(process.BIN)) not in ("asan", "tsan"):
            assert process.private_kib(pid) - kib < 1024, process.executable(pid)
    viewer.end()
