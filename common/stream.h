/* SPDX-License-Identifier: MIT */
/*
 * The words that every program of screenshare shares (doc/architecture.md, "Words").
 *
 *   source (screen, camera, audio) → stream (a source in one encoding) → record → ring → feed →
 * viewer
 *
 * The numbers travel between processes (capture socket, ring): add at the end, never renumber.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What the source audio mixes. */
enum audio_input { AUDIO_DESKTOP = 0, AUDIO_MICROPHONE = 1, AUDIO_INPUT_COUNT };

enum source_id { SOURCE_SCREEN = 0, SOURCE_CAMERA = 1, SOURCE_AUDIO = 2, SOURCE_COUNT };

/* A source in one encoding.  STREAM_PRESENCE carries no records: it only says who watches. */
enum stream_id {
	STREAM_JPEG = 0,
	STREAM_DELTA = 1,
	STREAM_H264 = 2,
	STREAM_PCM = 3,
	STREAM_OPUS = 4,
	STREAM_PRESENCE = 5,
	STREAM_COUNT
};

enum record_kind {
	RECORD_PADDING = 0, /* fills the ring's end; never handed to a reader's caller */
	RECORD_FRAME = 1,   /* a whole picture */
	RECORD_STEP = 2,    /* operations on the picture of the record before */
	RECORD_CATCH_UP = 3,
	RECORD_SOUND = 4
};

enum record_flags {
	RECORD_IS_KEY = 1, /* needs nothing before it */
	RECORD_IS_END = 2, /* the last record of this ring: a new ring is announced on the socket */
};

/*
 * Sound in a ring: interleaved s16 in host order, in records of the same length; silence is sound
 * too, so that nobody's stream ever stalls.  Opus: one packet a record, made of two records of pcm.
 * ring_record::width is the rate, ::height the channels, pts_ns that of the first sample.
 */
#define SOUND_RATE          48000u /* samples a second and channel */
#define SOUND_CHANNELS      2u
#define SOUND_RECORD_MS     10u
#define SOUND_RECORD_FRAMES (SOUND_RATE * SOUND_RECORD_MS / 1000u)
#define SOUND_RECORD_BYTES  (SOUND_RECORD_FRAMES * SOUND_CHANNELS * 2u)
#define OPUS_RECORD_MS      20u
#define OPUS_PACKET_MAX     1275u /* bytes of a packet of one frame (RFC 6716, 3.2.1) */
#define SOUND_RING_CAPACITY (1024u * 1024u)

/*
 * What a source is doing.  The same code and the same words stand in the picture a viewer gets, in
 * the journal, in /status and on the page.
 */
enum source_state {
	STATE_STARTING = 0,     /* wanted, no picture yet */
	STATE_LIVE = 1,         /* pictures flow */
	STATE_NO_DISPLAY = 2,   /* no X server can be reached */
	STATE_DISPLAY_LOST = 3, /* there was one, and it ended */
	STATE_NOT_ALLOWED = 4,  /* there is one, and it refuses us */
	STATE_WAYLAND = 5,      /* rootless XWayland: its root is black */
	STATE_UNSUPPORTED = 6,  /* a display we cannot grab (depth, byte order) */
	STATE_NO_MEMORY = 7,    /* no room for a ring in /dev/shm */
	STATE_NO_MONITOR = 8,   /* the configured monitor is not connected */
	STATE_NO_SESSION = 9,   /* nobody is logged in */
	STATE_LOCKED = 10,      /* the session is locked */
	STATE_PAUSED = 11,      /* the presenter has paused */
	STATE_UNPLUGGED = 12,   /* the device is gone */
	STATE_BUSY = 13,        /* another program holds the device */
	STATE_MISCONFIGURED = 14,
	STATE_NOT_ANSWERING = 15, /* a device sends nothing; by httpd: no daemon answers at all */
	STATE_BROKEN = 16,        /* said by httpd: what the daemon sent was refused */
	STATE_NO_DEVICE = 17,     /* there is no camera, no sound card */
	STATE_NO_SERVER = 18,     /* no sound server runs */
	STATE_MUTED = 19,         /* all inputs of the sound are muted: silence flows */
	STATE_COUNT
};

/* The code as /status and the journal print it, e.g. "no-display".  Never NULL: "unknown" if out of
 * range. */
const char *state_name(enum source_state state);
/* One English sentence without a full stop, the default words of the state.  Never NULL. */
const char *state_words(enum source_state state);
const char *audio_input_name(enum audio_input input); /* "desktop", "microphone", never NULL */
const char *source_name(enum source_id source);       /* "screen" …, never NULL */
const char *stream_name(enum stream_id stream);       /* "jpeg" …, never NULL */
