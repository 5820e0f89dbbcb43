/* SPDX-License-Identifier: MIT */
/* links: httpd/step_history.c httpd/frame.c common/delta_ops.c -levent_core */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/delta_ops.h"
#include "httpd/step_history.h"

#define EPOCH  9u
#define WIDTH  1600u
#define HEIGHT 1000u

static struct step_history history;

static int teardown(void **state)
{
	(void)state;
	step_history_clear(&history);
	assert_int_equal(history.bytes, 0);
	return 0;
}

/* A step to `sequence` of `len` bytes, of which the first are a copy, if it is one of `copied`
 * rows.
 */
static struct frame *make(uint64_t sequence, size_t len, uint32_t copied)
{
	struct frame *step = frame_create(len);
	const struct delta_op copy = {
		.kind = DELTA_COPY, .src_y = 20, .width = WIDTH, .height = copied};

	memset(step->data, 0, len);
	if (copied)
		delta_op_put(step->data, &copy);
	step->kind = RECORD_STEP;
	step->epoch = EPOCH;
	step->sequence = sequence;
	step->base = sequence - 1;
	step->width = WIDTH;
	step->height = HEIGHT;
	return step;
}

static void add(struct frame *step)
{
	step_history_add(&history, step);
	frame_unref(step);
}

static void add_all(uint64_t from, uint64_t to, size_t len, uint32_t copied)
{
	for (uint64_t sequence = from; sequence <= to; sequence++)
		add(make(sequence, len, copied));
}

static void steps_come_in_order_from_what_is_held(void **state)
{
	struct frame_run run;

	(void)state;
	assert_false(step_history_since(&history, 0, &run));
	assert_false(step_history_since(&history, 4, &run));
	add_all(5, 8, 100, 0);
	assert_true(step_history_since(&history, 5, &run));
	assert_int_equal(run.n, 3);
	for (unsigned i = 0; i < run.n; i++)
		assert_int_equal(run.frames[i]->sequence, 6 + i);
	assert_int_equal(run.bytes, 300);
	assert_false(step_history_since(&history, 8, &run)); /* has the newest */
	assert_false(step_history_since(&history, 3, &run)); /* before the first */
	assert_false(step_history_since(&history, 0, &run)); /* has nothing to apply it to */
}

static void a_gap_and_another_ring_begin_a_new_row(void **state)
{
	struct frame_run run;
	struct frame *other = make(12, 100, 0);

	(void)state;
	add_all(5, 8, 100, 0);
	add_all(10, 11, 100, 0);
	assert_false(step_history_since(&history, 7, &run));
	assert_true(step_history_since(&history, 9, &run));
	assert_int_equal(run.n, 2);
	other->epoch = EPOCH + 1;
	add(other);
	assert_false(step_history_since(&history, 9, &run));
	assert_true(step_history_since(&history, 11, &run));
	assert_int_equal(run.n, 1);
}

static void no_more_than_so_many_steps_are_kept(void **state)
{
	struct frame_run run;

	(void)state;
	add_all(2, 201, 100, 0);
	assert_int_equal(history.n, STEP_HISTORY_MAX);
	assert_int_equal(history.bytes, 100 * STEP_HISTORY_MAX);
	assert_true(step_history_since(&history, 201 - STEP_HISTORY_MAX, &run));
	assert_int_equal(run.n, STEP_HISTORY_MAX);
	assert_false(step_history_since(&history, 200 - STEP_HISTORY_MAX, &run));
}

static void no_more_than_so_many_bytes_are_kept_but_for_the_newest(void **state)
{
	struct frame *frames[8];
	struct frame_run run;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		frames[i] = make(2 + i, STEP_HISTORY_BYTES_MAX / 3, 0);
		step_history_add(&history, frames[i]);
		assert_true(history.bytes <= STEP_HISTORY_BYTES_MAX);
	}
	assert_int_equal(history.n, 3);
	for (unsigned i = 0; i < 8; i++) { /* what was dropped is let go */
		assert_int_equal(frames[i]->refs, i < 5 ? 1 : 2);
		frame_unref(frames[i]);
	}
	add(make(10, 2 * STEP_HISTORY_BYTES_MAX, 0));
	assert_int_equal(history.n, 1);
	assert_true(step_history_since(&history, 9, &run));
	assert_true(run.is_worth_it);
	add(make(11, 100, 0));
	assert_int_equal(history.bytes, 100);
}

