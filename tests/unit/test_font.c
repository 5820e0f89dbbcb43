/* SPDX-License-Identifier: MIT */
/* links: capd/font.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "capd/font.h"

/* Lines joined by '|'. */
static const char *wrapped(const char *text, unsigned n_cells)
{
	static char out[512];
	struct font_line lines[32];
	size_t n = font_wrap(text, n_cells, lines, 32), at = 0;

	out[0] = '\0';
	assert_true(n <= 32);
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%.*s", i ? "|" : "",
			(int)lines[i].len, lines[i].start);
	return out;
}

static void breaks_at_spaces(void **state)
{
	(void)state;

	assert_string_equal(wrapped("one two three", 13), "one two three");
	assert_string_equal(wrapped("one two three", 12), "one two|three");
	assert_string_equal(wrapped("one two three", 7), "one two|three");
	assert_string_equal(wrapped("one two three", 6), "one|two|three");
	assert_string_equal(wrapped("one  two   three", 5), "one|two|three");
	assert_string_equal(wrapped("  one two  ", 20), "one two");
	assert_string_equal(wrapped("one\ntwo", 20), "one|two");
	assert_string_equal(wrapped("", 20), "");
}

static void breaks_words_that_are_too_long(void **state)
{
	(void)state;

	assert_string_equal(wrapped("abcdefgh", 3), "abc|def|gh");
	assert_string_equal(wrapped("ab cdefgh", 3), "ab|cde|fgh");
	assert_string_equal(wrapped("abc", 1), "a|b|c");
}

static void counts_characters_not_bytes(void **state)
{
	struct font_line line;
	(void)state;

	assert_int_equal(font_wrap("h\xc3\xa4 \xe2\x82\xac\xf0\x9f\x98\x80", 10, &line, 1), 1);
	assert_int_equal(line.n_cells, 5);
	assert_int_equal(line.len, 11);
	assert_string_equal(wrapped("\xc3\xa4\xc3\xa4\xc3\xa4", 2), "\xc3\xa4\xc3\xa4|\xc3\xa4");
}

/* Broken UTF-8 is boxes, never a read behind the end. */
static void takes_broken_text_to_its_end(void **state)
{
	static const char *const broken[] = {
		"\x80\x80\x80", "\xff", "\xc3", "a\xe2\x82", "\xc3\xc3"};
	(void)state;

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		size_t at = 0, len;

		while (font_next(broken[i] + at, &len) != 0) {
			assert_true(len > 0);
			at += len;
		}
		assert_int_equal(len, 0);
		assert_int_equal(at, strlen(broken[i]));
	}
}

static void every_character_has_a_path(void **state)
{
	(void)state;

	for (unsigned character = 0; character < 300; character++) {
		bool is_printable = character > ' ' && character <= '~';

		assert_non_null(font_path(character));
		assert_true((strlen(font_path(character)) > 0) == (character != ' '));
		assert_true((font_path(character) == font_path(0)) ==
			    (!is_printable && character != ' '));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(breaks_at_spaces),
		cmocka_unit_test(breaks_words_that_are_too_long),
		cmocka_unit_test(counts_characters_not_bytes),
		cmocka_unit_test(takes_broken_text_to_its_end),
		cmocka_unit_test(every_character_has_a_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
