/* SPDX-License-Identifier: MIT */
/*
 * The pointer as an encoder of whole pictures sees it: which pixels it covers, whether that has
 * changed, and how it is blended over a copy of a row.
 *
 * Many pointers are small pictures inside large transparent ones: only the box of what can be seen
 * counts, so that fewer strips are encoded anew.  Pure computing.
 */
#pragma once

#include <stdbool.h>

#include "capd/picture.h"

/* Begin with zeroes: no pointer. */
struct pointer {
	uint64_t shape_id;
	uint32_t image_width, image_height;
	struct box ink; /* of the shape: what is not wholly transparent, inside the image */
	int32_t x, y;   /* of the image */
	struct box box; /* what it covers of the picture; empty: nothing can be seen */
};

/*
 * Brings the pointer to `cursor` on a picture of this size.  True if what can be seen has changed:
 * what it covered before (the caller keeps that box) and what it covers now must be drawn anew.
 */
bool pointer_move(
	struct pointer *pointer, const struct cursor *cursor, uint32_t width, uint32_t height);

/* Does it cover any of the rows y0 … y1 − 1? */
bool pointer_covers(const struct pointer *pointer, uint32_t y0, uint32_t y1);

/* Blends the pointer, as brought to `cursor`, over row `y` of the picture (BGRX, the whole width).
 */
void pointer_blend(
	const struct pointer *pointer, const struct cursor *cursor, uint32_t y, uint8_t *row);