/* Noise in all of a screen: a viewer who takes it at half the pace misses nothing.  With the next
 * change they go, for who lags is then helped by a catch-up. */
static void refinements_are_kept_until_something_changes(void **state)
{
	struct frame_run run;

	(void)state;
	add(make(2, 1200000, 0));
	for (unsigned i = 0; i < 97; i++) {
		struct frame *refinement = make(3 + i, 65000, 0);

		refinement->flags |= RECORD_IS_REFINEMENT;
		add(refinement);
	}
	assert_int_equal(history.n, 98);
	assert_true(step_history_since(&history, 2, &run));
	assert_int_equal(run.n, 1);
	assert_true(run.is_worth_it);
	add(make(100, 100, 0));
	assert_true(history.bytes <= STEP_HISTORY_BYTES_MAX && history.n <= STEP_HISTORY_MAX);
}

/* What changed in the same place each time, a film: a catch-up paints it once. */
static void pictures_over_each_other_are_not_worth_it_but_the_newest_is(void **state)
{
	struct frame_run run;

	(void)state;
	add_all(2, 4, 100000, 0);
	assert_true(step_history_since(&history, 2, &run));
	assert_int_equal(run.n, 2);
	assert_false(run.is_worth_it);
	assert_true(step_history_since(&history, 3, &run));
	assert_true(run.is_worth_it);
}

/* A catch-up would paint everything that has moved. */
static void scrolled_text_is_worth_it_until_it_is_more_than_the_text(void **state)
{
	struct frame_run run;
	unsigned n = 1;

	(void)state;
	add_all(2, 33, 18000, 900);
	while (n < STEP_HISTORY_MAX && step_history_since(&history, 33 - n, &run) &&
		run.is_worth_it)
		n++;
	assert_in_range(n, 4, 8); /* 1600 × 900 pixels of text: about 110 KB */
}

static void little_is_sent_without_weighing(void **state)
{
	struct frame_run run;

	(void)state;
	add_all(2, 31, 200, 0);
	assert_true(step_history_since(&history, 1, &run));
	assert_int_equal(run.n, 30);
	assert_true(run.is_worth_it);
}

static void refinements_are_told_apart_and_kept_short(void **state)
{
	struct frame_run run;

	(void)state;
	for (uint64_t sequence = 2; sequence <= 5; sequence++) {
		struct frame *step = make(sequence, 40000, 0);

		step->flags = RECORD_IS_REFINEMENT;
		add(step);
	}
	assert_true(step_history_since(&history, 4, &run));
	assert_true(run.has_refinement && !run.has_change && run.is_worth_it);
	/* All that is missing, one message after the other. */
	assert_true(step_history_since(&history, 1, &run));
	assert_true(run.is_worth_it);
	assert_int_equal(run.n, 1);
	assert_int_equal(run.frames[0]->sequence, 2);
	assert_int_equal(run.bytes, 40000);
	/* Not before a change, which is not to wait for them. */
	add(make(6, 100, 0));
	assert_true(step_history_since(&history, 1, &run));
	assert_false(run.is_worth_it);
	assert_true(step_history_since(&history, 4, &run));
	assert_true(run.has_refinement && run.has_change && run.is_worth_it);
	assert_true(step_history_since(&history, 5, &run));
	assert_true(!run.has_refinement && run.has_change);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(steps_come_in_order_from_what_is_held, teardown),
		cmocka_unit_test_teardown(a_gap_and_another_ring_begin_a_new_row, teardown),
		cmocka_unit_test_teardown(no_more_than_so_many_steps_are_kept, teardown),
		cmocka_unit_test_teardown(
			no_more_than_so_many_bytes_are_kept_but_for_the_newest, teardown),
		cmocka_unit_test_teardown(
			pictures_over_each_other_are_not_worth_it_but_the_newest_is, teardown),
		cmocka_unit_test_teardown(
			scrolled_text_is_worth_it_until_it_is_more_than_the_text, teardown),
		cmocka_unit_test_teardown(refinements_are_kept_until_something_changes, teardown),
		cmocka_unit_test_teardown(little_is_sent_without_weighing, teardown),
		cmocka_unit_test_teardown(refinements_are_told_apart_and_kept_short, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
