/* SPDX-License-Identifier: MIT */
/* links: httpd/strings.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "httpd/strings.h"

static void every_string_exists_in_every_language(void **state)
{
	const char *name;

	(void)state;
	for (size_t i = 0; (name = string_name(i)); i++) {
		for (enum language language = 0; language < LANGUAGE_COUNT; language++) {
			const char *text = string_find(language, name, strlen(name));

			if (!text || text[0] == '\0')
				fail_msg("%s in %s", name, language_tag(language));
		}
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(name, string_name(j));
	}
	assert_null(string_find(LANGUAGE_EN, "nothing", 7));
	assert_null(string_find(LANGUAGE_EN, "back", 3));
}

/* {{host}} in one language and not in the other is a translation that was forgotten. */
static void languages_name_the_same_values(void **state)
{
	const char *name;

	(void)state;
	for (size_t i = 0; (name = string_name(i)); i++) {
		const char *en = string_find(LANGUAGE_EN, name, strlen(name));
		const char *zh = string_find(LANGUAGE_ZH, name, strlen(name));

		for (const char *s = en; (s = strstr(s, "{{")); s += 2) {
			char value[64] = "";

			strncat(value, s, strcspn(s, "}"));
			if (!strstr(zh, value))
				fail_msg("%s: %s", name, value);
		}
	}
}

static void chooses_what_the_reader_reads(void **state)
{
	static const struct {
		const char *asked, *accept;
		enum language language;
	} cases[] = {
		{NULL, NULL, LANGUAGE_EN},
		{NULL, "", LANGUAGE_EN},
		{NULL, "zh-CN,zh;q=0.9,en;q=0.8", LANGUAGE_ZH},
		{NULL, "ZH", LANGUAGE_ZH},
		{NULL, "zh-Hant-TW", LANGUAGE_ZH},
		{NULL, "en-GB,en;q=0.9,zh;q=0.8", LANGUAGE_EN},
		{NULL, "en;q=0.5, zh;q=0.75", LANGUAGE_ZH},
		{NULL, "de-DE,de;q=0.9,zh;q=0.2,en;q=0.1", LANGUAGE_ZH},
		{NULL, "de, fr", LANGUAGE_EN},
		{NULL, "zhx", LANGUAGE_EN},
		{NULL, "zh;q=0", LANGUAGE_EN},
		{NULL, "zh;q=9, en;q=0.1", LANGUAGE_EN},
		{NULL, ";;q=,,,zh", LANGUAGE_ZH},
		{"en", "zh-CN", LANGUAGE_EN},
		{"zh", "en", LANGUAGE_ZH},
		{"zh-TW", NULL, LANGUAGE_ZH},
		{"fr", "zh", LANGUAGE_ZH},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (language_choose(cases[i].asked, cases[i].accept) != cases[i].language)
			fail_msg("case %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_string_exists_in_every_language),
		cmocka_unit_test(languages_name_the_same_values),
		cmocka_unit_test(chooses_what_the_reader_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
