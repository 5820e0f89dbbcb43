/* SPDX-License-Identifier: MIT */
/*
 * What of a rectangle is plain: of one colour.  A caret, an underline, the room between lines of
 * text are; a fill says so in 20 bytes, where even the shortest PNG has 100.
 *
 *     ┌──────────────┬─┐    the sides that are plain and not of the background's colour come off
 *     │ glyph        │ │◄── (a caret, an underline), and what is left has fewer colours: mostly
 *     │              │ │    greys, for which a PNG needs no palette
 *     ├──────────────┴─┤
 *     └────────────────┘
 *
 * Pure computing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "capd/picture.h"

#define PLAIN_PARTS_MAX 4u

/* A rectangle of one colour, 0x00RRGGBB. */
struct plain_part {
	struct box box;
	uint32_t colour;
};

/* Is all of the box (not empty) of one colour?  Then it is *colour. */
bool plain_is(const struct picture *picture, const struct box *box, uint32_t *colour);

/* The colour of most of the box, from a sample of it; any of them where none has the majority. */
uint32_t plain_background(const struct picture *picture, const struct box *box);

/*
 * Takes plain sides of another colour than the background's away from the box, which is not plain:
 * something is left.  Returns how many parts that was.
 */
unsigned plain_peel(const struct picture *picture, struct box *box, uint32_t background,
	struct plain_part parts[PLAIN_PARTS_MAX]);

/* Rows that belong together, without the background to their left and right. */
struct plain_line {
	struct box box;
	bool is_dull; /* wide, and all its rows are the same: a border, a bar; not text */
};

/*
 * The next line of what is no background, at or after row `y`.  One of text ends where two rows are
 * background, or where a dull one begins; with `is_last` nothing ends it.  False: there is none.
 */
bool plain_next_line(const struct picture *picture, const struct box *box, uint32_t background,
	int32_t y, bool is_last, struct plain_line *line);

/* Makes the line longer upwards until a row is background, by at most n_max rows; as it was: none
 * is.
 */
void plain_extend_up(
	const struct picture *picture, struct box *line, uint32_t background, int32_t n_max);
