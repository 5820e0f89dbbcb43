/* SPDX-License-Identifier: MIT */
#include "capd/audio/input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "capd/audio/mix.h"
#include "capd/audio/pcm.h"
#include "common/clock.h"
#include "common/log.h"

#define NO_ANSWER "The sound server does not answer"
#define READS_MAX 4 /* a tick; only a device without a clock of its own has more */

void input_init(struct input *input, enum audio_input which, const char *name)
{
	input->which = which;
	input->name = name;
	input->is_default = strcmp(name, PCM_DEFAULT_MONITOR) == 0;
	input->state = STATE_STARTING;
	track_reset(&input->track);
}

/* --- the state --- */

static bool set_state(struct input *input, enum source_state state, const char *words)
{
	if (input->state == state && strcmp(input->words, words) == 0)
		return false;
	input->state = state;
	snprintf(input->words, sizeof(input->words), "%s", words);
	return true;
}

static bool set_live(struct input *input)
{
	input->was_live = true;
	input->has_failed = false;
	return set_state(input, STATE_LIVE, "");
}

/* Why a PCM could not be opened: in the words of whoever wants to hear it. */
static bool set_failed(struct input *input, int error, const char *said)
{
	bool is_microphone = input->which == AUDIO_MICROPHONE;
	char words[INPUT_WORDS_MAX];

	input->has_failed = true;
	switch (error) {
	case ETIMEDOUT:
		return set_state(input, STATE_NO_SERVER, NO_ANSWER);
	case ECONNREFUSED:
		return set_state(input, STATE_NO_SERVER, state_words(STATE_NO_SERVER));
	case EBUSY:
		return set_state(input, STATE_BUSY, "Another program is using the sound device");
	case EACCES:
	case EPERM:
		return set_state(input, STATE_NOT_ALLOWED,
			"The sound of this computer may not be listened to");
	case ENODEV:
	case ENXIO:
	case ENOENT:
		if (input->was_live)
			return set_state(input, STATE_UNPLUGGED,
				is_microphone ? "The microphone is unplugged"
					      : "The sound device is unplugged");
		return set_state(input, STATE_NO_DEVICE,
			is_microphone ? "No microphone is connected to this computer"
				      : "No sound device is connected to this computer");
	default:
		snprintf(words, sizeof(words), "The sound device cannot be used: %s",
			*said ? said : strerror(error));
		return set_state(input, STATE_NO_DEVICE, words);
	}
}

/* --- the PCM's life --- */

static void let_go(struct pcm **pcm)
{
	pcm_close(*pcm);
	*pcm = NULL;
}

void input_set_open(struct input *input, bool is_open)
{
	if (is_open == input->is_open)
		return;
	input->is_open = is_open;
	let_go(&input->pcm);
	let_go(&input->next);
	track_reset(&input->track);
	input->retry_ns = 0;
	input->state = STATE_STARTING;
	input->words[0] = '\0';
}

static void begin_open(struct input *input, uint64_t now_ns)
{
	unsigned flags = (input->has_failed ? PCM_ANEW : 0u) |
			 (input->which == AUDIO_MICROPHONE ? PCM_IS_MICROPHONE : 0u);
	int r = pcm_open(input->name, flags, input->pcm, &input->next);

	input->retry_ns = now_ns + INPUT_RETRY_MS * NS_PER_MS;
	input->next_since_ns = now_ns;
	input->is_moving = input->may_move;
	input->may_move = false;
	if (r < 0)
		input->next = NULL; /* no memory, or too many hang already: again later */
}

static void adopt(struct input *input, uint64_t now_ns)
{
	let_go(&input->pcm);
	input->pcm = input->next;
	input->next = NULL;
	input->heard_ns = input->came_ns = now_ns;
	input->is_moving = false;
	track_reset(&input->track);
}

/* The one that ran is gone; another is opened at once, and says how things are. */
static void lose(struct input *input, int error)
{
	log_debug("%s: lost: %s", input->name, strerror(error));
	let_go(&input->pcm);
	track_reset(&input->track);
	input->has_failed = true;
	input->retry_ns = 0;
}

