/* SPDX-License-Identifier: MIT */
/* links: capd/screen/look.c capd/screen/damage.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capd/screen/look.h"

#define MS     NS_PER_MS
#define BEGIN  (1000000 * MS)
#define WIDTH  1920
#define HEIGHT 1080
static const struct box glyph = {100, 100, 110, 116};

static bool is_whole(const struct box *box)
{
	return box->x0 == 0 && box->y0 == 0 && box->x1 == WIDTH && box->y1 == HEIGHT;
}

/* A display whose first frame has been taken. */
static struct look live(bool has_damage, bool polls_pointer)
{
	struct look look = {.width = 0};

	look_init(&look, has_damage, polls_pointer);
	look_resize(&look, WIDTH, HEIGHT, 30000);
	look_wake(&look, BEGIN, false);
	assert_true(look_is_due(&look, BEGIN));
	const struct box box = look_take(&look, BEGIN);
	assert_true(is_whole(&box));
	look_taken(&look, BEGIN, true);
	look_spend(&look, BEGIN, true);
	return look;
}

static void a_new_display_is_due_at_once(void **state)
{
	struct look look = {.width = 0};

	(void)state;
	look_init(&look, true, true);
	look_resize(&look, WIDTH, HEIGHT, 30000);
	assert_true(look_due_ns(&look) <= BEGIN);
	live(true, true);
}

static void a_still_screen_is_looked_at_now_and_then(void **state)
{
	struct look look = live(true, false);
	uint64_t next = look_due_ns(&look);

	(void)state;
	assert_in_range(next, BEGIN + 900 * MS, BEGIN + LOOK_FULL_NS);
	look_wake(&look, next, true);
	assert_true(look.is_routine && look_is_due(&look, next));
	const struct box box = look_take(&look, next);
	assert_true(is_whole(&box));
	look_taken(&look, next, true);
	uint64_t allowed = damage_allowed_ns(&look.damage);
	look_spend(&look, next, false); /* it found nothing: no credit is spent */
	assert_int_equal(damage_allowed_ns(&look.damage), allowed);
	assert_int_equal(look_due_ns(&look), next + LOOK_FULL_NS);
}

static void a_frame_that_comes_anyway_brings_everything_along(void **state)
{
	struct look look = live(true, false);
	uint64_t at = look.full_due_ns - LOOK_FULL_EARLY_NS + 10 * MS;

	(void)state;
	damage_note(&look.damage, &glyph, at - 10 * MS);
	look_wake(&look, at, true);
	assert_false(look.is_routine);
	const struct box box = look_take(&look, at);
	assert_true(is_whole(&box));
	assert_int_equal(look.full_due_ns, at + LOOK_FULL_NS);
}

static void damage_alone_is_what_is_grabbed(void **state)
{
	struct look look = live(true, false);
	uint64_t at = BEGIN + 100 * MS;

	(void)state;
	damage_note(&look.damage, &glyph, at);
	assert_int_equal(look_due_ns(&look), at + DAMAGE_QUIET_NS);
	look_wake(&look, at, true);
	assert_false(look_is_due(&look, at));
	assert_true(look_is_due(&look, at + DAMAGE_QUIET_NS));
	const struct box box = look_take(&look, at + DAMAGE_QUIET_NS);
	assert_int_equal(box.x1, glyph.x1);
	assert_int_equal(box.y0, glyph.y0);
}

static void the_pointer_is_asked_for_once_a_tick_and_is_a_frame_where_it_moved(void **state)
{
	struct look look = live(true, true);
	uint64_t at = look_due_ns(&look);

	(void)state;
	/* After a frame it has one and a half intervals, so that the next may bring it along. */
	assert_in_range(at, BEGIN + 48 * MS, BEGIN + 50 * MS);
	look_wake(&look, at, true);
	assert_true(look_wants_pointer(&look, at));
	look_pointer(&look, at, false);
	assert_false(look_is_due(&look, at));
	assert_false(look_wants_pointer(&look, at + 10 * MS));
	at = look_due_ns(&look);
	look_pointer(&look, at, true);
	assert_true(look_is_due(&look, at));
	const struct box box = look_take(&look, at);
	assert_true(box_is_empty(&box)); /* nothing has to be grabbed for it */
	assert_false(look.pointer_moved);
}

static void whoever_wants_no_pointer_is_not_woken_for_it(void **state)
{
	struct look look = live(true, false);

	(void)state;
	assert_false(look_wants_pointer(&look, BEGIN + 1000 * MS));
	assert_true(look_due_ns(&look) > BEGIN + 900 * MS);
}

static void without_damage_every_tick_is_a_look_at_everything(void **state)
{
	struct look look = live(false, false);
	uint64_t at = look_due_ns(&look);

	(void)state;
	assert_in_range(at, BEGIN + 30 * MS, BEGIN + 34 * MS);
	look_wake(&look, at, true);
	assert_true(look_is_due(&look, at));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_display_is_due_at_once),
		cmocka_unit_test(a_still_screen_is_looked_at_now_and_then),
		cmocka_unit_test(a_frame_that_comes_anyway_brings_everything_along),
		cmocka_unit_test(damage_alone_is_what_is_grabbed),
		cmocka_unit_test(
			the_pointer_is_asked_for_once_a_tick_and_is_a_frame_where_it_moved),
		cmocka_unit_test(whoever_wants_no_pointer_is_not_woken_for_it),
		cmocka_unit_test(without_damage_every_tick_is_a_look_at_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
