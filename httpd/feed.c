/* SPDX-License-Identifier: MIT */
/*
 *            first listener               ended
 *   closed ───────────────► subscribed ◄────────► waiting (back-off)
 *     ▲                          │         retry      │
 *     └── grace after the last ──┴────────────────────┘
 *
 * Two clocks run while there is no picture: `patience` (after it viewers are shown that nobody
 * answers) and `retry`.  A fault of the daemon is what /status says until it has delivered
 * something whole.
 */
#include "httpd/feed.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/capsock.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/messages.h"
#include "common/ratelimit.h"
#include "common/service.h"
#include "httpd/catch_ups.h"
#include "httpd/rate_meter.h"
#include "httpd/ring_watch.h"
#include "httpd/silence.h"
#include "httpd/state_pictures.h"
#include "httpd/subscription.h"

#define RETRY_FIRST_MS    20 /* after a daemon that had delivered pictures */
#define RETRY_MAX_MS      1000
#define PATIENCE_MS       2000 /* the last picture stays for so long after an EOF */
#define PATIENCE_BLANK_MS 700  /* … and nothing at all for so long, where there never was one */
#define PATH_BYTES        108  /* sun_path */
#define WANTED_LOG_NS     (10 * NS_PER_S) /* lines about who wants a stream: one so often … */
#define WANTED_LOG_BURST  20u             /* … in the long run, and so many at once */

struct feed {
	struct feeds *feeds;
	enum source_id source;
	enum stream_id stream;
	char path[PATH_BYTES]; /* of the capture socket */
	struct feed_listener *listeners;
	unsigned n_listeners;

	bool is_open;                      /* subscribed, or trying to */
	struct subscription *subscription; /* NULL: between two tries */
	struct event *retry;               /* until the next try */
	struct event *patience;            /* until viewers are told that nobody answers */
	struct event *grace;               /* until the end, without listeners */
	unsigned retry_ms;
	bool has_delivered; /* the daemon has sent something whole on this subscription */

	/* what the daemon says, and what we say of the daemon */
	enum source_state state;
	char words[CAPSOCK_WORDS_MAX + 1];
	enum source_state fault; /* STATE_LIVE: none */
	char fault_words[CAPSOCK_WORDS_MAX + 1];
	bool fault_is_logged;
	uint64_t fault_since_ns;

	bool wanted_is_logged;
	uint64_t wanted_since_ns;

	struct frame *newest;        /* of pictures */
	struct silence *silence;     /* of sound; NULL: these are pictures */
	struct catch_ups *catch_ups; /* of the delta stream, else NULL */
	uint64_t n_frames_made;      /* the source of frame::number */
	uint32_t width, height;
	struct rate_meter meter;
	uint64_t frames, bytes, skipped, lapped, subscriptions, failures;
	uint64_t dropped, dropped_before; /* by this daemon, and by those before it */
};

struct feeds {
	struct event_base *base;
	const char *runtime_dir; /* borrowed */
	const struct config *config;
	struct ring_watch *watch;
	struct capsock_buffer *buffer; /* one for all: used within a callback only */
	struct feed *all[SOURCE_COUNT][STREAM_COUNT];
	struct ratelimit wanted_log; /* a stranger can come and go as often as it likes */
};

