/* SPDX-License-Identifier: MIT */
/*
 * The last steps of a delta stream, for viewers who missed some of them (doc/architecture.md, "The
 * delta stream").
 *
 *     step n−3   step n−2   step n−1   step n      who holds n−3 is given the last three of them,
 *        └──────────┴──────────┴──────────┘        one behind the other, in one message
 *
 * A step is of use only to who has all of those before it, so what is kept is always an unbroken
 * row that ends at the newest.  Kept are references: nothing is copied, and what is sent is the
 * frames themselves.  Bounded by STEP_HISTORY_MAX steps and STEP_HISTORY_BYTES_MAX bytes, but for
 * the newest, which is kept whatever its size.  While refinements come, one after the other, they
 * are kept until they make up a picture: whoever takes them more slowly than they are made is given
 * them in its own time, and owed nothing.
 *
 * Whether missed steps are worth sending is a matter of bytes: a catch-up paints what changed once,
 * but whole, where a step may have moved it.  What it would take is judged by the steps themselves:
 * as much as the largest of them, and for the largest area that was only copied a byte for
 * every PIXELS_A_BYTE (a page of anti-aliased text takes one for 13).
 *
 * Embedded; begin with zeroes, end with step_history_clear().  Event-loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "httpd/frame.h"

#define STEP_HISTORY_MAX       32u
#define STEP_HISTORY_BYTES_MAX (1u << 20)
/* The same, as long as the newest is a refinement: noise in all of 1080p is 6 MB in 97. */
#define STEP_HISTORY_EXACT_MAX       128u
#define STEP_HISTORY_EXACT_BYTES_MAX (8u << 20)

struct step_history {
	struct {
		struct frame *frame;
		uint32_t copied_px;      /* the pixels that its copies write */
	} steps[STEP_HISTORY_EXACT_MAX]; /* a ring */
	unsigned first, n;
	size_t bytes;
};

/* Frames whose operations follow each other in one message, the oldest first; borrowed. */
struct frame_run {
	struct frame *frames[STEP_HISTORY_EXACT_MAX];
	unsigned n;
	size_t bytes;
	bool has_refinement, has_change; /* steps that are refinements, and that are not */
	bool is_worth_it;                /* hardly more than a catch-up in its place would be */
};

/* A step has come; one that does not lead on from the last begins a new row. */
void step_history_add(struct step_history *history, struct frame *step);
void step_history_clear(struct step_history *history);

/*
 * All steps from the sequence `held` to the newest; of refinements alone no more than the first
 * that make up a message of their kind.  False: they are not all here.
 */
bool step_history_since(const struct step_history *history, uint64_t held, struct frame_run *run);
