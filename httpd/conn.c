/* SPDX-License-Identifier: MIT */
#include "httpd/conn.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/clock.h"
#include "common/fd.h"
#include "httpd/tcp.h"

#define LINGER_MS         1000u
#define DISCARD_MAX       (64u * 1024u) /* what a peer may send that nobody reads */
#define DISCARD_READ_SIZE 4096u

enum conn_phase {
	CONN_OPEN,
	CONN_FINISHING, /* closes when the output is empty */
	CONN_LINGERING, /* our half is closed; reads away what still comes */
	CONN_CLOSING,   /* goes in the loop's next turn */
};

struct conn {
	int fd;
	enum conn_phase phase;
	bool is_blocked; /* EV_WRITE is registered: the kernel takes no more just now */
	bool is_reset;   /* closes by RST */
	struct event readable, writable, timer;
	struct evbuffer *output;
	const struct conn_ops *ops;
	void *ops_arg;
	const struct conn_stream_ops
		*stream; /* NULL until somebody takes over, and after on_closed */
	void *stream_arg;
	bool is_taken_over;
	uint64_t sent, last_sent_ns;
	uint64_t mark;             /* of `sent`; 0: none */
	uint64_t blocked_since_ns; /* or since it last took some; counts while is_blocked */
	uint64_t stall_timeout_ns;
	uint64_t deadline_ns; /* 0: none */
	uint64_t timer_ns;    /* when the timer fires; 0: it does not */
	size_t discarded, discard_max;
	unsigned linger_ms;
	struct address peer, local;
	char peer_text[INET6_ADDRSTRLEN];
};

/* --- the one timer, for deadline and stall ---
 * It is left to fire early rather than moved for each byte: then it only looks and waits on. */

static uint64_t next_deadline_ns(const struct conn *conn)
{
	uint64_t next_ns = conn->deadline_ns;

	if (conn->is_blocked) {
		uint64_t stall_ns = conn->blocked_since_ns + conn->stall_timeout_ns;

		if (next_ns == 0 || stall_ns < next_ns)
			next_ns = stall_ns;
	}
	return next_ns;
}

static void timer_set(struct conn *conn)
{
	uint64_t next_ns = next_deadline_ns(conn), now_ns, wait_us;
	struct timeval wait;

	if (conn->phase == CONN_CLOSING || next_ns == 0 ||
		(conn->timer_ns != 0 && conn->timer_ns <= next_ns))
		return;
	now_ns = clock_monotonic_ns();
	/* A millisecond more, since the loop's clock is coarser than ours. */
	wait_us = (next_ns > now_ns ? (next_ns - now_ns) / NS_PER_US : 0) + 1000;
	wait.tv_sec = (time_t)(wait_us / 1000000);
	wait.tv_usec = (suseconds_t)(wait_us % 1000000);
	if (event_add(&conn->timer, &wait) == 0)
		conn->timer_ns = next_ns;
	else
		conn_close(conn); /* no memory: without deadlines it may not live */
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn = arg;
	uint64_t now_ns = clock_monotonic_ns();

	(void)fd, (void)what;
	conn->timer_ns = 0;
	if (conn->phase == CONN_CLOSING) {
		conn_destroy(conn);
		return;
	}
	if (conn->is_blocked && now_ns - conn->blocked_since_ns >= conn->stall_timeout_ns) {
		conn->is_reset = true;
		conn_close(conn);
		return;
	}
	if (conn->deadline_ns != 0 && now_ns >= conn->deadline_ns) {
		conn->deadline_ns = 0;
		/* What is marked is waited for, for as long as the peer takes any of it
		 * (TCP_USER_TIMEOUT). */
		if (conn->phase == CONN_LINGERING && conn_is_behind_mark(conn))
			conn_set_deadline(conn, conn->linger_ms);
		else if (conn->phase == CONN_LINGERING)
			conn_close(conn);
		else
			conn->ops->on_deadline(conn->ops_arg);
	}
	timer_set(conn);
}

void conn_set_deadline(struct conn *conn, unsigned timeout_ms)
{
	conn->deadline_ns = timeout_ms == 0 ? 0 : clock_monotonic_ns() + timeout_ms * NS_PER_MS;
	timer_set(conn);
}

/* --- input --- */

