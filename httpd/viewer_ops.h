/* SPDX-License-Identifier: MIT */
/*
 * What all kinds of viewers share (viewer.c), as the kinds see it (viewer_mjpeg.c, viewer_ws.c,
 * viewer_wav.c).
 *
 * A kind embeds a struct viewer, listens to the feeds that it needs, and decides what to write and
 * what to leave out; the connection, the list of viewers and the counters are here.
 */
#pragma once

#include "httpd/rate_meter.h"
#include "httpd/viewer.h"

struct viewer;

struct viewer_ops {
	const char *kind;
	/* The output is empty again after some of it had to wait. */
	void (*on_drained)(struct viewer *viewer);
	/* Bytes have come: conn_read().  NULL: what the peer sends is thrown away. */
	void (*on_readable)(struct viewer *viewer);
	/* The server stops: say so, if there is a way.  NULL: there is none. */
	void (*on_stop)(struct viewer *viewer);
	/* The connection is gone: leave the feeds and free the whole. */
	void (*destroy)(struct viewer *viewer);
};

struct viewer {
	struct viewer *next, **prev_next; /* in viewers::list */
	struct viewers *viewers;
	const struct viewer_ops *ops;
	struct conn *conn; /* the server's; gone with destroy() */
	struct feed *feed; /* whose frames are counted: the picture's, else the sound's */
	uint64_t id;       /* the page's own number for this connection; 0: none */
	bool is_watching;  /* pictures of that feed: then it may lag */
	unsigned sources;  /* as of viewer_info; viewer_set_sources() */
	char user_agent[128], name[VIEWER_NAME_SIZE];

	struct rate_meter meter;
	uint64_t began_ns;
	uint64_t frames, skipped, bytes; /* of that feed */
	uint64_t sent_number; /* frame::number of its newest picture that was written; 0: none */
};

/*
 * Takes `conn` over for a viewer that has been zeroed but for what its kind needs, and counts it.
 * From here on the viewer ends by destroy() alone.
 */
void viewer_start(struct viewer *viewer, struct viewers *viewers, const struct viewer_ops *ops,
	struct conn *conn, struct feed *feed, const struct viewer_who *who);

/* What it sees and hears from now on: bits 1 << enum source_id. */
void viewer_set_sources(struct viewer *viewer, unsigned sources);

/* A message of its feed has been written: `len` bytes of payload, which lead up to `frame`. */
void viewer_count(struct viewer *viewer, const struct frame *frame, size_t len);
