/* SPDX-License-Identifier: MIT */
/*
 *            first listener                     STATE            STREAM + fd
 *   closed ───────────────► connecting ──HELLO──► told ──────────────────────► following a ring
 *     ▲ grace after the last     │                  │ EOF, a lie, truncated          │
 *     └──────────────────────────┴── retry ◄────────┴────────────────────────────────┘
 *                                   (back-off)
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
#include "common/fd.h"
#include "common/log.h"
#include "common/ring_reader.h"
#include "common/service.h"
#include "httpd/rate_meter.h"
#include "httpd/ring_watch.h"
#include "httpd/state_pictures.h"

#define RETRY_FIRST_MS     20 /* after a daemon that had delivered pictures */
#define RETRY_MAX_MS       1000
#define PATIENCE_MS        2000  /* the last picture stays for so long after an EOF */
#define PATIENCE_BLANK_MS  700   /* … and nothing at all for so long, where there never was one */
#define ANSWER_TIMEOUT_MS  10000 /* from connect to the first word of the daemon */
#define MESSAGES_PER_TURN  16
#define MESSAGES_PER_S_MAX 200 /* a daemon that floods us is broken */
#define PATH_BYTES         108 /* sun_path */

struct feed {
	struct feeds *feeds;
	enum source_id source;
	enum stream_id stream;
	char path[PATH_BYTES]; /* of the capture socket */
	struct feed_listener *listeners;
	unsigned n_listeners;

	/* the subscription */
	bool is_open;
	int fd;
	struct event *io;
	struct event *retry; /* while there is no connection; else the deadline of its first word */
	struct event *patience; /* until viewers are told that nobody answers */
	struct event *grace;    /* until the subscription ends, without listeners */
	unsigned retry_ms;
	bool was_told;      /* the daemon has said something on this connection */
	bool has_delivered; /* … and something whole */
	struct ring_reader *reader;
	struct ring_watch_entry *watch;
	uint64_t epoch;
	uint64_t flood_since_ns;
	unsigned flood_count;

	/* what the daemon says, and what we say of the daemon */
	enum source_state state;
	char words[CAPSOCK_WORDS_MAX + 1];
	enum source_state fault; /* STATE_LIVE: none */
	char fault_words[CAPSOCK_WORDS_MAX + 1];
	bool fault_is_logged;
	uint64_t fault_since_ns;

	struct frame *newest;
	uint64_t n_frames_made; /* the source of frame::number */
	uint32_t width, height;
	struct rate_meter meter;
	uint64_t frames, bytes, skipped, lapped, subscriptions, failures;
};

struct feeds {
	struct event_base *base;
	const char *runtime_dir; /* borrowed */
	const struct config *config;
	struct ring_watch *watch;
	struct capsock_buffer *buffer; /* one for all: used within a callback only */
	struct feed *all[SOURCE_COUNT][STREAM_COUNT];
};

static void open_connection(struct feed *feed);
static void close_subscription(struct feed *feed);

