/* SPDX-License-Identifier: MIT */
/* links: cli/text.c common/utf8.c */
#include "cli/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const char *clean(const char *text, size_t max)
{
	static char out[64];

	return text_clean(text, max, out, sizeof(out));
}

static void harmless_text_stays_as_it_is(void **state)
{
	(void)state;
	assert_string_equal(
		clean("Mozilla/5.0 (X11) – größer, 屏幕", 40), "Mozilla/5.0 (X11) – größer, 屏幕");
	assert_string_equal(clean("", 10), "");
	assert_string_equal(clean(NULL, 10), "");
}

static void what_drives_a_terminal_is_replaced(void **state)
{
	(void)state;
	assert_string_equal(clean("\033]0;title\007\033[31mred", 40), "?]0;title??[31mred");
	assert_string_equal(clean("a\nb\tc\rd\x7f", 40), "a?b?c?d?");
	assert_string_equal(clean("C1 \xc2\x9b"
				  "31m",
				    40),
		"C1 ?31m");                                          /* CSI in one character */
	assert_string_equal(clean("\u202egnp.exe", 40), "?gnp.exe"); /* written backwards */
	assert_string_equal(clean("a\u2066b\u2029c\ufeff", 40), "a?b?c?");
}

static void what_is_no_utf8_is_replaced(void **state)
{
	(void)state;
	assert_string_equal(clean("\xff\xfe", 40), "??");
	assert_string_equal(clean("\xc0\xaf overlong", 40), "?? overlong");
	assert_string_equal(clean("cut \xe5\xb1", 40), "cut ??");
}

static void long_text_ends_in_an_ellipsis(void **state)
{
	(void)state;
	assert_string_equal(clean("12345678", 8), "12345678");
	assert_string_equal(clean("123456789", 8), "1234567…");
	assert_string_equal(clean("ääää", 3), "ää…");
	assert_string_equal(clean("x", 0), "");
	assert_int_equal(text_width(clean("屏幕屏幕屏幕", 4)), 4);
}

/* Every size, so that a sanitizer sees what would be written past the end. */
static void a_small_buffer_holds_whole_characters(void **state)
{
	static const char text[] = "aä屏😀b";
	(void)state;

	for (size_t size = 1; size < sizeof(text) + 4; size++) {
		char out[64];
		size_t len;

		memset(out, 'X', sizeof(out));
		text_clean(text, 40, out, size);
		len = strlen(out);
		assert_true(len < size);
		for (size_t i = size; i < sizeof(out); i++)
			assert_int_equal(out[i], 'X');
		if (size >= sizeof(text))
			assert_string_equal(out, text);
		else if (size > 3)
			assert_string_equal(out + len - 3, "…");
	}
}

static void figures_are_for_people(void **state)
{
	char out[TEXT_FIGURE_MAX];
	(void)state;

	assert_string_equal(text_duration(0, out), "0 s");
	assert_string_equal(text_duration(59999, out), "59 s");
	assert_string_equal(text_duration(60000, out), "1 min 0 s");
	assert_string_equal(text_duration(3599999, out), "59 min 59 s");
	assert_string_equal(text_duration(3600000, out), "1 h 0 min");
	assert_string_equal(text_duration(86400000, out), "1 d 0 h");
	assert_string_equal(text_duration(UINT64_MAX, out), "213503982334 d 14 h");
	assert_string_equal(text_bytes(0, out), "0 B");
	assert_string_equal(text_bytes(999, out), "999 B");
	assert_string_equal(text_bytes(1000, out), "1.0 kB");
	assert_string_equal(text_bytes(999949, out), "999.9 kB");
	assert_string_equal(text_bytes(999950, out), "1.0 MB");
	assert_string_equal(text_bytes(UINT64_MAX, out), "18.4 EB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(harmless_text_stays_as_it_is),
		cmocka_unit_test(what_drives_a_terminal_is_replaced),
		cmocka_unit_test(what_is_no_utf8_is_replaced),
		cmocka_unit_test(long_text_ends_in_an_ellipsis),
		cmocka_unit_test(a_small_buffer_holds_whole_characters),
		cmocka_unit_test(figures_are_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