static void arm(struct event *event, unsigned ms)
{
	const struct timeval delay = {
		.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	event_add(event, &delay);
}

/* --- to the listeners --- */

/* The reference is ours from here on. */
static void deliver(struct feed *feed, struct frame *frame)
{
	frame->number = ++feed->n_frames_made;
	frame->received_ns = clock_monotonic_ns();
	/* A listener may remove itself, and with it the last reference, or others. */
	if (!feed->silence) {
		/* Of the delta stream only a state's picture is one that can be seen by itself. */
		bool is_picture = !feed->catch_ups || frame->is_state;

		frame_unref(feed->newest);
		feed->newest = is_picture ? frame_ref(frame) : NULL;
	}
	for (struct feed_listener *l = feed->listeners, *next; l; l = next) {
		next = l->next;
		l->on_frame(l->arg, frame);
	}
	frame_unref(frame);
}

static void deliver_picture(struct feed *feed, const uint8_t *jpeg, size_t len)
{
	struct frame *frame = frame_create(len);

	if (!frame)
		return; /* the last picture stays; the next state tries again */
	memcpy(frame->data, jpeg, len);
	frame->is_state = true;
	frame->pts_ns = clock_monotonic_ns();
	deliver(feed, frame);
}

static void on_silence(void *arg, struct frame *frame)
{
	deliver(arg, frame);
}

static void tell_state(struct feed *feed)
{
	for (struct feed_listener *l = feed->listeners, *next; l; l = next) {
		next = l->next;
		if (l->on_state)
			l->on_state(l->arg);
	}
}

/* --- faults --- */

static const char *what_is_missing(const struct feed *feed)
{
	return feed->silence ? "sound" : "pictures";
}

static void set_fault(struct feed *feed, enum source_state fault, const char *words)
{
	feed->fault = fault;
	snprintf(feed->fault_words, sizeof(feed->fault_words), "%s", words);
	tell_state(feed);
}

static void log_fault(struct feed *feed)
{
	const struct log_fields fields = {.message = MESSAGE_DAEMON_FAILS,
		.source = source_name(feed->source),
		.stream = stream_name(feed->stream),
		.state = state_name(feed->fault)};

	if (feed->fault_is_logged)
		return;
	feed->fault_is_logged = true;
	feed->fault_since_ns = clock_monotonic_ns();
	log_at(LOG_WARNING, &fields, "No %s of the %s (%s): %s; trying again",
		what_is_missing(feed), source_name(feed->source), state_name(feed->fault),
		feed->fault_words);
}

/* The daemon has delivered something whole. */
static void fault_is_over(struct feed *feed)
{
	const struct log_fields fields = {.message = MESSAGE_BACK,
		.source = source_name(feed->source),
		.stream = stream_name(feed->stream)};

	feed->has_delivered = true;
	feed->retry_ms = 0;
	event_del(feed->patience);
	if (feed->fault_is_logged)
		log_at(LOG_INFO, &fields, "The %s daemon answers again after %.1f s",
			source_name(feed->source),
			(double)(clock_monotonic_ns() - feed->fault_since_ns) / 1e9);
	feed->fault_is_logged = false;
	if (feed->fault == STATE_LIVE)
		return;
	feed->fault = STATE_LIVE;
	tell_state(feed);
}

static void unsubscribe(struct feed *feed)
{
	if (feed->subscription)
		feed->lapped += subscription_lapped(feed->subscription);
	subscription_close(feed->subscription);
	feed->subscription = NULL;
	if (feed->catch_ups)
		catch_ups_reset(feed->catch_ups);
	feed->dropped_before += feed->dropped;
	feed->dropped = 0;
}

/*
 * The subscription ended.  `lie` says what the daemon did wrong; NULL: it only went.  Viewers keep
 * their last picture for a while; it may be back before they notice.
 */
static void subscription_failed(struct feed *feed, const char *lie)
{
	char words[CAPSOCK_WORDS_MAX];

	unsubscribe(feed);
	feed->failures++;
	feed->state = STATE_STARTING;
	snprintf(feed->words, sizeof(feed->words), "%s", state_words(STATE_STARTING));
	if (lie) {
		snprintf(words, sizeof(words), "The %s daemon was dropped: %s",
			source_name(feed->source), lie);
		set_fault(feed, STATE_BROKEN, words);
		log_fault(feed);
	}
	if (!event_pending(feed->patience, EV_TIMEOUT, NULL))
		arm(feed->patience, feed->newest || feed->width ? PATIENCE_MS : PATIENCE_BLANK_MS);
	if (feed->has_delivered || feed->retry_ms == 0)
		feed->retry_ms = RETRY_FIRST_MS;
	else if (feed->retry_ms < RETRY_MAX_MS)
		feed->retry_ms =
			feed->retry_ms * 2 < RETRY_MAX_MS ? feed->retry_ms * 2 : RETRY_MAX_MS;
	feed->has_delivered = false;
	arm(feed->retry, feed->retry_ms);
}

static void on_patience(evutil_socket_t fd, short what, void *arg)
{
	struct feed *feed = arg;
	enum source_state shown = STATE_STARTING;
	char words[CAPSOCK_WORDS_MAX];
	size_t len;
	(void)fd, (void)what;

	/* A daemon that has answered is only slow: no fault. */
	bool is_slow = feed->fault == STATE_LIVE && feed->subscription &&
		       subscription_was_answered(feed->subscription);
	if (feed->fault == STATE_LIVE && !is_slow) {
		snprintf(words, sizeof(words), "The %s daemon does not answer",
			source_name(feed->source));
		set_fault(feed, STATE_NOT_ANSWERING, words);
	}
	if (!is_slow) {
		log_fault(feed);
		shown = feed->fault;
	}
	if (feed->silence)
		return;
	const uint8_t *jpeg = state_picture(feed->source, shown, &len);
	if (jpeg)
		deliver_picture(feed, jpeg, len);
}

/* --- from the subscription --- */

static void on_frame(void *arg, struct frame *frame, uint64_t skipped)
{
	struct feed *feed = arg;

	fault_is_over(feed);
	if (feed->silence && !silence_heard(feed->silence, frame->pts_ns)) {
		frame_unref(frame);
		return;
	}
	if (!feed->silence) {
		feed->width = frame->width;
		feed->height = frame->height;
	}
	feed->frames++;
	feed->skipped += skipped;
	feed->bytes += frame->len;
	rate_meter_count(&feed->meter, clock_monotonic_ns());
	if (feed->catch_ups)
		catch_ups_heard(feed->catch_ups, frame);
	deliver(feed, frame);
}

static void on_state(void *arg, const struct capsock_message *message)
{
	struct feed *feed = arg;

	feed->state = message->state;
	snprintf(feed->words, sizeof(feed->words), "%.*s", (int)message->words_len, message->words);
	tell_state(feed);
	if (message->picture_len && !feed->silence) {
		fault_is_over(feed);
		deliver_picture(feed, message->picture, message->picture_len);
	}
}

static void on_dropped(void *arg, uint64_t dropped)
{
	struct feed *feed = arg;

	feed->dropped = dropped;
}

static void on_ended(void *arg, const char *lie)
{
	subscription_failed(arg, lie);
}

/* catch_ups' own: asks the daemon. */
static bool on_ask(void *arg, uint64_t since_sequence, bool exact)
{
	struct feed *feed = arg;
	const struct capsock_message wish = {.type = CAPSOCK_CATCH_UP,
		.ring_fd = -1,
		.since_sequence = since_sequence,
		.exact = exact};

	return feed->subscription && subscription_wish(feed->subscription, &wish);
}

static const struct subscription_ops subscription_ops = {
	.on_frame = on_frame, .on_state = on_state, .on_dropped = on_dropped, .on_ended = on_ended};

static void subscribe(struct feed *feed)
{
	int r = subscription_open(feed->feeds->base, feed->feeds->watch, feed->feeds->buffer,
		feed->path, feed->stream, &subscription_ops, feed, &feed->subscription);

	if (r < 0) {
		subscription_failed(feed, NULL);
		return;
	}
	feed->subscriptions++;
	if (!feed->newest && !event_pending(feed->patience, EV_TIMEOUT, NULL))
		arm(feed->patience, PATIENCE_MS);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	subscribe(arg);
}

/* --- open and close --- */

static void close_subscription(struct feed *feed)
{
	unsubscribe(feed);
	event_del(feed->retry);
	event_del(feed->patience);
	frame_unref(feed->newest);
	feed->newest = NULL;
	feed->is_open = false;
	feed->has_delivered = false;
	feed->retry_ms = 0;
	feed->state = feed->fault = STATE_LIVE;
	feed->fault_is_logged = false;
	feed->width = feed->height = 0;
	/* Frames of many sizes have come and gone: give their pages back while nobody watches. */
	malloc_trim(0);
}

static void log_wanted(struct feed *feed, const char *who)
{
	const struct log_fields fields = {.message = MESSAGE_WANTED,
		.viewer = who,
		.source = source_name(feed->source),
		.stream = stream_name(feed->stream)};
	char more[RATELIMIT_MORE_SIZE];
	unsigned suppressed;

	feed->wanted_since_ns = clock_monotonic_ns();
	feed->wanted_is_logged =
		ratelimit_allow(&feed->feeds->wanted_log, feed->wanted_since_ns, &suppressed);
	if (feed->wanted_is_logged)
		log_at(LOG_INFO, &fields, "The %s (%s) is wanted by %s%s",
			source_name(feed->source), stream_name(feed->stream),
			who ? who : "somebody", ratelimit_more(suppressed, more));
}

static void log_unwanted(struct feed *feed)
{
	const struct log_fields fields = {.message = MESSAGE_UNWANTED,
		.source = source_name(feed->source),
		.stream = stream_name(feed->stream)};

	if (feed->wanted_is_logged)
		log_at(LOG_INFO, &fields, "The %s (%s) is wanted no more, after %.0f s",
			source_name(feed->source), stream_name(feed->stream),
			(double)(clock_monotonic_ns() - feed->wanted_since_ns) / NS_PER_S);
	feed->wanted_is_logged = false;
}

static void on_grace(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	log_unwanted(arg);
	close_subscription(arg);
}

void feed_add(struct feed *feed, struct feed_listener *listener)
{
	listener->next = feed->listeners;
	listener->prev_next = &feed->listeners;
	if (feed->listeners)
		feed->listeners->prev_next = &listener->next;
	feed->listeners = listener;
	feed->n_listeners++;
	if (feed->silence && feed->n_listeners == 1)
		silence_start(feed->silence);
	event_del(feed->grace);
	if (!feed->is_open) {
		log_wanted(feed, listener->who);
		feed->is_open = true;
		feed->state = STATE_STARTING;
		snprintf(feed->words, sizeof(feed->words), "%s", state_words(STATE_STARTING));
		subscribe(feed);
	} else if (feed->newest) {
		listener->on_frame(listener->arg, feed->newest);
	}
}

void feed_remove(struct feed *feed, struct feed_listener *listener)
{
	*listener->prev_next = listener->next;
	if (listener->next)
		listener->next->prev_next = listener->prev_next;
	listener->next = NULL;
	listener->prev_next = NULL;
	if (--feed->n_listeners > 0)
		return;
	if (feed->silence)
		silence_stop(feed->silence);
	arm(feed->grace, feed->feeds->config->http.grace_s * 1000);
}

struct frame *feed_newest(const struct feed *feed)
{
	return feed->newest;
}

struct catch_ups *feed_catch_ups(struct feed *feed)
{
	return feed->catch_ups;
}

void feed_get_info(const struct feed *feed, struct feed_info *info)
{
	bool has_fault = feed->fault != STATE_LIVE;

	*info = (struct feed_info){
		.source = feed->source,
		.stream = feed->stream,
		.state = has_fault ? feed->fault : feed->state,
		.words = has_fault ? feed->fault_words : feed->words,
		.is_open = feed->is_open,
		.n_listeners = feed->n_listeners,
		.width = feed->width,
		.height = feed->height,
		.rate = rate_meter_rate(&feed->meter, clock_monotonic_ns()),
		.frames = feed->frames,
		.bytes = feed->bytes,
		.skipped = feed->skipped,
		.lapped = feed->lapped +
			  (feed->subscription ? subscription_lapped(feed->subscription) : 0),
		.dropped = feed->dropped_before + feed->dropped,
		.subscriptions = feed->subscriptions,
		.failures = feed->failures,
	};
}

/* --- all of them --- */

static const char *const socket_names[SOURCE_COUNT] = {
	[SOURCE_SCREEN] = SERVICE_SOCK_SCREEN,
	[SOURCE_CAMERA] = SERVICE_SOCK_CAMERA,
	[SOURCE_AUDIO] = SERVICE_SOCK_AUDIO,
};

static void feed_destroy(struct feed *feed)
{
	if (!feed)
		return;
	unsubscribe(feed);
	if (feed->retry)
		event_free(feed->retry);
	if (feed->patience)
		event_free(feed->patience);
	if (feed->grace)
		event_free(feed->grace);
	frame_unref(feed->newest);
	silence_destroy(feed->silence);
	catch_ups_destroy(feed->catch_ups);
	free(feed);
}

/* What only some streams have. */
static int create_parts(struct feed *feed)
{
	struct event_base *base = feed->feeds->base;

	switch (feed->stream) {
	case STREAM_PCM:
	case STREAM_OPUS:
		return silence_create(base, feed->stream, on_silence, feed, &feed->silence);
	case STREAM_DELTA:
		return catch_ups_create(base, on_ask, feed, &feed->catch_ups);
	default:
		return 0;
	}
}

static struct feed *feed_create(struct feeds *feeds, enum source_id source, enum stream_id stream)
{
	struct feed *feed = calloc(1, sizeof(*feed));

	if (!feed)
		return NULL;
	feed->feeds = feeds;
	feed->source = source;
	feed->stream = stream;
	feed->state = feed->fault = STATE_LIVE;
	snprintf(feed->path, sizeof(feed->path), "%s/%s", feeds->runtime_dir, socket_names[source]);
	feed->retry = evtimer_new(feeds->base, on_retry, feed);
	feed->patience = evtimer_new(feeds->base, on_patience, feed);
	feed->grace = evtimer_new(feeds->base, on_grace, feed);
	if (!feed->retry || !feed->patience || !feed->grace || create_parts(feed) < 0) {
		feed_destroy(feed);
		return NULL;
	}
	return feed;
}

int feeds_create(struct event_base *base, const char *runtime_dir, const struct config *config,
	struct feeds **out)
{
	struct feeds *feeds = calloc(1, sizeof(*feeds));
	int r = -ENOMEM;

	if (!feeds)
		return -ENOMEM;
	feeds->base = base;
	feeds->runtime_dir = runtime_dir;
	feeds->config = config;
	feeds->wanted_log =
		(struct ratelimit){.interval_ns = WANTED_LOG_NS, .burst = WANTED_LOG_BURST};
	feeds->buffer = malloc(sizeof(*feeds->buffer));
	if (feeds->buffer)
		r = strlen(runtime_dir) + sizeof("/camera.sock") > PATH_BYTES
			    ? -ENAMETOOLONG
			    : ring_watch_create(base, &feeds->watch);
	if (r < 0) {
		feeds_destroy(feeds);
		return r;
	}
	*out = feeds;
	return 0;
}

void feeds_destroy(struct feeds *feeds)
{
	if (!feeds)
		return;
	for (unsigned source = 0; source < SOURCE_COUNT; source++)
		for (unsigned stream = 0; stream < STREAM_COUNT; stream++)
			feed_destroy(feeds->all[source][stream]);
	ring_watch_destroy(feeds->watch);
	free(feeds->buffer);
	free(feeds);
}

struct feed *feeds_get(struct feeds *feeds, enum source_id source, enum stream_id stream)
{
	if (!feeds->all[source][stream])
		feeds->all[source][stream] = feed_create(feeds, source, stream);
	return feeds->all[source][stream];
}

void feeds_each(
	struct feeds *feeds, void (*each)(void *arg, const struct feed_info *info), void *arg)
{
	struct feed_info info;

	for (unsigned source = 0; source < SOURCE_COUNT; source++) {
		for (unsigned stream = 0; stream < STREAM_COUNT; stream++) {
			if (!feeds->all[source][stream])
				continue;
			feed_get_info(feeds->all[source][stream], &info);
			each(arg, &info);
		}
	}
}
