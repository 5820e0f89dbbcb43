# SPDX-License-Identifier: MIT
"""`screenshare doctor`: each fault is made, and must be found, in words that say what to do."""

import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from desktop_bus import Bus
from fake_camera import FAKE_BIN, FakeCamera
from process import Process, own_mounts, program, run_to_end, tool
from screenshare import QUICK, Httpd, Run, environment
from seat import AS_SERVICE, Seat, as_root
from soundserver import PulseAudio
from wait import slowness
from xserver import XServer

# In a mount namespace of its own, of root's as of anybody's.
NAMESPACE = ("unshare", "-m" if os.geteuid() == 0 else "-Urm", "sh", "-c")


class Findings:
    """What one examination has found."""

    def __init__(self, folder, *arguments, config="", no_config=False, prefix=(), command=None, env=None, **more):
        env = env or environment(folder, **more)
        argv = [*prefix, command or program("screenshare"), "doctor", "--json", *arguments]
        if not no_config:
            path = os.path.join(folder, "doctor.conf")
            with open(path, "w") as file:
                file.write(config)
            argv += ["--config", path]
        begin = time.monotonic()
        self.status, out, self.err = run_to_end(argv, env, 60)
        self.seconds = time.monotonic() - begin
        answer = json.loads(out)
        self.is_ok, self.all = answer["ok"], answer["findings"]
        assert self.status == (0 if self.is_ok else 1)
        assert self.is_ok == all(one["verdict"] != "wrong" for one in self.all)
        for one in self.all:  # whatever is wrong can be mended, and is said as a sentence
            assert one["verdict"] != "wrong" or one["remedy"], one
            assert one["words"] and not one["words"].endswith("."), one

    def of(self, check):
        return [one for one in self.all if one["check"] == check]

    def one(self, check, verdict, words, remedy=""):
        """There is such a finding; its words and its remedy match."""
        found = self.of(check)
        assert any(one["verdict"] == verdict and re.search(words, one["words"]) and
                   re.search(remedy, one["remedy"] or "") for one in found), (found, words, remedy)


    def silent(self, check, words, remedy):
        """… that something does not answer; which is no fault where this machine is too busy to tell."""
        if any("this computer is busy" in one["words"] for one in self.of(check)):
            self.one(check, "note", "in time: this computer is busy")
        else:
            self.one(check, "wrong", words, remedy)


@pytest.fixture
def bus(folder):
    return Bus(folder)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def everything(folder, x):
    """A display, sound and a camera; `run` shares them."""
    sound, camera = PulseAudio(folder), FakeCamera(folder)
    camera.plug()
    return {"display": x.display, **sound.client_env, **camera.env}


@pytest.fixture
def sharing(folder, everything, monkeypatch):
    monkeypatch.setattr("screenshare.program", lambda name: os.path.join(FAKE_BIN, name))
    return Run(folder, config=QUICK, listen="[::]:0", **everything)


CHECKS = ["configuration", "sharing", "units", "versions", "port", "addresses", "firewall", "visitors",
          "session", "daemons", "display", "encoder", "sound", "microphone", "camera", "files", "memory", "limits"]


def test_all_is_fine_while_it_runs(folder, sharing):
    found = Findings(folder, env=sharing.env, command=os.path.join(FAKE_BIN, "screenshare"))
    wrong = [one for one in found.all if one["verdict"] == "wrong"]
    # That there is a network, and no firewall, is not the test's to say.
    assert not [one for one in wrong if one["check"] not in ("addresses", "firewall")], wrong
    assert [check for check in CHECKS if not found.of(check)] == []
    port = sharing.address[1]
    found.one("sharing", "fine", f"`screenshare run` shares on port {port} for \\d+ s")
    found.one("port", "fine", f"Port {port} answers")
    found.one("daemons", "fine", "screen, camera and sound start and answer")
    found.one("display", "fine", f"{sharing.env['DISPLAY']} can be shown: 640 × 480 pixels, MIT-SHM, DAMAGE, RANDR")
    # How fast this machine is at the moment is not the test's to say, either.
    found.one("encoder", found.of("encoder")[0]["verdict"], r"compressed in [\d.]+ ms \(libjpeg-turbo \d")
    found.one("sound", "fine", "can be heard at one.monitor")
    found.one("microphone", "note", "No microphone is connected")
    found.one("camera", "fine", "320 × 240 pixels, 60 pictures a second, its own JPEG")
    found.one("versions", "fine", "and so is what runs")
    found.one("visitors", "note", "Nobody from another address has ever connected", rf"http://\S+:{port}/ on a phone")
    found.one("files", "fine", r"uploads can be written: room for \d+ MB")


def test_what_is_being_shared_needs_no_other_proof(folder, sharing):
    """Our own daemon has the camera, and that is no fault."""
    viewer = sharing.view("/c_video")
    viewer.wait_count(2)
    found = Findings(folder, env=sharing.env, command=os.path.join(FAKE_BIN, "screenshare"))
    found.one("camera", "fine", "It is being shared at the moment")
    assert len(found.of("camera")) == 1


