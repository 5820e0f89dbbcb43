/* SPDX-License-Identifier: MIT */
/* links: capd/encode/quality.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capd/encode/quality.h"
#include "common/clock.h"

#define LEN_MAX 1000000u

/* Bytes of an imagined picture: worse at 100 for the same content, as libjpeg's are. */
static size_t len_at(unsigned quality, size_t len_at_80)
{
	return len_at_80 / 10 + len_at_80 * quality * quality / 7112;
}

static void goes_down_to_one_and_no_further(void **state)
{
	(void)state;

	for (unsigned configured = 1; configured <= 100; configured++) {
		struct quality quality;
		unsigned last = configured, steps = 0;

		quality_init(&quality, configured);
		while (quality_lower(&quality, 1, LEN_MAX + 1, LEN_MAX)) {
			assert_true(quality.now < last);
			last = quality.now;
			steps++;
		}
		assert_int_equal(quality.now, 1);
		assert_true(steps <= 24);
	}
}

static void comes_back_to_the_configured_one_by_the_same_steps(void **state)
{
	(void)state;

	for (unsigned configured = 1; configured <= 100; configured++) {
		struct quality quality;
		uint64_t now_ns = NS_PER_S;

		quality_init(&quality, configured);
		while (quality_lower(&quality, now_ns, LEN_MAX + 1, LEN_MAX))
			;
		for (int i = 0; i < 64 && quality.now != configured; i++) {
			now_ns += 2 * NS_PER_S;
			/* Room for one step at a time. */
			assert_true(quality_raise(&quality, now_ns, LEN_MAX / 2, LEN_MAX));
		}
		assert_int_equal(quality.now, configured);
		assert_false(quality_raise(&quality, now_ns * 2, 1, LEN_MAX));
	}
}

static void much_room_takes_all_steps_at_once(void **state)
{
	struct quality quality;
	(void)state;

	quality_init(&quality, 80);
	assert_true(quality_lower(&quality, 0, LEN_MAX * 40ul, LEN_MAX));
	assert_true(quality.now < 10);
	assert_false(quality_raise(&quality, NS_PER_S / 2, 1000, LEN_MAX));
	assert_true(quality_raise(&quality, NS_PER_S, 1000, LEN_MAX));
	assert_int_equal(quality.now, 80);
}

/* A steady screen of any size settles: it changes its quality a few times, and then no more. */
static void steady_screen_does_not_oscillate(void **state)
{
	(void)state;

	for (size_t len_at_80 = 100000; len_at_80 < 9 * (size_t)LEN_MAX; len_at_80 += 100000) {
		struct quality quality;
		unsigned late_changes = 0;

		quality_init(&quality, 80);
		for (uint64_t frame = 0; frame < 30 * 60; frame++) {
			uint64_t now_ns = frame * NS_PER_S / 30;
			unsigned before = quality.now;

			quality_raise(&quality, now_ns, len_at(quality.now, len_at_80), LEN_MAX);
			while (len_at(quality.now, len_at_80) > LEN_MAX)
				assert_true(quality_lower(
					&quality, now_ns, len_at(quality.now, len_at_80), LEN_MAX));
			if (quality.now != before && frame > 30 * 10)
				late_changes++;
		}
		assert_int_equal(late_changes, 0);
		/* It did not give away more than it had to. */
		assert_true(quality.now == 80 || len_at(quality.now, len_at_80) > LEN_MAX / 2);
	}
}

/* Noise and rest in turn: what had to be taken back is tried again more and more seldom. */
static void flickering_screen_is_raised_ever_more_seldom(void **state)
{
	struct quality quality;
	unsigned raised = 0;
	(void)state;

	quality_init(&quality, 80);
	for (uint64_t frame = 0; frame < 30 * 120; frame++) {
		uint64_t now_ns = frame * NS_PER_S / 30;
		size_t len_at_80 = frame / 15 % 2 ? 4 * LEN_MAX : LEN_MAX / 20;

		if (quality_raise(&quality, now_ns, len_at(quality.now, len_at_80), LEN_MAX))
			raised++;
		while (len_at(quality.now, len_at_80) > LEN_MAX)
			assert_true(quality_lower(
				&quality, now_ns, len_at(quality.now, len_at_80), LEN_MAX));
	}
	assert_in_range(raised, 5, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_down_to_one_and_no_further),
		cmocka_unit_test(comes_back_to_the_configured_one_by_the_same_steps),
		cmocka_unit_test(much_room_takes_all_steps_at_once),
		cmocka_unit_test(steady_screen_does_not_oscillate),
		cmocka_unit_test(flickering_screen_is_raised_ever_more_seldom),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
