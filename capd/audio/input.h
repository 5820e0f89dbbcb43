/* SPDX-License-Identifier: MIT */
/*
 * An input of the sound (the desktop, the microphone): its PCM, which comes and goes, and its
 * track, which gives a slot of 10 ms whatever the PCM does.
 *
 *     closed ──set_open──► opening ──► running ──► track ──take──► slot
 *                             ▲           │ lost, or silent for long
 *                             └── retry ──┘
 *
 * A PCM that cannot be opened is tried again every half second.  A sound server need not move us
 * along when its default sink changes.  It says that something has changed, or its monitor is
 * silent for INPUT_SILENT_MS: then it is asked where its default is by now, and only if that is
 * elsewhere a second PCM is opened beside the first.  The second takes the first one's place: at
 * once if the server had said so, else if the first is still silent then, of which nothing is
 * heard.
 *
 * A PCM of a server that delivers nothing is silence (its sink is idle), not a fault, as long as
 * the server answers whoever asks or opens another one.  Loop only; nothing here waits
 * (capd/audio/pcm.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capd/audio/track.h"
#include "common/stream.h"

#define INPUT_SILENT_MS       1300 /* so that a new default is heard within 2 s */
#define INPUT_RETRY_MS        500
#define INPUT_STALLED_MS      1000 /* a device that says nothing for so long is opened anew */
#define INPUT_NO_ANSWER_MS    1500 /* a server that takes longer does not answer */
#define INPUT_WORDS_MAX       200
#define INPUT_READ_FRAMES_MAX TRACK_FRAMES_MAX

struct input {
	enum audio_input which;
	const char *name; /* of the PCM; borrowed */
	bool is_open;     /* it is to be heard */
	struct pcm *pcm;  /* running; NULL: none yet, or lost */
	struct pcm *next; /* being opened; NULL: none */
	bool was_live;    /* since the daemon's start */
	bool has_failed;  /* the last attempt did */
	bool is_default;  /* the monitor of whatever the server's default sink is */
	bool may_move;    /* the server has news, and has not been asked since */
	bool is_moving;   /* `next` was opened because of such news */
	uint64_t next_since_ns, retry_ns;
	uint64_t heard_ns;       /* something that is not silence; or when the PCM began */
	uint64_t came_ns;        /* anything at all; or when the PCM began */
	enum source_state state; /* while open: STARTING, LIVE, or why nothing is heard */
	char words[INPUT_WORDS_MAX];
	struct track track;
	int16_t buffer[INPUT_READ_FRAMES_MAX * SOUND_CHANNELS];
};

/* Closed, its PCM is not opened before input_set_open(); `name`, the PCM's, is borrowed for life.
 */
void input_init(struct input *input, enum audio_input which, const char *name);
/* Closed: the device is let go at once (its light goes out), and silence is what it gives. */
void input_set_open(struct input *input, bool is_open);
/* Every 10 ms while sound is wanted: reads, retries.  True if state or words have changed. */
bool input_tick(struct input *input, uint64_t now_ns);

/* As track.h; an input that cannot give anything is waited for by nobody. */
bool input_is_ready(const struct input *input, uint64_t slot_ns);
uint64_t input_due_ns(const struct input *input, uint64_t slot_ns);
void input_take(struct input *input, uint64_t slot_ns, int16_t *out);