def test_nothing_runs(folder):
    found = Findings(folder, f"--port={free_port()}")
    found.one("sharing", "wrong", "Nothing is being shared", "screenshare run")
    found.one("port", "fine", "is free")
    found.one("display", "wrong", "No display is set", "terminal of the desktop")
    found.one("sound", "wrong", "No sound server", "systemctl --user start pipewire-pulse")
    found.one("camera", "note", "No camera is connected")
    assert found.seconds < 6 * slowness()


def test_the_page_of_a_terminal_says_the_same(folder):
    env = environment(folder, COLUMNS="60", TERM="xterm")
    argv = [program("screenshare"), "doctor", "--port", str(free_port())]
    status, out, err = run_to_end(argv, env)
    lines = out.splitlines()
    assert status == 1 and not err and "\033" not in out
    assert all(re.match(r"(fine |note |wrong) +[a-z]+ +\S| {22}( {2})?\S|\d+ things? |$", line) for line in lines), out
    # Broken at spaces: only what cannot be broken is longer.
    assert all(len(line) <= 60 or " " not in line[24:].strip() for line in lines), out
    assert lines[-1] == f"{out.count('wrong  ')} things are to be done"
    status, out, _ = run_to_end(["script", "-qec", " ".join(argv), "/dev/null"], env)
    assert status == 1 and "✗" in out and "\033[" in out


@pytest.mark.parametrize("config, wanted", [
    ("[screen]\nrate = 61\n", r"doctor\.conf:2: \[screen\] rate: expected a whole number from 1 to 60, found \"61\""),
    ("[screen]\nspeed = 1\n", r"doctor\.conf:2: \[screen\] speed: unknown key"),
    ("rate\n", r"doctor\.conf:1: "),
])
def test_a_wrong_configuration_names_file_line_and_key(folder, config, wanted):
    found = Findings(folder, config=config)
    found.one("configuration", "wrong", wanted, "screenshare.conf")


def test_a_port_that_another_program_has(folder):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        found = Findings(folder, f"--port={port}")
        found.one("port", "wrong", rf"Another program listens on port {port}: \S+ \(process {os.getpid()}\)",
                  rf"screenshare run --listen \[::\]:{port + 1}")


def test_a_server_that_hangs(folder):
    run = Run(folder, config="[screen]\nsource = pattern\n")
    pid = run.httpd()
    os.kill(pid, signal.SIGSTOP)
    try:
        found = Findings(folder, env=run.env)
    finally:
        os.kill(pid, signal.SIGCONT)
    found.one("sharing", "wrong", "runs, and does not answer", "start it again")
    found.one("port", "wrong", f"Port {run.address[1]} does not answer", "run")
    assert found.seconds < 8 * slowness()


def test_daemons_that_do_not_answer(folder, everything, monkeypatch):
    """The screen's hangs; the camera's ends at once, whenever it is started."""
    away = os.path.join(folder, "bin")
    os.mkdir(away)
    for name in ("screenshare", "screenshare-httpd", "screenshare-screen", "screenshare-audio"):
        os.link(program(name), os.path.join(away, name))
    with open(os.path.join(away, "screenshare-camera"), "w") as file:
        file.write("#!/bin/sh\nexit 3\n")
    os.chmod(file.name, 0o755)
    monkeypatch.setattr("screenshare.program", lambda name: os.path.join(away, name))
    run = Run(folder, **everything)
    viewer = run.view()
    viewer.wait_count(1)
    pid = run.wait_daemon()
    os.kill(pid, signal.SIGSTOP)
    try:
        found = Findings(folder, env=run.env, command=os.path.join(away, "screenshare"))
    finally:
        os.kill(pid, signal.SIGCONT)
    found.silent("daemons", "The screen daemon does not answer", "run")
    found.silent("daemons", "The camera daemon does not answer", "run")
    assert not [one for one in found.of("daemons") if "audio" in one["words"]]


def test_it_listens_for_this_computer_alone(folder):
    run = Run(folder, config="[screen]\nsource = pattern\n", listen="127.0.0.1:0")
    found = Findings(folder, env=run.env)
    found.one("addresses", "wrong", "(for this computer alone|no address)", "(--listen 127.0.0.1|Connect)")
    found.one("visitors", "note", "nobody can: it listens for this computer alone")
    assert "http" not in str(found.of("addresses") + found.of("visitors")), "there is no address to open"


NETWORK = """ip link set lo up
ip link add wlan7 type veth peer name wlan8
ip address add 192.0.2.7/24 dev wlan7
ip address add 198.51.100.7/24 dev wlan8
ip link set wlan7 up
ip link set wlan8 up
"""


