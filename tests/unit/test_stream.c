/* SPDX-License-Identifier: MIT */
/* links: common/stream.c */
#include "common/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* As pattern_state_jpeg() draws them: 1280 px wide, letters of 8×16 five times as large. */
#define WORDS_MAX 80

static void every_state_has_a_code_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < STATE_COUNT; i++) {
		const char *name = state_name((enum source_state)i);

		assert_true(strlen(name) > 0);
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(name, state_name((enum source_state)k));
	}
}

static void words_are_short_plain_sentences_without_full_stop(void **state)
{
	(void)state;
	for (int i = 0; i < STATE_COUNT; i++) {
		const char *words = state_words((enum source_state)i);
		size_t len = strlen(words);

		assert_true(len > 0 && len <= WORDS_MAX);
		assert_true(words[0] >= 'A' && words[0] <= 'Z');
		assert_true(words[len - 1] != '.');
		for (size_t k = 0; k < len; k++)
			assert_true(words[k] >= ' ' && words[k] <= '~');
		for (int k = 0; k < i; k++)
			assert_string_not_equal(words, state_words((enum source_state)k));
	}
}

static void sources_and_streams_have_their_names(void **state)
{
	static const char *const sources[] = {"screen", "camera", "audio"};
	static const char *const streams[] = {"jpeg", "delta", "h264", "pcm", "opus", "presence"};

	(void)state;
	for (int i = 0; i < SOURCE_COUNT; i++)
		assert_string_equal(source_name((enum source_id)i), sources[i]);
	for (int i = 0; i < STREAM_COUNT; i++)
		assert_string_equal(stream_name((enum stream_id)i), streams[i]);
}

/* They come from other processes, which may lie. */
static void numbers_out_of_range_are_unknown(void **state)
{
	static const int wrong[] = {-1, STATE_COUNT, 1 << 30};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_string_equal(state_name((enum source_state)wrong[i]), "unknown");
		assert_true(strlen(state_words((enum source_state)wrong[i])) > 0);
		assert_string_equal(source_name((enum source_id)wrong[i]), "unknown");
		assert_string_equal(stream_name((enum stream_id)wrong[i]), "unknown");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_has_a_code_of_its_own),
		cmocka_unit_test(words_are_short_plain_sentences_without_full_stop),
		cmocka_unit_test(sources_and_streams_have_their_names),
		cmocka_unit_test(numbers_out_of_range_are_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