ssize_t conn_read(struct conn *conn, void *room, size_t len)
{
	ssize_t n;

	do
		n = read(conn->fd, room, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

void conn_set_reading(struct conn *conn, bool is_wanted)
{
	if (conn->phase == CONN_CLOSING)
		return;
	if (!is_wanted)
		event_del(&conn->readable);
	else if (event_add(&conn->readable, NULL) < 0)
		conn_close(conn);
}

void conn_wake(struct conn *conn)
{
	event_active(&conn->readable, EV_READ, 1);
}

/* Nobody reads it any more: a viewer's, or what comes after the last answer. */
static void discard_input(struct conn *conn)
{
	char bytes[DISCARD_READ_SIZE];
	ssize_t n = conn_read(conn, bytes, sizeof(bytes));

	if (n == -EAGAIN)
		return;
	if (n > 0) {
		conn->discarded += (size_t)n;
		if (conn->discarded <= conn->discard_max)
			return;
		conn->is_reset = true;
	}
	conn_close(conn);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn = arg;

	(void)fd, (void)what;
	if (conn->phase == CONN_CLOSING)
		return;
	if (conn->stream && conn->stream->on_readable && conn->phase == CONN_OPEN)
		conn->stream->on_readable(conn->stream_arg);
	else if (conn->is_taken_over || conn->phase == CONN_LINGERING)
		discard_input(conn);
	else
		conn->ops->on_readable(conn->ops_arg);
}

/* --- output --- */

static void linger(struct conn *conn)
{
	conn->phase = CONN_LINGERING;
	conn_set_reading(conn, true);
	if (shutdown(conn->fd, SHUT_WR) < 0)
		conn_close(conn);
	else
		conn_set_deadline(conn, conn->linger_ms);
}

/* Hands on what the kernel takes in one write; what is left waits for EPOLLOUT. */
static void write_some(struct conn *conn)
{
	bool was_blocked = conn->is_blocked;
	int n = 0;

	/* Empty after conn_sendfile(). */
	if (evbuffer_get_length(conn->output) > 0)
		n = evbuffer_write_atmost(conn->output, conn->fd, CONN_WRITE_MAX);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		conn_close(conn);
		return;
	}
	if (n > 0) {
		conn->sent += (uint64_t)n;
		conn->last_sent_ns = clock_monotonic_ns();
		conn->blocked_since_ns = conn->last_sent_ns;
	}
	conn->is_blocked = evbuffer_get_length(conn->output) > 0;
	if (conn->is_blocked && !was_blocked) {
		if (n <= 0)
			conn->blocked_since_ns = clock_monotonic_ns();
		if (event_add(&conn->writable, NULL) < 0)
			conn_close(conn);
		else
			timer_set(conn);
	} else if (!conn->is_blocked && was_blocked) {
		event_del(&conn->writable);
	}
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn = arg;

	(void)fd, (void)what;
	if (conn->phase == CONN_CLOSING)
		return;
	write_some(conn);
	if (conn->is_blocked || conn->phase == CONN_CLOSING)
		return;
	if (conn->phase == CONN_FINISHING)
		linger(conn);
	else if (conn->stream)
		conn->stream->on_drained(conn->stream_arg);
	else
		conn->ops->on_drained(conn->ops_arg);
}

struct evbuffer *conn_output(struct conn *conn)
{
	return conn->output;
}

void conn_flush(struct conn *conn)
{
	if (conn->phase == CONN_CLOSING || conn->is_blocked ||
		evbuffer_get_length(conn->output) == 0)
		return;
	write_some(conn);
}

ssize_t conn_sendfile(struct conn *conn, int fd, off_t *offset, size_t len)
{
	ssize_t n;

	assert(evbuffer_get_length(conn->output) == 0);
	if (conn->phase == CONN_CLOSING)
		return -ECANCELED;
	do
		n = sendfile(conn->fd, fd, offset, len < CONN_WRITE_MAX ? len : CONN_WRITE_MAX);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN)
		return -errno;
	if (n > 0) {
		conn->sent += (uint64_t)n;
		conn->last_sent_ns = clock_monotonic_ns();
	}
	if (!conn->is_blocked && event_add(&conn->writable, NULL) < 0) {
		conn_close(conn);
		return -ENOMEM;
	}
	if (n > 0 || !conn->is_blocked)
		conn->blocked_since_ns = clock_monotonic_ns();
	conn->is_blocked = true;
	timer_set(conn);
	return n < 0 ? -EAGAIN : n;
}

void conn_set_bulk(struct conn *conn, bool is_bulk)
{
	tcp_set_bulk(conn->fd, is_bulk);
}

size_t conn_unsent(const struct conn *conn)
{
	return evbuffer_get_length(conn->output);
}

uint64_t conn_sent(const struct conn *conn)
{
	return conn->sent;
}

uint64_t conn_on_wire(const struct conn *conn)
{
	size_t waiting = tcp_waiting(conn->fd);

	return conn->sent > waiting ? conn->sent - waiting : 0;
}

