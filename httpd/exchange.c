/* SPDX-License-Identifier: MIT */
#include "httpd/exchange.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct exchange {
	struct conn *conn;
	const struct config *config;
	const struct exchange_ops *ops;
	void *ops_arg;
	enum exchange_phase phase;
	struct request_reader *reader; /* NULL while idle or taken over */
	bool has_request;              /* BUSY with a whole request, not with a refusal */
	bool has_answer;               /* … and its answer is in the output */
	bool has_leftover;             /* the reader holds bytes of the next request */
	void (*on_cancel)(void *arg);  /* while somebody has the answer for later */
	void *cancel_arg;
};

static void drop_reader(struct exchange *exchange)
{
	request_reader_destroy(exchange->reader);
	exchange->reader = NULL;
	exchange->has_request = false;
}

/* --- answering --- */

static void refuse(struct exchange *exchange, const struct request_refusal *refusal)
{
	exchange->phase = EXCHANGE_BUSY;
	conn_set_reading(exchange->conn, false);
	conn_set_deadline(exchange->conn, 0);
	exchange->ops->on_refused(exchange->ops_arg, exchange, refusal);
}

/* The answer has gone out; on to the next request. */
static void begin_next(struct exchange *exchange)
{
	exchange->has_answer = false;
	exchange->has_request = false;
	request_reader_next(exchange->reader);
	exchange->has_leftover = request_reader_pending(exchange->reader) > 0;
	if (exchange->has_leftover) {
		exchange->phase = EXCHANGE_HEAD;
		conn_set_deadline(exchange->conn, exchange->config->http.head_timeout_s * 1000);
		conn_set_reading(exchange->conn, true);
		/* In the loop's next turn: a long pipeline takes its turns like everybody. */
		conn_wake(exchange->conn);
		return;
	}
	drop_reader(exchange);
	exchange->phase = EXCHANGE_IDLE;
	conn_set_deadline(exchange->conn, EXCHANGE_IDLE_MS);
	conn_set_reading(exchange->conn, true);
}

void exchange_answer(struct exchange *exchange, const struct response *response)
{
	const struct request *request = exchange_request(exchange);
	const struct response_form form = {
		.is_head = request && request->method == REQUEST_HEAD,
		.is_http10 = request && request->is_http10,
		.keep_alive = request && request->keep_alive && !request->is_chunked &&
			      request->content_length == 0,
	};

	assert(exchange->phase == EXCHANGE_BUSY && !exchange->has_answer);
	exchange->on_cancel = NULL;
	exchange->has_answer = true;
	if (response_write(conn_output(exchange->conn), response, &form) < 0) {
		conn_close(exchange->conn);
		return;
	}
	if (!form.keep_alive) {
		conn_finish(exchange->conn);
		return;
	}
	conn_flush(exchange->conn);
	if (conn_unsent(exchange->conn) == 0 && !conn_is_closing(exchange->conn))
		begin_next(exchange);
}

void exchange_fail(struct exchange *exchange)
{
	exchange->on_cancel = NULL;
	conn_close(exchange->conn);
}

void exchange_wait(struct exchange *exchange, void (*on_cancel)(void *arg), void *arg)
{
	exchange->on_cancel = on_cancel;
	exchange->cancel_arg = arg;
}

/* --- what the connection tells --- */

static void look_at(struct exchange *exchange, enum request_progress progress)
{
	switch (progress) {
	case REQUEST_MORE:
		return;
	case REQUEST_REFUSED:
		refuse(exchange, request_reader_refusal(exchange->reader));
		return;
	case REQUEST_COMPLETE:
		exchange->phase = EXCHANGE_BUSY;
		exchange->has_request = true;
		conn_set_reading(exchange->conn, false);
		conn_set_deadline(exchange->conn, 0);
		exchange->ops->on_request(exchange->ops_arg, exchange);
		if (conn_is_taken_over(exchange->conn))
			drop_reader(exchange);
		return;
	}
}

static void on_readable(void *arg)
{
	struct exchange *exchange = arg;
	size_t len;
	ssize_t n;
	char *room;

	if (exchange->has_leftover) {
		exchange->has_leftover = false;
		look_at(exchange, request_reader_feed(exchange->reader, 0));
		return;
	}
	if (exchange->phase == EXCHANGE_BUSY)
		return; /* a wake-up from before */
	if ((!exchange->reader && request_reader_create(exchange->config->http.head_size_max,
					  &exchange->reader) < 0) ||
		request_reader_room(exchange->reader, &room, &len) < 0) {
		conn_close(exchange->conn);
		return;
	}
	n = conn_read(exchange->conn, room, len);
	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		conn_close(exchange->conn);
		return;
	}
	if (exchange->phase == EXCHANGE_IDLE) {
		exchange->phase = EXCHANGE_HEAD;
		conn_set_deadline(exchange->conn, exchange->config->http.head_timeout_s * 1000);
	}
	look_at(exchange, request_reader_feed(exchange->reader, (size_t)n));
}

static void on_drained(void *arg)
{
	struct exchange *exchange = arg;

	if (exchange->has_answer)
		begin_next(exchange);
}

static void on_deadline(void *arg)
{
	static const struct request_refusal too_slow = {408, "The request's head came too slowly"};
	struct exchange *exchange = arg;

	if (exchange->phase == EXCHANGE_HEAD && exchange->reader &&
		request_reader_pending(exchange->reader) > 0)
		refuse(exchange, &too_slow);
	else
		conn_close(exchange->conn); /* it asked for nothing */
}

static void on_gone(void *arg)
{
	struct exchange *exchange = arg;

	if (exchange->on_cancel)
		exchange->on_cancel(exchange->cancel_arg);
	exchange->ops->on_gone(exchange->ops_arg);
	drop_reader(exchange);
	free(exchange);
}

static const struct conn_ops CONN_OPS = {.on_readable = on_readable,
	.on_drained = on_drained,
	.on_deadline = on_deadline,
	.on_gone = on_gone};

/* --- its life --- */

int exchange_create(struct event_base *base, const struct config *config, int fd,
	const struct exchange_ops *ops, void *arg, struct exchange **out)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));
	int r;

	if (!exchange)
		return -ENOMEM;
	exchange->config = config;
	exchange->ops = ops;
	exchange->ops_arg = arg;
	exchange->phase = EXCHANGE_HEAD;
	r = conn_create(base, fd, &CONN_OPS, exchange, config->http.stall_timeout_s * 1000,
		&exchange->conn);
	if (r < 0) {
		free(exchange);
		return r;
	}
	conn_set_deadline(exchange->conn, config->http.head_timeout_s * 1000);
	*out = exchange;
	return 0;
}

void exchange_destroy(struct exchange *exchange)
{
	conn_destroy(exchange->conn);
}

enum exchange_phase exchange_phase(const struct exchange *exchange)
{
	return exchange->phase;
}

struct conn *exchange_conn(struct exchange *exchange)
{
	return exchange->conn;
}

const struct request *exchange_request(const struct exchange *exchange)
{
	return exchange->has_request ? request_reader_request(exchange->reader) : NULL;
}