@as_root
def test_it_listens_at_one_of_the_addresses_alone(folder):
    """All in a network that is the test's own: what others are told to open is what is listened on."""
    listen = f"192.0.2.7:{free_port()}"
    with open(f"{folder}/run.conf", "w") as file:
        file.write("[screen]\nsource = pattern\n")
    script = (f'{NETWORK}{program("screenshare")} run --listen {listen} --config {folder}/run.conf >{folder}/out 2>&1 &\n'
              f'pid=$!\nuntil grep -q ^READY {folder}/out; do [ -d /proc/$pid ] || exit 9; done\n'
              f'"$@"; status=$?\nkill $pid\nwait $pid\nexit $status')
    found = Findings(folder, prefix=("unshare", "-mn", "sh", "-c", script, "-"))
    found.one("addresses", "note", f"Only at addresses of virtual networks: http://{listen}/ \\(wlan7\\)$")
    found.one("visitors", "note", "Nobody from another address", f"Open http://{listen}/ on a phone")
    found.one("port", "fine", f"Port {listen.split(':')[1]} answers")


# --- displays ---


def test_a_display_that_is_not_there(folder):
    found = Findings(folder, display=":4711")
    found.one("display", "wrong", "The display :4711 cannot be reached", "Log in")
    assert found.of("encoder")


def test_a_display_that_refuses(folder):
    auth = os.path.join(folder, "auth")
    # The server's number is only known when it runs, but any key of its own keeps us out.
    subprocess.run(["xauth", "-f", auth, "add", ":0", "MIT-MAGIC-COOKIE-1", os.urandom(16).hex()], check=True,
                   stderr=subprocess.DEVNULL)
    server = XServer(auth=auth)
    found = Findings(folder, display=server.display)
    found.one("display", "wrong", f"The display {server.display} refuses this user", "xhost")


def test_a_display_that_hangs(folder, x):
    x.process.signal(signal.SIGSTOP)
    try:
        found = Findings(folder, display=x.display)
    finally:
        x.process.signal(signal.SIGCONT)
    found.one("display", "wrong", "accepts connections and does not answer", "display-manager")
    assert found.of("encoder") or "this computer is busy" in str(found.of("display")), found.all
    assert found.seconds < 6 * slowness()


def test_a_wayland_desktop(folder):
    found = Findings(folder, WAYLAND_DISPLAY="wayland-0")
    found.one("display", "wrong", "uses Wayland", "on Xorg")


def test_a_monitor_that_is_not_connected(folder, x):
    found = Findings(folder, display=x.display, config="[screen]\nmonitor = HDMI-9\n")
    found.one("display", "wrong", "The monitor HDMI-9 is not connected", "xrandr --listmonitors")


# --- sound and camera ---


def test_a_sound_server_that_hangs(folder):
    sound = PulseAudio(folder)
    sound.signal(signal.SIGSTOP)
    try:
        found = Findings(folder, **sound.client_env)
    finally:
        sound.signal(signal.SIGCONT)
    found.one("sound", "wrong", "does not answer", "restart pipewire-pulse")
    assert found.seconds < 6 * slowness()


def test_no_sound_is_wanted(folder):
    found = Findings(folder, config="[audio]\nsources = none\n")
    found.one("sound", "note", "No sound server")


def test_a_microphone(folder):
    sound = PulseAudio(folder)
    sound.add_microphone("studio")
    found = Findings(folder, **sound.client_env)
    found.one("microphone", "fine", "studio is shut until screenshare unmute microphone")


@pytest.mark.parametrize("mode, words, remedy", [
    ("busy", "Another program is using the camera", "fuser"),
    ("denied", "may not be used", "usermod -aG video NAME; .* screenshare-camera, .*systemctl restart screenshare"),
])
def test_a_camera_that_cannot_be_had(folder, mode, words, remedy):
    camera = FakeCamera(folder)
    camera.plug()
    camera.set(mode)
    found = Findings(folder, command=os.path.join(FAKE_BIN, "screenshare"), **camera.env)
    found.one("camera", "wrong", words, remedy)


def test_a_camera_that_hangs(folder):
    camera = FakeCamera(folder)
    camera.plug()
    camera.set("stuck")
    found = Findings(folder, command=os.path.join(FAKE_BIN, "screenshare"), **camera.env)
    found.silent("camera", "screenshare-camera has not answered within two seconds", "try again")
    assert found.seconds < 7 * slowness()


# --- files, memory, limits ---


def test_a_folder_that_is_read_only(folder):
    shared = os.path.join(folder, "shared")
    os.mkdir(shared)
    read_only = own_mounts(f"mount --bind {shared} {shared} && mount -o remount,bind,ro {shared}")
    found = Findings(folder, config=f"[files]\nfolder = {shared}\n", prefix=read_only)
    found.one("files", "wrong", f"{shared} cannot be used: Read-only file system", "choose another .* folder")


