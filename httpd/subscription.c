/* SPDX-License-Identifier: MIT */
#include "httpd/subscription.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/delta_ops.h"
#include "common/fd.h"
#include "common/ring_reader.h"

#define ANSWER_TIMEOUT_S   10 /* from connect to the first word: a daemon may have to be started */
#define MESSAGES_PER_TURN  16
#define MESSAGES_PER_S_MAX 200 /* whoever sends more floods us */
#define RECORDS_PER_TURN   256 /* of sound: 2.5 s */

struct subscription {
	const struct subscription_ops *ops;
	void *arg;
	struct ring_watch *watch;      /* borrowed */
	struct capsock_buffer *buffer; /* borrowed */
	int fd;
	enum stream_id stream;
	struct event *io; /* readable, or the answer's deadline */
	bool was_answered;
	struct ring_reader *reader; /* with `entry`: both or neither */
	struct ring_watch_entry *entry;
	uint64_t epoch;         /* of the ring */
	uint64_t lapped;        /* of rings that are closed */
	uint64_t last_sequence; /* of sound, in this ring; 0: none yet */
	uint64_t flood_since_ns;
	unsigned flood_count;
};

/* Every path ends here, once; the owner closes us from within, so nothing may follow. */
static void end(struct subscription *subscription, const char *lie)
{
	subscription->ops->on_ended(subscription->arg, lie);
}

/* --- the ring --- */

static void close_ring(struct subscription *subscription)
{
	ring_watch_remove(subscription->watch, subscription->entry);
	subscription->entry = NULL;
	if (subscription->reader)
		subscription->lapped += ring_reader_lapped(subscription->reader);
	ring_reader_close(subscription->reader);
	subscription->reader = NULL;
	subscription->last_sequence = 0;
}

static void *alloc_frame(void *arg, size_t len)
{
	struct frame **frame = arg;

	frame_unref(*frame);
	*frame = frame_create(len);
	return *frame ? (*frame)->data : NULL;
}

