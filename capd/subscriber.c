/* SPDX-License-Identifier: MIT */
#include "capd/subscriber.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/fd.h"

/* So that one chatty subscriber cannot keep the loop from the source. */
#define MESSAGES_PER_TURN 16

static void refuse(struct subscriber *subscriber, const char *words)
{
	struct capsock_message message = {
		.type = CAPSOCK_REFUSED, .ring_fd = -1, .words = words, .words_len = strlen(words)};

	capsock_send(subscriber->fd, CAPSOCK_DAEMON, &message);
	subscriber->ops->on_refused(subscriber->arg, words);
}

/* False: refused. */
static bool answer_switch(struct subscriber *subscriber, const struct capsock_message *message)
{
	const char *words = "nothing can be muted here";
	struct capsock_message done = {.type = CAPSOCK_SWITCHED,
		.ring_fd = -1,
		.input = message->input,
		.muted = message->muted};

	if (!subscriber->ops->on_switch(
		    subscriber->arg, subscriber, message->input, message->muted, &words)) {
		refuse(subscriber, words);
		return false;
	}
	subscriber_send(subscriber, &done);
	return true;
}

/* False: refused. */
static bool take_viewers(struct subscriber *subscriber, const struct capsock_message *message)
{
	struct subscriber_viewers *viewers = subscriber->viewers;

	if (subscriber->stream != STREAM_PRESENCE) {
		refuse(subscriber, "only a subscription of presence tells who watches");
		return false;
	}
	if (!viewers)
		viewers = subscriber->viewers = malloc(sizeof(*viewers));
	if (!viewers)
		return true; /* the next message tries again */
	viewers->sources = message->sources;
	viewers->is_paused = message->is_paused;
	memcpy(viewers->lines, message->words, message->words_len);
	viewers->lines[message->words_len] = '\0';
	subscriber->ops->on_viewers(subscriber->arg, subscriber);
	return true;
}

/* False: the connection must end. */
static bool take_message(struct subscriber *subscriber, const struct capsock_message *message)
{
	const char *words = "the first message was not a hello";

	if (!subscriber->is_greeted) {
		if (message->type == CAPSOCK_HELLO) {
			words = "it speaks another version of the capture protocol";
			if (message->version == CAPSOCK_VERSION) {
				subscriber->stream = message->stream;
				subscriber->hello_deadline =
					sd_event_source_disable_unref(subscriber->hello_deadline);
				if (subscriber->ops->on_hello(subscriber->arg, subscriber, &words))
					return true;
			}
		}
		refuse(subscriber, words);
		return false;
	}
	switch (message->type) {
	case CAPSOCK_KEY_FRAME:
		subscriber->ops->on_key_frame(subscriber->arg, subscriber);
		return true;
	case CAPSOCK_CATCH_UP:
		subscriber->ops->on_catch_up(
			subscriber->arg, subscriber, message->since_sequence, message->exact);
		return true;
	case CAPSOCK_RATE:
		subscriber->rate_millihertz = message->value;
		break;
	case CAPSOCK_BITRATE:
		subscriber->bitrate = message->value;
		break;
	case CAPSOCK_MUTE:
		subscriber->wants_mute = message->muted;
		break;
	case CAPSOCK_VIEWERS:
		return take_viewers(subscriber, message);
	case CAPSOCK_SWITCH:
		return answer_switch(subscriber, message);
	default:
		refuse(subscriber, "a message out of place");
		return false;
	}
	subscriber->ops->on_wish(subscriber->arg, subscriber);
	return true;
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct subscriber *subscriber = arg;
	struct capsock_message message;
	(void)source, (void)events;

	for (int i = 0; i < MESSAGES_PER_TURN; i++) {
		int r = capsock_receive(fd, CAPSOCK_DAEMON, subscriber->buffer, &message);

		if (r == -EAGAIN)
			return 0;
		if (r == -EPROTO)
			refuse(subscriber, "a message that is no part of the capture protocol");
		if (r < 0 || !take_message(subscriber, &message)) {
			subscriber->ops->on_gone(subscriber->arg, subscriber);
			return 0;
		}
	}
	return 0;
}

static int on_hello_deadline(sd_event_source *source, uint64_t now_us, void *arg)
{
	struct subscriber *subscriber = arg;
	(void)source, (void)now_us;

	refuse(subscriber, "no hello came");
	subscriber->ops->on_gone(subscriber->arg, subscriber);
	return 0;
}

int subscriber_create(sd_event *event, int fd, uid_t uid, struct capsock_buffer *buffer,
	const struct subscriber_ops *ops, void *arg, struct subscriber **out)
{
	struct subscriber *subscriber = calloc(1, sizeof(*subscriber));
	int r;

	if (!subscriber) {
		fd_close(&fd);
		return -ENOMEM;
	}
	subscriber->fd = fd;
	subscriber->uid = uid;
	(void)capsock_peer_pid(fd, &subscriber->pid);
	subscriber->buffer = buffer;
	subscriber->ops = ops;
	subscriber->arg = arg;
	r = sd_event_add_io(event, &subscriber->io, fd, EPOLLIN, on_readable, subscriber);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &subscriber->hello_deadline, CLOCK_MONOTONIC,
			SUBSCRIBER_HELLO_TIMEOUT_US, 0, on_hello_deadline, subscriber);
	if (r < 0) {
		subscriber_destroy(subscriber);
		return r;
	}
	*out = subscriber;
	return 0;
}

void subscriber_destroy(struct subscriber *subscriber)
{
	if (!subscriber)
		return;
	sd_event_source_disable_unref(subscriber->io);
	sd_event_source_disable_unref(subscriber->hello_deadline);
	fd_close(&subscriber->fd);
	free(subscriber->viewers);
	free(subscriber);
}

void subscriber_send(struct subscriber *subscriber, const struct capsock_message *message)
{
	if (capsock_send(subscriber->fd, CAPSOCK_DAEMON, message) < 0)
		/* Our own read side then sees EOF, and on_gone comes from the loop, not from here.
		 */
		shutdown(subscriber->fd, SHUT_RDWR);
}
