/* SPDX-License-Identifier: MIT */
/*
 * A feed is httpd's one subscription to a stream, shared by all viewers of that stream.
 *
 *     capture socket ──► feed ──► frame ──► listeners (viewers, snapshots)
 *
 * Of pictures the newest is kept for whoever comes; of sound nothing is, every record goes to
 * whoever listens, and silence where there is none (httpd/silence.h); of the delta stream every
 * record does, and catch-ups for those who lag (httpd/catch_ups.h).
 *
 * It opens when the first listener arrives, closes [http] grace_s after the last has gone, and
 * subscribes again when the daemon dies or lies (httpd/renewal.h); listeners keep their last frame
 * meanwhile, and get a picture that says so after 2 s.  A state's picture arrives as a frame with
 * is_state set.  While all are paused no daemon is subscribed to, and listeners get the picture
 * that says so, or silence.  Event-loop thread only.
 */
#pragma once

#include <event2/event.h>

#include "common/config.h"
#include "common/stream.h"
#include "httpd/frame.h"

struct catch_ups;
struct feed_means;
struct feed; /* opaque; owned by feeds (httpd/feeds.h) */

struct feed_listener {
	/* A newer frame than the last; the listener takes its own reference if it keeps it. */
	void (*on_frame)(void *arg, struct frame *frame);
	/* What the source is doing, or its words, has changed: feed_get_info().  NULL: not wanted.
	 */
	void (*on_state)(void *arg);
	void *arg;
	const char *who; /* for the journal: the address; valid while feed_add() runs */
	/* the feed's own: */
	struct feed_listener *next, **prev_next;
};

/* What /status and /metrics print.  Counters never go back while httpd lives. */
struct feed_info {
	enum source_id source;
	enum stream_id stream;
	enum source_state state;
	const char *words; /* valid until the feed's next event */
	bool is_open;      /* subscribed, or trying to */
	unsigned n_listeners;
	uint32_t width, height; /* of the newest picture; 0 before the first */
	double rate;            /* frames a second over the last two seconds */
	uint64_t frames, bytes; /* received from the ring */
	uint64_t skipped,
		lapped;   /* frames passed over because httpd was late; overwritten while read */
	uint64_t dropped; /* lost or refused at the source: broken pictures, sound that was late */
	uint64_t subscriptions; /* how often the daemon was subscribed to */
	uint64_t failures;      /* … and how often that ended in EOF, a lie or no answer */
};

/* Not yet subscribed.  NULL: no memory. */
struct feed *feed_create(
	const struct feed_means *means, enum source_id source, enum stream_id stream);
/* All listeners must have gone.  Accepts NULL. */
void feed_destroy(struct feed *feed);

/* feed_means.is_paused has changed: listeners stay, and need not come again. */
void feed_pause_or_resume(struct feed *feed);

/*
 * Asks for the stream.  If the feed holds a current frame the listener gets it at once, from within
 * this call.  `listener` is borrowed until feed_remove(), which may be called from any callback.
 */
void feed_add(struct feed *feed, struct feed_listener *listener);
void feed_remove(struct feed *feed, struct feed_listener *listener);
/* The newest frame, borrowed; NULL if none, or if the source is not being captured. */
struct frame *feed_newest(const struct feed *feed);
/* Who asks for catch-ups of the delta stream; NULL for any other.  The feed's. */
struct catch_ups *feed_catch_ups(struct feed *feed);
void feed_get_info(const struct feed *feed, struct feed_info *info);
