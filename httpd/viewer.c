/* SPDX-License-Identifier: MIT */
#include "httpd/viewer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/messages.h"
#include "common/ratelimit.h"
#include "httpd/viewer_ops.h"

#define LOG_NS    (10 * NS_PER_S) /* lines about the first viewer: one so often … */
#define LOG_BURST 20u             /* … in the long run, and so many at once */

struct viewers {
	struct event_base *base;
	const struct config *config;
	struct viewer *list;
	unsigned n;
	uint64_t total;
	void (*on_change)(void *arg);
	void *on_change_arg;
	/* A stranger can come and go as often as it likes.  What is left out is told when a line
	 * may be written again: who is still there then by name. */
	struct ratelimit log;
	struct event *late;
	bool first_is_logged;
};

static void on_late(evutil_socket_t fd, short what, void *arg);

int viewers_create(struct event_base *base, const struct config *config, struct viewers **out)
{
	struct viewers *viewers = calloc(1, sizeof(*viewers));

	if (!viewers)
		return -ENOMEM;
	viewers->base = base;
	viewers->config = config;
	viewers->log = (struct ratelimit){.interval_ns = LOG_NS, .burst = LOG_BURST};
	viewers->late = evtimer_new(base, on_late, viewers);
	if (!viewers->late) {
		free(viewers);
		return -ENOMEM;
	}
	*out = viewers;
	return 0;
}

