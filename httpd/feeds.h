/* SPDX-License-Identifier: MIT */
/*
 * All feeds (httpd/feed.h), one for each stream of each source that was ever asked for, and what
 * they share: the thread that waits on their rings, the buffer of their sockets' messages.
 * Event-loop thread only.
 */
#pragma once

#include <event2/event.h>

#include "common/config.h"
#include "common/stream.h"
#include "httpd/feed.h"

struct subscription;
struct subscription_ops;
struct feeds; /* opaque */

/* `runtime_dir` (where the capture sockets are) and `config` are borrowed for life.  0 or -errno.
 */
int feeds_create(struct event_base *base, const char *runtime_dir, const struct config *config,
	struct feeds **out);
/* All listeners must have gone.  Accepts NULL. */
void feeds_destroy(struct feeds *feeds);

/* The feed of a stream, made at its first use (not yet subscribed); NULL: no memory. */
struct feed *feeds_get(struct feeds *feeds, enum source_id source, enum stream_id stream);
/* Pauses all feeds, at once and until it is taken back; listeners stay, and need not come again. */
void feeds_set_paused(struct feeds *feeds, bool is_paused);
/*
 * A subscription of one's own (httpd/subscription.h), whatever is paused: neither shared nor tried
 * again.  0 or -errno: nobody there.
 */
int feeds_subscribe(struct feeds *feeds, enum source_id source, enum stream_id stream,
	const struct subscription_ops *ops, void *arg, struct subscription **out);

/* Calls `each` for every feed that was ever used. */
void feeds_each(
	struct feeds *feeds, void (*each)(void *arg, const struct feed_info *info), void *arg);
