/* SPDX-License-Identifier: MIT */
/* links: httpd/conn.c httpd/tcp.c common/addresses.c -levent_core */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/event.h>

#include "common/clock.h"
#include "httpd/conn.h"

#define STALL_MS    150u
#define DEADLINE_NS (20 * NS_PER_S)
#define LARGE       (16u * 1024u * 1024u) /* more than loopback's buffers ever hold */

/* A connection and its other end, and what has been called so far: one letter each. */
struct pair {
	struct event_base *base;
	struct conn *conn;
	int peer_fd;
	char calls[64];
	size_t n_calls;
	size_t n_read;
};

static void called(struct pair *pair, char what)
{
	if (pair->n_calls + 1 < sizeof(pair->calls))
		pair->calls[pair->n_calls++] = what;
}

static void on_readable(void *arg)
{
	struct pair *pair = arg;
	char bytes[64];
	ssize_t n = conn_read(pair->conn, bytes, sizeof(bytes));

	called(pair, n == 0 ? 'e' : n == -EAGAIN ? 'a' : 'r');
	pair->n_read += n > 0 ? (size_t)n : 0;
	if (n == 0)
		conn_close(pair->conn);
}

static void on_drained(void *arg)
{
	called(arg, 'd');
}

static void on_deadline(void *arg)
{
	called(arg, 't');
}

static void on_gone(void *arg)
{
	struct pair *pair = arg;

	called(pair, 'g');
	pair->conn = NULL;
}

static void on_stream_drained(void *arg)
{
	called(arg, 'D');
}

static void on_stream_closed(void *arg)
{
	called(arg, 'C');
}

static const struct conn_ops OPS = {on_readable, on_drained, on_deadline, on_gone};
static const struct conn_stream_ops STREAM_OPS = {
	.on_drained = on_stream_drained, .on_closed = on_stream_closed};

static int connect_pair(int family, int *accepted)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in address4 = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	void *any = family == AF_INET ? (void *)&address4 : (void *)&address;
	socklen_t len = family == AF_INET ? sizeof(address4) : sizeof(address);
	int listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;

	assert_int_equal(bind(listener, any, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, any, &len), 0);
	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, any, len), 0);
	*accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(*accepted >= 0);
	close(listener);
	return fd;
}

static int setup(void **state)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	int accepted;

	pair->base = event_base_new();
	pair->peer_fd = connect_pair(AF_INET, &accepted);
	assert_int_equal(conn_create(pair->base, accepted, &OPS, pair, STALL_MS, &pair->conn), 0);
	*state = pair;
	return 0;
}

static int teardown(void **state)
{
	struct pair *pair = *state;

	if (pair->conn)
		conn_destroy(pair->conn);
	if (pair->peer_fd >= 0)
		close(pair->peer_fd);
	event_base_free(pair->base);
	free(pair);
	return 0;
}

/* Lets the loop run until `what` has been called, or for DEADLINE_NS. */
static bool run_until(struct pair *pair, char what)
{
	uint64_t end_ns = clock_monotonic_ns() + DEADLINE_NS;
	const struct timeval tick = {.tv_usec = 5000};

	while (!memchr(pair->calls, what, pair->n_calls)) {
		if (clock_monotonic_ns() > end_ns)
			return false;
		event_base_loopexit(pair->base, &tick);
		event_base_loop(pair->base, EVLOOP_ONCE);
	}
	return true;
}

static void add_output(struct pair *pair, size_t len)
{
	static char zeros[65536];

	for (size_t n; len > 0; len -= n) {
		n = len < sizeof(zeros) ? len : sizeof(zeros);
		evbuffer_add_reference(conn_output(pair->conn), zeros, n, NULL, NULL);
	}
}

/* Reads until `len` bytes or the end; what read() said last. */
static ssize_t drain_peer(struct pair *pair, size_t len, size_t *total)
{
	static char bytes[65536];
	ssize_t n = 1;

	*total = 0;
	fcntl(pair->peer_fd, F_SETFL, O_NONBLOCK);
	for (uint64_t end_ns = clock_monotonic_ns() + DEADLINE_NS;
		*total < len && clock_monotonic_ns() < end_ns;) {
		n = read(pair->peer_fd, bytes, sizeof(bytes));
		if (n > 0)
			*total += (size_t)n;
		else if (n == 0 || errno != EAGAIN)
			return n < 0 ? -errno : 0;
		event_base_loop(pair->base, EVLOOP_NONBLOCK);
	}
	return n;
}

