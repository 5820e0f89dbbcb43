/* SPDX-License-Identifier: MIT */
/*
 *            first listener
 *   closed ───────────────► open: a renewal (httpd/renewal.h) subscribes, again and again
 *     ▲                          │
 *     └── grace after the last ──┘
 *
 * While there is no picture a clock runs, `patience`, after which viewers are shown that nobody
 * answers.  A fault of the daemon is what /status says until it has delivered something whole.
 *
 * Where all is paused, an open feed is one that has listeners and no subscription: its clocks
 * stand.
 */
#include "httpd/feed.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/capsock.h"
#include "common/clock.h"
#include "httpd/catch_ups.h"
#include "httpd/feed_fault.h"
#include "httpd/feed_means.h"
#include "httpd/feed_wanted.h"
#include "httpd/rate_meter.h"
#include "httpd/renewal.h"
#include "httpd/silence.h"
#include "httpd/state_pictures.h"

#define PATIENCE_MS       2000 /* the last picture stays for so long after an EOF */
#define PATIENCE_BLANK_MS 700  /* … and nothing at all for so long, where there never was one */

struct feed {
	const struct feed_means *means;
	enum source_id source;
	enum stream_id stream;
	struct feed_listener *listeners;
	unsigned n_listeners;

	bool is_open; /* subscribed, or trying to */
	struct renewal *renewal;
	struct event *patience; /* until viewers are told that nobody answers */
	struct event *grace;    /* until the end, without listeners */

	/* what the daemon says, and what we say of the daemon */
	enum source_state state;
	char words[CAPSOCK_WORDS_MAX + 1];
	struct feed_fault fault;

