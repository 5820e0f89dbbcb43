/* SPDX-License-Identifier: MIT */
/*
 * An exchange is the conversation on one connection: a request, its answer, the next request.
 *
 *     conn ──bytes──► reader ──request──► on_request (routes) ──► exchange_answer ──► conn
 *                                              ├──► conn_take_over: endless answers
 *                                              ├──► exchange_wait … exchange_answer: later
 *                                              ├──► exchange_receive: its body (body_intake.h)
 *                                              └──► exchange_begin … exchange_end: a long answer
 *
 *   HEAD ──whole──► BUSY ──answered and sent──► IDLE ──first byte──► HEAD
 *
 * One request at a time: while one is being answered, what the peer sends stays in the kernel, and
 * what has come with it (pipelining) in the reader, whose memory goes when a connection is idle or
 * taken over.  Every phase but BUSY has a deadline; BUSY has the connection's stall deadline, and
 * while a body is received that of its progress ([files] body_timeout_s).
 * Knows no route.  Event-loop thread only.
 */
#pragma once

#include "common/config.h"
#include "httpd/body_intake.h"
#include "httpd/conn.h"
#include "httpd/request_reader.h"
#include "httpd/response.h"

#define EXCHANGE_IDLE_MS 20000u /* a browser's connection is kept for so long between requests */

struct exchange; /* opaque; owned by the server, until on_gone */

enum exchange_phase {
	EXCHANGE_HEAD, /* its request's head is not yet whole */
	EXCHANGE_IDLE, /* between requests */
	EXCHANGE_BUSY, /* being answered, watching, closing */
};

struct exchange_ops {
	/* A request has come: exchange_answer(), exchange_wait() or conn_take_over(), now. */
	void (*on_request)(void *arg, struct exchange *exchange);
	/* One that is none: exchange_answer(), now.  exchange_request() is NULL. */
	void (*on_refused)(
		void *arg, struct exchange *exchange, const struct request_refusal *refusal);
	/* The last call: the exchange ceases to exist when this returns. */
	void (*on_gone)(void *arg);
};

/* `fd` is owned by the exchange from here on if this succeeds.  0 or -errno, as conn_create(). */
int exchange_create(struct event_base *base, const struct config *config, int fd,
	const struct exchange_ops *ops, void *arg, struct exchange **out);
/* Closes at once; on_gone is called.  Not from a callback of the same exchange. */
void exchange_destroy(struct exchange *exchange);

/* Where the conversation is; and its connection, which stays the exchange's. */
enum exchange_phase exchange_phase(const struct exchange *exchange);
struct conn *exchange_conn(struct exchange *exchange);
/* What has come behind the request's head, up to `max` bytes, for who has taken the conn over.  How
 * many; 0: that was all. */
size_t exchange_take_early(struct exchange *exchange, void *out, size_t max);
/* The request to be answered; NULL while there is none. */
const struct request *exchange_request(const struct exchange *exchange);

/*
 * Answers the request, which is gone afterwards; the response's bytes are moved out of it.  What
 * has not been received of its body is read away if it is little (body_intake_can_skip()); else,
 * and after a refusal, the connection is closed.
 */
void exchange_answer(struct exchange *exchange, const struct response *response);
/* The same of a short text, with 200. */
void exchange_answer_text(struct exchange *exchange, const char *type, const char *text);

/*
 * An answer in pieces.  The head now (its body must be NULL; has_length says how long it will be,
 * else it goes out in chunks or ends with the connection), then whatever is appended to
 * conn_output() or handed to conn_sendfile(), `on_drained` for more, then exchange_end().
 * exchange_piece() appends bytes, which are moved out of `piece`, as a chunk where it must be one;
 * -ENOMEM: exchange_fail().  For HEAD there is nothing to append: exchange_answer().
 */
void exchange_begin(struct exchange *exchange, const struct response *response,
	void (*on_drained)(void *arg), void *arg);
int exchange_piece(struct exchange *exchange, struct evbuffer *piece);
void exchange_end(struct exchange *exchange);

/* The request has a body: neither Content-Length 0 nor none at all. */
bool exchange_has_body(const struct exchange *exchange);
/*
 * Receives it; 100 Continue is sent to who waits for it.  Whoever calls this has called
 * exchange_wait(): on_cancel comes if the connection ends first, or the body is malformed or comes
 * too slowly.  It may answer before the end.
 */
void exchange_receive(struct exchange *exchange, const struct body_intake_ops *ops, void *arg);
/* After on_room has said that there is none: there is room again. */
void exchange_resume(struct exchange *exchange);

/* There is no memory for an answer: closes the connection.  The request stays until that happens.
 */
void exchange_fail(struct exchange *exchange);

/* The answer comes later, by exchange_answer() or _fail(); `on_cancel` if the connection goes
 * before that. */
void exchange_wait(struct exchange *exchange, void (*on_cancel)(void *arg), void *arg);
