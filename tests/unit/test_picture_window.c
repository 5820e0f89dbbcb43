/* SPDX-License-Identifier: MIT */
/* links: httpd/picture_window.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "httpd/picture_window.h"

static void two_are_under_way_and_no_more(void **state)
{
	struct picture_window window = {0};

	(void)state;
	assert_true(picture_window_has_room(&window));
	picture_window_sent(&window, 1, 0);
	assert_true(picture_window_has_room(&window));
	picture_window_sent(&window, 2, 0);
	assert_false(picture_window_has_room(&window));
	assert_true(picture_window_drawn(&window, 1, 5, 0));
	assert_int_equal(window.n, 1);
	assert_true(picture_window_has_room(&window));
}

static void what_is_drawn_takes_those_before_it_along(void **state)
{
	struct picture_window window = {0};

	(void)state;
	picture_window_sent(&window, 4, 0);
	picture_window_sent(&window, 9, 0);
	assert_true(picture_window_drawn(&window, 9, 5, 0));
	assert_int_equal(window.n, 0);
	/* Said twice, or never sent. */
	assert_false(picture_window_drawn(&window, 9, 5, 0));
	assert_false(picture_window_drawn(&window, 4, 5, 0));
	assert_true(window.took_ms == 5);
}

static void who_takes_long_has_one_under_way(void **state)
{
	struct picture_window window = {0};

	(void)state;
	picture_window_sent(&window, 1, 0);
	assert_true(picture_window_drawn(&window, 1, 83, 0));
	picture_window_sent(&window, 2, 0);
	assert_false(picture_window_has_room(&window));
	/* It has become faster: two again, soon. */
	for (uint32_t sequence = 2; sequence < 5; sequence++) {
		assert_true(picture_window_drawn(&window, sequence, 10, 0));
		picture_window_sent(&window, sequence + 1, 0);
	}
	assert_true(picture_window_has_room(&window));
}

static void who_does_not_say_how_long_is_judged_by_the_way_there_and_back(void **state)
{
	struct picture_window window = {0};

	(void)state;
	picture_window_sent(&window, 1, 100 * NS_PER_MS);
	assert_true(picture_window_drawn(&window, 1, -1, 170 * NS_PER_MS));
	assert_true(window.took_ms == 70);
	picture_window_sent(&window, 2, 200 * NS_PER_MS);
	picture_window_clear(&window);
	assert_int_equal(window.n, 0);
	assert_true(window.took_ms == 70);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_are_under_way_and_no_more),
		cmocka_unit_test(what_is_drawn_takes_those_before_it_along),
		cmocka_unit_test(who_takes_long_has_one_under_way),
		cmocka_unit_test(who_does_not_say_how_long_is_judged_by_the_way_there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
