/* SPDX-License-Identifier: MIT */
#include "httpd/exchange.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

/* Of a body that was refused: browsers read the answer when they have sent it, or been reset. */
#define BODY_DISCARD_MAX (64u * 1024u * 1024u)
#define BODY_LINGER_MS   5000u

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
	bool keep_alive;               /* after an answer in pieces */
	bool is_in_chunks;             /* … whose pieces are chunks */
	struct body_intake intake;     /* of its body */
	void (*on_piece)(void *arg);   /* while an answer goes out in pieces */
	void *piece_arg;
	void (*on_cancel)(void *arg); /* while somebody has the answer for later */
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
	exchange->has_request = false;
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

static void write_head(struct exchange *exchange, const struct response *response)
{
	const struct request *request = exchange_request(exchange);
	const struct response_form form = {
		.is_head = request && request->method == REQUEST_HEAD,
		.is_http10 = request && request->is_http10,
		.keep_alive =
			request && request->keep_alive &&
			(!response->is_endless || request->method == REQUEST_HEAD) &&
			(!exchange->intake.is_unread || body_intake_can_skip(&exchange->intake)) &&
			!exchange->intake.lost_bytes,
	};

	assert(exchange->phase == EXCHANGE_BUSY && !exchange->has_answer);
	body_intake_stop(&exchange->intake);
	exchange->keep_alive = form.keep_alive;
	if (response_write(conn_output(exchange->conn), response, &form) < 0)
		conn_close(exchange->conn);
}

/* Once the answer is out and nothing is left of the request's body. */
static void go_on(void *arg)
{
	struct exchange *exchange = arg;

	if (conn_unsent(exchange->conn) == 0 && !exchange->intake.is_unread &&
		!conn_is_closing(exchange->conn))
		begin_next(exchange);
}

/* The whole answer is in the output, or behind it. */
static void finish_answer(struct exchange *exchange)
{
	exchange->on_cancel = NULL;
	exchange->has_answer = true;
	if (conn_is_closing(exchange->conn))
		return;
	if (!exchange->keep_alive) {
		if (exchange->intake.is_unread)
			conn_set_patience(exchange->conn, BODY_DISCARD_MAX, BODY_LINGER_MS);
		conn_finish(exchange->conn);
		return;
	}
	conn_flush(exchange->conn);
	if (exchange->intake.is_unread)
		body_intake_skip(&exchange->intake, go_on, exchange);
	else
		go_on(exchange);
}

void exchange_answer(struct exchange *exchange, const struct response *response)
{
	write_head(exchange, response);
	finish_answer(exchange);
}

void exchange_answer_text(struct exchange *exchange, const char *type, const char *text)
{
	struct response response = {.status = 200, .type = type, .body = evbuffer_new()};

	if (response.body && evbuffer_add(response.body, text, strlen(text)) == 0)
		exchange_answer(exchange, &response);
	else
		exchange_fail(exchange);
	if (response.body)
		evbuffer_free(response.body);
}

void exchange_begin(struct exchange *exchange, const struct response *response,
	void (*on_drained)(void *arg), void *arg)
{
	struct response begun = *response;

	if (!begun.has_length) {
		begun.is_chunked = !exchange_request(exchange)->is_http10;
		begun.is_endless = !begun.is_chunked;
	}
	exchange->is_in_chunks = begun.is_chunked;
	exchange->on_piece = on_drained;
	exchange->piece_arg = arg;
	conn_set_bulk(exchange->conn, true);
	write_head(exchange, &begun);
	conn_flush(exchange->conn);
}

int exchange_piece(struct exchange *exchange, struct evbuffer *piece)
{
	struct evbuffer *out = conn_output(exchange->conn);
	size_t len = evbuffer_get_length(piece);

	if (len == 0)
		return 0; /* an empty chunk would be the last */
	if ((exchange->is_in_chunks && evbuffer_add_printf(out, "%zx\r\n", len) < 0) ||
		evbuffer_add_buffer(out, piece) < 0 ||
		(exchange->is_in_chunks && evbuffer_add(out, "\r\n", 2) < 0))
		return -ENOMEM;
	conn_flush(exchange->conn);
	return 0;
}

