/* SPDX-License-Identifier: MIT */
/* links: capd/session/session_lock.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capd/session/session_lock.h"

#define NOW 1000000000000u

static void the_hint_alone_decides(void **state)
{
	struct session_lock lock = {0};
	(void)state;

	assert_false(session_lock_is_locked(&lock, NOW));
	session_lock_hint(&lock, true);
	assert_true(session_lock_is_locked(&lock, NOW + 3600 * SESSION_LOCK_FOLLOW_NS));
	assert_int_equal(session_lock_due_ns(&lock, NOW), UINT64_MAX);
	session_lock_hint(&lock, false);
	assert_false(session_lock_is_locked(&lock, NOW));
}

static void the_signal_counts_until_its_time_is_over(void **state)
{
	struct session_lock lock = {0};
	(void)state;

	session_lock_signal(&lock, true, NOW);
	session_lock_hint(&lock, false); /* said again, and not followed yet */
	assert_true(session_lock_is_locked(&lock, NOW));
	assert_int_equal(session_lock_due_ns(&lock, NOW), NOW + SESSION_LOCK_FOLLOW_NS);
	assert_true(session_lock_is_locked(&lock, NOW + SESSION_LOCK_FOLLOW_NS - 1));
	assert_false(session_lock_is_locked(&lock, NOW + SESSION_LOCK_FOLLOW_NS));
	assert_int_equal(session_lock_due_ns(&lock, NOW + SESSION_LOCK_FOLLOW_NS), UINT64_MAX);
}

static void a_hint_that_followed_ends_the_signal(void **state)
{
	struct session_lock lock = {0};
	(void)state;

	session_lock_signal(&lock, true, NOW);
	session_lock_hint(&lock, true);
	session_lock_hint(&lock, false);
	assert_false(session_lock_is_locked(&lock, NOW + 1));
}

static void unlock_takes_the_signal_back_and_not_the_hint(void **state)
{
	struct session_lock lock = {0};
	(void)state;

	session_lock_signal(&lock, true, NOW);
	session_lock_signal(&lock, false, NOW + 1);
	assert_false(session_lock_is_locked(&lock, NOW + 1));
	session_lock_hint(&lock, true);
	session_lock_signal(&lock, false, NOW + 2);
	assert_true(session_lock_is_locked(&lock, NOW + 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hint_alone_decides),
		cmocka_unit_test(the_signal_counts_until_its_time_is_over),
		cmocka_unit_test(a_hint_that_followed_ends_the_signal),
		cmocka_unit_test(unlock_takes_the_signal_back_and_not_the_hint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
