/* SPDX-License-Identifier: MIT */
/* links: httpd/silence.c httpd/frame.c -levent_core */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/clock.h"
#include "httpd/silence.h"

#define RECORD_NS (SOUND_RECORD_MS * NS_PER_MS)

struct ear {
	struct event_base *base;
	struct silence *silence;
	unsigned n;
	uint64_t first_pts_ns, last_pts_ns;
};

static void on_silence(void *arg, struct frame *frame)
{
	struct ear *ear = arg;

	assert_true(frame->is_state && frame->kind == RECORD_SOUND);
	assert_int_equal(frame->len, SOUND_RECORD_BYTES);
	for (size_t i = 0; i < frame->len; i++)
		assert_int_equal(frame->data[i], 0);
	if (ear->n++ == 0)
		ear->first_pts_ns = frame->pts_ns;
	else
		assert_true(frame->pts_ns == ear->last_pts_ns + RECORD_NS);
	ear->last_pts_ns = frame->pts_ns;
	frame_unref(frame);
}

static int setup(void **state)
{
	struct ear *ear = calloc(1, sizeof(*ear));

	ear->base = event_base_new();
	assert_int_equal(silence_create(ear->base, STREAM_PCM, on_silence, ear, &ear->silence), 0);
	*state = ear;
	return 0;
}

static int teardown(void **state)
{
	struct ear *ear = *state;

	silence_destroy(ear->silence);
	event_base_free(ear->base);
	free(ear);
	return 0;
}

/* Lets the loop run until so much silence was heard, or for five seconds. */
static void listen_for(struct ear *ear, unsigned n)
{
	uint64_t end_ns = clock_monotonic_ns() + 5 * NS_PER_S;
	const struct timeval tick = {.tv_usec = 5000};

	while (ear->n < n && clock_monotonic_ns() < end_ns) {
		event_base_loopexit(ear->base, &tick);
		event_base_loop(ear->base, EVLOOP_ONCE);
	}
	assert_true(ear->n >= n);
}

static void a_daemon_that_never_speaks_is_silence_without_a_gap_a_little_behind_now(void **state)
{
	struct ear *ear = *state;
	uint64_t began_ns = clock_monotonic_ns(), now;

	silence_start(ear->silence);
	listen_for(ear, 20);
	now = clock_monotonic_ns();
	/* As much as the time that has passed, but for what it waits before it begins. */
	assert_true(now - began_ns >= (SILENCE_AFTER_MS + 150) * NS_PER_MS);
	assert_true(ear->last_pts_ns + RECORD_NS + SILENCE_BEHIND_MS * NS_PER_MS <= now);
}

static void silence_follows_the_last_record_without_a_gap(void **state)
{
	struct ear *ear = *state;
	uint64_t pts_ns = clock_monotonic_ns() - 5 * NS_PER_MS;

	silence_start(ear->silence);
	assert_true(silence_heard(ear->silence, pts_ns));
	listen_for(ear, 3);
	assert_true(ear->first_pts_ns == pts_ns + RECORD_NS);
}

static void what_silence_has_filled_is_not_heard_twice(void **state)
{
	struct ear *ear = *state;

	silence_start(ear->silence);
	listen_for(ear, 3);
	assert_false(silence_heard(ear->silence, ear->last_pts_ns));
	assert_true(silence_heard(ear->silence, ear->last_pts_ns + RECORD_NS));
}

static void a_hole_before_a_record_is_filled_and_a_chasm_is_not(void **state)
{
	struct ear *ear = *state;
	uint64_t pts_ns = clock_monotonic_ns() - 1900 * NS_PER_MS;

	silence_start(ear->silence);
	assert_true(silence_heard(ear->silence, pts_ns));
	assert_true(silence_heard(ear->silence, pts_ns + 5 * RECORD_NS + NS_PER_MS));
	assert_int_equal(ear->n, 4);
	assert_true(ear->first_pts_ns == pts_ns + RECORD_NS);
	assert_true(silence_heard(ear->silence, pts_ns + 1700 * NS_PER_MS));
	assert_int_equal(ear->n, 4);
}

/* A lying daemon's record from next week must not take the word from those that follow. */
static void records_of_the_future_silence_nobody(void **state)
{
	struct ear *ear = *state;
	uint64_t now = clock_monotonic_ns();

	silence_start(ear->silence);
	assert_true(silence_heard(ear->silence, now + 1000000 * NS_PER_S));
	assert_true(silence_heard(ear->silence, clock_monotonic_ns() + RECORD_NS));
}

static void nobody_listens_to_silence_that_is_stopped(void **state)
{
	struct ear *ear = *state;
	const struct timeval a_while = {.tv_usec = 250000};

	silence_start(ear->silence);
	silence_stop(ear->silence);
	event_base_loopexit(ear->base, &a_while);
	event_base_dispatch(ear->base);
	assert_int_equal(ear->n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_daemon_that_never_speaks_is_silence_without_a_gap_a_little_behind_now,
			setup, teardown),
		cmocka_unit_test_setup_teardown(
			silence_follows_the_last_record_without_a_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_silence_has_filled_is_not_heard_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_hole_before_a_record_is_filled_and_a_chasm_is_not, setup, teardown),
		cmocka_unit_test_setup_teardown(
			records_of_the_future_silence_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(
			nobody_listens_to_silence_that_is_stopped, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
