/* SPDX-License-Identifier: MIT */
#include "httpd/body_intake.h"

#include <assert.h>
#include <errno.h>

#include <event2/buffer.h>

#define PROGRESS_MIN 4096u  /* bytes of a body that put its deadline off */
#define SKIP_SIZE    16384u /* that are read away at a time */

void body_intake_begin(struct body_intake *intake, struct conn *conn, struct request_reader *reader,
	unsigned timeout_ms)
{
	*intake = (struct body_intake){.conn = conn, .reader = reader, .timeout_ms = timeout_ms};
	body_begin(&intake->body, request_reader_request(reader));
	intake->is_unread = !intake->body.is_whole;
}

bool body_intake_is_receiving(const struct body_intake *intake)
{
	return intake->ops;
}

void body_intake_stop(struct body_intake *intake)
{
	if (!intake->ops)
		return;
	intake->ops = NULL;
	conn_set_reading(intake->conn, false);
	conn_set_deadline(intake->conn, 0);
}

static void set_deadline(struct body_intake *intake)
{
	intake->progress = 0;
	conn_set_deadline(intake->conn, intake->timeout_ms);
}

/* Bytes of it from the reader first, where some have come with the head. */
static ssize_t read_some(struct body_intake *intake, char *room, size_t len)
{
	uint64_t left = body_left(&intake->body);
	size_t n;

	if (left > 0 && left < len)
		len = (size_t)left;
	n = request_reader_take(intake->reader, room, len);
	return n > 0 ? (ssize_t)n : conn_read(intake->conn, room, len);
}

int body_intake_read(struct body_intake *intake)
{
	const struct body_intake_ops *ops = intake->ops;
	size_t len, n_body;
	ssize_t n, used;
	char *room;

	if (intake->is_paused)
		return 0;
	if (!ops->on_room(intake->arg, &room, &len)) {
		/* It is we who are slow. */
		intake->is_paused = true;
		conn_set_reading(intake->conn, false);
		conn_set_deadline(intake->conn, 0);
		return 0;
	}
	n = read_some(intake, room, len);
	if (n == -EAGAIN)
		return 0;
	if (n <= 0) {
		conn_close(intake->conn);
		return 0;
	}
	used = body_decode(&intake->body, room, (size_t)n, &n_body);
	if (used < 0)
		return -EINVAL;
	if (intake->body.is_whole) {
		intake->is_unread = false;
		/* Somebody pipelines behind a chunked body: it has to come again. */
		if (used < n)
			intake->lost_bytes = true;
		body_intake_stop(intake);
	} else if ((intake->progress += (size_t)n) >= PROGRESS_MIN) {
		set_deadline(intake);
	}
	if (n_body > 0)
		ops->on_bytes(intake->arg, n_body);
	if (intake->body.is_whole)
		ops->on_end(intake->arg);
	else if (intake->ops && request_reader_pending(intake->reader) > 0)
		conn_wake(intake->conn);
	return 0;
}

static void start(struct body_intake *intake, const struct body_intake_ops *ops, void *arg)
{
	intake->ops = ops;
	intake->arg = arg;
	intake->is_paused = false;
	set_deadline(intake);
	conn_set_reading(intake->conn, true);
	if (request_reader_pending(intake->reader) > 0)
		conn_wake(intake->conn);
}

void body_intake_receive(struct body_intake *intake, const struct body_intake_ops *ops, void *arg)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	const struct request *request = request_reader_request(intake->reader);
	const char *expect = request_header(request, "Expect");

	assert(intake->is_unread && !intake->ops);
	intake->was_wanted = true;
	if (expect && !request->is_http10 && request_reader_pending(intake->reader) == 0) {
		if (evbuffer_add(conn_output(intake->conn), go_on, sizeof(go_on) - 1) < 0)
			conn_close(intake->conn);
		conn_flush(intake->conn);
	}
	start(intake, ops, arg);
}

/* --- what nobody wants --- */

bool body_intake_can_skip(const struct body_intake *intake)
{
	const struct request *request = request_reader_request(intake->reader);
	bool is_coming = intake->was_wanted || request_reader_pending(intake->reader) > 0 ||
			 !request_header(request, "Expect");

	return !intake->body.is_chunked && body_left(&intake->body) <= BODY_SKIP_MAX && is_coming;
}

static bool skip_room(void *arg, char **room, size_t *len)
{
	static char nowhere[SKIP_SIZE]; /* written by all, read by nobody */

	(void)arg;
	*room = nowhere;
	*len = sizeof(nowhere);
	return true;
}

static void skip_bytes(void *arg, size_t n)
{
	(void)arg, (void)n;
}

static void skip_end(void *arg)
{
	struct body_intake *intake = arg;

	intake->on_skipped(intake->skip_arg);
}

void body_intake_skip(struct body_intake *intake, void (*on_skipped)(void *arg), void *arg)
{
	static const struct body_intake_ops ops = {
		.on_room = skip_room, .on_bytes = skip_bytes, .on_end = skip_end};

	intake->on_skipped = on_skipped;
	intake->skip_arg = arg;
	start(intake, &ops, intake);
}

void body_intake_resume(struct body_intake *intake)
{
	if (!intake->ops || !intake->is_paused)
		return;
	intake->is_paused = false;
	set_deadline(intake);
	conn_set_reading(intake->conn, true);
	if (request_reader_pending(intake->reader) > 0)
		conn_wake(intake->conn);
}