	struct feed_wanted wanted;
	struct frame *newest;        /* of pictures */
	struct silence *silence;     /* of sound; NULL: these are pictures */
	struct catch_ups *catch_ups; /* of the delta stream, else NULL */
	uint64_t n_frames_made;      /* the source of frame::number */
	uint32_t width, height;
	struct rate_meter meter;
	uint64_t frames, bytes, skipped;
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

static void set_fault(struct feed *feed, enum source_state fault, const char *words)
{
	feed_fault_set(&feed->fault, fault, words);
	tell_state(feed);
}

static void log_fault(struct feed *feed)
{
	feed_fault_log(&feed->fault, feed->source, feed->stream);
}

/* The daemon has delivered something whole. */
static void fault_is_over(struct feed *feed)
{
	renewal_delivered(feed->renewal);
	event_del(feed->patience);
	if (feed_fault_over(&feed->fault, feed->source, feed->stream))
		tell_state(feed);
}

static void on_patience(evutil_socket_t fd, short what, void *arg)
{
	struct feed *feed = arg;
	enum source_state shown = STATE_STARTING;
	char words[CAPSOCK_WORDS_MAX];
	size_t len;
	(void)fd, (void)what;

	/* A daemon that has answered is only slow: no fault. */
	bool is_slow = feed->fault.state == STATE_LIVE && renewal_was_answered(feed->renewal);
	if (feed->fault.state == STATE_LIVE && !is_slow) {
		snprintf(words, sizeof(words), "The %s daemon does not answer",
			source_name(feed->source));
		set_fault(feed, STATE_NOT_ANSWERING, words);
	}
	if (!is_slow) {
		log_fault(feed);
		shown = feed->fault.state;
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

static void on_opened(void *arg)
{
	struct feed *feed = arg;

	if (!feed->newest && !event_pending(feed->patience, EV_TIMEOUT, NULL))
		arm(feed->patience, PATIENCE_MS);
}

static void forget_catch_ups(struct feed *feed)
{
	if (feed->catch_ups)
		catch_ups_reset(feed->catch_ups);
}

/* Viewers keep their last picture for a while; the daemon may be back before they notice. */
static void on_ended(void *arg, const char *lie)
{
	struct feed *feed = arg;
	char words[CAPSOCK_WORDS_MAX];

	forget_catch_ups(feed);
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
}

/* catch_ups' own: asks the daemon. */
static bool on_ask(void *arg, uint64_t since_sequence, bool exact)
{
	struct feed *feed = arg;
	const struct capsock_message wish = {.type = CAPSOCK_CATCH_UP,
		.ring_fd = -1,
		.since_sequence = since_sequence,
		.exact = exact};

	return renewal_wish(feed->renewal, &wish);
}

static const struct renewal_ops renewal_ops = {
	.on_opened = on_opened, .on_frame = on_frame, .on_state = on_state, .on_ended = on_ended};

/* --- open and close --- */

/* The picture that says so; sound falls silent by itself. */
static void deliver_pause(struct feed *feed)
{
	size_t len;
	const uint8_t *jpeg =
		feed->silence ? NULL : state_picture(feed->source, STATE_PAUSED, &len);

	if (jpeg)
		deliver_picture(feed, jpeg, len);
}

static void open_subscription(struct feed *feed)
{
	feed->is_open = true;
	feed->state = STATE_STARTING;
	snprintf(feed->words, sizeof(feed->words), "%s", state_words(STATE_STARTING));
	if (feed->means->is_paused)
		deliver_pause(feed);
	else
		renewal_open(feed->renewal);
}

static void close_subscription(struct feed *feed)
{
	renewal_close(feed->renewal);
	forget_catch_ups(feed);
	event_del(feed->patience);
	frame_unref(feed->newest);
	feed->newest = NULL;
	feed->is_open = false;
	feed->state = STATE_LIVE;
	feed_fault_forget(&feed->fault);
	feed->width = feed->height = 0;
	/* Frames of many sizes have come and gone: give their pages back while nobody watches. */
	malloc_trim(0);
}

static void end_want(struct feed *feed)
{
	feed_wanted_end(&feed->wanted, feed->source, feed->stream);
}

/* Its viewers keep the connection, and their last picture until the next one comes. */
void feed_pause_or_resume(struct feed *feed)
{
	if (!feed->is_open)
		return;
	event_del(feed->grace);
	close_subscription(feed);
	if (feed->n_listeners == 0) {
		end_want(feed);
		return;
	}
	open_subscription(feed);
	tell_state(feed);
}

static void on_grace(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	end_want(arg);
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
		feed_wanted_begin(&feed->wanted, feed->means->wanted_log, feed->source,
			feed->stream, listener->who);
		open_subscription(feed);
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
	arm(feed->grace, feed->means->config->http.grace_s * 1000);
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
	bool has_fault = feed->fault.state != STATE_LIVE, is_paused = feed->means->is_paused;
	const struct renewal_counts counts = renewal_counts(feed->renewal);

	*info = (struct feed_info){
		.source = feed->source,
		.stream = feed->stream,
		.state = is_paused   ? STATE_PAUSED
			 : has_fault ? feed->fault.state
				     : feed->state,
		.words = is_paused   ? state_words(STATE_PAUSED)
			 : has_fault ? feed->fault.words
				     : feed->words,
		.is_open = feed->is_open && !is_paused,
		.n_listeners = feed->n_listeners,
		.width = feed->width,
		.height = feed->height,
		.rate = rate_meter_rate(&feed->meter, clock_monotonic_ns()),
		.frames = feed->frames,
		.bytes = feed->bytes,
		.skipped = feed->skipped,
		.lapped = counts.lapped,
		.dropped = counts.dropped,
		.subscriptions = counts.subscriptions,
		.failures = counts.failures,
	};
}

/* --- its life --- */

void feed_destroy(struct feed *feed)
{
	if (!feed)
		return;
	renewal_destroy(feed->renewal);
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
	struct event_base *base = feed->means->base;

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

struct feed *feed_create(
	const struct feed_means *means, enum source_id source, enum stream_id stream)
{
	struct feed *feed = calloc(1, sizeof(*feed));

	if (!feed)
		return NULL;
	feed->means = means;
	feed->source = source;
	feed->stream = stream;
	feed->state = feed->fault.state = STATE_LIVE;
	feed->renewal = renewal_create(means, source, stream, &renewal_ops, feed);
	feed->patience = evtimer_new(means->base, on_patience, feed);
	feed->grace = evtimer_new(means->base, on_grace, feed);
	if (!feed->renewal || !feed->patience || !feed->grace || create_parts(feed) < 0) {
		feed_destroy(feed);
		return NULL;
	}
	return feed;
}
