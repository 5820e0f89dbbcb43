/* SPDX-License-Identifier: MIT */
/*
 * A body intake receives the body of one request, and sets its pace.
 *
 *     reader (what came with the head) ──┐                      ┌──► on_room: where to
 *     conn ──────────────────────────────┴──► body_intake_read ─┼──► on_bytes …
 *                 ▲                                             └──► on_end
 *                 └── stays in the kernel while there is no room
 *
 * Who sends it has a deadline that each PROGRESS_MIN bytes put off; while it is we who have no
 * room, there is none.  Embedded in an exchange, from whose functions it is called; connection and
 * reader are borrowed.  Event-loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "httpd/body.h"
#include "httpd/conn.h"
#include "httpd/request_reader.h"

/* Where the body of a request goes. */
struct body_intake_ops {
	/* Where to put the next bytes: *room has space for *len (≥ 1).  False: nowhere just now;
	 * body_intake_resume() when there is.  What the peer sends meanwhile stays in the kernel.
	 */
	bool (*on_room)(void *arg, char **room, size_t *len);
	void (*on_bytes)(void *arg, size_t n); /* so many have been put there */
	void (*on_end)(void *arg);             /* that was all: answer, now or later */
};

struct body_intake {
	bool is_unread;  /* some of the body has not been received */
	bool lost_bytes; /* of a next request, behind a body in chunks: close after the answer */

	/* the intake's own */
	struct conn *conn;
	struct request_reader *reader;
	unsigned timeout_ms;
	struct body body;
	bool was_wanted;                   /* who waits for 100 Continue has it */
	const struct body_intake_ops *ops; /* NULL unless it is received */
	void *arg;
	bool is_paused;  /* … and there is no room for it */
	size_t progress; /* bytes of it since its deadline was set */
	void (*on_skipped)(void *arg);
	void *skip_arg;
};

/*
 * The reader has a whole request: none of its body, if there is one, is read before
 * body_intake_receive().  `conn` and `reader` are borrowed until the next request;
 * `timeout_ms` is for PROGRESS_MIN bytes.
 */
void body_intake_begin(struct body_intake *intake, struct conn *conn, struct request_reader *reader,
	unsigned timeout_ms);
/* There is a body (is_unread) and it is wanted: sends 100 Continue to who waits for it. */
void body_intake_receive(struct body_intake *intake, const struct body_intake_ops *ops, void *arg);
bool body_intake_is_receiving(const struct body_intake *intake);
/*
 * What is to be done with a body that nobody wants (any more)?  Whoever sends one hears an answer
 * before its end only if he listens meanwhile, which browsers do not, and loses it with a
 * connection that is reset.  So what is at most BODY_SKIP_MAX bytes is read away, as if it had been
 * wanted, and the connection lives on (RFC 9112, 9.3); who still waits for 100 Continue will send
 * none, or may: there, and behind chunks, whose end nobody knows, it has to close (9.6).
 */
#define BODY_SKIP_MAX (1024u * 1024u)
bool body_intake_can_skip(const struct body_intake *intake);
/* Reads the rest away, then calls `on_skipped`; not from within. */
void body_intake_skip(struct body_intake *intake, void (*on_skipped)(void *arg), void *arg);
/* There is room again.  Does nothing unless on_room has said that there is none. */
void body_intake_resume(struct body_intake *intake);
/* No more of it is wanted: nothing is called, and the connection has no deadline, from here on. */
void body_intake_stop(struct body_intake *intake);
/*
 * The connection is readable, and the body is received: takes some of it.  0, also when the
 * connection has ended, which is then closed; -EINVAL: the body is malformed, refuse it.
 */
int body_intake_read(struct body_intake *intake);