def test_a_folder_that_is_none(folder):
    path = os.path.join(folder, "file")
    open(path, "w").close()
    found = Findings(folder, config=f"[files]\nfolder = {path}\n")
    found.one("files", "wrong", f"{path} cannot be used: Not a directory", "Correct")


def test_a_full_disk(folder):
    found = Findings(folder, config="[files]\nfree_mb = 1000000000\n")
    found.one("files", "wrong", "is full: \\d+ MB are free, 1000000000 are kept", "Delete")


def test_nobody_may_send_files(folder):
    found = Findings(folder, config="[files]\nuploads = no\n")
    found.one("files", "note", "Nobody may send files")


@pytest.mark.parametrize("size, words, remedy", [
    ("4k", "No shared memory can be had in /dev/shm: No space left", "what fills it"),
    ("8m", "/dev/shm has 8 of 8 MB free", "remount,size="),
])
def test_shared_memory_that_is_short(folder, size, words, remedy):
    found = Findings(folder, prefix=own_mounts(f"mount -t tmpfs -o size={size} none /dev/shm"))
    found.one("memory", "wrong", words, remedy)


def test_too_few_files_may_be_open(folder):
    found = Findings(folder, prefix=("sh", "-c", 'ulimit -n 500 && exec "$@"', "-"))
    found.one("limits", "wrong", "1024 connections are configured", "ulimit -n 1280")


# --- what is installed ---


def installed_but(folder, replaced, script):
    """The command beside the other programs, one of which is this script."""
    away = os.path.join(folder, "bin")
    os.mkdir(away)
    for name in ("screenshare", *("screenshare-" + one for one in ("httpd", "screen", "camera", "audio"))):
        if name != replaced:
            os.link(program(name), os.path.join(away, name))
    with open(os.path.join(away, replaced), "w") as file:
        file.write("#!/bin/sh\n" + script)
    os.chmod(file.name, 0o755)
    return os.path.join(away, "screenshare")


def test_a_program_of_another_version(folder):
    """As after half an upgrade."""
    command = installed_but(folder, "screenshare-camera", "echo screenshare-camera 0.0.9\n")
    found = Findings(folder, command=command)
    found.one("versions", "wrong", r"screenshare-camera is of version 0\.0\.9, this command of \d", "reinstall")
    found.one("camera", "wrong", "screenshare-camera could not look", "Install")


def test_a_program_that_hangs_is_left_alone(folder):
    audio = program("screenshare-audio")
    script = f'[ "$1" = --version ] && exec "{audio}" "$@"\nexec sleep 60\n'
    found = Findings(folder, command=installed_but(folder, "screenshare-audio", script))
    found.silent("sound", "screenshare-audio has not answered within two seconds", "try again")
    assert found.seconds < 7 * slowness()


# --- firewalls: the kernel's, in a network of its own; ufw's files, in an /etc of its own ---

INPUT = """nft add table inet filter
nft add chain inet filter input '{ type filter hook input priority 0; policy %s; }'
"""


def rule(*words):
    return f"nft add rule inet filter input {' '.join(words)}\n"


EARLY = """nft add table inet filter
nft add chain inet filter early '{ type filter hook prerouting priority -150; policy %s; }'
"""
NAT = """nft add table inet filter
nft add chain inet filter nat '{ type nat hook prerouting priority -100; }'
"""
INGRESS = """ip link add wlan7 type veth peer name wlan8
nft add table netdev filter
nft add chain netdev filter ingress '{ type filter hook ingress device wlan7 priority 0; }'
"""


def early(*words):
    return f"nft add rule inet filter early {' '.join(words)}\n"


OWN_CHAIN = "nft add table inet filter\nnft add chain inet filter own\nnft add rule inet filter own tcp dport 8001 drop\n"
# What every ruleset that drops accepts, which says nothing of a port.
USUAL = (INPUT % "drop" + rule("iifname lo", "accept") + rule("ct state established,related", "accept") +
         rule("ct state invalid", "drop") + rule("icmp type echo-request", "accept"))


