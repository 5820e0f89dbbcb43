# SPDX-License-Identifier: MIT
"""What a computer can run out of: inotify, room for the first mute.  It is said once, with what to do; all goes on as
well as it can, and as before when there is some again.  (Memory for pictures: test_states.py; disk: test_files.py.)"""

import os
import subprocess

import pytest

from audiodaemon import AudioDaemon
from fake_camera import FAKE_BIN, FakeCamera
from screenshare import QUICK, Run
from test_files import Site
from wait import SLOWNESS, stays, wait_for

RED = 0xD02020


def limited(name, number):
    """In a user namespace of its own, in which there is so much of it (user_namespaces(7))."""
    return ("unshare", "-Ur", "sh", "-c", f'echo {number} >/proc/sys/user/max_inotify_{name} && exec "$@"', "-")


def raise_limit(pid, name):
    subprocess.run(["nsenter", "-U", "-t", str(pid), "sh", "-c", f"echo 100 >/proc/sys/user/max_inotify_{name}"],
                   check=True)


@pytest.mark.parametrize("name", ["instances", "watches"])
def test_the_shared_folder_is_looked_through_without_inotify(folder, name):
    os.makedirs(f"{folder}/state-home/uploads/inner")
    with open(f"{folder}/state-home/uploads/before", "w") as file:
        file.write("there")
    site = Site(folder, "[files]\nfree_mb = 0\n", prefix=limited(name, 0))
    wait_for(lambda: site.names() == ["before"], 5, "what was there at the start")
    assert site.put("sent", b"by a page").status == 201
    wait_for(lambda: site.names() == ["before", "sent"], 5, "what a page has sent")
    with open(f"{site.shared}/copied", "w") as file:
        file.write("by hand")
    line, = [line for line in site.process.stderr if "Could not watch" in line]
    assert f"no inotify {name} are left" in line and f"raise fs.inotify.max_user_{name}" in line
    raise_limit(site.process.pid, name)
    if name == "watches":  # found a minute later
        stays(lambda: "copied" not in site.names(), 1, "it cannot be known yet")
        return
    wait_for(lambda: "copied" in site.names(), 10, "what was copied there")
    os.unlink(f"{site.shared}/before")
    wait_for(lambda: site.names() == ["copied", "sent"], 2, "it is watched")
    assert len([line for line in site.process.stderr if "watched again" in line]) == 1


def test_a_camera_is_found_without_inotify(folder, monkeypatch):
    monkeypatch.setattr("screenshare.program", lambda name: os.path.join(FAKE_BIN, name))
    camera = FakeCamera(folder)
    run = Run(folder, prefix=limited("instances", 0), config=QUICK + "[screen]\nsource = pattern\n", **camera.env)
    viewer = run.view("/c_video")
    wait_for(lambda: run.stream("camera", "jpeg")["state"] == "no-device", 5, "there is none")
    camera.show(RED)
    camera.plug()
    viewer.wait_colour(RED, deadline_s=5)
    camera.unplug()
    wait_for(lambda: run.stream("camera", "jpeg")["state"] == "unplugged", 5, "it has gone")
    camera.plug()
    wait_for(lambda: run.stream("camera", "jpeg")["state"] == "live", 5, "it is back")
    assert len(run.log("Could not watch")) <= 2, "of the camera, and of the files"
    viewer.end()


NO_ROOM = {"no inode": "nr_inodes=1", "no block": "size=4k"}


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts as root")
@pytest.mark.parametrize("what", NO_ROOM)
def test_the_first_mute_on_a_full_disk(folder, what):
    """It is muted all the same, and who asked is told; so it can be unmuted, too."""
    script = (f'mount -t tmpfs -o {NO_ROOM[what]} none {folder}/state && '
              f'(dd if=/dev/zero of={folder}/state/full bs=1k 2>/dev/null; true) && exec "$@"')
    daemon = AudioDaemon(folder, "[audio]\ndesktop = null\n", prefix=("unshare", "-m", "sh", "-c", script, "-"))
    pcm = daemon.subscribe()
    pcm.wait_state("live")
    assert daemon.subscribe("presence").switch("desktop", True) == (
        "refused", "it could not be remembered; see the journal")
    pcm.wait_state("muted")
    said, = [line for line in daemon.process.stderr if "Could not remember that the desktop's sound is muted" in line]
    assert "No space left on device; it is muted until sharing is started anew" in said
    # … which the end of the daemon, when the last listener has gone, is not.
    pcm.close()
    daemon.restart()
    pcm = daemon.subscribe()
    pcm.wait_state("muted")
    assert pcm.switch("desktop", False) == ("switched", 0, 0)
    pcm.wait_state("live")
    pcm.close()
    daemon.restart()
    pcm = daemon.subscribe()
    pcm.wait_state("live")
    pcm.close()
