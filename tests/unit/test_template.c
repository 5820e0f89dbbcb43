/* SPDX-License-Identifier: MIT */
/* links: httpd/template.c httpd/strings.c -levent_core */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <event2/buffer.h>

#include "httpd/template.h"
#include "httpd/www.h"

/* One embedded file, in place of those that are generated. */
bool www_find(const char *name, size_t name_len, struct www_file *out)
{
	if (name_len != 9 || memcmp(name, "style.css", 9) != 0)
		return false;
	*out = (struct www_file){.name = "style.css", .tag = "abc"};
	return true;
}

static const struct template_value VALUES[] = {
	{"host", "<a href=\"x\">&'{{back}}", false, false},
	{"title", "error_peer_title", true, false},
	{"text", "error_peer_text", true, false},
	{"peer", "fd00::1", false, false},
};

static void assert_filled(
	enum language language, bool is_html, const char *text, const char *filled)
{
	const struct template template = {
		.language = language, .is_html = is_html, .values = VALUES, .n_values = 4};
	struct evbuffer *out = evbuffer_new();

	assert_int_equal(template_fill(&template, text, strlen(text), out), 0);
	evbuffer_add(out, "", 1);
	assert_string_equal((const char *)evbuffer_pullup(out, -1), filled);
	evbuffer_free(out);
}

static void what_is_filled_in_is_escaped_in_html_only(void **state)
{
	(void)state;
	assert_filled(LANGUAGE_EN, true, "<p>{{host}}</p>",
		"<p>&lt;a href=&quot;x&quot;&gt;&amp;&#39;{{back}}</p>");
	assert_filled(LANGUAGE_EN, false, "<p>{{host}}</p>", "<p><a href=\"x\">&'{{back}}</p>");
}

static void names_are_values_or_files_or_strings(void **state)
{
	(void)state;
	assert_filled(LANGUAGE_EN, true, "{{back}}{{style.css}}", "Back/static/style.css?v=abc");
	assert_filled(LANGUAGE_ZH, true, "{{back}}|", "\xe8\xbf\x94\xe5\x9b\x9e|");
	assert_filled(LANGUAGE_EN, true, "", "");
	assert_filled(LANGUAGE_EN, true, "{}{ {", "{}{ {");
}

static void a_value_may_be_a_string_that_names_values(void **state)
{
	const struct template template = {
		.language = LANGUAGE_ZH, .is_html = false, .values = VALUES, .n_values = 4};
	struct evbuffer *out = evbuffer_new();

	(void)state;
	assert_filled(LANGUAGE_EN, true, "{{title}}", "Only for this computer&#39;s network");
	assert_int_equal(template_fill(&template, "{{text}}", 8, out), 0);
	evbuffer_add(out, "", 1);
	assert_non_null(strstr((const char *)evbuffer_pullup(out, -1), "fd00::1"));
	assert_null(strstr((const char *)evbuffer_pullup(out, -1), "{{"));
	evbuffer_free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_filled_in_is_escaped_in_html_only),
		cmocka_unit_test(names_are_values_or_files_or_strings),
		cmocka_unit_test(a_value_may_be_a_string_that_names_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