@pytest.mark.parametrize("rules, verdict, words, remedy", [
    ("", "fine", "No firewall of this computer is active", ""),
    (INPUT % "accept", "fine", "No firewall", ""),
    (INPUT % "drop", "wrong", "no rule accepts port 8001", "tcp dport 8001 accept"),
    (INPUT % "drop" + "nft add rule inet filter input tcp dport 8001 accept", "fine", "a rule accepts port 8001", ""),
    (INPUT % "drop" + "nft add rule inet filter input tcp dport '{ 22, 8001 }' accept", "fine", "accepts port 8001", ""),
    (INPUT % "drop" + "nft add rule inet filter input tcp dport 18001 accept", "wrong", "no rule accepts", "nft"),
    (INPUT % "drop" + "nft add rule inet filter input tcp dport 8001 drop", "wrong", "no rule accepts", "nft"),
    (INPUT % "accept" + "nft add rule inet filter input tcp dport 1-9000 reject", "wrong", "no rule accepts", "nft"),
    (USUAL + rule("tcp dport 22", "accept"), "wrong", "no rule accepts", "nft"),
    (USUAL + rule("ip saddr 10.0.0.9", "drop"), "wrong", "no rule accepts", "nft"),
    (USUAL + rule("log prefix '\"accept tcp dport 8001 accept\"'"), "wrong", "no rule accepts", "nft"),
    (USUAL + rule("udp dport 8001", "accept"), "wrong", "no rule accepts", "nft"),
    (USUAL + rule("counter", "reject with icmpx port-unreachable") + rule("tcp dport 8001", "accept"), "wrong", "no rule", "nft"),
    (USUAL + rule("ct state new tcp dport 8000-8100", "accept"), "fine", "a rule accepts port 8001", ""),
    (USUAL + rule("ip saddr 192.168.0.0/16", "accept") + rule("tcp dport 8001", "accept"), "fine", "accepts port 8001", ""),
    (USUAL + rule("ip saddr 192.168.0.0/16", "accept"), "note", "whether they let others to port 8001", "sudo nft list ruleset"),
    (USUAL + rule("ip saddr 10.0.0.9", "drop") + rule("tcp dport 8001", "accept"), "note", "cannot be told", "nft"),
    (USUAL + rule("tcp dport '!=' 22", "accept"), "note", "cannot be told", "nft"),
    (INPUT % "accept" + rule("ip saddr 10.0.0.9", "drop"), "note", "cannot be told", "nft"),
    (INPUT % "accept" + rule("ip saddr 10.0.0.9", "reject with icmp port-unreachable"), "note", "cannot be told", "nft"),
    (INPUT % "accept" + rule("tcp dport 8001 limit rate over 9/second", "drop"), "note", "cannot be told", "nft"),
    (INPUT % "accept" + rule("ct state invalid", "drop") + rule("tcp dport 22", "drop"), "fine", "No firewall", ""),
    (OWN_CHAIN + INPUT % "accept" + rule("jump own"), "note", "cannot be told", "nft"),
    (OWN_CHAIN + USUAL + rule("jump own"), "note", "cannot be told", "nft"),
    (EARLY % "drop", "wrong", "no rule accepts", "nft"),
    (EARLY % "accept" + early("tcp dport 8001", "drop"), "wrong", "no rule accepts", "nft"),
    (EARLY % "accept" + early("ip saddr 10.0.0.9", "drop"), "note", "cannot be told", "nft"),
    (EARLY % "accept" + early("fib saddr . iif oif missing", "drop"), "fine", "No firewall", ""),
    (NAT + "nft add rule inet filter nat tcp dport 80 redirect to :8001", "fine", "No firewall", ""),
    (INGRESS + "nft add rule netdev filter ingress tcp dport 8001 drop", "wrong", "no rule accepts", "nft"),
], ids=["none", "accept", "drop", "rule", "set", "another-port", "dropped", "rejected", "ssh-only", "banned", "quoted", "udp",
        "reject-at-the-end", "new-in-range", "some-and-all", "some", "banned-first", "all-but-one", "fail2ban", "sshguard",
        "too-many", "nothing-of-ours", "jump", "jump-and-drop", "prerouting-policy", "prerouting", "prerouting-some",
        "reverse-path", "redirected", "ingress"])
def test_what_the_kernel_drops(folder, rules, verdict, words, remedy):
    own = "-mn" if os.geteuid() == 0 else "-Urmn"
    found = Findings(folder, prefix=("unshare", own, "sh", "-c", f'set -e\n{OWN_ETC}{rules}\nexec "$@"', "-"))
    found.one("firewall", verdict, words, remedy)
    found.one("addresses", "wrong", "no address at which another could reach it", "nmcli")


OWN_ETC = """mount -t tmpfs none /mnt
mkdir /mnt/upper /mnt/work
mount -t overlay overlay -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work /etc
mkdir -p /etc/ufw
echo ENABLED=no >/etc/ufw/ufw.conf
"""