void viewers_destroy(struct viewers *viewers)
{
	if (!viewers)
		return;
	event_free(viewers->late);
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

void viewers_set_listener(struct viewers *viewers, void (*on_change)(void *arg), void *arg)
{
	viewers->on_change = on_change;
	viewers->on_change_arg = arg;
}

static void tell_change(struct viewers *viewers)
{
	if (viewers->on_change)
		viewers->on_change(viewers->on_change_arg);
}

/* --- one viewer --- */

static void on_drained(void *arg)
{
	struct viewer *viewer = arg;

	viewer->ops->on_drained(viewer);
}

static void on_readable(void *arg)
{
	struct viewer *viewer = arg;

	viewer->ops->on_readable(viewer);
}

static void on_closed(void *arg)
{
	struct viewer *viewer = arg;
	struct viewers *viewers = viewer->viewers;
	const struct log_fields fields = {
		.message = MESSAGE_LAST_VIEWER, .viewer = conn_peer_text(viewer->conn)};

	conn_mark(viewer->conn); /* nobody could hold back for a pause what is closed */
	*viewer->prev_next = viewer->next;
	if (viewer->next)
		viewer->next->prev_next = viewer->prev_next;
	if (--viewers->n == 0 && viewers->first_is_logged)
		log_at(LOG_INFO, &fields, "The last viewer has gone: %s after %.0f s",
			conn_peer_text(viewer->conn),
			(double)(clock_monotonic_ns() - viewer->began_ns) / 1e9);
	viewer->ops->destroy(viewer);
	tell_change(viewers);
}

static const struct conn_stream_ops deaf_ops = {.on_drained = on_drained, .on_closed = on_closed};
static const struct conn_stream_ops hearing_ops = {
	.on_drained = on_drained, .on_readable = on_readable, .on_closed = on_closed};

static void log_first(const struct viewer *viewer, unsigned suppressed)
{
	char more[RATELIMIT_MORE_SIZE];
	struct feed_info info;

	viewer->viewers->first_is_logged = true;
	ratelimit_more(suppressed, more);
	feed_get_info(viewer->feed, &info);
	const struct log_fields fields = {.message = MESSAGE_FIRST_VIEWER,
		.viewer = conn_peer_text(viewer->conn),
		.source = source_name(info.source),
		.stream = stream_name(info.stream)};
	if (info.source == SOURCE_AUDIO)
		log_at(LOG_INFO, &fields, "The first viewer listens: %s%s",
			conn_peer_text(viewer->conn), more);
	else
		log_at(LOG_INFO, &fields, "The first viewer watches the %s: %s%s",
			source_name(info.source), conn_peer_text(viewer->conn), more);
}

static void wait_to_log(struct viewers *viewers, uint64_t now_ns)
{
	uint64_t wait_us = ratelimit_wait_ns(&viewers->log, now_ns) / NS_PER_US + 1;
	const struct timeval wait = {
		.tv_sec = (time_t)(wait_us / 1000000), .tv_usec = (suseconds_t)(wait_us % 1000000)};

	event_add(viewers->late, &wait);
}

static void first_has_come(struct viewer *viewer)
{
	struct viewers *viewers = viewer->viewers;
	uint64_t now_ns = clock_monotonic_ns();
	unsigned suppressed;

	viewers->first_is_logged = false;
	if (ratelimit_allow(&viewers->log, now_ns, &suppressed))
		log_first(viewer, suppressed);
	else
		wait_to_log(viewers, now_ns);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	struct viewers *viewers = arg;
	const struct viewer *oldest = viewers->list;
	uint64_t now_ns = clock_monotonic_ns();
	unsigned suppressed;
	(void)fd, (void)what;

	if (viewers->log.suppressed == 0) /* a later line has told it */
		return;
	if (ratelimit_wait_ns(&viewers->log, now_ns) > 0) {
		wait_to_log(viewers, now_ns);
		return;
	}
	ratelimit_allow(&viewers->log, now_ns, &suppressed);
	while (oldest && oldest->next)
		oldest = oldest->next;
	if (oldest)
		log_first(oldest, suppressed - 1);
	else
		log_info("Viewers have come and gone %u times more, too often for a line each",
			suppressed);
}

void viewer_start(struct viewer *viewer, struct viewers *viewers, const struct viewer_ops *ops,
	struct conn *conn, struct feed *feed, const struct viewer_who *who)
{
	viewer->viewers = viewers;
	viewer->ops = ops;
	viewer->conn = conn;
	viewer->feed = feed;
	viewer->id = who->id;
	viewer->began_ns = clock_monotonic_ns();
	snprintf(viewer->user_agent, sizeof(viewer->user_agent), "%s",
		who->user_agent ? who->user_agent : "");
	snprintf(viewer->name, sizeof(viewer->name), "%s", who->name ? who->name : "");
	viewer->next = viewers->list;
	viewer->prev_next = &viewers->list;
	if (viewers->list)
		viewers->list->prev_next = &viewer->next;
	viewers->list = viewer;
	viewers->total++;
	if (++viewers->n == 1)
		first_has_come(viewer);
	conn_take_over(conn, ops->on_readable ? &hearing_ops : &deaf_ops, viewer,
		viewers->config->http.stall_timeout_s * 1000);
}

void viewer_set_sources(struct viewer *viewer, unsigned sources)
{
	if (sources == viewer->sources)
		return;
	viewer->sources = sources;
	tell_change(viewer->viewers);
}

void viewer_count(struct viewer *viewer, const struct frame *frame, size_t len)
{
	viewer->frames++;
	viewer->bytes += len;
	viewer->sent_number = frame->number;
	rate_meter_count(&viewer->meter, clock_monotonic_ns());
}

void viewers_stop(struct viewers *viewers)
{
	for (struct viewer *viewer = viewers->list; viewer; viewer = viewer->next)
		if (viewer->ops->on_stop)
			viewer->ops->on_stop(viewer);
}

struct event_base *viewers_base(const struct viewers *viewers)
{
	return viewers->base;
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
		.name = viewer->name,
		.sources = viewer->sources,
		.source = feed.source,
		.stream = feed.stream,
		.rate = rate_meter_rate(&viewer->meter, now),
		.frames = viewer->frames,
		.skipped = viewer->skipped,
		.bytes = viewer->bytes,
		.lag_ms = viewer->is_watching && newest &&
					  (newest->number != viewer->sent_number ||
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

void viewers_mark(struct viewers *viewers)
{
	for (struct viewer *viewer = viewers->list; viewer; viewer = viewer->next)
		conn_mark(viewer->conn);
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
