/* SPDX-License-Identifier: MIT */
/* links: httpd/watchers.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/stream.h"
#include "httpd/watchers.h"

#define SCREEN (1u << SOURCE_SCREEN)
#define CAMERA (1u << SOURCE_CAMERA)
#define SOUND  (1u << SOURCE_AUDIO)

static void expect(struct watchers *watchers, size_t lines_max, size_t size, const char *wanted)
{
	char *text = malloc(size + 1); /* on the heap, and no larger: ASan sees its end */
	size_t len = watchers_write(watchers, lines_max, text, size);

	assert_true(len <= size);
	text[len] = '\0';
	assert_string_equal(text, wanted);
	free(text);
}

static void connections_of_one_viewer_are_one_line(void **state)
{
	struct watchers *watchers = watchers_create();
	(void)state;

	assert_non_null(watchers);
	expect(watchers, 12, 100, "");
	watchers_add(watchers, "", "192.0.2.7", SCREEN);
	watchers_add(watchers, "TV", "192.0.2.7", CAMERA);
	watchers_add(watchers, "", "192.0.2.7", SOUND);
	assert_int_equal(watchers_sources(watchers), SCREEN | CAMERA | SOUND);
	expect(watchers, 12, 100, "192.0.2.7: screen, sound\nTV, 192.0.2.7: camera");
	watchers_destroy(watchers);
}

static void who_does_not_fit_is_counted(void **state)
{
	struct watchers *watchers = watchers_create();
	char addresses[5][16];
	(void)state;

	for (int i = 0; i < 5; i++) {
		snprintf(addresses[i], sizeof(addresses[i]), "192.0.2.%d", i);
		watchers_add(watchers, "", addresses[i], SCREEN);
	}
	expect(watchers, 5, 200,
		"192.0.2.0: screen\n192.0.2.1: screen\n192.0.2.2: screen\n192.0.2.3: screen\n"
		"192.0.2.4: screen");
	expect(watchers, 3, 200, "192.0.2.0: screen\n192.0.2.1: screen\nand 3 more");
	expect(watchers, 5, 70, "192.0.2.0: screen\n192.0.2.1: screen\nand 3 more");
	expect(watchers, 5, 20, "5 more");
	expect(watchers, 5, 3, "");
	watchers_destroy(watchers);
}

static void more_than_can_be_told_apart_are_no_harm(void **state)
{
	struct watchers *watchers = watchers_create();
	static char names[WATCHERS_MAX + 10][8];
	(void)state;

	for (size_t i = 0; i < WATCHERS_MAX + 10; i++) {
		snprintf(names[i], sizeof(names[i]), "%zu", i);
		watchers_add(watchers, names[i], "::1", SOUND);
	}
	expect(watchers, 2, 100, "0, ::1: sound\nand 1023 more");
	watchers_destroy(watchers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_of_one_viewer_are_one_line),
		cmocka_unit_test(who_does_not_fit_is_counted),
		cmocka_unit_test(more_than_can_be_told_apart_are_no_harm),
	};
	return cmocka_run_group_tests_name("watchers", tests, NULL, NULL);
}
