/* SPDX-License-Identifier: MIT */
/* links: common/findings.c */
#include "common/findings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static int read_text(struct findings *findings, const char *line)
{
	return findings_read(findings, line, strlen(line));
}

static void what_is_written_is_read_again(void **state)
{
	static struct findings before, after;
	char *text = NULL, *rest = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	(void)state;

	assert_non_null(out);
	findings_add(&before, FINDING_FINE, "display", "The display %s can be shown", ":0");
	findings_add(&before, FINDING_WRONG, "files", "It is\tfull");
	findings_remedy(&before, "Delete %s\nthen try again", "something");
	assert_int_equal(findings_write(&before, out), 0);
	fclose(out);
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		assert_int_equal(read_text(&after, line), 0);
	assert_int_equal(after.n, 2);
	assert_int_equal(after.list[0].verdict, FINDING_FINE);
	assert_string_equal(after.list[0].name, "display");
	assert_string_equal(after.list[0].words, "The display :0 can be shown");
	assert_string_equal(after.list[0].remedy, "");
	assert_int_equal(after.list[1].verdict, FINDING_WRONG);
	assert_string_equal(after.list[1].words, "It is full");
	assert_string_equal(after.list[1].remedy, "Delete something then try again");
	free(text);
}

static void what_is_no_finding_is_refused(void **state)
{
	static const char *const lines[] = {"", "fine", "fine\tname", "fine\tname\twords",
		"well\tname\twords\tremedy", "fine\tname\twords\tremedy\tmore",
		"fine\t\twords\tremedy", "fin\tname\twords\tremedy",
		"fine\tthis name is far too long\twords\tremedy"};
	static struct findings findings;
	(void)state;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(read_text(&findings, lines[i]), -EINVAL);
	assert_int_equal(findings.n, 0);
	findings_remedy(&findings, "of nothing");
}

static void too_many_and_too_long_are_cut(void **state)
{
	static struct findings findings;
	char words[2 * FINDING_WORDS_SIZE];
	(void)state;

	memset(words, 'x', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	for (unsigned i = 0; i < FINDINGS_MAX + 3; i++)
		findings_add(&findings, FINDING_NOTE, "name", "%s", words);
	assert_int_equal(findings.n, FINDINGS_MAX);
	assert_int_equal(strlen(findings.list[0].words), FINDING_WORDS_SIZE - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(what_is_no_finding_is_refused),
		cmocka_unit_test(too_many_and_too_long_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
