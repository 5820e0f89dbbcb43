/* SPDX-License-Identifier: MIT */
/* links: httpd/sound_backlog.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "httpd/sound_backlog.h"

#define RECORD 1954u

/* A connection that only counts: what was appended, taken by the kernel, put on the wire. */
struct conn {
	uint64_t appended, sent, on_wire;
	unsigned n_asked; /* how often the kernel was asked */
};

uint64_t conn_sent(const struct conn *conn)
{
	return conn->sent;
}

size_t conn_unsent(const struct conn *conn)
{
	return conn->appended - conn->sent;
}

uint64_t conn_on_wire(const struct conn *conn)
{
	((struct conn *)(uintptr_t)conn)->n_asked++;
	return conn->on_wire;
}

static bool offer(struct sound_backlog *backlog, struct conn *conn)
{
	if (!sound_backlog_may_append(backlog, conn, 10))
		return false;
	conn->appended += RECORD;
	sound_backlog_appended(backlog, conn);
	return true;
}

static void who_keeps_up_gets_everything_and_the_kernel_is_hardly_asked(void **state)
{
	struct sound_backlog backlog = {0};
	struct conn conn = {0};

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		assert_true(offer(&backlog, &conn));
		conn.sent = conn.on_wire = conn.appended;
	}
	assert_true(conn.n_asked <= 10000 / 8 + 1);
}

static void at_most_300_ms_wait_wherever_they_do(void **state)
{
	(void)state;
	for (int in_kernel = 0; in_kernel < 2; in_kernel++) {
		struct sound_backlog backlog = {0};
		struct conn conn = {0};
		unsigned n = 0;

		while (n < 1000 && offer(&backlog, &conn)) {
			n++;
			if (in_kernel)
				conn.sent = conn.appended;
		}
		assert_int_equal(n, 30);
	}
}

static void after_a_stall_it_goes_on_at_live_and_not_before_all_has_gone(void **state)
{
	struct sound_backlog backlog = {0};
	struct conn conn = {0};

	(void)state;
	while (offer(&backlog, &conn))
		;
	conn.sent = conn.on_wire = conn.appended - 1; /* not quite */
	assert_false(offer(&backlog, &conn));
	conn.sent = conn.on_wire = conn.appended;
	assert_true(offer(&backlog, &conn));
	assert_int_equal(backlog.n, 1);
}

static void longer_records_are_fewer(void **state)
{
	struct sound_backlog backlog = {0};
	struct conn conn = {0};
	unsigned n = 0;

	(void)state;
	while (n < 1000 && sound_backlog_may_append(&backlog, &conn, 20)) {
		conn.appended += 250;
		sound_backlog_appended(&backlog, &conn);
		n++;
	}
	assert_int_equal(n, 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_keeps_up_gets_everything_and_the_kernel_is_hardly_asked),
		cmocka_unit_test(at_most_300_ms_wait_wherever_they_do),
		cmocka_unit_test(after_a_stall_it_goes_on_at_live_and_not_before_all_has_gone),
		cmocka_unit_test(longer_records_are_fewer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
