# SPDX-License-Identifier: MIT
"""What bash offers after `screenshare`, asked of a real bash."""

import os
import re
import shlex
import subprocess

import pytest

from process import BIN, ROOT, program, run_to_end
from screenshare import Run, environment

PATTERN = "[screen]\nsource = pattern\npattern_width = 96\npattern_height = 64\n"


def offers(env, *words):
    """For the last of `words` ("" for a new one)."""
    words = ("screenshare", *words)
    script = f"""
        source {ROOT}/cli/screenshare.bash
        COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1}
        _screenshare screenshare {shlex.quote(words[-1])} {shlex.quote(words[-2])}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    env = dict(env, PATH=f"{BIN}:{os.environ['PATH']}")
    result = subprocess.run(["bash", "--norc", "--noprofile", "-u", "-c", script], env=env, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    return [line for line in result.stdout.splitlines() if line]


@pytest.fixture
def env(folder):
    return environment(folder)


def commands():
    """As people read them."""
    _, text, _ = run_to_end([program("screenshare"), "--help"])
    found = re.findall(r"^  (\S+)  +\S", text, re.M)
    assert {"run", "status", "files", "version"} <= set(found)
    return found


def test_every_command_of_help_is_offered_and_nothing_else(env):
    assert offers(env, "") == commands()
    assert offers(env, "st") == [word for word in commands() if word.startswith("st")]
    assert offers(env, "nonsense") == []
    assert set(offers(env, "--")) == {"--help", "--version"}


def test_every_option_of_every_command_is_offered(env):
    for command in commands():
        _, text, _ = run_to_end([program("screenshare"), command, "--help"])
        options = set(re.findall(r"(?:^  |\[)(--[a-z-]+)", text, re.M))
        assert options | {"--help"} <= set(offers(env, command, "--")), command
    assert "--listen" in offers(env, "run", "--")
    assert offers(env, "status", "--js") == ["--json"]


def test_what_a_command_takes_is_offered(env):
    assert offers(env, "mute", "") == ["desktop", "microphone", "all"]
    assert offers(env, "unmute", "m") == ["microphone"]
    assert offers(env, "unmute", "--port", "8001", "m") == ["microphone"]
    assert offers(env, "mute", "desktop", "") == []
    assert offers(env, "files", "") == ["list", "add", "delete", "restore", "rename"]
    assert offers(env, "version", "") == []


def test_files_and_folders_are_offered_where_they_are_wanted(env, folder):
    os.mkdir(f"{folder}/config folder")
    with open(f"{folder}/config file", "w"):
        pass
    files = [f"{folder}/config file", f"{folder}/config folder"]
    assert [name for name in offers(env, "run", "--config", f"{folder}/config ") if name] == files
    # as bash takes --config=FILE apart
    assert offers(env, "run", "--config", "=", f"{folder}/config ") == files
    assert set(offers(env, "run", "--config", "=")) == set(offers(env, "run", "--config", ""))
    assert offers(env, "run", "--state", f"{folder}/config ") == files[1:]
    assert offers(env, "files", "add", f"{folder}/config f") == files
    assert offers(env, "run", "--listen", "") == []


def test_names_of_what_is_shared_are_offered(folder):
    run = Run(folder, None, PATTERN)
    for name in ("film.mp4", "a talk.pdf"):
        path = os.path.join(folder, name)
        with open(path, "w") as file:
            file.write(name)
        assert run.ask("files", "add", path)[0] == 0
    assert sorted(offers(run.env, "files", "delete", "")) == ["a\\ talk.pdf", "film.mp4"]
    assert offers(run.env, "files", "rename", "f") == ["film.mp4"]
    assert offers(run.env, "files", "delete", "film.mp4", "a") == ["a\\ talk.pdf"]
    assert offers(run.env, "status", "--port", "") == [str(run.address[1])]
    assert run.ask("files", "delete", "film.mp4")[0] == 0
    (trashed,) = offers(run.env, "files", "restore", "")
    assert run.ask("files", "restore", trashed)[0] == 0
    assert sorted(offers(run.env, "files", "delete", "")) == ["a\\ talk.pdf", "film.mp4"]