void exchange_end(struct exchange *exchange)
{
	exchange->on_piece = NULL;
	conn_set_bulk(exchange->conn, false);
	if (exchange->is_in_chunks && evbuffer_add(conn_output(exchange->conn), "0\r\n\r\n", 5) < 0)
		conn_close(exchange->conn);
	finish_answer(exchange);
}

void exchange_fail(struct exchange *exchange)
{
	exchange->on_cancel = NULL;
	exchange->on_piece = NULL;
	body_intake_stop(&exchange->intake);
	conn_close(exchange->conn);
}

void exchange_wait(struct exchange *exchange, void (*on_cancel)(void *arg), void *arg)
{
	exchange->on_cancel = on_cancel;
	exchange->cancel_arg = arg;
}

/* --- a request's body --- */

bool exchange_has_body(const struct exchange *exchange)
{
	return exchange->intake.is_unread;
}

static void cancel(struct exchange *exchange)
{
	void (*on_cancel)(void *arg) = exchange->on_cancel;

	exchange->on_cancel = NULL;
	exchange->on_piece = NULL;
	if (on_cancel)
		on_cancel(exchange->cancel_arg);
}

static void refuse_body(struct exchange *exchange, const struct request_refusal *refusal)
{
	body_intake_stop(&exchange->intake);
	cancel(exchange);
	refuse(exchange, refusal);
}

void exchange_receive(struct exchange *exchange, const struct body_intake_ops *ops, void *arg)
{
	body_intake_receive(&exchange->intake, ops, arg);
}

void exchange_resume(struct exchange *exchange)
{
	body_intake_resume(&exchange->intake);
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
		body_intake_begin(&exchange->intake, exchange->conn, exchange->reader,
			exchange->config->files.body_timeout_s * 1000);
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
	static const struct request_refusal malformed = {400, "The body's chunks are malformed"};
	struct exchange *exchange = arg;
	size_t len;
	ssize_t n;
	char *room;

	if (exchange->has_leftover) {
		exchange->has_leftover = false;
		look_at(exchange, request_reader_feed(exchange->reader, 0));
		return;
	}
	if (exchange->phase == EXCHANGE_BUSY) {
		if (body_intake_is_receiving(&exchange->intake) &&
			body_intake_read(&exchange->intake) < 0)
			refuse_body(exchange, &malformed);
		return; /* else a wake-up from before */
	}
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
		go_on(exchange);
	else if (exchange->on_piece)
		exchange->on_piece(exchange->piece_arg);
}

static void on_deadline(void *arg)
{
	static const struct request_refusal too_slow = {408, "The request's head came too slowly"};
	static const struct request_refusal slow_body = {408, "The request's body came too slowly"};
	struct exchange *exchange = arg;

	if (body_intake_is_receiving(&exchange->intake) && exchange->has_answer)
		conn_close(exchange->conn);
	else if (body_intake_is_receiving(&exchange->intake))
		refuse_body(exchange, &slow_body);
	else if (exchange->phase == EXCHANGE_HEAD && exchange->reader &&
		 request_reader_pending(exchange->reader) > 0)
		refuse(exchange, &too_slow);
	else if (conn_is_behind_mark(exchange->conn))
		conn_set_deadline(
			exchange->conn, EXCHANGE_IDLE_MS); /* it still takes the last one */
	else
		conn_close(exchange->conn); /* it asked for nothing */
}

static void on_gone(void *arg)
{
	struct exchange *exchange = arg;

	body_intake_stop(&exchange->intake);
	cancel(exchange);
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

size_t exchange_take_early(struct exchange *exchange, void *out, size_t max)
{
	assert(exchange->has_request && conn_is_taken_over(exchange->conn));
	return request_reader_take(exchange->reader, out, max);
}

const struct request *exchange_request(const struct exchange *exchange)
{
	return exchange->has_request ? request_reader_request(exchange->reader) : NULL;
}
