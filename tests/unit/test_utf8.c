/* SPDX-License-Identifier: MIT */
/* links: common/utf8.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/utf8.h"

static bool valid(const char *text)
{
	return utf8_is_valid(text, strlen(text));
}

static void well_formed_text_is_taken(void **state)
{
	(void)state;
	assert_true(valid(""));
	assert_true(valid("plain"));
	assert_true(valid("M\xc3\xbcnchen \xe5\xae\xa2\xe5\x8e\x85 \xf0\x9f\x93\xba"));
	assert_true(valid(
		"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf")); /* around the surrogates, the last */
	assert_true(utf8_is_valid("a\0b", 3));
}

static void malformed_text_is_refused(void **state)
{
	static const char *const wrong[] = {"\x80", "\xbf", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf",
		"\xf0\x8f\xbf\xbf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
		"\xc3", "\xe5\xae", "\xf0\x9f\x93", "\xc3(", "a\xe5\xae(b"};
	(void)state;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(valid(wrong[i]));
	/* what lies behind the end is not looked at */
	assert_int_equal(utf8_character_len("\xc3\xbc", 1), 0);
	assert_int_equal(utf8_character_len("\xf0\x9f\x93\xba", 4), 4);
}

static void controls_are_known(void **state)
{
	(void)state;
	assert_true(utf8_is_control("\x1b"));
	assert_true(utf8_is_control("\x7f"));
	assert_true(utf8_is_control("\xc2\x9b"));
	assert_false(utf8_is_control("\xc2\xa0"));
	assert_false(utf8_is_control(" "));
}

static void what_turns_lines_around_is_harmful_and_cleaned(void **state)
{
	/* seen as: from "sgol.10.0.0.7" */
	char text[] = "from \"\u202e7.0.0.01.logs\" \u2028 \ufeff\x1b\xff ü";
	(void)state;

	assert_true(utf8_is_harmful("\u202e"));
	assert_true(utf8_is_harmful("\u2066"));
	assert_true(utf8_is_harmful("\u061c"));
	assert_true(utf8_is_harmful("\x1b"));
	assert_false(utf8_is_harmful("ü"));
	assert_false(utf8_is_harmful("\u2013"));
	utf8_clean(text);
	assert_string_equal(text, "from \"?\?\?7.0.0.01.logs\" ?\?? ??\??\? ü");
}

static void what_nobody_sees_is_known(void **state)
{
	static const char *const unseen[] = {"\u061c", "\u200b", "\u200e", "\u200f", "\u2028",
		"\u2029", "\u202a", "\u202e", "\u2060", "\u2066", "\u2069", "\ufeff"};
	/* joiners make one emoji of two, and Persian words */
	static const char *const seen[] = {"a", "\u00fc", "\u061b", "\u200c", "\u200d", "\u2010",
		"\u2027", "\u202f", "\u205f", "\u206a", "\ufefe", "\U0001f389"};

	(void)state;
	for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++)
		assert_true(utf8_is_harmful(unseen[i]));
	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
		assert_false(utf8_is_harmful(seen[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed_text_is_taken),
		cmocka_unit_test(malformed_text_is_refused),
		cmocka_unit_test(controls_are_known),
		cmocka_unit_test(what_turns_lines_around_is_harmful_and_cleaned),
		cmocka_unit_test(what_nobody_sees_is_known),
	};
	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
