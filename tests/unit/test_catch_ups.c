/* SPDX-License-Identifier: MIT */
/* links: httpd/catch_ups.c httpd/step_history.c httpd/frame.c common/delta_ops.c -levent_core */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/clock.h"
#include "httpd/catch_ups.h"

#define EPOCH 77u

/* A daemon that only listens. */
struct daemon {
	struct event_base *base;
	struct catch_ups *catch_ups;
	unsigned n_asked, n_exact, n_unheard;
	uint64_t since, exact_since;
	uint64_t asked_ns;
	bool is_gone;
};

static bool on_ask(void *arg, uint64_t since, bool exact)
{
	struct daemon *daemon = arg;

	if (daemon->is_gone) {
		daemon->n_unheard++;
		return false;
	}
	if (exact) {
		daemon->n_exact++;
		daemon->exact_since = since;
	} else {
		daemon->n_asked++;
		daemon->since = since;
	}
	daemon->asked_ns = clock_monotonic_ns();
	return true;
}

static int setup(void **state)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));

	daemon->base = event_base_new();
	assert_int_equal(catch_ups_create(daemon->base, on_ask, daemon, &daemon->catch_ups), 0);
	*state = daemon;
	return 0;
}

static int teardown(void **state)
{
	struct daemon *daemon = *state;

	catch_ups_destroy(daemon->catch_ups);
	event_base_free(daemon->base);
	free(daemon);
	return 0;
}

static void run_for_ms(struct daemon *daemon, unsigned ms)
{
	const struct timeval delay = {.tv_usec = (suseconds_t)ms * 1000};

	event_base_loopexit(daemon->base, &delay);
	event_base_dispatch(daemon->base);
}

static void run_until(struct daemon *daemon, const unsigned *counter, unsigned n)
{
	uint64_t end_ns = clock_monotonic_ns() + 5 * NS_PER_S;

	while (*counter < n && clock_monotonic_ns() < end_ns)
		run_for_ms(daemon, 2);
	assert_true(*counter >= n);
}

static void hear(struct daemon *daemon, enum record_kind kind, unsigned flags, uint64_t sequence,
	uint64_t base)
{
	struct frame *frame = frame_create(4);

	memset(frame->data, 0, 4);
	frame->kind = kind;
	frame->flags = flags;
	frame->epoch = EPOCH;
	frame->sequence = sequence;
	frame->base = base;
	catch_ups_heard(daemon->catch_ups, frame);
	frame_unref(frame);
}

static void all_who_lag_are_asked_for_together_by_the_oldest(void **state)
{
	struct daemon *daemon = *state;

	hear(daemon, RECORD_STEP, 0, 10, 9);
	catch_ups_want(daemon->catch_ups, 7);
	catch_ups_want(daemon->catch_ups, 3);
	catch_ups_want(daemon->catch_ups, 5);
	run_until(daemon, &daemon->n_asked, 1);
	assert_int_equal(daemon->since, 3);
	hear(daemon, RECORD_CATCH_UP, 0, 10, 3);
	run_for_ms(daemon, 3 * CATCH_UPS_SPACING_MS);
	assert_int_equal(daemon->n_asked, 1);
}

static void questions_keep_their_distance(void **state)
{
	struct daemon *daemon = *state;
	uint64_t first_ns;

	hear(daemon, RECORD_STEP, 0, 10, 9);
	catch_ups_want(daemon->catch_ups, 7);
	run_until(daemon, &daemon->n_asked, 1);
	first_ns = daemon->asked_ns;
	hear(daemon, RECORD_CATCH_UP, 0, 10, 7);
	hear(daemon, RECORD_STEP, 0, 11, 10);
	catch_ups_want(daemon->catch_ups, 9);
	run_until(daemon, &daemon->n_asked, 2);
	assert_true(daemon->asked_ns - first_ns >= (CATCH_UPS_SPACING_MS - 1) * NS_PER_MS);
	/* One that is asked for helps all who hold more; one who holds less needs another. */
	catch_ups_want(daemon->catch_ups, 10);
	run_for_ms(daemon, 2 * CATCH_UPS_SPACING_MS);
	assert_int_equal(daemon->n_asked, 2);
	catch_ups_want(daemon->catch_ups, 2);
	run_until(daemon, &daemon->n_asked, 3);
	assert_int_equal(daemon->since, 2);
}

static void what_is_not_answered_is_asked_again_but_rarely(void **state)
{
	struct daemon *daemon = *state;
	uint64_t first_ns;

	hear(daemon, RECORD_STEP, 0, 10, 9);
	catch_ups_want(daemon->catch_ups, 7);
	run_until(daemon, &daemon->n_asked, 1);
	first_ns = daemon->asked_ns;
	run_until(daemon, &daemon->n_asked, 2);
	assert_true(daemon->asked_ns - first_ns >= (CATCH_UPS_AGAIN_MS - 1) * NS_PER_MS);
	catch_ups_reset(daemon->catch_ups);
	run_for_ms(daemon, CATCH_UPS_AGAIN_MS + 50);
	assert_int_equal(daemon->n_asked, 2);
}

static void the_newest_is_kept_for_whoever_is_ready_later(void **state)
{
	struct daemon *daemon = *state;

	hear(daemon, RECORD_STEP, 0, 10, 9);
	hear(daemon, RECORD_CATCH_UP, 0, 10, 4);
	assert_null(catch_ups_find(daemon->catch_ups, 3));
	assert_non_null(catch_ups_find(daemon->catch_ups, 4));
	assert_non_null(catch_ups_find(daemon->catch_ups, 9));
	assert_null(catch_ups_find(daemon->catch_ups, 10)); /* has the newest */
	hear(daemon, RECORD_STEP, 0, 11, 10);
	assert_null(catch_ups_find(daemon->catch_ups, 9));
}

