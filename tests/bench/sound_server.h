/* SPDX-License-Identifier: MIT */
/*
 * A connection to the sound server, and when each frame of one of its streams is at the device.
 *
 *     every 20 ms: what is the position now? ──► clock − position ──► median of the last few
 *
 * Raw answers of the server are asked for, not libpulse's interpolation: an answer is exact to the
 * way there and back over a local socket, and a median forgets those that somebody came in between.
 * A frame of a playback stream is dated by when the sink plays it, one of a record stream by when
 * its source has it; a monitor has it when its sink plays it.
 *
 * The main loop is a thread of libpulse's: call everything but sound_server_open() with it locked,
 * or from its callbacks.  All of these end the program on failure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <pulse/pulseaudio.h>

#define SOUND_HZ    48000u
#define CLOCK_LOOKS 25u /* the last half second */

struct sound_server {
	pa_threaded_mainloop *loop;
	pa_context *context;
};

/* One stream: 48 kHz, s16. */
struct sound_stream {
	struct sound_server *server;
	pa_stream *pa;
	unsigned channels;
	pa_time_event *timer;
	int64_t looks_us[CLOCK_LOOKS]; /* CLOCK_MONOTONIC less the position */
	unsigned n_looks;              /* ever */
};

/* $PULSE_SERVER's; returns with the loop locked. */
void sound_server_open(struct sound_server *server, const char *name);
void sound_server_close(struct sound_server *server);

/* A stream that is not connected yet. */
void sound_stream_open(struct sound_stream *stream, struct sound_server *server, unsigned channels);
/* Waits, the loop unlocked meanwhile, until it is connected and its clock is known. */
void sound_stream_wait(struct sound_stream *stream);
/* CLOCK_MONOTONIC, in µs, less the time in the stream: what was true during the last half second.
 */
int64_t sound_stream_offset_us(const struct sound_stream *stream);
/* When that frame is at the device. */
static inline int64_t sound_frame_us(int64_t offset_us, uint64_t frame)
{
	return offset_us + (int64_t)(frame * 1000000u / SOUND_HZ);
}
