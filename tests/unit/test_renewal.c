/* SPDX-License-Identifier: MIT */
/* links: httpd/renewal.c -levent_core */
#include "httpd/renewal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <event2/event.h>

#include "common/clock.h"
#include "httpd/feed_means.h"
#include "httpd/subscription.h"

/* --- subscriptions that the test holds in its hands: one at a time --- */

struct subscription {
	const struct subscription_ops *ops;
	void *arg;
	uint64_t lapped;
	bool was_answered;
};

static struct subscription the_one;
static bool is_open, is_refused;
static unsigned n_tries;
static uint64_t tried_ns;

int subscription_open(struct event_base *base, struct ring_watch *watch,
	struct capsock_buffer *buffer, const char *path, enum stream_id stream,
	const struct subscription_ops *ops, void *arg, struct subscription **out)
{
	(void)base, (void)watch, (void)buffer;
	assert_false(is_open);
	assert_string_equal(path, "/run/screen.sock");
	assert_int_equal(stream, STREAM_JPEG);
	n_tries++;
	tried_ns = clock_monotonic_ns();
	if (is_refused)
		return -ECONNREFUSED;
	the_one = (struct subscription){.ops = ops, .arg = arg};
	is_open = true;
	*out = &the_one;
	return 0;
}

void subscription_close(struct subscription *subscription)
{
	if (subscription)
		is_open = false;
}

bool subscription_wish(struct subscription *subscription, const struct capsock_message *wish)
{
	(void)subscription, (void)wish;
	return true;
}

bool subscription_was_answered(const struct subscription *subscription)
{
	return subscription->was_answered;
}

uint64_t subscription_lapped(const struct subscription *subscription)
{
	return subscription->lapped;
}

void feed_socket_path(
	const struct feed_means *means, enum source_id source, char path[FEED_PATH_BYTES])
{
	(void)means, (void)source;
	strcpy(path, "/run/screen.sock");
}

/* --- a feed that counts --- */

static struct event_base *base;
static struct feed_means means;
static struct renewal *renewal;
static unsigned n_opened, n_ended;
static const char *last_lie;

static void on_opened(void *arg)
{
	(void)arg;
	n_opened++;
}

static void on_frame(void *arg, struct frame *frame, uint64_t skipped)
{
	(void)arg, (void)frame, (void)skipped;
}

static void on_state(void *arg, const struct capsock_message *message)
{
	(void)arg, (void)message;
}

static void on_ended(void *arg, const char *lie)
{
	(void)arg;
	n_ended++;
	last_lie = lie;
}

static const struct renewal_ops ops = {
	.on_opened = on_opened, .on_frame = on_frame, .on_state = on_state, .on_ended = on_ended};

static int set_up(void **state)
{
	(void)state;
	is_open = is_refused = false;
	n_tries = n_opened = n_ended = 0;
	base = event_base_new();
	means = (struct feed_means){.base = base};
	renewal = renewal_create(&means, SOURCE_SCREEN, STREAM_JPEG, &ops, NULL);
	return base && renewal ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	renewal_destroy(renewal);
	event_base_free(base);
	return is_open; /* none is left behind */
}

/* How many ms the next try was later than now; 0: none came within two seconds. */
static unsigned next_try_ms(void)
{
	uint64_t begin_ns = clock_monotonic_ns();
	unsigned before = n_tries;

	while (n_tries == before && clock_monotonic_ns() - begin_ns < 2 * NS_PER_S)
		event_base_loop(base, EVLOOP_ONCE);
	return n_tries == before ? 0 : (unsigned)((tried_ns - begin_ns) / NS_PER_MS);
}

static void end_it(const char *lie)
{
	the_one.ops->on_ended(the_one.arg, lie);
}

/* --- the tests --- */

static void the_pauses_grow_while_nothing_whole_comes(void **state)
{
	(void)state;
	is_refused = true;
	renewal_open(renewal);
	assert_int_equal(n_ended, 1);
	assert_null(last_lie);
	/* 20, 40, 80 …, each of them by the loop's coarser clock */
	for (unsigned pause_ms = 20; pause_ms <= 320; pause_ms *= 2)
		assert_true(next_try_ms() + 5 >= pause_ms);
	assert_int_equal(n_opened, 0);
	assert_int_equal(renewal_counts(renewal).failures, n_tries);
	assert_int_equal(renewal_counts(renewal).subscriptions, 0);
}

static void whoever_delivered_is_tried_again_soon(void **state)
{
	(void)state;
	is_refused = true;
	renewal_open(renewal);
	for (unsigned i = 0; i < 4; i++)
		next_try_ms();
	is_refused = false;
	assert_true(next_try_ms() > 0);
	assert_int_equal(n_opened, 1);
	renewal_delivered(renewal);
	end_it(NULL);
	unsigned soon_ms = next_try_ms();
	/* 320 ms, had it delivered nothing; the machine may be busy. */
	assert_true(soon_ms > 0 && soon_ms < 200);
	assert_true(is_open);
}

static void a_lie_is_handed_on_and_the_subscription_is_over(void **state)
{
	(void)state;
	renewal_open(renewal);
	end_it("it lied");
	assert_string_equal(last_lie, "it lied");
	assert_false(is_open);
	assert_false(renewal_was_answered(renewal));
	assert_false(renewal_wish(renewal, &(struct capsock_message){.type = CAPSOCK_KEY_FRAME}));
}

static void counts_never_go_back(void **state)
{
	struct renewal_counts counts;
	(void)state;

	renewal_open(renewal);
	the_one.lapped = 3;
	the_one.ops->on_dropped(the_one.arg, 5);
	the_one.ops->on_dropped(the_one.arg, 7);
	end_it(NULL);
	next_try_ms();
	the_one.lapped = 1;
	the_one.ops->on_dropped(the_one.arg, 2); /* another daemon begins to count anew */
	counts = renewal_counts(renewal);
	assert_int_equal(counts.lapped, 4);
	assert_int_equal(counts.dropped, 9);
	assert_int_equal(counts.subscriptions, 2);
	assert_int_equal(counts.failures, 1);
	renewal_close(renewal);
	counts = renewal_counts(renewal);
	assert_int_equal(counts.lapped, 4);
	assert_int_equal(counts.dropped, 9);
}

static void closed_it_tries_no_more(void **state)
{
	(void)state;
	is_refused = true;
	renewal_open(renewal);
	renewal_close(renewal);
	/* Nothing is left that the loop could wait for. */
	assert_int_equal(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	assert_int_equal(n_tries, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_pauses_grow_while_nothing_whole_comes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			whoever_delivered_is_tried_again_soon, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_lie_is_handed_on_and_the_subscription_is_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(counts_never_go_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(closed_it_tries_no_more, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