static bool is_silent(const struct input *input, uint64_t now_ns)
{
	return now_ns - input->heard_ns >= INPUT_SILENT_MS * NS_PER_MS;
}

/* Should another be opened beside the one that runs? */
static bool is_in_doubt(const struct input *input, uint64_t now_ns)
{
	if (input->may_move)
		return true;
	return pcm_is_server(input->pcm) && is_silent(input, now_ns) &&
	       (input->is_default || now_ns - input->came_ns >= INPUT_SILENT_MS * NS_PER_MS);
}

/* Reads all that is there.  True: something came. */
static bool read_all(struct input *input, uint64_t now_ns)
{
	bool came = false;

	for (unsigned i = 0; i < READS_MAX; i++) {
		struct pcm_reading reading;
		ssize_t n = pcm_read(input->pcm, input->buffer, INPUT_READ_FRAMES_MAX, &reading);

		if (n < 0) {
			lose(input, (int)-n);
			return came;
		}
		if (n == 0)
			break;
		came = true;
		input->came_ns = now_ns;
		if (!mix_is_silent(input->buffer, (size_t)n))
			input->heard_ns = now_ns;
		track_push(&input->track, reading.now_ns, input->buffer, (size_t)n, reading.avail,
			reading.delay);
		if (n == reading.avail)
			break;
	}
	return came;
}

/* How far the one that is being opened has come. */
static bool look_at_next(struct input *input, uint64_t now_ns)
{
	uint64_t waited_ns = now_ns - input->next_since_ns;
	bool changed = false;

	switch (pcm_phase(input->next)) {
	case PCM_RUNNING:
		/* A sound began on the one that we have: it was the right one. */
		if (input->pcm && !is_silent(input, now_ns) && !input->is_moving)
			let_go(&input->next);
		else
			adopt(input, now_ns);
		return set_live(input);
	case PCM_SAME:
		let_go(&input->next);
		input->retry_ns = now_ns + INPUT_SILENT_MS * NS_PER_MS;
		/* The one that it is the same as may have been lost meanwhile. */
		return input->pcm ? set_live(input) : false;
	case PCM_FAILED:
		/* Beside one that runs it says nothing: that one will be lost, or it will not. */
		log_debug("%s: not opened: %s (%s)", input->name, strerror(pcm_error(input->next)),
			pcm_words(input->next));
		if (!input->pcm || pcm_error(input->next) == ETIMEDOUT)
			changed = set_failed(input, pcm_error(input->next), pcm_words(input->next));
		let_go(&input->next);
		input->retry_ns = now_ns + INPUT_RETRY_MS * NS_PER_MS;
		return changed;
	case PCM_OPENING:
		break;
	}
	if (waited_ns >= INPUT_NO_ANSWER_MS * NS_PER_MS &&
		(!input->pcm || now_ns - input->came_ns >= INPUT_NO_ANSWER_MS * NS_PER_MS))
		return set_state(input, STATE_NO_SERVER, NO_ANSWER);
	return false;
}

bool input_tick(struct input *input, uint64_t now_ns)
{
	bool changed = false;

	if (!input->is_open)
		return false;
	if (input->pcm && read_all(input, now_ns))
		changed |= set_live(input);
	if (input->pcm && pcm_has_news(input->pcm) && input->is_default) {
		input->may_move = true;
		input->retry_ns = now_ns;
	}
	if (input->pcm && !pcm_is_server(input->pcm) &&
		now_ns - input->came_ns >= INPUT_STALLED_MS * NS_PER_MS)
		lose(input, ETIME);
	if (input->next)
		changed |= look_at_next(input, now_ns);
	else if (now_ns >= input->retry_ns && (!input->pcm || is_in_doubt(input, now_ns)))
		begin_open(input, now_ns);
	return changed;
}

/* --- slots --- */

bool input_is_ready(const struct input *input, uint64_t slot_ns)
{
	return !input->pcm || track_is_ready(&input->track, slot_ns);
}

uint64_t input_due_ns(const struct input *input, uint64_t slot_ns)
{
	return track_due_ns(&input->track, slot_ns);
}

void input_take(struct input *input, uint64_t slot_ns, int16_t *out)
{
	track_take(&input->track, slot_ns, out);
}
