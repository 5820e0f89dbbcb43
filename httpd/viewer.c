/* SPDX-License-Identifier: MIT */
#include "httpd/viewer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/log.h"
#include "httpd/viewer_ops.h"

struct viewers {
	struct event_base *base;
	const struct config *config;
	struct viewer *list;
	unsigned n;
	uint64_t total;
};

int viewers_create(struct event_base *base, const struct config *config, struct viewers **out)
{
	struct viewers *viewers = calloc(1, sizeof(*viewers));

	if (!viewers)
		return -ENOMEM;
	viewers->base = base;
	viewers->config = config;
	*out = viewers;
	return 0;
}

void viewers_destroy(struct viewers *viewers)
{
	free(viewers);
}

unsigned viewers_count(const struct viewers *viewers)
{
	return viewers->n;
}

uint64_t viewers_total(const struct viewers *viewers)
{
	return viewers->total;
}

/* --- one viewer --- */

static void viewer_free(struct viewer *viewer)
{
	if (viewer->repeat)
		event_free(viewer->repeat);
	free(viewer);
}

static void arm_repeat(struct viewer *viewer, uint64_t in_ns)
{
	const struct timeval delay = {.tv_sec = (time_t)(in_ns / NS_PER_S),
		.tv_usec = (suseconds_t)(in_ns % NS_PER_S / NS_PER_US) + 1};

	viewer->repeat_is_armed = event_add(viewer->repeat, &delay) == 0;
}

static void write_frame(struct viewer *viewer, struct frame *frame, bool is_repeat)
{
	uint64_t now = clock_monotonic_ns();

	if (viewer->ops->write_frame(viewer, frame, is_repeat) < 0) {
		/* half a part may be in the output: this connection cannot go on */
		conn_close(viewer->conn);
		return;
	}
	viewer->bytes += frame->len;
	if (!is_repeat) {
		viewer->frames++;
		viewer->sent_number = frame->number;
		viewer->is_behind = false;
		viewer->changed_ns = now;
		viewer->n_repeats = 0;
		rate_meter_count(&viewer->meter, now);
		unsigned repeat_ms = viewer->ops->repeat_after_ms(viewer, 0);
		if (!viewer->repeat_is_armed && repeat_ms)
			arm_repeat(viewer, repeat_ms * NS_PER_MS);
	}
	conn_flush(viewer->conn);
}

static void on_frame(void *arg, struct frame *frame)
{
	struct viewer *viewer = arg;

	if (conn_unsent(viewer->conn) == 0) {
		write_frame(viewer, frame, false);
		return;
	}
	/* One frame may be passed over without harm: the newest is written when it is drained. */
	if (viewer->is_behind)
		viewer->skipped++;
	viewer->is_behind = true;
}

static void on_drained(void *arg)
{
	struct viewer *viewer = arg;
	struct frame *newest = feed_newest(viewer->feed);

	if (newest && newest->number != viewer->sent_number)
		write_frame(viewer, newest, false);
}

static void on_repeat(evutil_socket_t fd, short what, void *arg)
{
	struct viewer *viewer = arg;
	struct frame *newest = feed_newest(viewer->feed);
	uint64_t now = clock_monotonic_ns();
	unsigned after_ms = viewer->ops->repeat_after_ms(viewer, viewer->n_repeats);
	(void)fd, (void)what;

	viewer->repeat_is_armed = false;
	if (!after_ms)
		return;
	uint64_t due = viewer->changed_ns + after_ms * NS_PER_MS;
	if (now < due) { /* there were changes since it was armed */
		arm_repeat(viewer, due - now);
		return;
	}
	if (newest && newest->number == viewer->sent_number && conn_unsent(viewer->conn) == 0)
		write_frame(viewer, newest, true);
	viewer->n_repeats++;
	viewer->changed_ns = now;
	after_ms = viewer->ops->repeat_after_ms(viewer, viewer->n_repeats);
	if (after_ms)
		arm_repeat(viewer, after_ms * NS_PER_MS);
}

