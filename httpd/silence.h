/* SPDX-License-Identifier: MIT */
/*
 * Silence keeps a stream of sound going while its daemon gives none: it has died, or never
 * answered. Players of an endless WAV would stall, or lag for ever afterwards, by as much as was
 * missing.
 *
 *     records ──silence_heard()──► silence ──on_silence(frame), as many as are due──► listeners
 *
 * Where the last record is older than SILENCE_AFTER_MS, silent frames of the stream's own length
 * follow it, without a gap in their pts, up to SILENCE_BEHIND_MS before now; what is still missing
 * when records come again is filled at once, so that the count of samples follows the clock.
 * Records for a time which has been filled are told to be left out.  Event-loop thread only.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/stream.h"
#include "httpd/frame.h"

#define SILENCE_AFTER_MS  120u /* a starved daemon's late records are better than none */
#define SILENCE_BEHIND_MS 40u

struct silence; /* opaque */

/* Makes one for STREAM_PCM or STREAM_OPUS; `on_silence` is given its own reference.  0 or -ENOMEM.
 */
int silence_create(struct event_base *base, enum stream_id stream,
	void (*on_silence)(void *arg, struct frame *frame), void *arg, struct silence **out);
/* Accepts NULL. */
void silence_destroy(struct silence *silence);

/* Somebody listens from now on, or nobody any more. */
void silence_start(struct silence *silence);
void silence_stop(struct silence *silence);

/* A record of that pts has come; on_silence() may be called from within.   False: silence has taken
 * its place already. */
bool silence_heard(struct silence *silence, uint64_t pts_ns);
