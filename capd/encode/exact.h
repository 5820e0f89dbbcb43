/* SPDX-License-Identifier: MIT */
/*
 * Paints a rectangle exactly, in as few bytes as it finds.
 *
 *     box ──► of one colour ──────────────────────────────────────► fill
 *         ├─► small, or a strip: plain sides as fills, the rest
 *         │   as a fill and lines (capd/encode/text_line.h) ────┬─► the shorter one
 *         └─► as it lies ──────────────────────────────► PNG ───┘
 *
 * What came into view behind a copy goes line by line also where it is more than a strip, if most
 * of its glyphs are known.
 *
 * One thread at a time for each object.
 */
#pragma once

#include <stdbool.h>

#include "capd/encode/canvas.h"
#include "capd/encode/payload.h"
#include "capd/encode/png.h"
#include "capd/picture.h"

struct exact_writer; /* opaque */

/* 0 or -ENOMEM. */
int exact_writer_create(struct exact_writer **out);
/* Accepts NULL. */
void exact_writer_destroy(struct exact_writer *writer);

/* Begins a record. */
void exact_begin(struct exact_writer *writer);

/*
 * Appends operations that paint `box` (inside the picture, not empty).  `canvas` is what all whom
 * the record is for have before it; NULL: they have not all the same, and nothing is copied.
 * 0 or -ENOMEM.
 */
int exact_write(struct exact_writer *writer, const struct picture *picture, const struct box *box,
	const struct canvas *canvas, struct payload *out);

/* What was in `source` on the canvas was copied to dx, dy pixels further on, in this record. */
void exact_note_copy(struct exact_writer *writer, const struct box *source, int32_t dx, int32_t dy);

/* The same as one PNG, whatever it shows; `is_photo` as in png_write(). */
int exact_write_png(struct exact_writer *writer, const struct picture *picture,
	const struct box *box, bool is_photo, struct payload *out);

/* The PNG writer, for pointers. */
struct png_writer *exact_png(struct exact_writer *writer);
