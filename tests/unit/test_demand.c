/* SPDX-License-Identifier: MIT */
/* links: capd/demand.c */
#include "capd/demand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static void nobody_wants_nothing(void **state)
{
	struct demand demand = demand_of(NULL);
	(void)state;

	assert_int_equal(demand.streams, 0);
	assert_int_equal(demand.rate_millihertz, 0);
	assert_false(demand.is_mute);
	assert_null(demand_viewers(NULL));
}

static void the_highest_rate_counts_and_any_wish_for_silence(void **state)
{
	struct subscriber third = {.is_greeted = true, .stream = STREAM_DELTA, .wants_mute = true};
	struct subscriber second = {.next = &third,
		.is_greeted = true,
		.stream = STREAM_JPEG,
		.rate_millihertz = 60000};
	struct subscriber first = {.next = &second,
		.is_greeted = true,
		.stream = STREAM_JPEG,
		.rate_millihertz = 15000};
	struct demand demand = demand_of(&first);
	(void)state;

	assert_int_equal(demand.streams, 1u << STREAM_JPEG | 1u << STREAM_DELTA);
	assert_int_equal(demand.rate_millihertz, 60000);
	assert_true(demand.is_mute);
}

static void whoever_has_not_said_hello_does_not_count(void **state)
{
	struct subscriber stranger = {
		.stream = STREAM_JPEG, .rate_millihertz = 60000, .wants_mute = true};
	struct demand demand = demand_of(&stranger);
	(void)state;

	assert_int_equal(demand.streams, 0);
	assert_int_equal(demand.rate_millihertz, 0);
	assert_false(demand.is_mute);
}

static void presence_captures_nothing(void **state)
{
	struct subscriber only = {.is_greeted = true, .stream = STREAM_PRESENCE};
	(void)state;

	assert_int_equal(demand_of(&only).streams, 0);
}

static void the_newest_who_tells_of_somebody_is_believed(void **state)
{
	struct subscriber_viewers nobody = {.lines = ""}, old = {.lines = "old"},
				  new = {.lines = "new"};
	struct subscriber fourth = {.is_greeted = true, .viewers = &old};
	struct subscriber third = {.next = &fourth, .is_greeted = true, .viewers = &new};
	struct subscriber second = {.next = &third, .is_greeted = true, .viewers = &nobody};
	struct subscriber first = {.next = &second, .is_greeted = true};
	(void)state;

	assert_ptr_equal(demand_viewers(&first), &new);
	third.viewers = fourth.viewers = NULL;
	assert_null(demand_viewers(&first));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_wants_nothing),
		cmocka_unit_test(the_highest_rate_counts_and_any_wish_for_silence),
		cmocka_unit_test(whoever_has_not_said_hello_does_not_count),
		cmocka_unit_test(presence_captures_nothing),
		cmocka_unit_test(the_newest_who_tells_of_somebody_is_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