@pytest.mark.parametrize("rules, verdict, words, remedy", [
    ("", "wrong", "ufw is active, and port 8001 is shut", "sudo ufw allow 8001/tcp"),
    ("### tuple ### allow tcp 8001 0.0.0.0/0 any 0.0.0.0/0 in", "fine", "ufw is active, and port 8001 is open", ""),
    ("### tuple ### deny tcp 8001 0.0.0.0/0 any 0.0.0.0/0 in", "wrong", "is shut", "ufw allow"),
    ("### tuple ### allow udp 8001 0.0.0.0/0 any 0.0.0.0/0 in", "wrong", "is shut", "ufw allow"),
    ("### tuple ### allow tcp 80,8001 0.0.0.0/0 any 0.0.0.0/0 in", "fine", "port 8001 is open$", ""),
    ("### tuple ### limit tcp 8000:8100 0.0.0.0/0 any 0.0.0.0/0 in comment=61", "fine", "port 8001 is open$", ""),
    ("### tuple ### allow tcp 80,8002:8100 0.0.0.0/0 any 0.0.0.0/0 in", "wrong", "is shut", "ufw allow"),
    ("### tuple ### allow any any 0.0.0.0/0 any 192.168.1.0/24 in", "fine", "port 8001 is open to some", ""),
    ("### tuple ### allow any any 0.0.0.0/0 any 0.0.0.0/0 in_tun0", "fine", "port 8001 is open to some", ""),
    ("### tuple ### allow any any 0.0.0.0/0 any 0.0.0.0/0 out", "wrong", "is shut", "ufw allow"),
    ("### tuple ### route:allow any any 0.0.0.0/0 any 0.0.0.0/0 in", "wrong", "is shut", "ufw allow"),
    ("### tuple ### deny tcp 8001 0.0.0.0/0 any 0.0.0.0/0 in\n### tuple ### allow any any 0.0.0.0/0 any 0.0.0.0/0 in",
     "wrong", "is shut", "ufw allow"),
], ids=["none", "allow", "deny", "udp", "list", "range", "not-in-list", "lan", "interface", "out", "routed", "deny-first"])
def test_ufw(folder, rules, verdict, words, remedy):
    script = f'set -e\n{OWN_ETC}echo ENABLED=yes >/etc/ufw/ufw.conf\necho "{rules}" >/etc/ufw/user.rules\nexec "$@"'
    found = Findings(folder, prefix=(*NAMESPACE, script, "-"))
    found.one("firewall", verdict, words, remedy)


def test_ufw_that_lets_in_by_default(folder):
    script = (f"set -e\n{OWN_ETC}echo ENABLED=yes >/etc/ufw/ufw.conf\n: >/etc/ufw/user.rules\n"
              # A folder of the overlay that is root's is still that: whoever is not may only cover it.
              "mount -t tmpfs none /etc/default\n"
              "echo 'DEFAULT_INPUT_POLICY=\"ACCEPT\"' >/etc/default/ufw\nexec \"$@\"")
    Findings(folder, prefix=(*NAMESPACE, script, "-")).one("firewall", "fine", "port 8001 is open$")


@pytest.mark.parametrize("allowed, verdict, words, remedy", [
    ([], "wrong", "port 8001 is shut in its default zone", "firewall-cmd --add-port=8001/tcp"),
    (["22/tcp", "8001/tcp"], "fine", "port 8001 is open in its default zone", ""),
    (["8000-8010/tcp"], "fine", "is open", ""),
    (["8002-8010/tcp", "8000/tcp", "8001/udp", "8000-8010/udp"], "wrong", "is shut", "--add-port"),
    (["ssh=22/tcp", "screenshare=8001/tcp"], "fine", "is open", ""),
    (["tv=8000-8010/tcp"], "fine", "is open", ""),
    (["screenshare=9000/tcp"], "wrong", "is shut", "--add-port"),
    (["refuse"], "note", "it does not tell this user", "--query-port 8001/tcp"),
], ids=["none", "port", "range", "others", "service", "service-range", "service-elsewhere", "silent"])
def test_firewalld(folder, bus, allowed, verdict, words, remedy):
    env = {"DBUS_SYSTEM_BUS_ADDRESS": bus.env["DBUS_SESSION_BUS_ADDRESS"]}
    Process([tool("fake_firewalld"), *allowed], {**os.environ, **env}).wait_line("^READY$")
    found = Findings(folder, prefix=(*NAMESPACE, f'set -e\n{OWN_ETC}exec "$@"', "-"), **env)
    found.one("firewall", verdict, words, remedy)


# --- the service: a systemd and a logind that the test speaks for, accounts and a /run of its own ---

OWN_RUN = """set -e
mount --bind %s /etc/passwd
mount -t tmpfs none /run
mkdir -p /run/systemd/seats /run/systemd/sessions /run/user/61001/pulse
touch /run/systemd/seats/seat0
"""
ANN_IS_LOGGED_IN = """printf 'ACTIVE=1\\nACTIVE_UID=61001\\n' >/run/systemd/seats/seat0
printf 'TYPE=x11\\nCLASS=user\\nDISPLAY=:4711\\n' >/run/systemd/sessions/1
"""


class Service:
    """It is installed and does not run; `unit` is what screenshare.service says (fake_systemd.c)."""

    def __init__(self, folder, *unit):
        self.folder, self.seat = folder, Seat(folder)
        Process([tool("fake_systemd"), *unit], {**os.environ, **self.seat.env}).wait_line("^READY$")

    def find(self, config="", script="", **more):
        own = OWN_RUN % self.seat.accounts + script
        return Findings(self.folder, config=config, prefix=(*NAMESPACE, own + 'exec "$@"', "-"),
                        **self.seat.env, **more)

    def end(self):
        self.seat.end()


