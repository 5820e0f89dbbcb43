/* SPDX-License-Identifier: MIT */
/*
 * Paints a rectangle exactly, in as few bytes as it finds.
 *
 *     box ──► of one colour ──────────────────────────────────────► fill
 *         ├─► small: plain sides as fills, the rest as PNG ─────┐
 *         ├─► lines of text: a fill, glyphs from elsewhere, ────┼─► the shorter one
 *         │   the others line by line as PNG, turned            │
 *         └─► as it lies ──────────────────────────────► PNG ───┘
 *
 * Text that is new goes line by line with its columns as rows: equal
 * letters are equal runs of bytes then.  Without the room between the lines such a row is short:
 * a letter is one match of deflate's (258 bytes at most), and all of the line lies in its window.
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
