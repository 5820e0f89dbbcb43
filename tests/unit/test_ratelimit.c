/* SPDX-License-Identifier: MIT */
/* links: common/utf8.c */
#include "common/ratelimit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void one_per_interval_with_what_was_left_out(void **state)
{
	struct ratelimit limit = {.interval_ns = 100};
	unsigned suppressed = 9;
	(void)state;

	assert_true(ratelimit_allow(&limit, 1000, &suppressed));
	assert_int_equal(suppressed, 0);
	assert_false(ratelimit_allow(&limit, 1050, &suppressed));
	assert_int_equal(ratelimit_wait_ns(&limit, 1050), 50);
	assert_false(ratelimit_allow(&limit, 1099, &suppressed));
	assert_true(ratelimit_allow(&limit, 1100, &suppressed));
	assert_int_equal(suppressed, 2);
}

static void a_burst_and_then_the_interval(void **state)
{
	struct ratelimit limit = {.interval_ns = 100, .burst = 3};
	unsigned suppressed, n = 0;
	(void)state;

	for (int i = 0; i < 10; i++)
		n += ratelimit_allow(&limit, 1000, &suppressed);
	assert_int_equal(n, 3);
	assert_int_equal(ratelimit_wait_ns(&limit, 1000), 100);
	assert_int_equal(ratelimit_wait_ns(&limit, 1100), 0);
	assert_true(ratelimit_allow(&limit, 1100, &suppressed));
	assert_int_equal(suppressed, 7);
	assert_false(ratelimit_allow(&limit, 1150, &suppressed));
	/* After a long rest the burst is there again, and no larger. */
	n = 0;
	for (int i = 0; i < 10; i++)
		n += ratelimit_allow(&limit, 100000, &suppressed);
	assert_int_equal(n, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_per_interval_with_what_was_left_out),
		cmocka_unit_test(a_burst_and_then_the_interval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
