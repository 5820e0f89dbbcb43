/* SPDX-License-Identifier: MIT */
/*
 * Exact or JPEG?  Paints a rectangle of the picture into a payload, by what it costs.
 *
 *     box ──► bands ──► small ─────────────────────────────► fills and png: exact
 *                   ├─► few colours, while there is time ──► fills and png
 *                   └─► a photograph, or out of time ──────► jpeg: approximate
 *
 * Text and windows cost less as PNG than as JPEG, and arrive exact.  Whether a band is a photograph
 * is seen from a sample of its pixels.  PNG takes two to ten times JPEG's time, so it has a budget
 * in each record; what comes after that goes as JPEG, and is made exact when the screen is still.
 * How the exact operations are made short: capd/encode/exact.h.
 *
 * One thread at a time for each object (JPEG's helper aside).
 */
#pragma once

#include "capd/encode/canvas.h"
#include "capd/encode/payload.h"
#include "capd/encode/png.h"
#include "capd/encode/strip_cache.h"
#include "capd/picture.h"

struct painter; /* opaque */

/* For pictures of at most this height.  0, -EINVAL, -ENOMEM. */
int painter_create(
	const struct strip_cache_options *options, uint32_t height_max, struct painter **out);
/* Accepts NULL. */
void painter_destroy(struct painter *painter);

/* Begins a record: PNG may take `budget_ns` of this thread's time, 0: there will be none; the
 * payload may be `len_max` long. */
void painter_begin(struct painter *painter, uint64_t budget_ns, uint64_t pts_ns, size_t len_max);

/* A rectangle was painted: exactly, or not. */
typedef void painted_fn(void *arg, const struct box *box, bool is_exact);

/*
 * Paints `box` of the picture, whose sides are those of tiles, or the picture's.  For an exact part
 * first `tighten` (NULL: nothing to take away) may make the box smaller, or empty.  `painted` is
 * called for each part when it is in the payload.  0, -EMSGSIZE, -ENOMEM.
 */
struct paint_ops {
	void (*tighten)(void *arg, struct box *box);
	const struct canvas *canvas; /* as exact_write() wants it */
	painted_fn *painted;
	void *arg;
};
int painter_paint(struct painter *painter, const struct picture *picture, const struct box *box,
	const struct paint_ops *ops, struct payload *out);

/* Paints `box` as PNG whatever it costs.  0 or -ENOMEM. */
int painter_paint_exact(struct painter *painter, const struct picture *picture,
	const struct box *box, struct payload *out);

/* What was in `source` on the canvas was copied to dx, dy pixels further on. */
void painter_note_copy(struct painter *painter, const struct box *source, int32_t dx, int32_t dy);

/* The PNG writer, for pointers. */
struct png_writer *painter_png(struct painter *painter);
