/* SPDX-License-Identifier: MIT */
/*
 * One TCP connection: its socket, its output, its deadlines.  Knows no route, feed or file.
 *
 *     accept ──► conn ──bytes──► request parser ──► route ──► response ──► output ──► socket
 *                                                       └──► a viewer takes the connection over
 *
 * Output is an evbuffer that conn_flush() hands to the kernel at once, as much as it takes; only
 * the rest waits for EPOLLOUT.  (Measured here against bufferevents: an epoll_ctl and a wake-up
 * less per viewer and frame.)  TCP_NODELAY, TCP_NOTSENT_LOWAT and keep-alive are set at creation.
 * Closing is deferred to the loop's next turn, so that no caller finds its conn freed under it.
 * Event-loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/addresses.h"

struct conn; /* opaque; owned by the exchange that was made when it was accepted */
struct evbuffer;
struct event_base;

#define CONN_WRITE_MAX (1024u * 1024u) /* bytes of one write: then the others' turn comes */

/* Who reads its requests, until somebody takes it over. */
struct conn_ops {
	/* Bytes have come, or the end of them: conn_read(). */
	void (*on_readable)(void *arg);
	/* Everything that was in the output has gone to the kernel after some of it had to wait. */
	void (*on_drained)(void *arg);
	/* The deadline of conn_set_deadline() has passed. */
	void (*on_deadline)(void *arg);
	/* The last call: the conn ceases to exist when this returns. */
	void (*on_gone)(void *arg);
};

/*
 * `fd` is a connected, non-blocking socket, owned by the conn from here on if this succeeds.  If
 * the output holds bytes and none of them could be handed on for `stall_timeout_ms`, it is closed
 * by reset.  Reading is on, no deadline is set.  0 or -errno (-ENOTCONN: already gone).
 */
int conn_create(struct event_base *base, int fd, const struct conn_ops *ops, void *arg,
	unsigned stall_timeout_ms, struct conn **out);
/* Closes at once: on_closed, then on_gone.  Not from a callback of the same conn. */
void conn_destroy(struct conn *conn);

/* Bytes read, 0 at their end, or -errno (-EAGAIN: none just now). */
ssize_t conn_read(struct conn *conn, void *room, size_t len);
/* Whether on_readable is wanted; what the peer sends meanwhile stays in the kernel. */
void conn_set_reading(struct conn *conn, bool is_wanted);
/* on_readable comes in the loop's next turn, though nothing may have arrived. */
void conn_wake(struct conn *conn);
/* on_deadline comes so long from now, once; 0: never.  Replaces the one before. */
void conn_set_deadline(struct conn *conn, unsigned timeout_ms);
bool conn_is_taken_over(const struct conn *conn);
bool conn_is_closing(const struct conn *conn); /* finished, or about to go */

/* Who has taken a connection over: for an endless answer (a viewer), or a long one (a file). */
struct conn_stream_ops {
	/* Everything that was in the output has gone to the kernel after some of it had to wait. */
	void (*on_drained)(void *arg);
	/* Bytes have come, or the end of them: conn_read().  NULL: they are read and thrown away,
	 * EOF closes, and so does a flood of it. */
	void (*on_readable)(void *arg);
	/* The connection is closing (peer, stall, shutdown): drop every use of it.  Called once. */
	void (*on_closed)(void *arg);
};

/*
 * From now on input is the stream's, the
 * deadline is off, and the stall deadline is this one: if the output holds bytes and none of them
 * could be handed on for `stall_timeout_ms`, the connection is closed by reset.
 */
void conn_take_over(
	struct conn *conn, const struct conn_stream_ops *ops, void *arg, unsigned stall_timeout_ms);

/* Where to append; call conn_flush() after. */
struct evbuffer *conn_output(struct conn *conn);
/* Hands to the kernel what it takes.  Never calls on_drained from within. */
void conn_flush(struct conn *conn);
/*
 * Hands `len` bytes of a file, from *offset on, to the kernel without copying them, which moves
 * *offset; only while the output is empty.  on_drained comes when the connection takes more, in the
 * loop's next turn at the earliest.  Bytes taken (at most CONN_WRITE_MAX; 0: the file has ended),
 * or -errno (-EAGAIN: none just now).  What is not in memory blocks the loop: read it ahead.
 */
ssize_t conn_sendfile(struct conn *conn, int fd, off_t *offset, size_t len);
/* A long answer whose every byte is wanted, not only the newest: the kernel may hold more of it. */
void conn_set_bulk(struct conn *conn, bool is_bulk);
/* Bytes in the output that the kernel has not taken yet. */
size_t conn_unsent(const struct conn *conn);
/* Bytes that the kernel has taken since the connection began. */
uint64_t conn_sent(const struct conn *conn);
/* … and that it has put on the wire at least once: without what still waits in its own queue. */
uint64_t conn_on_wire(const struct conn *conn);
/* Marks all that the output has been given so far; and has not all of that been put on the wire
 * yet? */
void conn_mark(struct conn *conn);
bool conn_is_behind_mark(const struct conn *conn);
/* CLOCK_MONOTONIC of the last time the kernel took any. */
uint64_t conn_last_sent_ns(const struct conn *conn);

/*
 * The answer is complete: close once the output is empty, our half first: what the peer has still
 * sent is read away for a short while, for a reset would take the answer from it.
 */
void conn_finish(struct conn *conn);
/* How much of that is read away, and for how long: more than a little for who sends a large body
 * that was refused, and reads the answer only after it. */
void conn_set_patience(struct conn *conn, size_t discard_max, unsigned linger_ms);
/* As conn_close(), by a reset: what the kernel still holds of the output is thrown away. */
void conn_reset(struct conn *conn);
/* Close now (deferred); on_closed is called first if a stream has it. */
void conn_close(struct conn *conn);

const struct address *conn_peer(const struct conn *conn);  /* valid as long as the conn */
const struct address *conn_local(const struct conn *conn); /* the address it reached us at */
const char *conn_peer_text(const struct conn *conn);       /* "192.168.1.7", "fd00::1" */
