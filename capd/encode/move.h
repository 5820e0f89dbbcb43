/* SPDX-License-Identifier: MIT */
/*
 * What can be copied: the rectangles of the canvas that have moved by a given shift.
 *
 *     shift ──► every dirty tile: is it what lay there before? ──► the best rectangle of tiles
 *           ──► widened pixel by pixel ──► copied on the canvas ──► which tiles are still dirty?
 *
 * Of several shifts the one that sets most right has to be first: what a copy overwrites cannot be
 * copied any more.
 *
 * A rectangle is worth the tiles that a copy sets right, less those that were right and that it
 * spoils; tiles that must be painted anyway (a caret in what scrolls) cost next to nothing, so that
 * a rectangle goes over them.  The best one is found as the largest sum of a submatrix (Bentley,
 * Programming Pearls, 8: columns are summed up, then Kadane's scan), again and again until none is
 * worth it.  Nothing here is believed: after a copy every tile under it is compared with the
 * picture.  Pure computing; one thread at a time for each object.
 */
#pragma once

#include "capd/encode/canvas.h"
#include "capd/encode/payload.h"
#include "capd/encode/shift.h"

#define MOVE_COPIES_MAX 16u /* copies in one record */

struct move_finder; /* opaque */

/* For a canvas of this size.  0 or -ENOMEM. */
int move_finder_create(const struct canvas *canvas, struct move_finder **out);
/* Accepts NULL. */
void move_finder_destroy(struct move_finder *finder);

/* Begins a frame: which of the dirty tiles are of one colour, and so would fit anywhere?  How many
 * are not. */
uint32_t move_begin(struct move_finder *finder, const struct canvas *canvas,
	const struct picture *picture, const uint8_t *is_dirty);

/* An estimate of how many dirty tiles copies by this shift would set right, from a part of them. */
uint32_t move_rate(const struct move_finder *finder, const struct canvas *canvas,
	const struct picture *picture, const uint8_t *is_dirty, const struct shift *shift);

/*
 * Appends the copies that are worth it for this shift, makes them on the canvas, and brings
 * is_dirty (a byte for each tile) up to date.  How many copies; -ENOMEM.
 */
int move_apply(struct move_finder *finder, struct canvas *canvas, const struct picture *picture,
	uint8_t *is_dirty, const struct shift *shift, const struct canvas_time *time,
	struct payload *out);