void conn_mark(struct conn *conn)
{
	conn->mark = conn_sent(conn) + conn_unsent(conn);
}

bool conn_is_behind_mark(const struct conn *conn)
{
	return conn->mark > 0 && conn_on_wire(conn) < conn->mark;
}

uint64_t conn_last_sent_ns(const struct conn *conn)
{
	return conn->last_sent_ns;
}

/* --- its life --- */

void conn_take_over(
	struct conn *conn, const struct conn_stream_ops *ops, void *arg, unsigned stall_timeout_ms)
{
	assert(!conn->is_taken_over);
	conn->stream = ops;
	conn->stream_arg = arg;
	conn->is_taken_over = true;
	conn->stall_timeout_ns = stall_timeout_ms * NS_PER_MS;
	conn->deadline_ns = 0;
	conn_set_reading(conn, true);
}

bool conn_is_taken_over(const struct conn *conn)
{
	return conn->is_taken_over;
}

bool conn_is_closing(const struct conn *conn)
{
	return conn->phase != CONN_OPEN;
}

void conn_finish(struct conn *conn)
{
	if (conn->phase != CONN_OPEN)
		return;
	conn->phase = CONN_FINISHING;
	conn->deadline_ns = 0; /* from here on only the stall counts */
	conn_set_reading(conn, false);
	conn_flush(conn);
	if (!conn->is_blocked && conn->phase == CONN_FINISHING)
		linger(conn);
}

void conn_set_patience(struct conn *conn, size_t discard_max, unsigned linger_ms)
{
	conn->discard_max = discard_max;
	conn->linger_ms = linger_ms;
}

void conn_close(struct conn *conn)
{
	if (conn->phase == CONN_CLOSING)
		return;
	conn->phase = CONN_CLOSING;
	event_del(&conn->readable);
	event_del(&conn->writable);
	/* The timer's callback does the rest, when whoever is calling has returned. */
	event_active(&conn->timer, EV_TIMEOUT, 1);
}

void conn_reset(struct conn *conn)
{
	conn->is_reset = true;
	conn_close(conn);
}

void conn_destroy(struct conn *conn)
{
	const struct conn_stream_ops *stream = conn->stream;

	conn->phase = CONN_CLOSING;
	conn->stream = NULL;
	if (stream)
		stream->on_closed(conn->stream_arg);
	/* The kernel would go on sending it. */
	if (conn_is_behind_mark(conn))
		conn->is_reset = true;
	conn->ops->on_gone(conn->ops_arg);
	event_del(&conn->readable);
	event_del(&conn->writable);
	event_del(&conn->timer);
	if (conn->is_reset)
		tcp_reset_at_close(conn->fd);
	fd_close(&conn->fd);
	evbuffer_free(conn->output);
	free(conn);
}

static int learn_addresses(struct conn *conn)
{
	int r = tcp_addresses(conn->fd, &conn->peer, &conn->local);

	if (r == 0)
		inet_ntop(conn->peer.family, &conn->peer.ip, conn->peer_text,
			sizeof(conn->peer_text));
	return r;
}

int conn_create(struct event_base *base, int fd, const struct conn_ops *ops, void *arg,
	unsigned stall_timeout_ms, struct conn **out)
{
	struct conn *conn = calloc(1, sizeof(*conn));
	int r;

	if (!conn)
		return -ENOMEM;
	conn->fd = fd;
	conn->ops = ops;
	conn->ops_arg = arg;
	conn_set_patience(conn, DISCARD_MAX, LINGER_MS);
	conn->stall_timeout_ns = stall_timeout_ms * NS_PER_MS;
	conn->last_sent_ns = clock_monotonic_ns();
	r = learn_addresses(conn);
	if (r < 0)
		goto fail;
	r = -ENOMEM;
	conn->output = evbuffer_new();
	if (!conn->output)
		goto fail;
	event_assign(&conn->readable, base, fd, EV_READ | EV_PERSIST, on_readable, conn);
	event_assign(&conn->writable, base, fd, EV_WRITE | EV_PERSIST, on_writable, conn);
	evtimer_assign(&conn->timer, base, on_timer, conn);
	if (event_add(&conn->readable, NULL) < 0)
		goto fail;
	tcp_set_options(fd);
	*out = conn;
	return 0;

fail:
	if (conn->output)
		evbuffer_free(conn->output);
	free(conn);
	return r;
}

const struct address *conn_peer(const struct conn *conn)
{
	return &conn->peer;
}

const struct address *conn_local(const struct conn *conn)
{
	return &conn->local;
}

const char *conn_peer_text(const struct conn *conn)
{
	return conn->peer_text;
}
