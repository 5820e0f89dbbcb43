/* SPDX-License-Identifier: MIT */
/*
 * The delta stream: for whoever keeps up only what has changed, and text exact.
 *
 *     tiles ──► dirty tiles ──► shifts ──► copies ──► regions ──► png or jpeg ──► step
 *     cursor ──────────────────────────────────────────────────► pointer ──┘
 *     asked for since s: what changed after s ─────────────────► png or jpeg ──► catch-up
 *     still for half a second: what went as jpeg ──────────────► png ──────────► refinement
 *
 * The encoder keeps what the viewers have (capd/encode/canvas.h).  Each operation is made on that
 * canvas first, and what then still differs from the grab is painted: so a list of operations leads
 * to the frame exactly, or exactly but for its JPEGs, whatever the search for moves has found.
 *
 * The records have a sequence of their own (+1 for each step), which begins with 1 in each encoder,
 * that is, in each ring.  The first record, and the next one after any failure, is a catch-up since
 * 0: the whole picture.  The formats and what they apply to: common/delta_ops.h.
 *
 * A catch-up leaves those whom it helps with JPEGs where others are exact.  Such tiles are owed;
 * they are paid in exact catch-ups, piece by piece, as often as somebody asks for one.
 */
#pragma once

#include <stdbool.h>

#include "capd/encode/encoder.h"
#include "capd/encode/strip_cache.h"

extern const struct encoder_ops delta_ops;

/* For pictures of one size; the options are those of its JPEGs.  0, -EINVAL (size), -ENOMEM. */
int delta_create(const struct strip_cache_options *options, uint32_t width, uint32_t height,
	struct encoder **out);

/*
 * A catch-up from `since` (0: from nothing) to the newest record; `exact`: the next piece of what
 * is owed, since 0: everything is owed anew.  Of the input only payload_max and pts_ns count.  0
 * and *result; -EAGAIN: there is nothing to catch up with (the viewer has the newest, or a whole
 * picture is due anyway); -EMSGSIZE, -ENOMEM.
 */
int delta_catch_up(struct encoder *delta, const struct encoder_input *input, uint64_t since,
	bool exact, struct encoder_result *result);

/* When delta_refine() has something to do; UINT64_MAX: not before the screen changes. */
uint64_t delta_refine_due_ns(const struct encoder *delta);
/*
 * The next piece of what went as JPEG and has been still until input->pts_ns, as a step of its own.
 * 0 and *result; -EAGAIN: nothing is due; -ENOMEM.
 */
int delta_refine(
	struct encoder *delta, const struct encoder_input *input, struct encoder_result *result);
