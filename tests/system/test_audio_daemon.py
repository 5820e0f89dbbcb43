# SPDX-License-Identifier: MIT
"""screenshare-audio with real sound servers: chirps are played, and looked for in its records."""

import os
import shutil
import signal
import statistics

import pytest

import sound
from audiodaemon import AudioDaemon
from process import exists
from soundserver import PipeWire, PulseAudio
from wait import slowness, stays, wait_for

RECORD_NS = 10_000_000
# The microphone of most tests is what plays on the second sink.
BOTH = "[audio]\nsources = both\nmicrophone = pulse:two.monitor\n"


@pytest.fixture(params=[PulseAudio, PipeWire])
def server(folder, request):
    return request.param(folder)


@pytest.fixture
def pulse(folder):
    return PulseAudio(folder)


def hears(subscriber, player, chirp=sound.CHIRP, deadline_s=8):
    """The sound is played until it is found, in what is recorded from now on."""
    since = len(subscriber.records)
    player.play_on()
    try:
        return sound.wait_found(subscriber, since, chirp, deadline_s, 0.3)
    finally:
        player.play_on(False)


def hears_nothing(subscriber, n_records=60):
    since = len(subscriber.records)
    subscriber.wait_records(n_records)
    return not sound.samples_of(subscriber.records[since:]).any()


def falls_silent(subscriber):
    wait_for(lambda: len(subscriber.records) > 20 and
             not sound.samples_of(subscriber.records[-20:]).any(), 5, "silence")


def assert_even(records):
    """No gap in the count, none in the time."""
    for one, next_one in zip(records, records[1:]):
        assert next_one.sequence == one.sequence + 1
        assert next_one.pts_ns - one.pts_ns == RECORD_NS
    assert all(len(record.data) == 1920 and record.width == 48000 and record.height == 2
               for record in records)


# --- what is heard, and when ---


