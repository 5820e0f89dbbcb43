/* SPDX-License-Identifier: MIT */
#include "httpd/renewal.h"

#include <stdlib.h>

#include <event2/event.h>

#include "httpd/feed_means.h"
#include "httpd/subscription.h"

#define RETRY_FIRST_MS 20 /* after a daemon that had delivered something */
#define RETRY_MAX_MS   1000

struct renewal {
	const struct feed_means *means;
	enum stream_id stream;
	char path[FEED_PATH_BYTES]; /* of the capture socket */
	const struct renewal_ops *ops;
	void *arg;

	struct subscription *subscription; /* NULL: between two tries */
	struct event *retry;               /* until the next try */
	unsigned retry_ms;
	bool has_delivered;           /* the daemon, on this subscription */
	uint64_t dropped;             /* by this daemon … */
	struct renewal_counts before; /* … and what those before it have come to */
};

static void unsubscribe(struct renewal *renewal)
{
	renewal->before = renewal_counts(renewal);
	renewal->dropped = 0;
	subscription_close(renewal->subscription);
	renewal->subscription = NULL;
}

static void on_ended(void *arg, const char *lie)
{
	struct renewal *renewal = arg;

	unsubscribe(renewal);
	renewal->before.failures++;
	if (renewal->has_delivered || renewal->retry_ms == 0)
		renewal->retry_ms = RETRY_FIRST_MS;
	else if (renewal->retry_ms < RETRY_MAX_MS)
		renewal->retry_ms =
			renewal->retry_ms * 2 < RETRY_MAX_MS ? renewal->retry_ms * 2 : RETRY_MAX_MS;
	renewal->has_delivered = false;
	const struct timeval delay = {.tv_sec = renewal->retry_ms / 1000,
		.tv_usec = (suseconds_t)(renewal->retry_ms % 1000) * 1000};
	event_add(renewal->retry, &delay);
	renewal->ops->on_ended(renewal->arg, lie);
}

static void on_frame(void *arg, struct frame *frame, uint64_t skipped)
{
	struct renewal *renewal = arg;

	renewal->ops->on_frame(renewal->arg, frame, skipped);
}

static void on_state(void *arg, const struct capsock_message *message)
{
	struct renewal *renewal = arg;

	renewal->ops->on_state(renewal->arg, message);
}

static void on_dropped(void *arg, uint64_t dropped)
{
	struct renewal *renewal = arg;

	renewal->dropped = dropped;
}

static const struct subscription_ops subscription_ops = {
	.on_frame = on_frame, .on_state = on_state, .on_dropped = on_dropped, .on_ended = on_ended};

void renewal_open(struct renewal *renewal)
{
	const struct feed_means *means = renewal->means;
	int r = subscription_open(means->base, means->watch, means->buffer, renewal->path,
		renewal->stream, &subscription_ops, renewal, &renewal->subscription);

	if (r < 0) {
		on_ended(renewal, NULL);
		return;
	}
	renewal->before.subscriptions++;
	renewal->ops->on_opened(renewal->arg);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	renewal_open(arg);
}

void renewal_close(struct renewal *renewal)
{
	unsubscribe(renewal);
	event_del(renewal->retry);
	renewal->has_delivered = false;
	renewal->retry_ms = 0;
}

void renewal_delivered(struct renewal *renewal)
{
	renewal->has_delivered = true;
	renewal->retry_ms = 0;
}

bool renewal_wish(struct renewal *renewal, const struct capsock_message *wish)
{
	return renewal->subscription && subscription_wish(renewal->subscription, wish);
}

bool renewal_was_answered(const struct renewal *renewal)
{
	return renewal->subscription && subscription_was_answered(renewal->subscription);
}

struct renewal_counts renewal_counts(const struct renewal *renewal)
{
	struct renewal_counts counts = renewal->before;

	if (renewal->subscription)
		counts.lapped += subscription_lapped(renewal->subscription);
	counts.dropped += renewal->dropped;
	return counts;
}

struct renewal *renewal_create(const struct feed_means *means, enum source_id source,
	enum stream_id stream, const struct renewal_ops *ops, void *arg)
{
	struct renewal *renewal = calloc(1, sizeof(*renewal));

	if (!renewal)
		return NULL;
	renewal->means = means;
	renewal->stream = stream;
	renewal->ops = ops;
	renewal->arg = arg;
	feed_socket_path(means, source, renewal->path);
	renewal->retry = evtimer_new(means->base, on_retry, renewal);
	if (!renewal->retry) {
		free(renewal);
		return NULL;
	}
	return renewal;
}

void renewal_destroy(struct renewal *renewal)
{
	if (!renewal)
		return;
	subscription_close(renewal->subscription);
	event_free(renewal->retry);
	free(renewal);
}
