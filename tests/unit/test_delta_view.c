/* SPDX-License-Identifier: MIT */
/* links: httpd/delta_view.c httpd/catch_ups.c httpd/step_history.c httpd/frame.c common/delta_ops.c -levent_core */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "httpd/delta_view.h"

#define EPOCH 5u
#define LARGE (100u * 1024u) /* of a step or catch-up: nothing that is sent unweighed */
#define SMALL 8u

static struct event_base *base;
static struct catch_ups *catch_ups;

static bool on_ask(void *arg, uint64_t since, bool exact)
{
	(void)arg, (void)since, (void)exact;
	return true;
}

static int setup(void **state)
{
	(void)state;
	base = event_base_new();
	return catch_ups_create(base, on_ask, NULL, &catch_ups);
}

static int teardown(void **state)
{
	(void)state;
	catch_ups_destroy(catch_ups);
	event_base_free(base);
	return 0;
}

/* A record of `len` bytes comes; is it for this viewer? */
static bool comes_long(struct delta_view *view, enum record_kind kind, unsigned flags,
	uint64_t sequence, uint64_t from, enum delta_room room, size_t len)
{
	struct frame *frame = frame_create(len);
	bool is_sent;

	memset(frame->data, 0, len); /* no operations: as if there were no copies */
	frame->kind = kind;
	frame->flags = flags;
	frame->epoch = EPOCH;
	frame->sequence = sequence;
	frame->base = from;
	catch_ups_heard(catch_ups, frame);
	is_sent = delta_view_offer(view, catch_ups, frame, room);
	frame_unref(frame);
	return is_sent;
}

static bool comes(struct delta_view *view, enum record_kind kind, unsigned flags, uint64_t sequence,
	uint64_t from, enum delta_room room)
{
	return comes_long(view, kind, flags, sequence, from, room, SMALL);
}

static bool step(struct delta_view *view, uint64_t sequence, enum delta_room room)
{
	return comes(view, RECORD_STEP, 0, sequence, sequence - 1, room);
}

static bool whole(struct delta_view *view, uint64_t sequence, enum delta_room room)
{
	return comes(view, RECORD_CATCH_UP, RECORD_IS_KEY, sequence, 0, room);
}

static void nothing_but_a_whole_picture_begins_it(void **state)
{
	struct delta_view view = {0};

	(void)state;
	assert_false(step(&view, 4, DELTA_IDLE));
	assert_false(comes(&view, RECORD_CATCH_UP, 0, 4, 2, DELTA_IDLE));
	assert_false(whole(&view, 4, DELTA_NO_ROOM));
	assert_true(whole(&view, 4, DELTA_ROOM));
	assert_true(step(&view, 5, DELTA_ROOM));
	assert_int_equal(view.held, 5);
	delta_view_lose(&view, catch_ups);
}

static void who_misses_a_step_gets_no_other_before_a_catch_up(void **state)
{
	struct delta_view view = {0};

	(void)state;
	assert_true(whole(&view, 1, DELTA_IDLE));
	assert_false(step(&view, 2, DELTA_NO_ROOM));
	assert_false(step(&view, 3, DELTA_IDLE));
	assert_false(comes(&view, RECORD_CATCH_UP, 0, 3, 2, DELTA_IDLE)); /* since later */
	assert_true(comes(&view, RECORD_CATCH_UP, 0, 3, 1, DELTA_IDLE));
	assert_true(step(&view, 4, DELTA_IDLE));
	delta_view_lose(&view, catch_ups);
}

static void who_keeps_up_gets_no_catch_up(void **state)
{
	struct delta_view view = {0};

	(void)state;
	assert_true(whole(&view, 1, DELTA_IDLE));
	assert_true(step(&view, 2, DELTA_IDLE));
	assert_false(comes(&view, RECORD_CATCH_UP, 0, 2, 1, DELTA_IDLE));
	assert_false(whole(&view, 2, DELTA_IDLE));
	delta_view_lose(&view, catch_ups);
}

static bool large_step(struct delta_view *view, uint64_t sequence, enum delta_room room)
{
	return comes_long(view, RECORD_STEP, 0, sequence, sequence - 1, room, LARGE);
}

static void a_catch_up_at_hand_is_taken_when_there_is_room(void **state)
{
	struct delta_view view = {0};
	struct frame_run run;

	(void)state;
	assert_true(whole(&view, 1, DELTA_IDLE));
	assert_false(large_step(&view, 2, DELTA_NO_ROOM));
	assert_false(large_step(&view, 3, DELTA_NO_ROOM));
	assert_false(comes(&view, RECORD_CATCH_UP, 0, 3, 1, DELTA_NO_ROOM));
	assert_false(delta_view_catch_up(&view, catch_ups, DELTA_NO_ROOM, &run));
	assert_true(delta_view_catch_up(&view, catch_ups, DELTA_ROOM, &run));
	assert_int_equal(run.n, 1);
	assert_int_equal(run.frames[0]->kind, RECORD_CATCH_UP);
	assert_int_equal(run.frames[0]->sequence, 3);
	assert_int_equal(view.held, 3);
	assert_false(delta_view_catch_up(&view, catch_ups, DELTA_ROOM, &run));
	delta_view_lose(&view, catch_ups);
}

