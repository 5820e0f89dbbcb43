/* SPDX-License-Identifier: MIT */
/*
 * By how much has something moved?  Finds the shifts that many pieces of the changed area agree on.
 *
 *     canvas ──► landmarks ─┐
 *                           ├─ same landmark ──► one vote for (x − x', y − y') ──► the most voted
 *     picture ─► landmarks ─┘
 *
 * A landmark is 32 pixels of a row that begin at a place chosen by what is there and not by where
 * it is: a sum over eight pixels has certain bits clear, and the first two differ.  So what moved
 * has the same landmarks before and after, in whatever direction it moved, and only one place in
 * eight to 128 is remembered.  Landmarks that occur twice say nothing and are not counted.
 *
 * Scrolling, a dragged window, several at once: all are shifts.  What really can be copied is for
 * capd/encode/move.h to find.  Measured: 1080p, all of it changed: see tests/bench/delta_alone.c.
 * Pure computing; one thread at a time for each object.
 */
#pragma once

#include <stdint.h>

#include "capd/encode/canvas.h"

#define SHIFTS_MAX 8u

/* What is at (x, y) now was at (x − dx, y − dy). */
struct shift {
	int32_t dx, dy;
};

struct shift_finder; /* opaque */

/* For pictures of at most this width.  0 or -ENOMEM. */
int shift_finder_create(uint32_t width, struct shift_finder **out);
/* Accepts NULL. */
void shift_finder_destroy(struct shift_finder *finder);

/*
 * Looks where is_dirty (a byte for each tile of the canvas, `n_dirty` of them set) says that the
 * two differ.  Returns how many shifts it found, the most voted first.
 */
unsigned shift_find(struct shift_finder *finder, const struct canvas *canvas,
	const struct picture *picture, const uint8_t *is_dirty, uint32_t n_dirty,
	struct shift shifts[SHIFTS_MAX]);
