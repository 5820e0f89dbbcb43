/* SPDX-License-Identifier: MIT */
/*
 * What all kinds of viewers share (viewer.c), as the kinds see it (viewer_mjpeg.c, later
 * viewer_ws.c …).
 *
 * A kind writes a frame in its own format; when to write, and what to skip, is decided here once.
 */
#pragma once

#include "httpd/rate_meter.h"
#include "httpd/viewer.h"

struct viewer;

struct viewer_ops {
	const char *kind;
	/* Appends what comes before all frames: the response's head.  0 or -ENOMEM. */
	int (*write_head)(struct viewer *viewer);
	/* Appends the frame to the conn's output.  `is_repeat`: the same frame once more.  0 or
	 * -ENOMEM. */
	int (*write_frame)(struct viewer *viewer, struct frame *frame, bool is_repeat);
	/* How long after the last frame it is to be repeated, given how often it was; 0: never
	 * again. */
	unsigned (*repeat_after_ms)(const struct viewer *viewer, unsigned n_repeats);
};

struct viewer {
	struct viewer *next, **prev_next; /* in viewers::list */
	struct viewers *viewers;
	const struct viewer_ops *ops;
	struct conn *conn; /* the server's; gone with on_closed */
	struct feed *feed;
	struct feed_listener listener;
	uint64_t id; /* the page's own number for this connection; 0: none */
	bool full_headers;
	char user_agent[128];

	uint64_t sent_number; /* frame::number of the newest frame in its output; 0: none */
	bool is_behind;       /* a newer one came while it had unsent bytes */
	struct event *repeat; /* lazily re-armed: it looks at changed_ns when it fires */
	uint64_t changed_ns;  /* when the newest frame was written */
	unsigned n_repeats;   /* of that frame */
	bool repeat_is_armed;

	struct rate_meter meter;
	uint64_t began_ns;
	uint64_t frames, skipped, bytes;
};

/* Takes the conn over and adds the viewer to the feed, which may write the first frame at once.
 * 0; -ENOMEM: the conn was not touched. */
int viewer_start(struct viewers *viewers, const struct viewer_ops *ops, struct conn *conn,
	struct feed *feed, uint64_t id, bool full_headers, const char *user_agent);
