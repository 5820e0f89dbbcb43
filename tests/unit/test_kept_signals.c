/* SPDX-License-Identifier: MIT */
/* links: capd/session/kept_signals.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "capd/session/kept_signals.h"

static void they_are_kept_in_their_order(void **state)
{
	struct kept_signals kept = {0};
	(void)state;

	kept_signals_add(&kept, ":1.1", "/session/_1", true);
	kept_signals_add(&kept, ":1.2", "/session/_2", false);
	assert_int_equal(kept.n, 2);
	assert_string_equal(kept.list[0].sender, ":1.1");
	assert_string_equal(kept.list[0].path, "/session/_1");
	assert_true(kept.list[0].is_lock);
	assert_string_equal(kept.list[1].path, "/session/_2");
	assert_false(kept.list[1].is_lock);
}

static void where_it_is_full_the_oldest_goes(void **state)
{
	struct kept_signals kept = {0};
	char path[32];
	(void)state;

	for (unsigned i = 0; i < KEPT_SIGNALS_MAX + 3; i++) {
		snprintf(path, sizeof(path), "/session/_%u", i);
		kept_signals_add(&kept, ":1.1", path, true);
	}
	assert_int_equal(kept.n, KEPT_SIGNALS_MAX);
	assert_string_equal(kept.list[0].path, "/session/_3");
	assert_string_equal(kept.list[KEPT_SIGNALS_MAX - 1].path, path);
}

static void what_is_too_long_is_left_out(void **state)
{
	struct kept_signals kept = {0};
	char name[KEPT_SIGNALS_NAME_MAX + 1];
	(void)state;

	memset(name, 'x', KEPT_SIGNALS_NAME_MAX);
	name[KEPT_SIGNALS_NAME_MAX] = '\0';
	kept_signals_add(&kept, ":1.1", name, true);
	kept_signals_add(&kept, name, "/session/_1", true);
	assert_int_equal(kept.n, 0);
	name[KEPT_SIGNALS_NAME_MAX - 1] = '\0';
	kept_signals_add(&kept, name, name, true);
	assert_int_equal(kept.n, 1);
	assert_string_equal(kept.list[0].path, name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_are_kept_in_their_order),
		cmocka_unit_test(where_it_is_full_the_oldest_goes),
		cmocka_unit_test(what_is_too_long_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
