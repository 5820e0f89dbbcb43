/* SPDX-License-Identifier: MIT */
#include "common/stream.h"

/*
 * The words are drawn in large letters on a television (capd/pattern.h): short, plain ASCII, and
 * meaning something to whoever sits in front of it.
 */
static const struct {
	const char *name, *words;
} states[] = {
	[STATE_STARTING] = {"starting", "Starting, one moment please"},
	[STATE_LIVE] = {"live", "Sharing is live"},
	[STATE_NO_DISPLAY] = {"no-display", "No display can be reached on this computer"},
	[STATE_DISPLAY_LOST] = {"display-lost", "The display of this computer has gone away"},
	[STATE_NOT_ALLOWED] = {"not-allowed", "The display of this computer refuses to be shared"},
	[STATE_WAYLAND] = {"wayland",
		"This desktop uses Wayland, log in to an X11 session to share it"},
	[STATE_UNSUPPORTED] = {"unsupported", "This kind of display cannot be shared"},
	[STATE_NO_MEMORY] = {"no-memory", "This computer has run out of shared memory"},
	[STATE_NO_MONITOR] = {"no-monitor", "The chosen monitor is not connected"},
	[STATE_NO_SESSION] = {"no-session", "Nobody is logged in on this computer"},
	[STATE_LOCKED] = {"locked", "The screen of this computer is locked"},
	[STATE_PAUSED] = {"paused", "Sharing is paused"},
	[STATE_UNPLUGGED] = {"unplugged", "The device is unplugged"},
	[STATE_BUSY] = {"busy", "Another program is using the device"},
	[STATE_MISCONFIGURED] = {"misconfigured",
		"Sharing is not set up correctly on this computer"},
	[STATE_NOT_ANSWERING] = {"not-answering", "No signal from this computer, trying again"},
	[STATE_BROKEN] = {"broken", "The signal from this computer is damaged, trying again"},
	[STATE_NO_DEVICE] = {"no-device", "No such device is connected to this computer"},
	[STATE_NO_SERVER] = {"no-sound-server", "No sound server runs on this computer"},
	[STATE_MUTED] = {"muted", "The sound of this computer is muted"},
};
_Static_assert(sizeof(states) / sizeof(states[0]) == STATE_COUNT, "a state without words");

static const char *const sources[] = {
	[SOURCE_SCREEN] = "screen",
	[SOURCE_CAMERA] = "camera",
	[SOURCE_AUDIO] = "audio",
};
_Static_assert(sizeof(sources) / sizeof(sources[0]) == SOURCE_COUNT, "a source without a name");

static const char *const inputs[] = {
	[AUDIO_DESKTOP] = "desktop",
	[AUDIO_MICROPHONE] = "microphone",
};
_Static_assert(sizeof(inputs) / sizeof(inputs[0]) == AUDIO_INPUT_COUNT, "an input without a name");

static const char *const streams[] = {
	[STREAM_JPEG] = "jpeg",
	[STREAM_DELTA] = "delta",
	[STREAM_H264] = "h264",
	[STREAM_PCM] = "pcm",
	[STREAM_OPUS] = "opus",
	[STREAM_PRESENCE] = "presence",
};
_Static_assert(sizeof(streams) / sizeof(streams[0]) == STREAM_COUNT, "a stream without a name");

/* The numbers come from other processes: out of range is a name too, never a crash. */

const char *state_name(enum source_state state)
{
	return (unsigned)state < STATE_COUNT ? states[state].name : "unknown";
}

const char *state_words(enum source_state state)
{
	return (unsigned)state < STATE_COUNT ? states[state].words
					     : "This computer is in an unknown state";
}

const char *audio_input_name(enum audio_input input)
{
	return (unsigned)input < AUDIO_INPUT_COUNT ? inputs[input] : "unknown";
}

const char *source_name(enum source_id source)
{
	return (unsigned)source < SOURCE_COUNT ? sources[source] : "unknown";
}

const char *stream_name(enum stream_id stream)
{
	return (unsigned)stream < STREAM_COUNT ? streams[stream] : "unknown";
}