static void missed_steps_are_given_together_and_owe_nothing(void **state)
{
	struct delta_view view = {0};
	struct frame_run run;

	(void)state;
	assert_true(whole(&view, 1, DELTA_IDLE));
	assert_true(
		comes(&view, RECORD_CATCH_UP, RECORD_IS_EXACT | RECORD_IS_LAST, 1, 1, DELTA_IDLE));
	for (uint64_t sequence = 2; sequence <= 4; sequence++)
		assert_false(step(&view, sequence, DELTA_NO_ROOM));
	assert_true(delta_view_catch_up(&view, catch_ups, DELTA_ROOM, &run));
	assert_int_equal(run.n, 3);
	assert_int_equal(run.bytes, 3 * SMALL);
	for (unsigned i = 0; i < run.n; i++)
		assert_int_equal(run.frames[i]->sequence, 2 + i);
	assert_int_equal(view.held, 4);
	assert_false(view.debt.is_owed);
	assert_true(step(&view, 5, DELTA_ROOM));
	delta_view_lose(&view, catch_ups);
}

static void steps_that_are_larger_than_a_catch_up_are_left_to_it(void **state)
{
	struct delta_view view = {0};
	struct frame_run run;

	(void)state;
	assert_true(whole(&view, 1, DELTA_IDLE));
	assert_false(large_step(&view, 2, DELTA_NO_ROOM));
	/* One alone is never larger. */
	assert_true(delta_view_catch_up(&view, catch_ups, DELTA_ROOM, &run));
	assert_int_equal(run.n, 1);
	assert_int_equal(run.frames[0]->kind, RECORD_STEP);
	assert_false(large_step(&view, 3, DELTA_NO_ROOM));
	assert_false(large_step(&view, 4, DELTA_NO_ROOM));
	assert_false(delta_view_catch_up(&view, catch_ups, DELTA_ROOM, &run));
	assert_int_equal(view.held, 2);
	/* It comes, and the viewer has no room for it; later it has, and steps are no less. */
	assert_false(comes_long(
		&view, RECORD_CATCH_UP, 0, 4, 2, DELTA_NO_ROOM, 2 * LARGE)); /* what a waste */
	assert_true(delta_view_catch_up(&view, catch_ups, DELTA_ROOM, &run));
	assert_int_equal(run.n, 2);
	delta_view_lose(&view, catch_ups);
}

/* The daemon was lapped, or a step was forgotten: a patched picture would be a wrong one. */
static void a_step_that_is_missing_from_the_row_leads_to_a_catch_up(void **state)
{
	struct delta_view view = {0};
	struct frame_run run;

	(void)state;
	assert_true(whole(&view, 1, DELTA_IDLE));
	assert_false(step(&view, 2, DELTA_NO_ROOM));
	assert_false(step(&view, 4, DELTA_NO_ROOM)); /* 3 never came */
	assert_false(delta_view_catch_up(&view, catch_ups, DELTA_IDLE, &run));
	assert_int_equal(view.held, 1);
	assert_true(comes(&view, RECORD_CATCH_UP, 0, 4, 1, DELTA_IDLE));
	/* A catch-up that leads beyond the last step says the same. */
	assert_false(step(&view, 5, DELTA_NO_ROOM));
	assert_false(comes(&view, RECORD_CATCH_UP, 0, 7, 6, DELTA_NO_ROOM));
	assert_false(delta_view_catch_up(&view, catch_ups, DELTA_IDLE, &run));
	assert_int_equal(view.held, 4);
	delta_view_lose(&view, catch_ups);
}