static void a_new_ring_begins_anew(void **state)
{
	struct daemon *daemon = *state;
	struct frame *frame = frame_create(4);

	memset(frame->data, 0, 4);
	hear(daemon, RECORD_CATCH_UP, RECORD_IS_KEY, 10, 0);
	frame->kind = RECORD_STEP;
	frame->epoch = EPOCH + 1;
	frame->sequence = 5;
	frame->base = 4;
	catch_ups_heard(daemon->catch_ups, frame);
	frame_unref(frame);
	assert_int_equal(catch_ups_epoch(daemon->catch_ups), EPOCH + 1);
	assert_int_equal(catch_ups_newest(daemon->catch_ups), 5);
	assert_null(catch_ups_find(daemon->catch_ups, 0));
}

static void who_does_not_listen_is_not_asked_without_end(void **state)
{
	struct daemon *daemon = *state;
	struct catch_ups_debt debt = {0};

	hear(daemon, RECORD_CATCH_UP, RECORD_IS_KEY, 10, 0);
	catch_ups_owe(daemon->catch_ups, &debt);
	daemon->is_gone = true;
	catch_ups_ready(daemon->catch_ups, &debt);
	run_until(daemon, &daemon->n_unheard, 1);
	run_for_ms(daemon, 100);
	assert_in_range(daemon->n_unheard, 1, 3);
	daemon->is_gone = false;
	run_until(daemon, &daemon->n_exact, 1);
}

static void exact_pieces_wait_until_all_are_ready(void **state)
{
	struct daemon *daemon = *state;
	struct catch_ups_debt a = {0}, b = {0};

	hear(daemon, RECORD_CATCH_UP, RECORD_IS_KEY, 10, 0);
	catch_ups_owe(daemon->catch_ups, &a);
	catch_ups_owe(daemon->catch_ups, &b);
	catch_ups_ready(daemon->catch_ups, &a);
	catch_ups_ready(daemon->catch_ups, &a);
	run_for_ms(daemon, 60);
	assert_int_equal(daemon->n_exact, 0);
	catch_ups_ready(daemon->catch_ups, &b);
	run_until(daemon, &daemon->n_exact, 1);
	assert_int_equal(daemon->exact_since, 10);
	/* The next round begins with the piece. */
	hear(daemon, RECORD_CATCH_UP, RECORD_IS_EXACT, 10, 10);
	catch_ups_ready(daemon->catch_ups, &a);
	run_for_ms(daemon, 60);
	assert_int_equal(daemon->n_exact, 1);
	/* Whoever leaves is not waited for. */
	catch_ups_paid(daemon->catch_ups, &b);
	run_until(daemon, &daemon->n_exact, 2);
	catch_ups_paid(daemon->catch_ups, &a);
}

static void who_dawdles_is_not_waited_for_without_end(void **state)
{
	struct daemon *daemon = *state;
	struct catch_ups_debt a = {0}, b = {0};
	uint64_t began_ns = clock_monotonic_ns();

	hear(daemon, RECORD_CATCH_UP, RECORD_IS_KEY, 10, 0);
	catch_ups_owe(daemon->catch_ups, &a);
	catch_ups_owe(daemon->catch_ups, &b);
	catch_ups_ready(daemon->catch_ups, &a);
	run_until(daemon, &daemon->n_exact, 1);
	assert_true(clock_monotonic_ns() - began_ns >= CATCH_UPS_PATIENCE_MS * NS_PER_MS);
	/* It has missed something: everything, anew. */
	hear(daemon, RECORD_CATCH_UP, RECORD_IS_EXACT, 10, 10);
	catch_ups_owe_anew(daemon->catch_ups, &b);
	catch_ups_ready(daemon->catch_ups, &b);
	catch_ups_ready(daemon->catch_ups, &a);
	run_until(daemon, &daemon->n_exact, 2);
	assert_int_equal(daemon->exact_since, 0);
}

static void nobody_is_asked_for_nothing(void **state)
{
	struct daemon *daemon = *state;
	struct catch_ups_debt debt = {0};

	hear(daemon, RECORD_STEP, 0, 10, 9);
	catch_ups_ready(daemon->catch_ups, &debt); /* is owed nothing */
	catch_ups_paid(daemon->catch_ups, &debt);
	run_for_ms(daemon, 60);
	assert_int_equal(daemon->n_asked + daemon->n_exact, 0);
	assert_int_equal(event_base_get_num_events(daemon->base, EVENT_BASE_COUNT_ADDED), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			all_who_lag_are_asked_for_together_by_the_oldest, setup, teardown),
		cmocka_unit_test_setup_teardown(questions_keep_their_distance, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_not_answered_is_asked_again_but_rarely, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_newest_is_kept_for_whoever_is_ready_later, setup, teardown),
		cmocka_unit_test_setup_teardown(a_new_ring_begins_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(
			exact_pieces_wait_until_all_are_ready, setup, teardown),
		cmocka_unit_test_setup_teardown(
			who_dawdles_is_not_waited_for_without_end, setup, teardown),
		cmocka_unit_test_setup_teardown(
			who_does_not_listen_is_not_asked_without_end, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_is_asked_for_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
