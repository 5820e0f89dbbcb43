# SPDX-License-Identifier: MIT
"""The camera of tests/lib/fake_camera.c: a folder in place of /dev, whose files say what it does."""

import os

from process import BIN

# All programs, screenshare-camera with that camera among them.
FAKE_BIN = os.path.join(os.path.dirname(BIN), "fake")


class FakeCamera:
    def __init__(self, folder):
        self.folder = os.path.join(folder, "dev")
        os.mkdir(self.folder)
        self.env = {"SCREENSHARE_FAKE_CAMERA": self.folder}

    def is_held(self):
        """Is it open, and its light on?"""
        return os.path.exists(os.path.join(self.folder, "held"))

    def set(self, name, text=""):
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def remove(self, name):
        os.unlink(os.path.join(self.folder, name))

    def plug(self, mode="mjpeg 320 240 60"):
        self.set("video0", mode)

    def unplug(self):
        self.remove("video0")

    def show(self, rgb):
        self.set("colour", f"{rgb:06x}")
