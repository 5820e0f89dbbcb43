/* SPDX-License-Identifier: MIT */
/* links: cli/page.c cli/text.c common/parse.c common/utf8.c */
#include "cli/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void assert_wrapped(
	size_t columns, size_t at, size_t indent, const char *text, const char *wanted)
{
	char *out = NULL;
	size_t len = 0;
	struct page page = {.columns = columns, .out = open_memstream(&out, &len)};

	assert_non_null(page.out);
	page_wrap(&page, at, indent, text);
	fclose(page.out);
	assert_string_equal(out, wanted);
	free(out);
}

static void text_keeps_to_the_width(void **state)
{
	(void)state;
	assert_wrapped(14, 4, 4, "one two three", "one two\n    three\n");
	assert_wrapped(13, 4, 2, "one two three four", "one two\n  three four\n");
	assert_wrapped(SIZE_MAX, 4, 4, "one two three", "one two three\n");
	assert_wrapped(8, 0, 0, "", "\n");
	/* A letter counts once, however many bytes it has. */
	assert_wrapped(9, 0, 0, "über öäü x", "über öäü\nx\n");
}

static void a_word_too_long_has_a_line_of_its_own(void **state)
{
	(void)state;
	assert_wrapped(
		10, 2, 2, "a http://192.168.1.7:8001/ b", "a\n  http://192.168.1.7:8001/\n  b\n");
	assert_wrapped(10, 2, 2, "http://192.168.1.7:8001/", "http://192.168.1.7:8001/\n");
}

static void commands_are_left_whole(void **state)
{
	(void)state;
	assert_wrapped(20, 2, 2, "Type this:\n    sudo rm -r --no-such-option /tmp/x\nthen that",
		"Type this:\n      sudo rm -r --no-such-option /tmp/x\n  then that\n");
}

static void nothing_reaches_the_terminal_as_a_command(void **state)
{
	(void)state;
	assert_wrapped(40, 0, 0, "red \033[31m text", "red ?[31m text\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_keeps_to_the_width),
		cmocka_unit_test(a_word_too_long_has_a_line_of_its_own),
		cmocka_unit_test(commands_are_left_whole),
		cmocka_unit_test(nothing_reaches_the_terminal_as_a_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
