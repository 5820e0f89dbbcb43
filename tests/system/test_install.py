# SPDX-License-Identifier: MIT
"""`make install` into a prefix of its own, what runs from there, and `make uninstall`."""

import glob
import io
import os
import re
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree

import PIL.Image
import pytest

import web
from process import BUILD, ROOT, Process, descendants, program, run_to_end
from screenshare import environment

# What `make all` has made.  A copy: another prefix makes some of it anew.  (What npm brings is not there
# in a tree that brings it itself.)
MADE = ("bin", "gen", "lib", "obj", "tool", "npm/node_modules/.complete")
PATTERN = "[screen]\nsource = pattern\npattern_width = 96\npattern_height = 64\n"


# Settings that only the system's systemd can follow, or should.
SYSTEMS_ALONE = re.compile(
    r"((Socket)?(User|Group)|(Private|Protect|Device|Capability)\w*|StateDirectory\w*)=")


def make_environ(**more):
    """Nothing of a make that has started the tests."""
    return {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ} | more


class Tree:
    def __init__(self, folder):
        self.build, self.prefix = f"{folder}/build", f"{folder}/prefix"
        self.etc = f"{folder}/etc"
        os.makedirs(f"{self.build}/npm/node_modules")
        for name in MADE:
            if os.path.exists(f"{BUILD}/{name}"):
                subprocess.run(["cp", "-a", f"{BUILD}/{name}", f"{self.build}/{name}"], check=True)

    def make(self, *words):
        subprocess.run(["make", "--no-print-directory", "-s", f"B={self.build}", f"PREFIX={self.prefix}",
                        f"sysconfdir={self.etc}", *words], cwd=ROOT, check=True, stdin=subprocess.DEVNULL,
                       umask=0o077, env=make_environ())

    def made(self):
        return {os.path.join(where, name) for where, _, names in os.walk(self.build) for name in names}

    @property
    def config(self):
        return f"{self.etc}/screenshare/screenshare.conf"

    def files(self):
        """Relative to the folder that holds prefix and etc."""
        top = os.path.dirname(self.prefix)
        return {os.path.relpath(os.path.join(where, name), top)
                for part in (self.prefix, self.etc) for where, _, names in os.walk(part) for name in names}

    def units(self, kind):
        """{name: text}"""
        found = {}
        for path in glob.glob(f"{self.prefix}/lib/systemd/{kind}/*"):
            with open(path) as file:
                found[os.path.basename(path)] = file.read()
        return found


@pytest.fixture(scope="module")
def tree():
    path = tempfile.mkdtemp(prefix="ss-")
    tree = Tree(path)
    tree.make("all")
    made = tree.made()
    tree.make("install")
    tree.made_by_install = tree.made() - made
    yield tree
    shutil.rmtree(path)


def test_a_destination_may_have_spaces_in_its_name(tree, folder):
    tree.make("install", f"DESTDIR={folder}/a b")
    top = f"{folder}/a b{os.path.dirname(tree.prefix)}"
    found = {os.path.relpath(os.path.join(where, name), top)
             for where, _, names in os.walk(folder) for name in names}
    assert found == tree.files()
    tree.make("uninstall", f"DESTDIR={folder}/a b")
    assert not [names for _, _, names in os.walk(folder) if names]