static void knows_both_addresses(void **state)
{
	struct pair *pair = *state;
	struct event_base *base = pair->base;
	struct pair six = {.base = base};
	int accepted;

	assert_string_equal(conn_peer_text(pair->conn), "127.0.0.1");
	assert_int_equal(conn_peer(pair->conn)->family, AF_INET);
	assert_int_equal(conn_local(pair->conn)->ip.s6_addr[0], 127);
	six.peer_fd = connect_pair(AF_INET6, &accepted);
	assert_int_equal(conn_create(base, accepted, &OPS, &six, STALL_MS, &six.conn), 0);
	assert_string_equal(conn_peer_text(six.conn), "::1");
	conn_destroy(six.conn);
	close(six.peer_fd);
}

static void flush_hands_over_at_once(void **state)
{
	struct pair *pair = *state;
	char bytes[8];
	uint64_t before_ns = clock_monotonic_ns();

	evbuffer_add(conn_output(pair->conn), "hello", 5);
	assert_int_equal(conn_unsent(pair->conn), 5);
	conn_flush(pair->conn);
	assert_int_equal(conn_unsent(pair->conn), 0);
	assert_int_equal(conn_sent(pair->conn), 5);
	assert_true(conn_last_sent_ns(pair->conn) >= before_ns);
	assert_int_equal(read(pair->peer_fd, bytes, sizeof(bytes)), 5);
	assert_int_equal(pair->n_calls, 0);
}

static void what_had_to_wait_is_told_when_it_is_gone(void **state)
{
	struct pair *pair = *state;
	size_t total;

	add_output(pair, LARGE);
	conn_flush(pair->conn);
	assert_true(conn_unsent(pair->conn) > 0);
	assert_int_equal(pair->n_calls, 0);
	drain_peer(pair, LARGE, &total);
	assert_int_equal(total, LARGE);
	assert_true(run_until(pair, 'd'));
	assert_int_equal(conn_sent(pair->conn), LARGE);
	assert_string_equal(pair->calls, "d");
}

static void closing_waits_for_the_loop(void **state)
{
	struct pair *pair = *state;
	char byte;

	conn_take_over(pair->conn, &STREAM_OPS, pair, STALL_MS);
	conn_close(pair->conn);
	conn_close(pair->conn);
	assert_int_equal(pair->n_calls, 0);
	/* It is still there, and nothing that is done to it matters. */
	evbuffer_add(conn_output(pair->conn), "x", 1);
	conn_flush(pair->conn);
	conn_finish(pair->conn);
	assert_true(conn_is_closing(pair->conn));
	assert_true(run_until(pair, 'g'));
	assert_string_equal(pair->calls, "Cg");
	assert_int_equal(read(pair->peer_fd, &byte, 1), 0);
}

static void destroying_tells_the_stream_first(void **state)
{
	struct pair *pair = *state;

	conn_take_over(pair->conn, &STREAM_OPS, pair, STALL_MS);
	conn_destroy(pair->conn);
	assert_string_equal(pair->calls, "Cg");
}

static void who_takes_nothing_is_reset(void **state)
{
	struct pair *pair = *state;
	uint64_t begun_ns = clock_monotonic_ns();
	size_t total;

	add_output(pair, LARGE);
	conn_flush(pair->conn);
	assert_true(run_until(pair, 'g'));
	assert_true(clock_monotonic_ns() - begun_ns >= STALL_MS * NS_PER_MS);
	assert_int_equal(drain_peer(pair, SIZE_MAX, &total), -ECONNRESET);
	assert_true(total < LARGE);
}

static void who_takes_a_little_is_not(void **state)
{
	struct pair *pair = *state;
	uint64_t begun_ns = clock_monotonic_ns();
	size_t total;

	conn_take_over(pair->conn, &STREAM_OPS, pair, STALL_MS);
	add_output(pair, LARGE);
	conn_flush(pair->conn);
	while (clock_monotonic_ns() - begun_ns < 4 * STALL_MS * NS_PER_MS) {
		const struct timeval pause = {.tv_usec = STALL_MS * 1000 / 4};

		drain_peer(pair, 512 * 1024, &total);
		event_base_loopexit(pair->base, &pause);
		event_base_dispatch(pair->base);
	}
	assert_int_equal(pair->n_calls, 0);
	while (!memchr(pair->calls, 'D', pair->n_calls) && total > 0)
		drain_peer(pair, 1, &total);
	assert_true(run_until(pair, 'D'));
}