@pytest.fixture
def service(folder):
    started = []

    def start(*unit):
        started.append(Service(folder, *unit))
        return started[0]
    yield start
    for one in started:
        one.end()


@as_root
def test_a_fixed_user_needs_nobody_to_be_logged_in(folder, x, service):
    sound = PulseAudio(folder)
    path = sound.client_env["PULSE_SERVER"].removeprefix("unix:")
    for part in (path, *(path.rsplit("/", n)[0] for n in (1, 2, 3))):  # ann may come in
        os.chmod(part, 0o777)
    found = service().find(f"[screen]\ndisplay = {x.display}\n[session]\nfixed_user = ann\n",
                           f"ln -s {path} /run/user/61001/pulse/native\nchown -R 61001 /run/user/61001\n")
    found.one("session", "fine", "The screen is captured by the user ann, whoever is logged in")
    found.one("display", "fine", f"{x.display} can be shown")
    # As the daemon finds it: below the user's own folder in /run/user.
    found.one("sound", "fine", "can be heard")


@as_root
@pytest.mark.parametrize("name, words", [("nobody-at-all", "There is no user nobody-at-all"), ("root", "of root is never")])
def test_a_fixed_user_that_cannot_be(service, name, words):
    service().find(f"[session]\nfixed_user = {name}\n").one("session", "wrong", words, "fixed_user")


@as_root
@pytest.mark.parametrize("config, words, unwanted", [
    ("", "nothing of it is shown until it is unlocked", "show_locked"),
    ("[session]\nshow_locked = yes\n", "ann has locked the screen, .*show_locked = yes", "nothing of it"),
], ids=["hidden", "shown"])
def test_a_locked_screen(service, config, words, unwanted):
    one = service()
    one.seat.say(one.seat.ann.session(number=31))  # on the bus that is the session "1"
    one.seat.say("hint 1")
    found = one.find(config, ANN_IS_LOGGED_IN)
    found.one("session", "note", words)
    assert unwanted not in found.of("session")[0]["words"]


@as_root
def test_nobody_is_logged_in(service):
    service().find().one("session", "wrong", "Nobody is logged in", "Log in")


@as_root
@pytest.mark.parametrize("listen, verdict, words", [
    ("127.0.0.1:8001", "wrong", "for this computer alone"), ("[::1]:8001", "wrong", "for this computer alone"),
    ("[::]:8001", "note", "http://192.0.2.7:8001/"), ("80", "note", "http://192.0.2.7/ ")])
def test_what_the_service_would_listen_on(service, listen, verdict, words):
    one = service(f"ListenStream={listen}")
    script = OWN_RUN % one.seat.accounts + NETWORK + 'exec "$@"'
    found = Findings(one.folder, prefix=("unshare", "-mn", "sh", "-c", script, "-"), **one.seat.env)
    found.one("addresses", verdict, words)


@as_root
def test_sudo_looks_at_what_the_one_who_called_it_shares(folder):
    """… with that user's files and rights; and at the firewall with root's."""
    seat = Seat(folder)
    ann = os.path.join(folder, "ann")
    as_ann = (*AS_SERVICE, seat.accounts, "setpriv", f"--reuid={seat.ann.uid}", f"--regid={seat.ann.uid}", "--clear-groups")
    home = environment(ann, HOME=ann)
    os.makedirs(f"{ann}/.config/screenshare")
    with open(f"{ann}/.config/screenshare/screenshare.conf", "w") as file:
        file.write("[screen]\nsource = pattern\n")
    os.chmod(file.name, 0o600)
    for path, _, files in os.walk(ann):
        for one in ("", *files):
            seat.ann.owns(os.path.join(path, one))
    del home["XDG_CONFIG_HOME"], home["XDG_STATE_HOME"]
    script = (OWN_RUN % seat.accounts + "mkdir -p /run/user/61001\nchmod 700 /run/user/61001\n"
              f'mount --bind {ann}/runtime /run/user/61001\nexec "$@"')
    sudo = {"SUDO_UID": "61001", "HOME": "/root"}

    def look():
        env = environment(folder, **sudo, **seat.env)
        for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):  # sudo passes none of them on
            del env[name]
        path = f"{ann}/.config/screenshare/screenshare.conf"
        found = Findings(folder, env=env, prefix=(*NAMESPACE, script, "-"), no_config=True)
        found.one("configuration", "fine", f"{path} can be read")
        return found

    found = look()
    found.one("sharing", "wrong", "Nothing is being shared", "screenshare run")
    found.one("session", "fine", "here that of ann")
    run = Process([*as_ann, program("screenshare"), "run", "--listen", "127.0.0.1:0"], home)
    port = run.wait_line(r"^READY http://\S+:(\d+)/$")[1]
    found = look()
    found.one("sharing", "fine", f"`screenshare run` shares on port {port} for")
    found.one("port", "fine", f"Port {port} answers")
    found.one("session", "fine", "here that of ann")
    found.one("daemons", "fine", "The daemons of screen, camera and sound start and answer")
    found.one("files", "fine", f"{ann}/.local/state/screenshare/uploads can be written")
    made = f"{ann}/.local/state/screenshare"
    assert os.stat(made).st_uid == seat.ann.uid
    run.end()
    seat.end()


