/* SPDX-License-Identifier: MIT */
/*
 * When to look, and where.
 *
 * Whatever is drawn is drawn in pieces: a key press is a caret, a glyph, a highlight; a film frame
 * is thirty bands.  Grabbing at the first piece makes the rest wait for the next frame (measured:
 * typing p95 44 ms instead of 18).  So a grab is due when damage has been quiet for a moment, and
 * at most a few milliseconds after its first piece:
 *
 *     piece piece piece ───quiet──► due            never later than first + DAMAGE_PATIENCE
 *
 * and not before the frame rate's ceiling allows it: a token bucket with one frame of credit (GCRA,
 * ITU-T I.371), so that a source that is a little early or late loses nothing, and a single key
 * press does not wait for a tick.  Pure logic: time comes from the caller, in CLOCK_MONOTONIC ns.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "capd/picture.h"

#define DAMAGE_QUIET_NS       1000000u
#define DAMAGE_QUIET_LARGE_NS 2000000u
#define DAMAGE_PATIENCE_NS    8000000u
#define DAMAGE_NEVER          UINT64_MAX

struct damage {
	struct box extent; /* of what has been noted since it was last taken; empty: nothing */
	uint64_t first_ns, last_ns;
	uint64_t allowed_ns;  /* when the next frame would be due at exactly the ceiling rate */
	uint64_t interval_ns; /* of the ceiling */
	int64_t large_area;   /* pixels from which an extent counts as large */
};

/* For pictures of width × height, at most `millihertz` frames a 1000 s. */
void damage_init(struct damage *damage, uint32_t width, uint32_t height, uint32_t millihertz);
void damage_set_rate(struct damage *damage, uint32_t millihertz);

/* Something in `box` (clipped by the caller) may have changed. */
void damage_note(struct damage *damage, const struct box *box, uint64_t now_ns);
/* When to grab what has been noted; DAMAGE_NEVER if nothing has. */
uint64_t damage_due_ns(const struct damage *damage);
/* When the ceiling allows the next frame: for what is not damage (the pointer). */
uint64_t damage_allowed_ns(const struct damage *damage);
/* It is being looked at now: returns the extent, and starts anew. */
struct box damage_take(struct damage *damage);
/* The look has become a frame, which counts towards the ceiling. */
void damage_spend(struct damage *damage, uint64_t now_ns);

/* No pixel is in it. */
static inline bool box_is_empty(const struct box *box)
{
	return box->x0 >= box->x1 || box->y0 >= box->y1;
}
/* The smallest box around both. */
struct box box_union(const struct box *a, const struct box *b);
/* What of it lies within a picture of width × height; may be empty. */
struct box box_clip(const struct box *box, uint32_t width, uint32_t height);
