/* SPDX-License-Identifier: MIT */
#include "capd/audio/heard.h"

#include <stdio.h>
#include <string.h>

static const char *const nouns[AUDIO_INPUT_COUNT] = {
	[AUDIO_DESKTOP] = "desktop sound", [AUDIO_MICROPHONE] = "microphone"};

static void append(char words[HEARD_WORDS_MAX], const char *text)
{
	strncat(words, text, HEARD_WORDS_MAX - 1 - strlen(words));
}

static void begin_sentence(char words[HEARD_WORDS_MAX])
{
	if (words[0] >= 'a' && words[0] <= 'z')
		words[0] = (char)(words[0] - 'a' + 'A');
}

/* "desktop sound and microphone" */
static bool append_live(char words[HEARD_WORDS_MAX], const struct heard_input *inputs)
{
	bool any = false;

	for (unsigned i = 0; i < AUDIO_INPUT_COUNT; i++) {
		if (!inputs[i].is_open || inputs[i].state != STATE_LIVE)
			continue;
		append(words, any ? " and " : "");
		append(words, nouns[i]);
		any = true;
	}
	return any;
}

/* "; no microphone: why", "; microphone muted" */
static void append_missing(char words[HEARD_WORDS_MAX], const struct heard_input *inputs)
{
	for (unsigned i = 0; i < AUDIO_INPUT_COUNT; i++) {
		const struct heard_input *input = &inputs[i];
		bool is_faulty = input->is_open && input->state != STATE_LIVE &&
				 input->state != STATE_STARTING;

		if (!is_faulty && !(input->is_chosen && !input->is_open))
			continue;
		append(words, *words ? "; " : "");
		append(words, is_faulty ? "no " : "");
		append(words, nouns[i]);
		append(words, is_faulty ? ": " : " muted");
		append(words, is_faulty ? input->words : "");
	}
}

/* The one fault that gives the state its name; NULL: none. */
static const struct heard_input *first_fault(const struct heard_input *inputs)
{
	for (unsigned i = 0; i < AUDIO_INPUT_COUNT; i++)
		if (inputs[i].is_open && inputs[i].state != STATE_STARTING &&
			inputs[i].state != STATE_LIVE)
			return &inputs[i];
	return NULL;
}

enum source_state heard_describe(const struct heard_input inputs[AUDIO_INPUT_COUNT],
	bool is_wished_mute, char words[HEARD_WORDS_MAX])
{
	unsigned n_open = 0, n_chosen = 0;

	for (unsigned i = 0; i < AUDIO_INPUT_COUNT; i++) {
		n_open += inputs[i].is_open;
		n_chosen += inputs[i].is_chosen;
	}
	words[0] = '\0';
	if (n_chosen == 0) {
		append(words, "No sound of this computer is switched on");
		return STATE_MUTED;
	}
	if (n_open == 0 || is_wished_mute) {
		append(words, state_words(STATE_MUTED));
		return STATE_MUTED;
	}
	if (append_live(words, inputs)) {
		append_missing(words, inputs);
		begin_sentence(words);
		return STATE_LIVE;
	}
	const struct heard_input *fault = first_fault(inputs);
	if (!fault) {
		append(words, state_words(STATE_STARTING));
		return STATE_STARTING;
	}
	if (n_chosen == 1)
		append(words, fault->words);
	else
		append_missing(words, inputs);
	begin_sentence(words);
	return fault->state;
}
