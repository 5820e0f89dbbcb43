/* SPDX-License-Identifier: MIT */
/*
 * A subscription is one connection to a capture daemon: the hello, what the daemon then says, and
 * the ring that it hands over.
 *
 *     open ──HELLO──► daemon ──STATE──► on_state
 *                            ──DROPPED──► on_dropped
 *                            ──STREAM + fd──► ring ──► on_frame (of pictures the newest record,
 * each time it changes; of sound every record) ──EOF, a lie, a truncated ring──► on_ended, once
 *
 * What the daemon sends is treated as hostile: whatever does not hold ends the subscription, in
 * words. It does not retry: that is the feed's.  Event-loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "common/capsock.h"
#include "common/stream.h"
#include "httpd/frame.h"
#include "httpd/ring_watch.h"

struct subscription; /* opaque */

struct subscription_ops {
	/* A record out of the ring; the reference is the callee's.  `skipped`: how many before it
	 * were passed over.  It must not close the subscription. */
	void (*on_frame)(void *arg, struct frame *frame, uint64_t skipped);
	/* The message is valid within the call; its picture, if any, is a JPEG by its first bytes.
	 */
	void (*on_state)(void *arg, const struct capsock_message *message);
	/* How many records the daemon's source has lost since the daemon's start. */
	void (*on_dropped)(void *arg, uint64_t dropped);
	/* Close it.  `lie` says what the daemon did wrong; NULL: it only went, or never spoke. */
	void (*on_ended)(void *arg, const char *lie);
};

/*
 * Connects to the socket at `path` and asks for `stream`.  `buffer` is borrowed, and used within
 * callbacks only, so that all subscriptions may share one.  0 or -errno: nobody there.
 */
int subscription_open(struct event_base *base, struct ring_watch *watch,
	struct capsock_buffer *buffer, const char *path, enum stream_id stream,
	const struct subscription_ops *ops, void *arg, struct subscription **out);
/* From any callback too; none comes afterwards.  Accepts NULL. */
void subscription_close(struct subscription *subscription);

/* Sends a wish.  False: it could not be sent; if the daemon is gone, on_ended says so. */
bool subscription_wish(struct subscription *subscription, const struct capsock_message *wish);

/* Has the daemon said anything yet? */
bool subscription_was_answered(const struct subscription *subscription);
/* How often its rings were overwritten while they were read. */
uint64_t subscription_lapped(const struct subscription *subscription);
