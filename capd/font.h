/* SPDX-License-Identifier: MIT */
/*
 * A small font for what we draw ourselves: printable ASCII, every character as wide, drawn as
 * strokes (capd/draw.h), so that it is as smooth on a television as in a corner.
 *
 * A cell is 16 × 32 units: capitals from 5 to 24, small letters from 11, descenders to 30.  `scale`
 * 1 makes it 8 × 16 pixels.
 */
#pragma once

#include <stddef.h>

#define FONT_CELL_WIDTH  8u  /* pixels at scale 1 */
#define FONT_CELL_HEIGHT 16u /* " */
#define FONT_UNITS       2u  /* units of a path to such a pixel */

/* The strokes of one character; any but printable ASCII is a box.  Never NULL. */
const char *font_path(unsigned character);

/*
 * The next character of UTF-8 text, and how many bytes it takes in *len; 0 at the end.  Anything
 * but printable ASCII is one character (one box), however many bytes it has and however broken it
 * is.
 */
unsigned font_next(const char *text, size_t *len);

/* One line of a text: `len` bytes from `start`, as wide as `n_cells`. */
struct font_line {
	const char *start;
	size_t len;
	unsigned n_cells;
};

/*
 * Breaks text into lines of at most `n_cells` (> 0), at spaces where there are any, and at line
 * feeds. Returns how many lines it takes; only the first `max` are stored.
 */
size_t font_wrap(const char *text, unsigned n_cells, struct font_line *lines, size_t max);
