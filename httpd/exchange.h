/* SPDX-License-Identifier: MIT */
/*
 * An exchange is the conversation on one connection: a request, its answer, the next request.
 *
 *     conn ──bytes──► reader ──request──► on_request (routes) ──► exchange_answer ──► conn
 *                                              ├──► conn_take_over: endless answers
 *                                              └──► exchange_wait … exchange_answer: later
 *
 *   HEAD ──whole──► BUSY ──answered and sent──► IDLE ──first byte──► HEAD
 *
 * One request at a time: while one is being answered, what the peer sends stays in the kernel, and
 * what has come with it (pipelining) in the reader, whose memory goes when a connection is idle or
 * taken over.  Every phase but BUSY has a deadline; BUSY has the connection's stall deadline.
 * Knows no route.  Event-loop thread only.
 */
#pragma once

#include "common/config.h"
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

enum exchange_phase exchange_phase(const struct exchange *exchange);
struct conn *exchange_conn(struct exchange *exchange);
/* The request to be answered; NULL while there is none. */
const struct request *exchange_request(const struct exchange *exchange);

/*
 * Answers the request, which is gone afterwards; the body's bytes are moved out of it.  After a
 * request with a body (none is read yet) or a refusal the connection is closed.
 */
void exchange_answer(struct exchange *exchange, const struct response *response);

/* There is no memory for an answer: closes the connection.  The request stays until that happens.
 */
void exchange_fail(struct exchange *exchange);

/* The answer comes later, by exchange_answer() or _fail(); `on_cancel` if the connection goes
 * before that. */
void exchange_wait(struct exchange *exchange, void (*on_cancel)(void *arg), void *arg);
