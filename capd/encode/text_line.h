/* SPDX-License-Identifier: MIT */
/*
 * A line of text on one colour, as operations.
 *
 *     line ──► glyphs that stand elsewhere on the canvas ──► glyphs: six bytes each
 *          └─► the others, as one PNG, turned: its columns are rows
 *
 * Turned, equal letters are equal runs of bytes.  Without the room between the lines such a row is
 * short: a letter is one match of deflate's (258 bytes at most), and all of the line lies in its
 * window.
 *
 * Lines are painted on background that is there already; all lines of a box between text_begin()
 * and text_end().  One thread at a time for each object.
 */
#pragma once

#include <stdbool.h>

#include "capd/encode/canvas.h"
#include "capd/encode/payload.h"
#include "capd/encode/png.h"
#include "capd/picture.h"

struct text_writer; /* opaque: what is known of glyphs, and scratch */

/* `png` is borrowed.  0 or -ENOMEM. */
int text_writer_create(struct png_writer *png, struct text_writer **out);
/* Accepts NULL. */
void text_writer_destroy(struct text_writer *writer);

/* `canvas` as in exact_write(): borrowed until text_end().  Nothing is copied out of `box`. */
void text_begin(struct text_writer *writer, const struct canvas *canvas, const struct box *box);
/* The glyphs of the lines that were written are known from now on. */
void text_end(struct text_writer *writer);

/* Appends what paints the line (a box without background at its sides).  0 or -ENOMEM. */
int text_write_line(struct text_writer *writer, const struct picture *picture,
	const struct box *line, uint32_t background, struct payload *out);
/* Were glyphs copied in any of the box's lines? */
bool text_has_copied(const struct text_writer *writer);

/* Are most glyphs of the box's lines known?  If not, they are from text_end() on. */
bool text_is_known(struct text_writer *writer, const struct picture *picture, const struct box *box,
	uint32_t background);

/* What was in `source` on the canvas was copied to dx, dy pixels further on. */
void text_note_copy(struct text_writer *writer, const struct box *source, int32_t dx, int32_t dy);