static void on_closed(void *arg)
{
	struct viewer *viewer = arg;
	struct viewers *viewers = viewer->viewers;
	const struct log_fields fields = {.viewer = conn_peer_text(viewer->conn)};

	feed_remove(viewer->feed, &viewer->listener);
	*viewer->prev_next = viewer->next;
	if (viewer->next)
		viewer->next->prev_next = viewer->prev_next;
	if (--viewers->n == 0)
		log_at(LOG_INFO, &fields, "The last viewer has gone: %s after %.0f s",
			conn_peer_text(viewer->conn),
			(double)(clock_monotonic_ns() - viewer->began_ns) / 1e9);
	viewer_free(viewer);
}

static const struct conn_stream_ops stream_ops = {.on_drained = on_drained, .on_closed = on_closed};

int viewer_start(struct viewers *viewers, const struct viewer_ops *ops, struct conn *conn,
	struct feed *feed, uint64_t id, bool full_headers, const char *user_agent)
{
	struct viewer *viewer = calloc(1, sizeof(*viewer));
	struct feed_info info;

	if (!viewer)
		return -ENOMEM;
	viewer->viewers = viewers;
	viewer->ops = ops;
	viewer->conn = conn;
	viewer->feed = feed;
	viewer->id = id;
	viewer->full_headers = full_headers;
	viewer->began_ns = clock_monotonic_ns();
	viewer->listener = (struct feed_listener){.on_frame = on_frame, .arg = viewer};
	snprintf(
		viewer->user_agent, sizeof(viewer->user_agent), "%s", user_agent ? user_agent : "");
	viewer->repeat = evtimer_new(viewers->base, on_repeat, viewer);
	if (!viewer->repeat) {
		viewer_free(viewer);
		return -ENOMEM;
	}
	viewer->next = viewers->list;
	viewer->prev_next = &viewers->list;
	if (viewers->list)
		viewers->list->prev_next = &viewer->next;
	viewers->list = viewer;
	viewers->total++;
	feed_get_info(feed, &info);
	if (++viewers->n == 1) {
		const struct log_fields fields = {.viewer = conn_peer_text(conn),
			.source = source_name(info.source),
			.stream = stream_name(info.stream)};
		log_at(LOG_INFO, &fields, "The first viewer watches the %s: %s",
			source_name(info.source), conn_peer_text(conn));
	}
	conn_take_over(conn, &stream_ops, viewer, viewers->config->http.stall_timeout_s * 1000);
	if (ops->write_head(viewer) < 0)
		conn_close(conn); /* deferred: on_closed cleans up */
	conn_flush(conn);
	feed_add(feed, &viewer->listener);
	return 0;
}

/* --- asked about --- */

static struct viewer_info describe(const struct viewer *viewer, uint64_t now)
{
	const struct frame *newest = feed_newest(viewer->feed);
	struct feed_info feed;

	feed_get_info(viewer->feed, &feed);
	return (struct viewer_info){
		.kind = viewer->ops->kind,
		.address = conn_peer_text(viewer->conn),
		.user_agent = viewer->user_agent,
		.source = feed.source,
		.stream = feed.stream,
		.rate = rate_meter_rate(&viewer->meter, now),
		.frames = viewer->frames,
		.skipped = viewer->skipped,
		.bytes = viewer->bytes,
		.lag_ms = newest && (newest->number != viewer->sent_number ||
					    conn_unsent(viewer->conn))
				  ? (now - newest->received_ns) / NS_PER_MS
				  : 0,
		.watching_ms = (now - viewer->began_ns) / NS_PER_MS,
	};
}

void viewers_each(
	struct viewers *viewers, void (*each)(void *arg, const struct viewer_info *info), void *arg)
{
	uint64_t now = clock_monotonic_ns();

	for (const struct viewer *viewer = viewers->list; viewer; viewer = viewer->next) {
		const struct viewer_info info = describe(viewer, now);
		each(arg, &info);
	}
}

struct viewer_alive viewers_alive(const struct viewers *viewers, uint64_t id)
{
	const struct viewer *viewer = id ? viewers->list : NULL;

	while (viewer && viewer->id != id)
		viewer = viewer->next;
	if (!viewer)
		return (struct viewer_alive){.is_alive = false};
	return (struct viewer_alive){
		.is_alive = true,
		.last_sent_ms =
			(clock_monotonic_ns() - conn_last_sent_ns(viewer->conn)) / NS_PER_MS,
		.frames = viewer->frames,
		.is_waiting = conn_unsent(viewer->conn) > 0,
	};
}