def test_a_prefix_may_not(tree):
    made = subprocess.run(["make", "-s", "install", f"B={tree.build}", f"PREFIX={tree.prefix}/a b"],
                          cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert made.returncode != 0 and "may have no spaces in their names" in made.stderr
    assert not os.path.exists(f"{tree.prefix}/a")


def test_everything_is_there(tree):
    found = tree.files()
    for path in ("prefix/bin/screenshare", "prefix/libexec/screenshare/screenshare-httpd",
                 "prefix/lib/systemd/system/screenshare.service",
                 "prefix/lib/systemd/user/screenshare.socket",
                 "prefix/lib/sysusers.d/screenshare.conf", "prefix/lib/tmpfiles.d/screenshare.conf",
                 "prefix/share/bash-completion/completions/screenshare", "etc/screenshare/screenshare.conf",
                 "etc/ufw/applications.d/screenshare", "etc/firewalld/services/screenshare.xml"):
        assert path in found
    pages = {os.path.basename(path) for folder in ("cli", "conf", "capd/*", "httpd")
             for path in glob.glob(f"{ROOT}/{folder}/*.[158]")}
    assert "screenshare.1" in pages and "screenshare-audio.8" in pages
    for page in pages:
        assert f"prefix/share/man/man{page[-1]}/{page}" in found


def test_install_makes_nothing_in_the_build_that_would_be_roots(tree):
    assert tree.made_by_install == set()


def test_all_may_read_what_is_installed_whatever_the_umask_was(tree):
    for top in (tree.prefix, tree.etc):
        for where, _, names in os.walk(top):
            for path in (where, *(os.path.join(where, name) for name in names)):
                mode = os.stat(path).st_mode & 0o777
                assert mode in ((0o755,) if os.path.isdir(path) else (0o644, 0o755)), f"{path}: {mode:o}"


def test_what_is_installed_runs_and_finds_its_parts_and_its_configuration(tree, folder):
    with open(tree.config, "w") as file:
        file.write(PATTERN)
    env = environment(folder)
    run = Process([f"{tree.prefix}/bin/screenshare", "run", "--listen", "127.0.0.1:0"], env)
    match = run.wait_line(r"^READY http://(\S+):(\d+)/$", 15)
    address = (match.group(1), int(match.group(2)))
    answer = web.get(address, "/d.jpg")
    assert answer.status == 200
    assert PIL.Image.open(io.BytesIO(answer.body)).size == (96, 64)
    paths = {os.readlink(f"/proc/{pid}/exe") for pid in descendants(run.pid)}
    assert {f"{tree.prefix}/libexec/screenshare/screenshare-{name}" for name in ("httpd", "screen")} <= paths
    status, _, _ = run_to_end([f"{tree.prefix}/bin/screenshare", "status"], env)
    assert status == 0
    run.end()


def exec_lines(text):
    return re.findall(r"^Exec(?:Start|StartPre|Reload)=(\S+)(.*)$", text, re.M)


def test_units_start_what_is_installed(tree):
    for kind in ("system", "user"):
        programs = set()
        for name, text in tree.units(kind).items():
            assert "@" not in re.sub(r"modprobe@|@(system-service|privileged|resources|\w+)", "", text), name
            for path, arguments in exec_lines(text):
                assert os.access(path.lstrip("-+"), os.X_OK), (name, path)
                if "/screenshare-" in path:
                    programs.add(os.path.basename(path))
        assert programs >= {f"screenshare-{name}" for name in ("httpd", "screen", "camera", "audio")}
    for path, arguments in exec_lines(tree.units("system")["screenshare.service"]):
        if path.endswith("-httpd"):
            assert f"--config {tree.config}" in arguments


def test_user_units_are_the_same_without_what_only_the_system_can_give(tree):
    system, user = tree.units("system"), tree.units("user")
    assert set(user) == set(system)
    for name, text in user.items():
        for line in text.splitlines():
            assert not SYSTEMS_ALONE.match(line), (name, line)
            assert not re.search(r"[= ]/(run|var)/", line), (name, line)
        # The same sockets under the same names, the same order, the same bounds on restarts.
        for key in ("FileDescriptorName", "Requires", "Conflicts", "PartOf", "StopPropagatedFrom",
                    "StartLimitIntervalSec", "TriggerLimitIntervalSec", "RestartPreventExitStatus", "Type"):
            lines = [re.findall(rf"^{key}=.*", unit, re.M) for unit in (system[name], text)]
            assert lines[0] == lines[1], (name, key)
    assert "ListenStream=8001" in user["screenshare.socket"]
    assert "ListenSequentialPacket=%t/screenshare/screen.sock" in user["screenshare-screen.socket"]


def test_systemd_makes_the_users(folder):
    # At boot it would only warn of what it does not like; a package is not installed then.
    os.mkdir(f"{folder}/etc")
    status, _, errors = run_to_end(["systemd-sysusers", f"--root={folder}", f"{ROOT}/systemd/sysusers.conf"])
    assert status == 0, errors
    with open(f"{folder}/etc/passwd") as file:
        users = {line.split(":")[0] for line in file}
    named = {name for path in glob.glob(f"{ROOT}/systemd/*") if os.path.isfile(path)
             for name in re.findall(r"^(?:Socket)?User=(.*)$", open(path).read(), re.M)}
    assert named - {"root"} <= users


def port_of_unit():
    with open(f"{ROOT}/systemd/screenshare.socket") as file:
        return re.search(r"^ListenStream=(\d+)$", file.read(), re.M)[1]


def test_firewalls_open_the_port_of_the_unit():
    with open(f"{ROOT}/conf/ufw") as file:
        assert re.search(r"^ports=(.*)$", file.read(), re.M)[1] == f"{port_of_unit()}/tcp"
    service = xml.etree.ElementTree.parse(f"{ROOT}/conf/firewalld.xml").getroot()
    assert service.tag == "service"
    assert service.find("port").attrib == {"protocol": "tcp", "port": port_of_unit()}


def test_another_install_keeps_the_configuration_and_uninstall_takes_the_rest_away(tree):
    with open(tree.config, "w") as file:
        file.write(PATTERN)
    tree.make("install")
    with open(tree.config) as file:
        assert file.read() == PATTERN
    tree.make("uninstall")
    assert tree.files() == {"etc/screenshare/screenshare.conf"}
    os.unlink(tree.config)
    tree.make("install")
    tree.make("uninstall")
    assert tree.files() == set()


def test_a_package_may_be_made_below_a_path_with_spaces(tree, folder):
    into = f"{folder}/of a package"
    tree.make("install", f"DESTDIR={into}")
    assert os.path.exists(f"{into}{tree.prefix}/bin/screenshare") and os.path.exists(f"{into}{tree.config}")
    tree.make("uninstall", f"DESTDIR={into}")
    assert not [name for _, _, names in os.walk(into) for name in names]


# --- debian/ says the same as the Makefile ---


def test_the_package_is_built_with_what_the_makefile_installs_for_building():
    with open(f"{ROOT}/debian/control") as file:
        lines = re.findall(r"^ ([a-z0-9.+-]+(?: \| [a-z0-9.+-]+)*),?$", file.read(), re.M)
    needs = {name for line in lines for name in line.split(" | ")}
    question = ["--eval", "print-packages:; @echo $(PACKAGES_build)", "print-packages"]
    makefile = subprocess.run(["make", "-s", "--no-print-directory", *question], cwd=ROOT, check=True,
                              stdout=subprocess.PIPE, text=True).stdout
    # What every package build has; what npm needs beforehand; what is only wanted to run.
    besides = {"build-essential", "nodejs", "npm", "libasound2-plugins"}
    assert set(makefile.split()) - besides <= needs


def test_the_packages_own_test_passes():
    """autopkgtest runs it where the package is installed."""
    path = os.path.dirname(program("screenshare")) + ":" + os.environ["PATH"]
    status, out, err = run_to_end(["sh", f"{ROOT}/debian/tests/share"], os.environ | {"PATH": path}, deadline_s=120)
    assert status == 0, f"{out}\n{err}"
    assert "Test picture, 96x64" in out


def commands_of_a_build(folder, *words, **environ):
    """What would compile, what would link."""
    lines = subprocess.run(["make", "-n", f"B={folder}/build", *words, "all"], cwd=ROOT, check=True, text=True,
                           stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                           env=make_environ(**environ)).stdout.replace("\\\n", " ").splitlines()
    compiled = [line for line in lines if re.search(r"\s-c .*\.c$", line)]
    assert len(compiled) > 100
    # From Debian 13 it is a library.
    assert [line for line in compiled if "/llhttp/" in line] or not os.path.exists("/usr/share/llhttp")
    linked = [line for line in lines if re.search(r" -o \S*/bin/screenshare\S* ", line)]
    assert len(linked) == 5
    return compiled, linked


@pytest.mark.parametrize("where", ("environment", "command line"))
def test_flags_of_the_caller_stand_beside_ours(folder, where):
    theirs = {"CC": "their-cc", "CPPFLAGS": "-DTHEIRS -D_FORTIFY_SOURCE=3", "CFLAGS": "-O1", "LDFLAGS": "-Wl,-O1"}
    words = [f"{key}={value}" for key, value in theirs.items()] if where == "command line" else []
    compiled, linked = commands_of_a_build(folder, *words, **(theirs if where == "environment" else {}))
    for line in compiled:
        for flag in ("their-cc", "-I.", "-DTHEIRS", "-D_FORTIFY_SOURCE=3", "-fPIE", "-O1"):
            assert flag in line.split(), line
        assert "-D_FORTIFY_SOURCE=2" not in line, line
    assert all("-isystem /usr/share/include/llhttp" in line for line in compiled if "obj/httpd/" in line)
    assert [line for line in compiled if "-DLIBEXECDIR=" in line]
    for line in linked:
        for flag in ("their-cc", "-pie", "-Wl,-z,relro,-z,now", "-Wl,-O1"):
            assert flag in line.split(), line


def test_everything_is_compiled_with_the_hardening_flags(folder):
    """Also what is not ours: llhttp is the first to see what strangers send."""
    for line in commands_of_a_build(folder)[0]:
        for flag in ("-fstack-protector-strong", "-D_FORTIFY_SOURCE=2", "-fPIE"):
            assert flag in line, line
