/* SPDX-License-Identifier: MIT */
/*
 * A JPEG of a rectangle of the screen, as one operation of the delta stream needs it.
 *
 *     rows ──► strips, on one or two threads ──► head │ strip 0, RST0 │ strip 1 … EOI ──► payload
 *
 * The strips are those of the strip cache (capd/encode/strip_cache.h), but none is kept: the screen
 * under such a rectangle is a film.  If it does not fit, the quality goes down until it does.  The
 * Huffman tables are fitted to a sample of a large rectangle, and anew every now and then.
 * One caller at a time.
 */
#pragma once

#include "capd/encode/payload.h"
#include "capd/encode/strip_cache.h"
#include "capd/picture.h"

struct jpeg_rect; /* opaque */

/* For rectangles of pictures of at most this height.  0, -EINVAL, -ENOMEM. */
int jpeg_rect_create(
	const struct strip_cache_options *options, uint32_t height_max, struct jpeg_rect **out);
/* Accepts NULL. */
void jpeg_rect_destroy(struct jpeg_rect *rect);

/*
 * Appends the JPEG of `box` of the picture (inside it, not empty), of at most `len_max` bytes.  0;
 * -EMSGSIZE: it does not fit at the lowest quality; -ENOMEM.  On failure the payload is as before.
 */
int jpeg_rect_write(struct jpeg_rect *rect, const struct picture *picture, const struct box *box,
	uint64_t pts_ns, size_t len_max, struct payload *out);
