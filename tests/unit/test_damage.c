/* SPDX-License-Identifier: MIT */
/* links: capd/screen/damage.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capd/screen/damage.h"
#include "common/clock.h"

#define MS NS_PER_MS
static const struct box glyph = {100, 100, 110, 116}, caret = {110, 100, 112, 116},
			band = {0, 0, 1920, 400};

static void nothing_noted_is_never_due(void **state)
{
	struct damage damage;
	(void)state;

	damage_init(&damage, 1920, 1080, 30000);
	assert_true(damage_due_ns(&damage) == DAMAGE_NEVER);
	damage_note(&damage, &(struct box){5, 5, 5, 9}, 1000 * MS);
	assert_true(damage_due_ns(&damage) == DAMAGE_NEVER);
}

static void single_key_press_waits_for_quiet_and_not_for_a_tick(void **state)
{
	struct damage damage;
	(void)state;

	damage_init(&damage, 1920, 1080, 30000);
	damage_note(&damage, &glyph, 1000 * MS);
	assert_int_equal(damage_due_ns(&damage), 1000 * MS + DAMAGE_QUIET_NS);
}

static void pieces_of_one_drawing_make_one_frame(void **state)
{
	struct damage damage;
	(void)state;

	damage_init(&damage, 1920, 1080, 30000);
	damage_note(&damage, &glyph, 1000 * MS);
	damage_note(&damage, &caret, 1000 * MS + 500000);
	assert_int_equal(damage_due_ns(&damage), 1000 * MS + 500000 + DAMAGE_QUIET_NS);
	struct box taken = damage_take(&damage);
	assert_int_equal(taken.x0, 100);
	assert_int_equal(taken.x1, 112);
	assert_true(damage_due_ns(&damage) == DAMAGE_NEVER);
}

static void endless_drawing_is_grabbed_all_the_same(void **state)
{
	struct damage damage;
	(void)state;

	damage_init(&damage, 1920, 1080, 30000);
	for (uint64_t us = 0; us <= 20000; us += 500)
		damage_note(&damage, &band, 1000 * MS + us * 1000);
	assert_int_equal(damage_due_ns(&damage), 1000 * MS + DAMAGE_PATIENCE_NS);
}

/* A source at exactly the ceiling, each frame up to 10 ms early or late, loses none and waits for
 * none. */
static void jitter_at_the_ceiling_costs_no_frame(void **state)
{
	static const int jitter_ms[] = {0, 9, -10, 3, -7, 10, -10, 8, 0, -3};
	struct damage damage;
	(void)state;

	damage_init(&damage, 1920, 1080, 30000);
	for (unsigned i = 0; i < 300; i++) {
		uint64_t at = (uint64_t)((int64_t)(1000 * MS + i * (NS_PER_S / 30)) +
					 jitter_ms[i % 10] * (int64_t)MS);
		damage_note(&damage, &band, at);
		uint64_t due = damage_due_ns(&damage);
		assert_true(due - at <= 3 * MS);
		damage_take(&damage);
		damage_spend(&damage, due);
	}
}

static void ceiling_holds_for_a_source_that_is_faster(void **state)
{
	struct damage damage;
	unsigned n = 0;
	(void)state;

	damage_init(&damage, 1920, 1080, 30000);
	for (uint64_t now = 1000 * MS; now < 3000 * MS; now += MS) {
		damage_note(&damage, &glyph, now);
		if (damage_due_ns(&damage) <= now) {
			damage_take(&damage);
			damage_spend(&damage, now);
			n++;
		}
	}
	assert_in_range(n, 59, 63);
}

static void look_that_found_nothing_costs_no_credit(void **state)
{
	struct damage damage;
	(void)state;

	damage_init(&damage, 1920, 1080, 1000);
	damage_note(&damage, &glyph, 1000 * MS);
	damage_take(&damage);
	damage_spend(&damage, 1001 * MS);
	damage_note(&damage, &band, 3000 * MS);
	damage_take(&damage); /* and nothing had changed */
	damage_note(&damage, &glyph, 3005 * MS);
	assert_int_equal(damage_due_ns(&damage), 3005 * MS + DAMAGE_QUIET_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_noted_is_never_due),
		cmocka_unit_test(single_key_press_waits_for_quiet_and_not_for_a_tick),
		cmocka_unit_test(pieces_of_one_drawing_make_one_frame),
		cmocka_unit_test(endless_drawing_is_grabbed_all_the_same),
		cmocka_unit_test(jitter_at_the_ceiling_costs_no_frame),
		cmocka_unit_test(look_that_found_nothing_costs_no_credit),
		cmocka_unit_test(ceiling_holds_for_a_source_that_is_faster),
	};
	return cmocka_run_group_tests_name("damage", tests, NULL, NULL);
}
