/* SPDX-License-Identifier: MIT */
/* links: capd/audio/heard.c common/stream.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "capd/audio/heard.h"

#define LIVE                                                                                       \
	{                                                                                          \
		true, true, STATE_LIVE, ""                                                         \
	}
#define MUTED                                                                                      \
	{                                                                                          \
		true, false, STATE_STARTING, ""                                                    \
	}
#define OFF                                                                                        \
	{                                                                                          \
		false, false, STATE_STARTING, ""                                                   \
	}
#define STARTS                                                                                     \
	{                                                                                          \
		true, true, STATE_STARTING, ""                                                     \
	}
#define GONE                                                                                       \
	{                                                                                          \
		true, true, STATE_UNPLUGGED, "The microphone is unplugged"                         \
	}
#define SERVER                                                                                     \
	{                                                                                          \
		true, true, STATE_NO_SERVER, "No sound server runs on this computer"               \
	}

static const struct {
	struct heard_input inputs[AUDIO_INPUT_COUNT]; /* desktop, microphone */
	bool is_wished_mute;
	enum source_state state;
	const char *words;
} cases[] = {
	{{LIVE, OFF}, false, STATE_LIVE, "Desktop sound"},
	{{OFF, LIVE}, false, STATE_LIVE, "Microphone"},
	{{LIVE, LIVE}, false, STATE_LIVE, "Desktop sound and microphone"},
	{{LIVE, MUTED}, false, STATE_LIVE, "Desktop sound; microphone muted"},
	{{MUTED, LIVE}, false, STATE_LIVE, "Microphone; desktop sound muted"},
	{{LIVE, STARTS}, false, STATE_LIVE, "Desktop sound"},
	{{LIVE, GONE}, false, STATE_LIVE,
		"Desktop sound; no microphone: The microphone is unplugged"},
	{{SERVER, OFF}, false, STATE_NO_SERVER, "No sound server runs on this computer"},
	{{SERVER, GONE}, false, STATE_NO_SERVER,
		"No desktop sound: No sound server runs on this computer; no microphone: The "
		"microphone is unplugged"},
	{{STARTS, GONE}, false, STATE_UNPLUGGED, "No microphone: The microphone is unplugged"},
	{{MUTED, GONE}, false, STATE_UNPLUGGED,
		"Desktop sound muted; no microphone: The microphone is unplugged"},
	{{STARTS, OFF}, false, STATE_STARTING, "Starting, one moment please"},
	{{MUTED, OFF}, false, STATE_MUTED, "The sound of this computer is muted"},
	{{MUTED, MUTED}, false, STATE_MUTED, "The sound of this computer is muted"},
	{{LIVE, LIVE}, true, STATE_MUTED, "The sound of this computer is muted"},
	{{OFF, OFF}, false, STATE_MUTED, "No sound of this computer is switched on"},
};

static void each_state_of_the_inputs_has_its_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char words[HEARD_WORDS_MAX];

		assert_int_equal(heard_describe(cases[i].inputs, cases[i].is_wished_mute, words),
			cases[i].state);
		assert_string_equal(words, cases[i].words);
	}
}

static void long_words_are_cut(void **state)
{
	char why[200], words[HEARD_WORDS_MAX];
	const struct heard_input inputs[] = {
		{true, true, STATE_NO_DEVICE, why}, {true, true, STATE_NO_DEVICE, why}};
	(void)state;

	memset(why, 'x', sizeof(why) - 1);
	why[sizeof(why) - 1] = '\0';
	assert_int_equal(heard_describe(inputs, false, words), STATE_NO_DEVICE);
	assert_int_equal(strlen(words), HEARD_WORDS_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_state_of_the_inputs_has_its_sentence),
		cmocka_unit_test(long_words_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