static void finishing_sends_everything_though_bytes_lie_unread(void **state)
{
	struct pair *pair = *state;
	size_t total;

	assert_int_equal(write(pair->peer_fd, "nobody reads this", 17), 17);
	add_output(pair, LARGE);
	conn_finish(pair->conn);
	assert_int_equal(drain_peer(pair, SIZE_MAX, &total), 0);
	assert_int_equal(total, LARGE);
	assert_non_null(pair->conn); /* until the peer has closed, too */
	shutdown(pair->peer_fd, SHUT_WR);
	assert_true(run_until(pair, 'g'));
	assert_string_equal(pair->calls, "g");
}

static void finishing_does_not_wait_for_ever(void **state)
{
	struct pair *pair = *state;

	conn_finish(pair->conn);
	assert_true(run_until(pair, 'g'));
}

static void a_stream_ignores_input_but_not_its_end(void **state)
{
	struct pair *pair = *state;

	conn_take_over(pair->conn, &STREAM_OPS, pair, STALL_MS);
	assert_int_equal(write(pair->peer_fd, "abc", 3), 3);
	for (unsigned i = 0; i < 10; i++)
		event_base_loop(pair->base, EVLOOP_NONBLOCK);
	assert_int_equal(pair->n_calls, 0);
	shutdown(pair->peer_fd, SHUT_WR);
	assert_true(run_until(pair, 'g'));
	assert_string_equal(pair->calls, "Cg");
}

static void a_stream_that_is_flooded_is_closed(void **state)
{
	struct pair *pair = *state;
	static const char bytes[65536 + 4096];

	conn_take_over(pair->conn, &STREAM_OPS, pair, STALL_MS);
	fcntl(pair->peer_fd, F_SETFL, O_NONBLOCK);
	for (size_t sent = 0; sent < sizeof(bytes);) {
		ssize_t n = write(pair->peer_fd, bytes + sent, sizeof(bytes) - sent);

		if (n < 0 && errno != EAGAIN)
			break;
		sent += n > 0 ? (size_t)n : 0;
		event_base_loop(pair->base, EVLOOP_NONBLOCK);
	}
	assert_true(run_until(pair, 'g'));
}

static void a_deadline_comes_once_and_can_be_moved(void **state)
{
	struct pair *pair = *state;
	const struct timeval while_ = {.tv_usec = 120000};

	conn_set_deadline(pair->conn, 20);
	conn_set_deadline(pair->conn, 0);
	event_base_loopexit(pair->base, &while_);
	event_base_dispatch(pair->base);
	assert_int_equal(pair->n_calls, 0);
	conn_set_deadline(pair->conn, 500);
	conn_set_deadline(pair->conn, 20); /* sooner */
	assert_true(run_until(pair, 't'));
	event_base_loopexit(pair->base, &while_);
	event_base_dispatch(pair->base);
	assert_string_equal(pair->calls, "t");
}

static void input_waits_in_the_kernel_until_it_is_wanted(void **state)
{
	struct pair *pair = *state;

	conn_set_reading(pair->conn, false);
	assert_int_equal(write(pair->peer_fd, "abc", 3), 3);
	for (unsigned i = 0; i < 10; i++)
		event_base_loop(pair->base, EVLOOP_NONBLOCK);
	assert_int_equal(pair->n_calls, 0);
	conn_set_reading(pair->conn, true);
	assert_true(run_until(pair, 'r'));
	assert_int_equal(pair->n_read, 3);
	conn_wake(pair->conn);
	assert_true(run_until(pair, 'a'));
	assert_string_equal(pair->calls, "ra");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(knows_both_addresses),
		TEST(flush_hands_over_at_once),
		TEST(what_had_to_wait_is_told_when_it_is_gone),
		TEST(closing_waits_for_the_loop),
		TEST(destroying_tells_the_stream_first),
		TEST(who_takes_nothing_is_reset),
		TEST(who_takes_a_little_is_not),
		TEST(finishing_sends_everything_though_bytes_lie_unread),
		TEST(finishing_does_not_wait_for_ever),
		TEST(a_stream_ignores_input_but_not_its_end),
		TEST(a_stream_that_is_flooded_is_closed),
		TEST(a_deadline_comes_once_and_can_be_moved),
		TEST(input_waits_in_the_kernel_until_it_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
