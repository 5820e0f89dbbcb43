/* SPDX-License-Identifier: MIT */
/*
 * What only the sound server itself can say: where its default sink can be listened to, and whether
 * its default source is a microphone at all.  libpulse; PulseAudio or PipeWire's PulseAudio server.
 *
 * It has to be asked: PulseAudio knows the source "@DEFAULT_MONITOR@", but PipeWire (0.3.65, Debian
 * 12) takes it for a name that is not there and gives the default source instead, which is the
 * *microphone* (seen).  Whoever shares the desktop's sound would share the room.  So that name is
 * never passed on; the monitor's own is.  And a computer without a microphone has a monitor for a
 * default source: the desktop would be heard twice.
 *
 * Waits for the server, up to `timeout_ms`: for a thread of the caller's.  Starts no server.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define SOUND_SERVER_NAME_MAX 256

struct sound_server_defaults {
	char monitor[SOUND_SERVER_NAME_MAX]; /* the source that hears the default sink; "": none */
	char source[SOUND_SERVER_NAME_MAX];  /* the default source; "": none */
	bool source_is_monitor;
};

/* 0; -ECONNREFUSED: no server, or it refuses; -ETIMEDOUT: it does not answer; -ENOMEM. */
int sound_server_ask(struct sound_server_defaults *defaults, unsigned timeout_ms);
