/* SPDX-License-Identifier: MIT */
#include "capd/encode/glyphs.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_SIZE 4096u /* a power of two; a newer glyph takes an older one's place */
#define PLACES     2u /* the last one, and one of another line, if that is painted over just now */
#define SIDE_MAX   64 /* pixels of a glyph */

struct known {
	uint64_t key; /* 0: none */
	struct box places[PLACES];
};

struct glyphs {
	struct known table[TABLE_SIZE];
};

int glyphs_create(struct glyphs **out)
{
	struct glyphs *glyphs = calloc(1, sizeof(*glyphs));

	if (!glyphs)
		return -ENOMEM;
	*out = glyphs;
	return 0;
}

void glyphs_destroy(struct glyphs *glyphs)
{
	free(glyphs);
}

static uint32_t pixel_at(const struct picture *picture, int32_t x, int32_t y)
{
	uint32_t pixel;

	memcpy(&pixel, picture->pixels + picture->stride * (size_t)y + (size_t)x * 4,
		sizeof(pixel));
	return pixel & PIXEL_MASK;
}

/* Widens *y0 to *y1 by the rows in which the column is not blank.  True: it is. */
static bool is_blank_column(const struct picture *picture, const struct box *line,
	uint32_t background, int32_t x, int32_t *y0, int32_t *y1)
{
	bool is_blank = true;

	for (int32_t y = line->y0; y < line->y1; y++) {
		if (pixel_at(picture, x, y) == background)
			continue;
		is_blank = false;
		if (y < *y0)
			*y0 = y;
		if (y >= *y1)
			*y1 = y + 1;
	}
	return is_blank;
}

static uint64_t key_of(const struct picture *picture, const struct box *box)
{
	uint64_t key = (uint64_t)(box->x1 - box->x0) << 32 | (uint32_t)(box->y1 - box->y0);

	for (int32_t y = box->y0; y < box->y1; y++) {
		for (int32_t x = box->x0; x < box->x1; x++) {
			key = (key ^ pixel_at(picture, x, y)) * 0x9e3779b97f4a7c15ull;
			key ^= key >> 29;
		}
	}
	return key ? key : 1;
}

bool glyph_cell_next(const struct picture *picture, const struct box *line, uint32_t background,
	int32_t x, struct glyph_cell *cell)
{
	struct box *box = &cell->box;

	*box = (struct box){x, line->y1, x, line->y0};
	while (box->x0 < line->x1 &&
		is_blank_column(picture, line, background, box->x0, &box->y0, &box->y1))
		box->x0++;
	if (box->x0 >= line->x1)
		return false;
	for (box->x1 = box->x0 + 1; box->x1 < line->x1; box->x1++)
		if (is_blank_column(picture, line, background, box->x1, &box->y0, &box->y1))
			break;
	cell->key = box->x1 - box->x0 <= SIDE_MAX && box->y1 - box->y0 <= SIDE_MAX
			    ? key_of(picture, box)
			    : 0;
	return true;
}

static bool overlap(const struct box *a, const struct box *b)
{
	return a->x0 < b->x1 && b->x0 < a->x1 && a->y0 < b->y1 && b->y0 < a->y1;
}

/* Neither a JPEG nor owed to anybody. */
static bool is_exact(const struct canvas *canvas, const struct box *box)
{
	struct box tiles = canvas_tiles_of(box);

	for (int32_t row = tiles.y0; row < tiles.y1; row++)
		for (int32_t column = tiles.x0; column < tiles.x1; column++)
			if (canvas->flags[(size_t)row * canvas->columns + (size_t)column])
				return false;
	return true;
}

static uint32_t slot_of(uint64_t key)
{
	return (uint32_t)(key >> 32) % TABLE_SIZE;
}

/* Does the canvas show, where the glyph stood, what is wanted?  Then *x, *y: its top left. */
static bool stands_at(const struct box *place, const struct canvas *canvas,
	const struct picture *picture, const struct glyph_cell *cell, const struct box *line,
	const struct box *avoid, int32_t *x, int32_t *y)
{
	struct box wanted = {cell->box.x0, line->y0, cell->box.x1, line->y1};
	int32_t dx = cell->box.x0 - place->x0, dy = cell->box.y0 - place->y0;
	struct box source = {wanted.x0 - dx, wanted.y0 - dy, wanted.x1 - dx, wanted.y1 - dy};

	if (overlap(&source, avoid) || !canvas_shows(canvas, picture, &wanted, dx, dy) ||
		!is_exact(canvas, &source))
		return false;
	*x = source.x0;
	*y = source.y0;
	return true;
}

bool glyphs_find(const struct glyphs *glyphs, const struct canvas *canvas,
	const struct picture *picture, const struct glyph_cell *cell, const struct box *line,
	const struct box *avoid, int32_t *x, int32_t *y)
{
	const struct known *known = &glyphs->table[slot_of(cell->key)];

	if (cell->key == 0 || known->key != cell->key)
		return false;
	for (unsigned i = 0; i < PLACES; i++)
		if (stands_at(&known->places[i], canvas, picture, cell, line, avoid, x, y))
			return true;
	return false;
}

void glyphs_learn(struct glyphs *glyphs, const struct glyph_cell *cell)
{
	struct known *known = &glyphs->table[slot_of(cell->key)];

	if (cell->key == 0)
		return;
	if (known->key != cell->key)
		known->places[1] = cell->box;
	else if (known->places[0].y0 != cell->box.y0)
		known->places[1] = known->places[0];
	known->places[0] = cell->box;
	known->key = cell->key;
}

static void move_place(struct box *place, const struct box *source, int32_t dx, int32_t dy)
{
	if (place->x0 < source->x0 || place->y0 < source->y0 || place->x1 > source->x1 ||
		place->y1 > source->y1)
		return;
	place->x0 += dx, place->x1 += dx, place->y0 += dy, place->y1 += dy;
}

void glyphs_move(struct glyphs *glyphs, const struct box *source, int32_t dx, int32_t dy)
{
	for (unsigned i = 0; i < TABLE_SIZE; i++)
		for (unsigned k = 0; k < PLACES; k++)
			move_place(&glyphs->table[i].places[k], source, dx, dy);
}
