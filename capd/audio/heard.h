/* SPDX-License-Identifier: MIT */
/*
 * What is heard, in one state and one sentence: of both inputs, and of who has muted what.
 *
 *     "Desktop sound and microphone"      "Desktop sound; no microphone: The microphone is
 * unplugged"
 *
 * Pure.
 */
#pragma once

#include <stdbool.h>

#include "common/stream.h"

#define HEARD_WORDS_MAX 257 /* as a state's words may be long (common/capsock.h), and a NUL */

struct heard_input {
	bool is_chosen;          /* it would be heard, were it not muted */
	bool is_open;            /* and it is not */
	enum source_state state; /* of one that is open */
	const char *words;       /* " why it is not live */
};

/*
 * `is_wished_mute`: a subscriber wishes silence.  `words` gets the sentence.
 */
enum source_state heard_describe(const struct heard_input inputs[AUDIO_INPUT_COUNT],
	bool is_wished_mute, char words[HEARD_WORDS_MAX]);
