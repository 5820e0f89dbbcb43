/* SPDX-License-Identifier: MIT */
#include "httpd/snapshot.h"

#include <stdio.h>
#include <stdlib.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/stream.h"
#include "httpd/feeds.h"
#include "httpd/frame.h"
#include "httpd/pages.h"
#include "httpd/site.h"

#define PATIENCE_MS 700u  /* for a picture, when there is only a state */
#define TIMEOUT_MS  1000u /* for anything at all */

struct snapshot {
	struct exchange *exchange;
	struct feed *feed;
	struct feed_listener listener;
	struct event timer;
	bool is_late;        /* PATIENCE_MS have passed */
	struct frame *state; /* the newest picture of a state, while there is patience */
};

static void snapshot_free(struct snapshot *snapshot)
{
	feed_remove(snapshot->feed, &snapshot->listener);
	event_del(&snapshot->timer);
	frame_unref(snapshot->state);
	free(snapshot);
}

static void no_picture(struct exchange *exchange)
{
	static const struct pages_error error = {.status = 503,
		.title = "error_wait_title",
		.text = "error_wait_text",
		.headers = "Retry-After: 1\r\n"};

	pages_error(exchange, &error);
}

/* Then there is nothing better to wait for. */
static bool is_paused(const struct snapshot *snapshot)
{
	struct feed_info info;

	feed_get_info(snapshot->feed, &info);
	return info.state == STATE_PAUSED;
}

static void answer(struct snapshot *snapshot, struct frame *frame)
{
	struct exchange *exchange = snapshot->exchange;
	const bool is_pause = frame->is_state && is_paused(snapshot);
	struct response response = {.status = 200, .type = "image/jpeg"};
	char state[64];

	if (frame->is_state) {
		struct feed_info info;

		feed_get_info(snapshot->feed, &info);
		snprintf(state, sizeof(state), "X-Screenshare-State: %s\r\n",
			state_name(info.state));
		response.headers = state;
	}
	response.body = evbuffer_new();
	if (response.body && frame_append(frame, response.body) == 0)
		exchange_answer(exchange, &response);
	else
		exchange_fail(exchange);
	if (response.body)
		evbuffer_free(response.body);
	/* A pause may not let the rest of it go; a daemon's picture of its state is any picture. */
	if (!is_pause)
		conn_mark(exchange_conn(exchange));
}

static void on_frame(void *arg, struct frame *frame)
{
	struct snapshot *snapshot = arg;

	if (frame->is_state && !snapshot->is_late && !is_paused(snapshot)) {
		frame_unref(snapshot->state);
		snapshot->state = frame_ref(frame);
		return;
	}
	answer(snapshot, frame);
	snapshot_free(snapshot);
}

static void arm(struct snapshot *snapshot, unsigned ms)
{
	const struct timeval delay = {.tv_usec = (suseconds_t)ms * 1000};

	event_add(&snapshot->timer, &delay);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct snapshot *snapshot = arg;

	(void)fd, (void)what;
	if (snapshot->state) {
		answer(snapshot, snapshot->state);
		snapshot_free(snapshot);
	} else if (!snapshot->is_late) {
		snapshot->is_late = true;
		arm(snapshot, TIMEOUT_MS - PATIENCE_MS);
	} else {
		no_picture(snapshot->exchange);
		snapshot_free(snapshot);
	}
}

static void on_cancel(void *arg)
{
	snapshot_free(arg);
}

void snapshot_answer(struct site *site, struct exchange *exchange, enum source_id source)
{
	struct snapshot *snapshot;

	if (exchange_request(exchange)->method == REQUEST_HEAD) {
		/* Nothing is captured for somebody who does not want to see it. */
		const struct response head = {
			.status = 200, .type = "image/jpeg", .is_endless = true};

		exchange_answer(exchange, &head);
		return;
	}
	snapshot = calloc(1, sizeof(*snapshot));
	if (snapshot)
		snapshot->feed = feeds_get(site->feeds, source, STREAM_JPEG);
	if (!snapshot || !snapshot->feed) {
		free(snapshot);
		no_picture(exchange);
		return;
	}
	snapshot->exchange = exchange;
	snapshot->listener = (struct feed_listener){.on_frame = on_frame,
		.arg = snapshot,
		.who = conn_peer_text(exchange_conn(exchange))};
	evtimer_assign(&snapshot->timer, site->base, on_timer, snapshot);
	arm(snapshot, PATIENCE_MS);
	exchange_wait(exchange, on_cancel, snapshot);
	feed_add(snapshot->feed, &snapshot->listener); /* may answer from within */
}
