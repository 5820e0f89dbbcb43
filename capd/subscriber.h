/* SPDX-License-Identifier: MIT */
/*
 * A subscriber is one connection to the capture socket: who wants a stream, and with which wishes.
 *
 *     accept ──► HELLO (in time) ──► is_greeted: counts as demand ──► wishes … ──► EOF: gone
 *
 * Whatever it sends wrong, or does not read, costs it the connection.  Event-loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/capsock.h"

#define SUBSCRIBER_HELLO_TIMEOUT_US 2000000u

struct subscriber;

/* Who watches, as a subscriber of the stream `presence` tells (common/capsock.h). */
struct subscriber_viewers {
	unsigned sources;
	bool is_paused;
	char lines[CAPSOCK_VIEWERS_MAX + 1]; /* "": nobody */
};

struct subscriber_ops {
	/* The first message came and is one of ours; answer it.  False: refused, in `words`. */
	bool (*on_hello)(void *arg, struct subscriber *subscriber, const char **words);
	void (*on_key_frame)(void *arg, struct subscriber *subscriber);
	/* It wants what came after `since_sequence`, or the next piece of what is owed. */
	void (*on_catch_up)(
		void *arg, struct subscriber *subscriber, uint64_t since_sequence, bool exact);
	/* The presenter mutes or unmutes an input.  False: refused, in `words`. */
	bool (*on_switch)(void *arg, struct subscriber *subscriber, enum audio_input input,
		bool muted, const char **words);
	/* A rate, a bit rate, … was wished for: look at the fields below. */
	void (*on_wish)(void *arg, struct subscriber *subscriber);
	/* Who watches has changed: its `viewers`. */
	void (*on_viewers)(void *arg, struct subscriber *subscriber);
	/* It is being refused: it has been told why, and goes. */
	void (*on_refused)(void *arg, const char *words);
	/* It is gone (EOF, a lie, too slow): forget and subscriber_destroy() it. */
	void (*on_gone)(void *arg, struct subscriber *subscriber);
};

struct subscriber {
	struct subscriber *next; /* in subscribers::first */
	bool is_greeted;
	enum stream_id stream;              /* valid once greeted */
	uint32_t rate_millihertz;           /* its wish; 0: none */
	uint32_t bitrate;                   /* its wish in bits a second; 0: none */
	bool wants_mute;                    /* its wish */
	uid_t uid;                          /* who it is */
	pid_t pid;                          /* … and which process; 0: not to be seen */
	struct subscriber_viewers *viewers; /* its own; NULL: it has told of nobody yet */

	/* the subscriber's own */
	int fd;
	sd_event_source *io, *hello_deadline;
	struct capsock_buffer *buffer; /* borrowed: one for all, used within a callback only */
	const struct subscriber_ops *ops;
	void *arg;
};

/* Takes `fd`, whose peer is `uid`, over, in every case.  0 or -errno. */
int subscriber_create(sd_event *event, int fd, uid_t uid, struct capsock_buffer *buffer,
	const struct subscriber_ops *ops, void *arg, struct subscriber **out);
/* Accepts NULL. */
void subscriber_destroy(struct subscriber *subscriber);
/* Sends a message; whoever does not take it is gone by the next turn of the loop (EOF). */
void subscriber_send(struct subscriber *subscriber, const struct capsock_message *message);
