/* SPDX-License-Identifier: MIT */
/*
 * A renewal is a feed's subscription, made again each time it ends.
 *
 *   closed ──open──► subscribed ──ended──► waiting (back-off) ──► subscribed …
 *     ▲                   │                       │
 *     └───────close───────┴───────────────────────┘
 *
 * A daemon that had delivered something whole is tried again after 20 ms, others after 20, 40, 80 …
 * 1000 ms.  Counts what became of all its subscriptions.  Event-loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/capsock.h"
#include "common/stream.h"

struct feed_means;
struct frame;
struct renewal; /* opaque */

struct renewal_ops {
	/* There is a subscription, which has not been answered yet. */
	void (*on_opened)(void *arg);
	/* As a subscription's (httpd/subscription.h). */
	void (*on_frame)(void *arg, struct frame *frame, uint64_t skipped);
	void (*on_state)(void *arg, const struct capsock_message *message);
	/* There is none any more, or none could be made; another try will come by itself.  `lie`
	 * says what the daemon did wrong; NULL: it only went, or is not there. */
	void (*on_ended)(void *arg, const char *lie);
};

/* Of all subscriptions until now; none of them goes back. */
struct renewal_counts {
	uint64_t subscriptions, failures; /* made; ended, or not to be made */
	uint64_t lapped;                  /* records overwritten while they were read */
	uint64_t dropped;                 /* records that the source has lost, as daemons say */
};

/* Closed.  All that is pointed to is borrowed for life.  NULL: no memory. */
struct renewal *renewal_create(const struct feed_means *means, enum source_id source,
	enum stream_id stream, const struct renewal_ops *ops, void *arg);
void renewal_destroy(struct renewal *renewal); /* accepts NULL */

/* Subscribes; may call on_opened or on_ended from within. */
void renewal_open(struct renewal *renewal);
/* No callback comes afterwards. */
void renewal_close(struct renewal *renewal);
/* The daemon has sent something whole: should it go, the back-off begins anew. */
void renewal_delivered(struct renewal *renewal);

/* Sends a wish.  False: it could not be sent, or there is nobody. */
bool renewal_wish(struct renewal *renewal, const struct capsock_message *wish);
/* Has the daemon of now said anything yet? */
bool renewal_was_answered(const struct renewal *renewal);
struct renewal_counts renewal_counts(const struct renewal *renewal);