/* Its canvas does not have that sequence, or the next step would not fit. */
static void a_refinement_that_is_held_back_is_lag(void **state)
{
	struct delta_view view = {0};
	struct frame_run run;

	(void)state;
	assert_true(whole(&view, 1, DELTA_IDLE));
	assert_true(comes(&view, RECORD_STEP, RECORD_IS_REFINEMENT, 2, 1, DELTA_IDLE));
	assert_false(comes(&view, RECORD_STEP, RECORD_IS_REFINEMENT, 3, 2, DELTA_ROOM));
	assert_false(delta_view_catch_up(&view, catch_ups, DELTA_ROOM, &run));
	/* Nobody has been asked for anything: it comes when the viewer is idle. */
	assert_true(delta_view_catch_up(&view, catch_ups, DELTA_IDLE, &run));
	assert_int_equal(run.n, 1);
	assert_true(run.has_refinement && !run.has_change);
	/* However many they are: each after the last was taken, and nothing is owed. */
	for (uint64_t sequence = 4; sequence < 7; sequence++)
		assert_false(comes_long(&view, RECORD_STEP, RECORD_IS_REFINEMENT, sequence,
			sequence - 1, DELTA_ROOM, LARGE));
	for (uint64_t sequence = 4; sequence < 7; sequence++) {
		assert_true(delta_view_catch_up(&view, catch_ups, DELTA_IDLE, &run));
		assert_int_equal(run.n, 1);
		assert_int_equal(view.held, sequence);
	}
	/* Where the picture changes before that, a catch-up brings that at once. */
	assert_false(comes(&view, RECORD_STEP, RECORD_IS_REFINEMENT, 7, 6, DELTA_ROOM));
	assert_false(step(&view, 8, DELTA_ROOM));
	assert_false(delta_view_catch_up(&view, catch_ups, DELTA_ROOM, &run));
	assert_true(comes(&view, RECORD_CATCH_UP, 0, 8, 6, DELTA_ROOM));
	assert_true(view.debt.is_owed);
	delta_view_lose(&view, catch_ups);
}

static void exact_pieces_are_for_those_who_are_owed_them_until_the_last(void **state)
{
	struct delta_view view = {0};
	unsigned exact = RECORD_IS_EXACT, last = RECORD_IS_EXACT | RECORD_IS_LAST;

	(void)state;
	assert_true(whole(&view, 7, DELTA_IDLE));
	assert_true(view.debt.is_owed);
	assert_true(comes(&view, RECORD_CATCH_UP, exact, 7, 7, DELTA_IDLE));
	assert_true(view.debt.is_owed);
	assert_true(comes(&view, RECORD_CATCH_UP, last, 7, 7, DELTA_IDLE));
	assert_false(view.debt.is_owed);
	assert_false(comes(&view, RECORD_CATCH_UP, last, 7, 7, DELTA_IDLE));
}

static void a_piece_that_was_missed_is_not_forgotten_at_the_last(void **state)
{
	struct delta_view view = {0};
	unsigned last = RECORD_IS_EXACT | RECORD_IS_LAST;
	struct frame_run run;

	(void)state;
	assert_true(whole(&view, 7, DELTA_IDLE));
	assert_false(comes(&view, RECORD_CATCH_UP, RECORD_IS_EXACT, 7, 7, DELTA_NO_ROOM));
	/* A catch-up on the way does not bring it back. */
	assert_false(step(&view, 8, DELTA_NO_ROOM));
	assert_true(comes(&view, RECORD_CATCH_UP, 0, 8, 7, DELTA_IDLE));
	assert_true(comes(&view, RECORD_CATCH_UP, last, 8, 8, DELTA_IDLE));
	assert_true(view.debt.is_owed);
	/* It asks anew; what comes then counts. */
	assert_false(delta_view_catch_up(&view, catch_ups, DELTA_IDLE, &run));
	assert_true(comes(&view, RECORD_CATCH_UP, last, 8, 8, DELTA_IDLE));
	assert_false(view.debt.is_owed);
}

static void a_new_ring_is_a_new_beginning(void **state)
{
	struct delta_view view = {0};
	struct frame *frame = frame_create(SMALL);

	(void)state;
	assert_true(whole(&view, 7, DELTA_IDLE));
	frame->kind = RECORD_STEP;
	frame->epoch = EPOCH + 1;
	frame->sequence = 8;
	frame->base = 7;
	catch_ups_heard(catch_ups, frame);
	assert_false(delta_view_offer(&view, catch_ups, frame, DELTA_IDLE));
	assert_int_equal(view.held, 0);
	assert_false(view.debt.is_owed);
	frame_unref(frame);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			nothing_but_a_whole_picture_begins_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
			who_misses_a_step_gets_no_other_before_a_catch_up, setup, teardown),
		cmocka_unit_test_setup_teardown(who_keeps_up_gets_no_catch_up, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_catch_up_at_hand_is_taken_when_there_is_room, setup, teardown),
		cmocka_unit_test_setup_teardown(
			missed_steps_are_given_together_and_owe_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			steps_that_are_larger_than_a_catch_up_are_left_to_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_step_that_is_missing_from_the_row_leads_to_a_catch_up, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_refinement_that_is_held_back_is_lag, setup, teardown),
		cmocka_unit_test_setup_teardown(
			exact_pieces_are_for_those_who_are_owed_them_until_the_last, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_piece_that_was_missed_is_not_forgotten_at_the_last, setup, teardown),
		cmocka_unit_test_setup_teardown(a_new_ring_is_a_new_beginning, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