def test_a_chirp_arrives_at_its_time_in_pcm_and_in_opus(folder, server):
    daemon = AudioDaemon(folder, env=server.client_env)
    pcm, opus = daemon.subscribe("pcm"), daemon.subscribe("opus")
    player = sound.Player(server.address)
    hears(pcm, player)
    pcm.wait_state("live", words="Desktop sound")
    falls_silent(pcm)
    since, since_opus = len(pcm.records), len(opus.records)
    # The loop that follows the server's clock has settled after a second or two.
    pcm.wait_records(200)
    player.played.clear()
    for count in range(1, 6):
        player.play()
        wait_for(lambda: len(player.played) == count, 5, "a chirp is played")
        for heard in (pcm, opus):  # either may be late where the machine is
            wait_for(lambda: heard.records[-1].pts_ns > player.played[-1] + 250_000_000, 5, "what comes after it")
    found = sound.dates_of(pcm.records[since:])
    assert len(found) == 5
    late_ms = [(pts - played) / 1e6 for (pts, _), played in zip(found, player.played)]
    took_ms = [(seen - played) / 1e6 for (_, seen), played in zip(found, player.played)]
    # What PipeWire says of when it plays is too early by a quantum: before it has mixed it.
    tolerance_ms = 10 if isinstance(server, PulseAudio) else 20
    assert abs(statistics.median(late_ms)) < tolerance_ms * slowness(), late_ms
    assert statistics.median(took_ms) < 40 * slowness(), took_ms
    assert_even(pcm.records)

    packets = opus.records[since_opus:]
    in_opus = [packets[index // 960].pts_ns + index % 960 * 1_000_000_000 // 48000
               for index in sound.find(sound.decode_opus([one.data for one in packets]))]
    assert len(in_opus) == 5
    for pts, (pts_of_pcm, _) in zip(in_opus, found):
        assert abs(pts - pts_of_pcm) < 1_000_000
    assert all(after.pts_ns - before.pts_ns == 2 * RECORD_NS
               for before, after in zip(packets, packets[1:]))


def test_desktop_and_microphone_are_mixed_and_muted_one_by_one(folder, server):
    daemon = AudioDaemon(folder, BOTH, server.client_env)
    pcm = daemon.subscribe()
    pcm.wait_state("live", words="Desktop sound and microphone")
    desktop = sound.Player(server.address, "one")
    microphone = sound.Player(server.address, "two", sound.OTHER_CHIRP)
    hears(pcm, desktop)
    hears(pcm, microphone, sound.OTHER_CHIRP)

    assert pcm.switch("microphone", True) == ("switched", 1, 1)
    pcm.wait_state("live", words="Desktop sound; microphone muted")
    assert daemon.marker("mute-microphone")
    # Let go: nobody but the desktop's monitor is listened to.
    wait_for(lambda: server.sources_in_use() == ["one.monitor"], 5, "the microphone is closed")
    microphone.play_on()
    hears(pcm, desktop)
    falls_silent(pcm)
    assert hears_nothing(pcm)
    microphone.play_on(False)

    assert pcm.switch("microphone", False) == ("switched", 1, 0)
    assert not daemon.marker("mute-microphone") and daemon.marker("unmute-microphone")
    hears(pcm, microphone, sound.OTHER_CHIRP)
    assert pcm.switch("desktop", True) == ("switched", 0, 1)
    assert pcm.switch("microphone", True) == ("switched", 1, 1)
    pcm.wait_state("muted", words="The sound of this computer is muted")
    desktop.play_on()
    falls_silent(pcm)
    assert hears_nothing(pcm)
    assert_even(pcm.records)


def test_a_microphone_is_never_taken_for_the_desktop(folder, server):
    """PipeWire takes @DEFAULT_MONITOR@ for its default source; PulseAudio moves whoever listens to the
    monitor of an output that goes away to its default source."""
    server.add_microphone("room")
    pcm = AudioDaemon(folder, env=server.client_env).subscribe()
    pcm.wait_state("live")

    def listened_to():
        """PipeWire has a stream before it is linked to anything."""
        found = server.sources_in_use()
        return None not in found and found
    assert wait_for(listened_to, 5, "it is listened to something") == ["one.monitor"]
    server.remove_sink("one")
    server.set_default("two")
    wait_for(lambda: server.sources_in_use() in ([], ["two.monitor"]) or
             "room" in server.sources_in_use(), 5, "the daemon listens elsewhere")
    stays(lambda: "room" not in server.sources_in_use(), 1, "the microphone is left alone")
    hears(pcm, sound.Player(server.address, "two", sound.OTHER_CHIRP), sound.OTHER_CHIRP)
    assert_even(pcm.records)


def test_without_a_microphone_the_desktop_is_not_heard_twice(folder, pulse):
    pcm = AudioDaemon(folder, "[audio]\nsources = both\nmicrophone = pulse\n",
                      pulse.client_env).subscribe()
    pcm.wait_state("live", words="Desktop sound; no microphone: No microphone is connected")


# --- what goes wrong ---


def test_a_default_sink_that_changes_is_followed(folder, server):
    pcm = AudioDaemon(folder, env=server.client_env).subscribe()
    pcm.wait_state("live")
    other = sound.Player(server.address, "two", sound.OTHER_CHIRP)
    assert hears_nothing(pcm, 20)
    server.set_default("two")
    hears(pcm, other, sound.OTHER_CHIRP, 4)
    assert_even(pcm.records)


def test_a_default_sink_that_changes_is_followed_while_the_old_one_still_plays(folder, server):
    pcm = AudioDaemon(folder, env=server.client_env).subscribe()
    old = sound.Player(server.address, "one")
    hears(pcm, old)
    old.play_on()
    server.set_default("two")
    server.move_players("one")  # the server had moved them along
    other = sound.Player(server.address, "two", sound.OTHER_CHIRP)
    hears(pcm, other, sound.OTHER_CHIRP, 4)
    assert_even(pcm.records)


def test_a_server_that_dies_hangs_and_comes_back_is_silence_with_words(folder, server):
    pcm = AudioDaemon(folder, env=server.client_env).subscribe()
    pcm.wait_state("live")
    server.signal(signal.SIGSTOP)
    try:
        pcm.wait_state("no-sound-server", words="The sound server does not answer")
        assert hears_nothing(pcm)
    finally:
        server.signal(signal.SIGCONT)
    pcm.wait_state("live", 2)
    server.kill()
    pcm.wait_state("no-sound-server", 2, "No sound server runs on this computer")
    assert hears_nothing(pcm)
    server.start()
    pcm.wait_state("live", 2)
    hears(pcm, sound.Player(server.address))
    assert_even(pcm.records)


def test_without_any_server_there_is_a_stream_and_a_state(folder):
    daemon = AudioDaemon(folder, env={"PULSE_SERVER": f"unix:{folder}/none"})
    pcm = daemon.subscribe()
    pcm.wait_state("no-sound-server", words="No sound server runs on this computer")
    assert hears_nothing(pcm)
    assert_even(pcm.records)
    assert len([line for line in daemon.process.stderr if "no-sound-server" in line]) == 1


@pytest.mark.parametrize("device, state", [("nonsense", "no-device"), ("hw:7,0", "no-device")])
def test_a_device_that_is_not_there_is_a_state(folder, device, state):
    daemon = AudioDaemon(folder, f"[audio]\ndesktop = {device}\n",
                         {"PULSE_SERVER": f"unix:{folder}/none"})
    pcm = daemon.subscribe()
    pcm.wait_state(state, words="No sound device is connected to this computer")
    assert hears_nothing(pcm)


def test_after_a_kill_sound_is_back(folder, pulse):
    daemon = AudioDaemon(folder, env=pulse.client_env)
    player = sound.Player(pulse.address)
    first = daemon.subscribe()
    hears(first, player)
    daemon.process.signal(signal.SIGKILL)
    wait_for(lambda: first.is_closed, 5, "the end of the connection")
    daemon.restart()
    hears(daemon.subscribe(), player, deadline_s=1)


# --- mutes that are kept, and demand ---


def test_a_mute_outlives_the_daemon(folder, pulse):
    daemon = AudioDaemon(folder, env=pulse.client_env)
    first = daemon.subscribe()
    first.wait_state("live")
    assert first.switch("desktop", True) == ("switched", 0, 1)
    daemon.process.signal(signal.SIGKILL)
    daemon.restart()
    second = daemon.subscribe()
    second.wait_state("muted")
    assert hears_nothing(second)
    assert second.switch("desktop", False) == ("switched", 0, 0)
    second.wait_state("live")


def test_a_mute_that_cannot_be_kept_is_said(folder, pulse):
    daemon = AudioDaemon(folder, env=pulse.client_env)
    daemon.process.end()
    shutil.rmtree(daemon.state_dir)
    daemon.start()
    pcm = daemon.subscribe()
    pcm.wait_state("live")
    assert pcm.switch("desktop", True)[0] == "refused"
    pcm.wait_state("muted")
    assert not daemon.marker("mute-desktop")


def test_a_wish_for_silence_is_granted_as_long_as_it_is_wished(folder, pulse):
    daemon = AudioDaemon(folder, env=pulse.client_env)
    pcm, other = daemon.subscribe(), daemon.subscribe()
    player = sound.Player(pulse.address)
    hears(pcm, player)
    other.wish_mute(True)
    pcm.wait_state("muted")
    player.play_on()
    falls_silent(pcm)
    assert hears_nothing(pcm)
    player.play_on(False)
    other.wish_mute(False)
    pcm.wait_state("live")
    hears(pcm, player)
    assert_even(pcm.records)


def test_nothing_is_listened_to_when_nobody_listens(folder, pulse):
    daemon = AudioDaemon(folder, env=pulse.client_env)
    presence, pcm = daemon.subscribe("presence"), daemon.subscribe()
    pcm.wait_state("live")
    pcm.close()

    wait_for(lambda: not pulse.sources_in_use(), 5, "the end of capture")
    switches = f"/proc/{daemon.process.pid}/status"

    def n_switches():
        with open(switches) as file:
            return [line for line in file if line.startswith("voluntary_ctxt_switches")]
    last = [None]

    def is_asleep():
        last[0], before = n_switches(), last[0]
        return last[0] == before
    wait_for(is_asleep, 5, "sleep")
    stays(is_asleep, 0.5, "no wake-up")
    presence.close()
    assert daemon.process.wait() == 0
    assert not exists(daemon.process.pid)
