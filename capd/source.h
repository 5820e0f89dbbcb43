/* SPDX-License-Identifier: MIT */
/*
 * A source gives pictures and knows nothing of encoders, rings or sockets.
 *
 *     X11 | test picture | (Wayland: PipeWire) ──on_frame──► screen/pipeline ──► tiles ──► encoders
 *                                              ──on_state──► daemon ──► subscribers
 *
 * A source runs on the daemon's event loop and never blocks it longer than a grab takes.  It calls
 * on_frame when there is something to look at, at most as often as the rate allows; between two
 * calls the pixels are the source's to overwrite.  It is told the rate by set_rate at any time.
 *
 * States: a source starts in STATE_STARTING, says STATE_LIVE before its first frame, and says each
 * later change once, with words made where the fact is known.  It recovers by itself for as long as
 * it is started.
 */
#pragma once

#include <systemd/sd-event.h>

#include "capd/picture.h"
#include "common/config.h"
#include "common/stream.h"

struct source_frame {
	/* The whole picture's size; only rows inside `damage` need hold fresh pixels. */
	struct picture picture;
	/* Where something may have changed: a hint from above (a superset of what this grab
	 * covers). Empty: only the pointer has moved.  With a new size it is the whole picture. */
	struct box damage;
	struct cursor cursor;
	uint64_t pts_ns; /* CLOCK_MONOTONIC, when the pixels were taken */
};

struct source_listener {
	/* True if there was anything new in it: a look that found nothing need not count as a
	 * frame. */
	bool (*on_frame)(void *arg, const struct source_frame *frame);
	/* `words`: an English sentence without a full stop; NULL: state_words(state). */
	void (*on_state)(void *arg, enum source_state state, const char *words);
	void *arg;
};

struct source; /* each source's own */

struct source_ops {
	const char *name;
	/* 0 or -errno (memory).  `listener` is copied; `config` and `event` are borrowed for life.
	 */
	int (*create)(sd_event *event, const struct config *config,
		const struct source_listener *listener, struct source **out);
	/* Start looking.  Failure is a state, not an error. */
	void (*start)(struct source *source);
	/* Stop at once; the pixels of the last frame are gone afterwards.  Idempotent. */
	void (*stop)(struct source *source);
	/* Ceiling in frames per 1000 s (30 fps = 30000). */
	void (*set_rate)(struct source *source, uint32_t millihertz);
	/* Accepts NULL; stops first. */
	void (*destroy)(struct source *source);
};