static void arm(struct event *event, unsigned ms)
{
	const struct timeval delay = {
	        .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	event_add(event, &delay);
}

/* --- to the listeners --- */

static void deliver(struct feed *feed, struct frame *frame)
{
	frame->number = ++feed->n_frames_made;
	frame->received_ns = clock_monotonic_ns();
	frame_unref(feed->newest);
	feed->newest = frame;
	/* A listener may remove itself, and with it the last reference, or others. */
	frame_ref(frame);
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

/* --- faults --- */

static void set_fault(struct feed *feed, enum source_state fault, const char *words)
{
	feed->fault = fault;
	snprintf(feed->fault_words, sizeof(feed->fault_words), "%s", words);
}

static void log_fault(struct feed *feed)
{
	const struct log_fields fields = {.source = source_name(feed->source),
	        .stream = stream_name(feed->stream),
	        .state = state_name(feed->fault)};

	if (feed->fault_is_logged)
		return;
	feed->fault_is_logged = true;
	feed->fault_since_ns = clock_monotonic_ns();
	log_at(LOG_WARNING, &fields, "No pictures of the %s (%s): %s; trying again",
	        source_name(feed->source), state_name(feed->fault), feed->fault_words);
}

/* The daemon has delivered something whole. */
static void fault_is_over(struct feed *feed)
{
	const struct log_fields fields = {
	        .source = source_name(feed->source), .stream = stream_name(feed->stream)};

	feed->has_delivered = true;
	feed->retry_ms = 0;
	event_del(feed->patience);
	if (feed->fault_is_logged)
		log_at(LOG_INFO, &fields, "The %s daemon answers again after %.1f s",
		        source_name(feed->source),
		        (double)(clock_monotonic_ns() - feed->fault_since_ns) / 1e9);
	feed->fault_is_logged = false;
	feed->fault = STATE_LIVE;
}

static void close_ring(struct feed *feed)
{
	ring_watch_remove(feed->feeds->watch, feed->watch);
	feed->watch = NULL;
	if (feed->reader)
		feed->lapped += ring_reader_lapped(feed->reader);
	ring_reader_close(feed->reader);
	feed->reader = NULL;
}

static void close_connection(struct feed *feed)
{
	close_ring(feed);
	if (feed->io)
		event_free(feed->io);
	feed->io = NULL;
	fd_close(&feed->fd);
}

/*
 * The subscription ended.  `lie` says what the daemon did wrong; NULL: it only went.  Viewers keep
 * their last picture for a while; it may be back before they notice.
 */
static void connection_failed(struct feed *feed, const char *lie)
{
	char words[CAPSOCK_WORDS_MAX];

	close_connection(feed);
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
		arm(feed->patience, feed->newest ? PATIENCE_MS : PATIENCE_BLANK_MS);
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
	bool is_slow = feed->fault == STATE_LIVE && feed->fd >= 0 && feed->was_told;
	if (feed->fault == STATE_LIVE && !is_slow) {
		snprintf(words, sizeof(words), "The %s daemon does not answer",
		        source_name(feed->source));
		set_fault(feed, STATE_NOT_ANSWERING, words);
	}
	if (!is_slow) {
		log_fault(feed);
		shown = feed->fault;
	}
	const uint8_t *jpeg = state_picture(feed->source, shown, &len);
	if (jpeg)
		deliver_picture(feed, jpeg, len);
}

/* --- the ring --- */

static void *alloc_frame(void *arg, size_t len)
{
	struct frame **frame = arg;

	frame_unref(*frame);
	*frame = frame_create(len);
	return *frame ? (*frame)->data : NULL;
}

/* What is no JPEG is no picture: the pages' decoders are not ours to feed with anything else. */
static bool is_jpeg(const uint8_t *bytes, size_t len)
{
	return len >= 4 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

static bool is_picture(const struct ring_record *record, const struct frame *frame)
{
	return record->kind == RECORD_FRAME && is_jpeg(frame->data, frame->len) && record->width &&
	       record->height && record->width <= UINT16_MAX && record->height <= UINT16_MAX;
}

static void take_newest(struct feed *feed)
{
	struct ring_record record;
	struct frame *frame = NULL;
	uint64_t skipped;
	int r = ring_reader_newest(feed->reader, &record, alloc_frame, &frame, &skipped);

	if (r < 0) {
		frame_unref(frame);
		if (r == -EFAULT)
			connection_failed(feed, "its ring was truncated");
		else if (r == -EPROTO)
			connection_failed(feed, "a record of its ring lies");
		return; /* -EAGAIN, -ENOMEM: the next one, then */
	}
	feed->skipped += skipped;
	if (!frame)
		return; /* only the end of this ring: the next is announced on the socket */
	if (!is_picture(&record, frame)) {
		frame_unref(frame);
		connection_failed(feed, "a record of its ring is no picture");
		return;
	}
	fault_is_over(feed);
	frame->sequence = record.sequence;
	frame->pts_ns = record.pts_ns;
	frame->width = feed->width = record.width;
	frame->height = feed->height = record.height;
	feed->frames++;
	feed->bytes += frame->len;
	rate_meter_count(&feed->meter, clock_monotonic_ns());
	deliver(feed, frame);
}

static void on_ring_wake(void *arg)
{
	take_newest(arg);
}

static void on_ring_lost(void *arg)
{
	connection_failed(arg, "its ring was truncated");
}

static const struct ring_watch_ops watch_ops = {.on_wake = on_ring_wake, .on_lost = on_ring_lost};

/* A new ring takes the old one's place.  False: the feed was dropped. */
static bool follow_ring(struct feed *feed, struct capsock_message *message)
{
	int r;

	close_ring(feed);
	r = ring_reader_open(message->ring_fd, message->epoch, message->capacity, &feed->reader);
	fd_close(&message->ring_fd);
	if (r == 0)
		r = ring_watch_add(feed->feeds->watch, ring_reader_wake_word(feed->reader),
		        &watch_ops, feed, &feed->watch);
	if (r < 0) {
		connection_failed(feed, r == -EPROTO || r == -EFAULT
		                                ? "its ring's header lies"
		                                : "its ring could not be mapped");
		return false;
	}
	take_newest(feed);
	return feed->fd >= 0;
}

/* --- the capture socket --- */

/* False: the subscription has ended. */
static bool take_state(struct feed *feed, const struct capsock_message *message)
{
	if (message->picture_len && !is_jpeg(message->picture, message->picture_len)) {
		connection_failed(feed, "its state's picture is no picture");
		return false;
	}
	feed->state = message->state;
	snprintf(feed->words, sizeof(feed->words), "%.*s", (int)message->words_len, message->words);
	if (message->picture_len) {
		fault_is_over(feed);
		deliver_picture(feed, message->picture, message->picture_len);
	}
	return true;
}

/* False: the subscription has ended. */
static bool take_message(struct feed *feed, struct capsock_message *message)
{
	char lie[CAPSOCK_WORDS_MAX];

	if (!feed->was_told) {
		feed->was_told = true;
		event_del(feed->retry);
	}
	switch (message->type) {
	case CAPSOCK_STATE:
		return take_state(feed, message);
	case CAPSOCK_STREAM:
		return follow_ring(feed, message);
	case CAPSOCK_REFUSED:
		snprintf(lie, sizeof(lie), "it refused: %.*s", (int)message->words_len,
		        message->words);
		connection_failed(feed, lie);
		return false;
	default:
		connection_failed(feed, "a message out of place");
		return false;
	}
}

static bool is_flood(struct feed *feed)
{
	uint64_t now = clock_monotonic_ns();

	if (now - feed->flood_since_ns >= NS_PER_S) {
		feed->flood_since_ns = now;
		feed->flood_count = 0;
	}
	return ++feed->flood_count > MESSAGES_PER_S_MAX;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct feed *feed = arg;
	struct capsock_message message;
	(void)fd, (void)what;

	for (int i = 0; i < MESSAGES_PER_TURN; i++) {
		int r = capsock_receive(
		        feed->fd, CAPSOCK_SUBSCRIBER, feed->feeds->buffer, &message);

		if (r == -EAGAIN)
			return;
		if (r < 0) {
			connection_failed(feed,
			        r == -EPROTO ? "a message that is no part of the capture protocol"
			                     : NULL);
			return;
		}
		if (is_flood(feed)) {
			fd_close(&message.ring_fd);
			connection_failed(feed, "it sends messages without end");
			return;
		}
		if (!take_message(feed, &message))
			return;
	}
}

static void open_connection(struct feed *feed)
{
	const struct capsock_message hello = {.type = CAPSOCK_HELLO,
	        .version = CAPSOCK_VERSION,
	        .stream = feed->stream,
	        .ring_fd = -1};

	feed->was_told = false;
	feed->fd = capsock_connect(feed->path);
	if (feed->fd < 0) {
		connection_failed(feed, NULL);
		return;
	}
	feed->subscriptions++;
	feed->io = event_new(feed->feeds->base, feed->fd, EV_READ | EV_PERSIST, on_readable, feed);
	if (!feed->io || event_add(feed->io, NULL) < 0 ||
	        capsock_send(feed->fd, CAPSOCK_SUBSCRIBER, &hello) < 0) {
		connection_failed(feed, NULL);
		return;
	}
	arm(feed->retry, ANSWER_TIMEOUT_MS);
	if (!feed->newest && !event_pending(feed->patience, EV_TIMEOUT, NULL))
		arm(feed->patience, PATIENCE_MS);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct feed *feed = arg;
	(void)fd, (void)what;

	if (feed->fd >= 0)
		connection_failed(feed, NULL); /* not one word since it was connected */
	else
		open_connection(feed);
}

/* --- open and close --- */

static void close_subscription(struct feed *feed)
{
	close_connection(feed);
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

static void on_grace(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
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
	event_del(feed->grace);
	if (!feed->is_open) {
		feed->is_open = true;
		feed->state = STATE_STARTING;
		snprintf(feed->words, sizeof(feed->words), "%s", state_words(STATE_STARTING));
		open_connection(feed);
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
	if (--feed->n_listeners == 0)
		arm(feed->grace, feed->feeds->config->http.grace_s * 1000);
}

struct frame *feed_newest(const struct feed *feed)
{
	return feed->newest;
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
	        .lapped = feed->lapped + (feed->reader ? ring_reader_lapped(feed->reader) : 0),
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
	close_connection(feed);
	if (feed->retry)
		event_free(feed->retry);
	if (feed->patience)
		event_free(feed->patience);
	if (feed->grace)
		event_free(feed->grace);
	frame_unref(feed->newest);
	free(feed);
}

static struct feed *feed_create(struct feeds *feeds, enum source_id source, enum stream_id stream)
{
	struct feed *feed = calloc(1, sizeof(*feed));

	if (!feed)
		return NULL;
	feed->feeds = feeds;
	feed->source = source;
	feed->stream = stream;
	feed->fd = -1;
	feed->state = feed->fault = STATE_LIVE;
	snprintf(feed->path, sizeof(feed->path), "%s/%s", feeds->runtime_dir, socket_names[source]);
	feed->retry = evtimer_new(feeds->base, on_retry, feed);
	feed->patience = evtimer_new(feeds->base, on_patience, feed);
	feed->grace = evtimer_new(feeds->base, on_grace, feed);
	if (!feed->retry || !feed->patience || !feed->grace) {
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