def test_a_users_own_service(folder):
    """Its server is played by one that was started alone (as in test_run_command.py)."""
    os.makedirs(f"{folder}/own/state-home")
    server = Httpd(f"{folder}/own")
    env = environment(folder)
    os.makedirs(f"{env['XDG_RUNTIME_DIR']}/screenshare")
    os.symlink(f"{server.runtime}/control.sock", f"{env['XDG_RUNTIME_DIR']}/screenshare/control.sock")
    found = Findings(folder, env=env)
    found.one("sharing", "fine", "Your own service has shared for")
    found.one("port", "fine", f"Port {server.address[1]} answers")
    found.one("session", "fine", "Your own service shows the desktop of")
    found.one("daemons", "wrong", "cannot be started", "journalctl --user -u 'screenshare")
    assert not [one for one in found.all if "screenshare run" in one["words"] + (one["remedy"] or "")]
    server.process.signal(signal.SIGSTOP)
    try:
        found = Findings(folder, env=env)
    finally:
        server.process.signal(signal.SIGCONT)
    found.one("sharing", "wrong", "Your own service runs, and does not answer", "systemctl --user restart screenshare")


@as_root
@pytest.mark.parametrize("unit, path, verdict, words, remedy", [
    ([], "/srv/share", "wrong", "may not write to /srv/share", "ReadWritePaths=/srv/share"),
    ([], "/home/me/shared", "wrong", "cannot see /home/me/shared", "BindPaths=/home/me/shared:/srv/share(.|\n)*setfacl"),
    (["ReadWritePaths=/home/me"], "/home/me/shared", "wrong", "cannot see /home/me/shared", "BindPaths="),
    (["BindPaths=/srv/a:/home/me"], "/home/me", "wrong", "cannot see /home/me", "BindPaths="),
    (["ProtectHome=tmpfs", "BindPaths=/srv/a:/home/me"], "/home/me", "note", "another folder", ""),
    (["ProtectHome=read-only"], "/home/me", "wrong", "may not write to /home/me", "ReadWritePaths=/home/me"),
    (["ReadWritePaths=/tmp"], "/tmp/shared", "wrong", "cannot see /tmp/shared", "BindPaths="),
    (["PrivateTmp=0"], "/tmp/shared", "wrong", "may not write to /tmp/shared", "ReadWritePaths="),
    (["BindPaths=/home/me/shared:/srv/share"], "/srv/share", "note", "At /srv/share .* another folder .BindPaths", "journal"),
    (["BindPaths=/home/me/shared:/srv/other"], "/srv/share", "wrong", "may not write to /srv/share", "ReadWritePaths="),
], ids=["read-only", "home", "home-writable", "bound-in-home", "bound-in-tmpfs", "home-is-read-only", "tmp", "no-private-tmp",
        "bound", "bound-elsewhere"])
def test_a_folder_that_the_service_does_not_reach(service, unit, path, verdict, words, remedy):
    found = service(*unit).find(f"[files]\nfolder = {path}\n")
    found.one("files", verdict, words, remedy)
    assert len(found.of("files")) == 1


# --- who is let in ---


def test_somebody_from_elsewhere_has_come(folder):
    state = os.path.join(folder, "state")
    os.mkdir(state)
    with open(os.path.join(state, "last-visitor"), "w") as file:
        file.write(f"{int(time.time()) - 3700} 192.168.1.20\n")
    run = Run(folder, config="[screen]\nsource = pattern\n")
    found = Findings(folder, env=run.env)
    found.one("visitors", "fine", r"the last came 1 h 1 min ago from 192\.168\.1\.20")
    # Then no firewall is a fault that is proved.
    script = f'set -e\n{OWN_ETC}echo ENABLED=yes >/etc/ufw/ufw.conf\n: >/etc/ufw/user.rules\nexec "$@"'
    found = Findings(folder, env=run.env, prefix=(*NAMESPACE, script, "-"))
    found.one("firewall", "note", "is shut", "sudo ufw allow")
    # Strangers are told when, and not who.
    assert run.status()["visitor"].keys() == {"ago_s"}


def test_arguments(folder):
    for arguments in (["--nonsense"], ["--port", "x"], ["more"], ["--port"]):
        status, out, err = run_to_end([program("screenshare"), "doctor", *arguments], environment(folder))
        assert status == 2 and not out and err
    status, out, err = run_to_end([program("screenshare"), "doctor", "--help"], environment(folder))
    assert status == 0 and "Exit status" in out and not err
    assert "Changes nothing, but makes the folder" in out
