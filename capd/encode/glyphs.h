/* SPDX-License-Identifier: MIT */
/*
 * Where on the canvas a glyph already stands.
 *
 *     line of text ──► cells between blank columns ──► seen before? ──► still there? ──► copied
 *                               └── painted: remembered by what it looks like ──► table
 *                                        canvas scrolls: what is remembered goes along
 *
 * A letter costs 20 to 60 bytes as PNG when it comes for the first time in an image, and each
 * record has images of its own; where it stands on the canvas it can be copied from, for six bytes.
 * Nothing is believed: before a glyph is used the canvas is compared with what it is to show.
 *
 * One thread at a time for each object.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "capd/encode/canvas.h"
#include "capd/picture.h"

struct glyphs; /* opaque */

/* 0 or -ENOMEM. */
int glyphs_create(struct glyphs **out);
/* Accepts NULL. */
void glyphs_destroy(struct glyphs *glyphs);

/* What stands between two blank columns of a line, and how it is known again. */
struct glyph_cell {
	struct box box; /* without the background around it */
	uint64_t key;
};

/*
 * The next cell of a line at or after column `x`.  False: there is none.  One that is too large to
 * be a glyph has the key 0.
 */
bool glyph_cell_next(const struct picture *picture, const struct box *line, uint32_t background,
	int32_t x, struct glyph_cell *cell);

/*
 * Is there a place on the canvas, outside of `avoid`, that shows what the picture shows in the
 * cell's columns of the line, exactly for everybody?  Then *x, *y: its top left.
 */
bool glyphs_find(const struct glyphs *glyphs, const struct canvas *canvas,
	const struct picture *picture, const struct glyph_cell *cell, const struct box *line,
	const struct box *avoid, int32_t *x, int32_t *y);

/* The cell is painted. */
void glyphs_learn(struct glyphs *glyphs, const struct glyph_cell *cell);

/* What was in `source` is now also dx, dy pixels further on. */
void glyphs_move(struct glyphs *glyphs, const struct box *source, int32_t dx, int32_t dy);
