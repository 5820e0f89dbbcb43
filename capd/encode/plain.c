/* SPDX-License-Identifier: MIT */
#include "capd/encode/plain.h"

#include <stddef.h>
#include <string.h>

#define SAMPLES_SIDE 64u /* samples in each direction */
#define LINE_GAP     2   /* rows without anything that end a line */
#define DULL_ROWS    4   /* equal rows that are no text, … */
#define DULL_WIDTH   128 /* … if they are so wide: the stem of a letter has equal rows, too */

static uint32_t pixel_at(const struct picture *picture, int32_t x, int32_t y)
{
	uint32_t pixel;

	memcpy(&pixel, picture->pixels + picture->stride * (size_t)y + (size_t)x * 4,
		sizeof(pixel));
	return pixel & PIXEL_MASK;
}

static bool row_is(const struct picture *picture, const struct box *box, int32_t y, uint32_t colour)
{
	for (int32_t x = box->x0; x < box->x1; x++)
		if (pixel_at(picture, x, y) != colour)
			return false;
	return true;
}

static bool column_is(
	const struct picture *picture, const struct box *box, int32_t x, uint32_t colour)
{
	for (int32_t y = box->y0; y < box->y1; y++)
		if (pixel_at(picture, x, y) != colour)
			return false;
	return true;
}

bool plain_is(const struct picture *picture, const struct box *box, uint32_t *colour)
{
	uint32_t first = pixel_at(picture, box->x0, box->y0);

	for (int32_t y = box->y0; y < box->y1; y++)
		if (!row_is(picture, box, y, first))
			return false;
	*colour = first;
	return true;
}

/* Boyer and Moore's vote: whatever has the majority is left over. */
uint32_t plain_background(const struct picture *picture, const struct box *box)
{
	int32_t step_x = (box->x1 - box->x0) / (int32_t)SAMPLES_SIDE + 1;
	int32_t step_y = (box->y1 - box->y0) / (int32_t)SAMPLES_SIDE + 1;
	uint32_t winner = 0, n = 0;

	for (int32_t y = box->y0; y < box->y1; y += step_y) {
		for (int32_t x = box->x0; x < box->x1; x += step_x) {
			uint32_t colour = pixel_at(picture, x, y);

			if (n == 0)
				winner = colour;
			if (colour == winner)
				n++;
			else
				n--;
		}
	}
	return winner;
}

/* Each takes one side off; the part is empty if it is not plain, or background. */

static struct plain_part peel_row(
	const struct picture *picture, struct box *box, uint32_t background, bool is_top)
{
	int32_t y = is_top ? box->y0 : box->y1 - 1;
	struct plain_part part = {{box->x0, y, box->x1, y}, pixel_at(picture, box->x0, y)};

	if (part.colour == background)
		return part;
	if (is_top) {
		while (box->y0 < box->y1 && row_is(picture, box, box->y0, part.colour))
			part.box.y1 = ++box->y0;
	} else {
		part.box.y0 = part.box.y1 = box->y1;
		while (box->y1 > box->y0 && row_is(picture, box, box->y1 - 1, part.colour))
			part.box.y0 = --box->y1;
	}
	return part;
}

static struct plain_part peel_column(
	const struct picture *picture, struct box *box, uint32_t background, bool is_left)
{
	int32_t x = is_left ? box->x0 : box->x1 - 1;
	struct plain_part part = {{x, box->y0, x, box->y1}, pixel_at(picture, x, box->y0)};

	if (part.colour == background)
		return part;
	if (is_left) {
		while (box->x0 < box->x1 && column_is(picture, box, box->x0, part.colour))
			part.box.x1 = ++box->x0;
	} else {
		part.box.x0 = part.box.x1 = box->x1;
		while (box->x1 > box->x0 && column_is(picture, box, box->x1 - 1, part.colour))
			part.box.x0 = --box->x1;
	}
	return part;
}

unsigned plain_peel(const struct picture *picture, struct box *box, uint32_t background,
	struct plain_part parts[PLAIN_PARTS_MAX])
{
	unsigned n = 0, n_in_vain = 0;

	/* Round and round: behind a caret an underline ends at the box's side. */
	for (unsigned side = 0; n < PLAIN_PARTS_MAX && n_in_vain < 4; side = (side + 1) % 4) {
		struct box before = *box;
		struct plain_part part = side < 2 ? peel_column(picture, box, background, side == 0)
						  : peel_row(picture, box, background, side == 2);

		n_in_vain++;
		if (part.box.x0 >= part.box.x1 || part.box.y0 >= part.box.y1)
			continue;
		if (box->x0 >= box->x1 || box->y0 >= box->y1) {
			*box = before; /* plain: whoever paints it sees that */
			break;
		}
		parts[n++] = part;
		n_in_vain = 0;
	}
	return n;
}

static bool same_rows(const struct picture *picture, const struct box *box, int32_t y)
{
	for (int32_t x = box->x0; x < box->x1; x++)
		if (pixel_at(picture, x, y) != pixel_at(picture, x, y - 1))
			return false;
	return true;
}

/* Where the line that begins at `y` ends. */
static int32_t find_end(const struct picture *picture, const struct box *box, uint32_t background,
	int32_t y, bool *is_dull)
{
	int32_t begin = y, end = y + 1, n_blank = 0, n_same = 0;
	bool may_be_dull = box->x1 - box->x0 >= DULL_WIDTH;

	*is_dull = false;
	for (y++; y < box->y1 && n_blank < LINE_GAP; y++) {
		n_same = may_be_dull && same_rows(picture, box, y) ? n_same + 1 : 0;
		if (*is_dull && n_same == 0)
			return y;
		if (row_is(picture, box, y, background)) {
			n_blank++;
			continue;
		}
		n_blank = 0;
		if (n_same == DULL_ROWS - 1 && y - n_same > begin)
			return y - n_same;
		*is_dull = n_same >= DULL_ROWS - 1;
		end = y + 1;
	}
	return end;
}

bool plain_next_line(const struct picture *picture, const struct box *box, uint32_t background,
	int32_t y, bool is_last, struct plain_line *line)
{
	struct box *rows = &line->box;

	*rows = *box;
	for (rows->y0 = y; rows->y0 < box->y1; rows->y0++)
		if (!row_is(picture, box, rows->y0, background))
			break;
	if (rows->y0 == box->y1)
		return false;
	line->is_dull = false;
	if (!is_last)
		rows->y1 = find_end(picture, box, background, rows->y0, &line->is_dull);
	while (column_is(picture, rows, rows->x0, background))
		rows->x0++;
	while (column_is(picture, rows, rows->x1 - 1, background))
		rows->x1--;
	return true;
}

void plain_extend_up(
	const struct picture *picture, struct box *line, uint32_t background, int32_t n_max)
{
	for (int32_t y = line->y0 - 1; y >= 0 && line->y0 - y <= n_max; y--) {
		if (!row_is(picture, line, y, background))
			continue;
		line->y0 = y + 1;
		return;
	}
}