/* What is no JPEG is no picture: the viewers' decoders are not ours to feed with anything else. */
static bool is_jpeg(const uint8_t *bytes, size_t len)
{
	return len >= 4 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

static bool is_picture(const struct ring_record *record, const struct frame *frame)
{
	return record->kind == RECORD_FRAME && is_jpeg(frame->data, frame->len) && record->width &&
	       record->height && record->width <= UINT16_MAX && record->height <= UINT16_MAX;
}

static bool is_sound_stream(enum stream_id stream)
{
	return stream == STREAM_PCM || stream == STREAM_OPUS;
}

/* Of whole pictures the newest is enough; of all else every record counts. */
static bool wants_every_record(enum stream_id stream)
{
	return stream != STREAM_JPEG;
}

/* Viewers take the format of sound for granted: no record may have another. */
static bool is_sound(
	enum stream_id stream, const struct ring_record *record, const struct frame *frame)
{
	return record->kind == RECORD_SOUND && record->width == SOUND_RATE &&
	       record->height == SOUND_CHANNELS &&
	       (stream == STREAM_PCM ? frame->len == SOUND_RECORD_BYTES
				     : frame->len <= OPUS_PACKET_MAX);
}

static const char *lie_of(
	enum stream_id stream, const struct ring_record *record, const struct frame *frame)
{
	if (record->length == 0)
		return NULL; /* only the end of this ring */
	if (is_sound_stream(stream))
		return is_sound(stream, record, frame) ? NULL : "a record of its ring is no sound";
	if (stream == STREAM_DELTA)
		return delta_ops_check(record, frame->data, frame->len) == 0
			       ? NULL
			       : "operations in its ring lie";
	return is_picture(record, frame) ? NULL : "a record of its ring is no picture";
}

/* As ring_reader_newest() or _next(), whichever the stream wants. */
static int read_record(struct subscription *subscription, struct ring_record *record,
	struct frame **frame, uint64_t *skipped)
{
	uint64_t before = subscription->last_sequence;
	int r;

	if (!wants_every_record(subscription->stream))
		return ring_reader_newest(
			subscription->reader, record, alloc_frame, frame, skipped);
	r = ring_reader_next(subscription->reader, record, alloc_frame, frame);
	if (r == -EOVERFLOW)
		return -EAGAIN; /* the reader stands behind the newest now: the next wake-up's */
	if (r < 0 || record->length == 0)
		return r;
	*skipped = before && record->sequence > before ? record->sequence - before - 1 : 0;
	subscription->last_sequence = record->sequence;
	return 0;
}

/* Takes what is new: one picture, or one piece of sound.  1: there may be more; 0: there is not;
 * -EPIPE: the subscription has ended. */
static int take_one(struct subscription *subscription)
{
	const char *lie = NULL;
	struct ring_record record;
	struct frame *frame = NULL;
	uint64_t skipped;
	int r = read_record(subscription, &record, &frame, &skipped);

	if (r == -EFAULT)
		lie = "its ring was truncated";
	else if (r == -EPROTO)
		lie = "a record of its ring lies";
	else if (r == 0)
		lie = lie_of(subscription->stream, &record, frame);
	if (lie || r < 0 || !record.length) {
		/* Nothing new, no memory (the next one, then), or only the end of this ring: the
		 * next ring is announced on the socket. */
		frame_unref(frame);
		if (lie)
			end(subscription, lie);
		return lie ? -EPIPE : r == 0;
	}
	frame->kind = (enum record_kind)record.kind;
	frame->sequence = record.sequence;
	frame->flags = record.flags;
	frame->base = record.base;
	frame->epoch = subscription->epoch;
	frame->pts_ns = record.pts_ns;
	frame->width = record.width;
	frame->height = record.height;
	subscription->ops->on_frame(subscription->arg, frame, skipped);
	return wants_every_record(subscription->stream);
}

/* False: the subscription has ended. */
static bool take_new(struct subscription *subscription)
{
	int r = 1;

	/* Bounded: what a flood leaves behind comes with its next wake-up, or is lapped. */
	for (int i = 0; r > 0 && i < RECORDS_PER_TURN; i++)
		r = take_one(subscription);
	return r >= 0;
}

static void on_ring_wake(void *arg)
{
	take_new(arg);
}

static void on_ring_lost(void *arg)
{
	end(arg, "its ring was truncated");
}

static const struct ring_watch_ops watch_ops = {.on_wake = on_ring_wake, .on_lost = on_ring_lost};

/* A new ring takes the old one's place.  False: the subscription has ended. */
static bool follow_ring(struct subscription *subscription, struct capsock_message *message)
{
	int r;

	close_ring(subscription);
	subscription->epoch = message->epoch;
	r = ring_reader_open(
		message->ring_fd, message->epoch, message->capacity, &subscription->reader);
	fd_close(&message->ring_fd);
	if (r == 0)
		r = ring_watch_add(subscription->watch, ring_reader_wake_word(subscription->reader),
			&watch_ops, subscription, &subscription->entry);
	if (r < 0) {
		end(subscription, r == -EPROTO || r == -EFAULT ? "its ring's header lies"
							       : "its ring could not be mapped");
		return false;
	}
	return take_new(subscription);
}

/* --- the capture socket --- */

/* False: the subscription has ended. */
static bool take_message(struct subscription *subscription, struct capsock_message *message)
{
	char lie[CAPSOCK_WORDS_MAX];

	switch (message->type) {
	case CAPSOCK_STATE:
		if (message->picture_len && !is_jpeg(message->picture, message->picture_len)) {
			end(subscription, "its state's picture is no picture");
			return false;
		}
		/* What the ring got before the state was told comes before it, too, though its
		 * wake-up takes another way: or an old picture would cover the words. */
		if (subscription->reader && !take_new(subscription))
			return false;
		subscription->ops->on_state(subscription->arg, message);
		return true;
	case CAPSOCK_DROPPED:
		subscription->ops->on_dropped(subscription->arg, message->dropped);
		return true;
	case CAPSOCK_STREAM:
		return follow_ring(subscription, message);
	case CAPSOCK_REFUSED:
		snprintf(lie, sizeof(lie), "it refused: %.*s", (int)message->words_len,
			message->words);
		end(subscription, lie);
		return false;
	default:
		end(subscription, "a message out of place");
		return false;
	}
}

static bool is_flood(struct subscription *subscription)
{
	uint64_t now = clock_monotonic_ns();

	if (now - subscription->flood_since_ns >= NS_PER_S) {
		subscription->flood_since_ns = now;
		subscription->flood_count = 0;
	}
	return ++subscription->flood_count > MESSAGES_PER_S_MAX;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct subscription *subscription = arg;
	struct capsock_message message;
	(void)fd;

	if (what & EV_TIMEOUT) {
		end(subscription, NULL); /* not one word since it was connected */
		return;
	}
	for (int i = 0; i < MESSAGES_PER_TURN; i++) {
		int r = capsock_receive(
			subscription->fd, CAPSOCK_SUBSCRIBER, subscription->buffer, &message);

		if (r == -EAGAIN)
			return;
		if (r < 0) {
			end(subscription,
				r == -EPROTO ? "a message that is no part of the capture protocol"
					     : NULL);
			return;
		}
		if (!subscription->was_answered) {
			subscription->was_answered = true;
			event_remove_timer(subscription->io);
		}
		if (is_flood(subscription)) {
			fd_close(&message.ring_fd);
			end(subscription, "it sends messages without end");
			return;
		}
		if (!take_message(subscription, &message))
			return;
	}
}

/* --- open and close --- */

int subscription_open(struct event_base *base, struct ring_watch *watch,
	struct capsock_buffer *buffer, const char *path, enum stream_id stream,
	const struct subscription_ops *ops, void *arg, struct subscription **out)
{
	const struct capsock_message hello = {
		.type = CAPSOCK_HELLO, .version = CAPSOCK_VERSION, .stream = stream, .ring_fd = -1};
	const struct timeval answer_timeout = {.tv_sec = ANSWER_TIMEOUT_S};
	struct subscription *subscription = calloc(1, sizeof(*subscription));
	int r;

	if (!subscription)
		return -ENOMEM;
	subscription->ops = ops;
	subscription->arg = arg;
	subscription->watch = watch;
	subscription->buffer = buffer;
	subscription->stream = stream;
	r = subscription->fd = capsock_connect(path);
	if (r < 0)
		goto fail;
	r = capsock_send(subscription->fd, CAPSOCK_SUBSCRIBER, &hello);
	if (r < 0)
		goto fail;
	r = -ENOMEM;
	subscription->io =
		event_new(base, subscription->fd, EV_READ | EV_PERSIST, on_readable, subscription);
	if (!subscription->io || event_add(subscription->io, &answer_timeout) < 0)
		goto fail;
	*out = subscription;
	return 0;
fail:
	subscription_close(subscription);
	return r;
}

void subscription_close(struct subscription *subscription)
{
	if (!subscription)
		return;
	close_ring(subscription);
	if (subscription->io)
		event_free(subscription->io);
	fd_close(&subscription->fd);
	free(subscription);
}

bool subscription_wish(struct subscription *subscription, const struct capsock_message *wish)
{
	return capsock_send(subscription->fd, CAPSOCK_SUBSCRIBER, wish) == 0;
}

bool subscription_was_answered(const struct subscription *subscription)
{
	return subscription->was_answered;
}

uint64_t subscription_lapped(const struct subscription *subscription)
{
	return subscription->lapped +
	       (subscription->reader ? ring_reader_lapped(subscription->reader) : 0);
}
