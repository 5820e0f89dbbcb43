/* SPDX-License-Identifier: MIT */
/* links: capd/screen/notification_text.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "capd/screen/notification_text.h"
#include "common/stream.h"

static void what_is_watched_is_in_the_summary(void **state)
{
	const unsigned screen = 1u << SOURCE_SCREEN, camera = 1u << SOURCE_CAMERA,
		       sound = 1u << SOURCE_AUDIO;
	(void)state;

	assert_string_equal(
		notification_summary(screen | sound, false), "This screen is being watched");
	assert_string_equal(notification_summary(camera, false), "This camera is being watched");
	assert_string_equal(
		notification_summary(sound, false), "This computer is being listened to");
	assert_string_equal(
		notification_summary(screen | camera, false), "This computer is being watched");
	assert_string_equal(notification_summary(~0u, false), "This computer is being watched");
	assert_string_equal(notification_summary(screen, true), "Sharing is paused");
}

static void markup_is_text(void **state)
{
	char *body = notification_body("<b>Tom & \"Jo\"</b>, 192.0.2.7: screen\n客厅");
	(void)state;

	assert_string_equal(body, "&lt;b&gt;Tom &amp; \"Jo\"&lt;/b&gt;, 192.0.2.7: screen\n客厅");
	free(body);
	body = notification_body("");
	assert_string_equal(body, "");
	free(body);
}

static void only_who_was_not_there_is_new(void **state)
{
	(void)state;

	assert_true(notification_has_new("", "A"));
	assert_false(notification_has_new("A\nB\nC", "C\nA"));
	assert_false(notification_has_new("A\nB", ""));
	assert_true(notification_has_new("A\nB", "A\nBB"));
	assert_true(notification_has_new("AA\nB", "A"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_watched_is_in_the_summary),
		cmocka_unit_test(markup_is_text),
		cmocka_unit_test(only_who_was_not_there_is_new),
	};
	return cmocka_run_group_tests_name("notification_text", tests, NULL, NULL);
}
