/* SPDX-License-Identifier: MIT */
#include "capd/screen/tiles.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "capd/vector.h"

#define TILE_BYTES (TILE_SIDE * PIXEL_BYTES) /* of one row of a tile: one cache line */
#define ROW_ALIGN  64u
#define HUGE_PAGE  (2u * 1024u * 1024u)

struct tiles {
	struct picture picture; /* the last one; pixels are ours */
	uint32_t columns, rows;
	uint64_t *changed_at;     /* columns × rows */
	uint64_t *row_changed_at; /* rows: the newest of each */
	uint8_t *differs;         /* columns: scratch for one row of tiles */
};

/* A huge page spares page faults on the first picture and TLB misses on every later one. */
static uint8_t *pixels_alloc(size_t len)
{
	size_t align = len >= HUGE_PAGE ? HUGE_PAGE : ROW_ALIGN;
	void *pixels;

	len = (len + align - 1) / align * align;
	if (posix_memalign(&pixels, align, len) != 0)
		return NULL;
	if (align == HUGE_PAGE)
		madvise(pixels, len, MADV_HUGEPAGE); /* only a wish: without it, small pages */
	memset(pixels, 0, len);
	return pixels;
}

int tiles_create(uint32_t width, uint32_t height, struct tiles **out)
{
	struct tiles *tiles;

	if (width == 0 || height == 0 || width > PICTURE_SIDE_MAX || height > PICTURE_SIDE_MAX)
		return -EINVAL;
	tiles = calloc(1, sizeof(*tiles));
	if (!tiles)
		return -ENOMEM;
	tiles->picture.width = width;
	tiles->picture.height = height;
	tiles->picture.stride =
		((size_t)width * PIXEL_BYTES + ROW_ALIGN - 1) / ROW_ALIGN * ROW_ALIGN;
	tiles->columns = (width + TILE_SIDE - 1) / TILE_SIDE;
	tiles->rows = (height + TILE_SIDE - 1) / TILE_SIDE;
	tiles->picture.pixels = pixels_alloc(tiles->picture.stride * height);
	tiles->changed_at = calloc((size_t)tiles->columns * tiles->rows, sizeof(uint64_t));
	tiles->row_changed_at = calloc(tiles->rows, sizeof(uint64_t));
	tiles->differs = calloc(tiles->columns, 1);
	if (!tiles->picture.pixels || !tiles->changed_at || !tiles->row_changed_at ||
		!tiles->differs) {
		tiles_destroy(tiles);
		return -ENOMEM;
	}
	*out = tiles;
	return 0;
}

void tiles_destroy(struct tiles *tiles)
{
	if (!tiles)
		return;
	free(tiles->picture.pixels);
	free(tiles->changed_at);
	free(tiles->row_changed_at);
	free(tiles->differs);
	free(tiles);
}

/*
 * One row of one whole tile.  What differs in any byte is copied, so that a fourth byte that once
 * differed does not cost a store every time; only a difference that can be seen counts.
 */
static inline uint8_t take_segment(uint8_t *old, const uint8_t *new)
{
	vector_u32 a = vector_load(new), b = vector_load(new + 16), c = vector_load(new + 32),
		   d = vector_load(new + 48);
	vector_u32 difference = (a ^ vector_load(old)) | (b ^ vector_load(old + 16)) |
				(c ^ vector_load(old + 32)) | (d ^ vector_load(old + 48));

	if (!vector_has_bit(difference))
		return 0;
	vector_store(old, a);
	vector_store(old + 16, b);
	vector_store(old + 32, c);
	vector_store(old + 48, d);
	return vector_has_bit(difference & PIXEL_MASK);
}

/* The same for the last tile of a row where the width is no multiple of 16. */
static uint8_t take_partial(uint8_t *old, const uint8_t *new, uint32_t n_pixels)
{
	uint32_t difference = 0;

	for (uint32_t i = 0; i < n_pixels; i++) {
		uint32_t a, b;
		memcpy(&a, new + (size_t)i *PIXEL_BYTES, sizeof(a));
		memcpy(&b, old + (size_t)i * PIXEL_BYTES, sizeof(b));
		difference |= (a ^ b) & PIXEL_MASK;
	}
	memcpy(old, new, (size_t)n_pixels * PIXEL_BYTES);
	return difference != 0;
}

/* Columns x0 to x1 (of tiles) of one row of pixels: compare and copy in one pass. */
static void take_row(
	const struct tiles *tiles, uint8_t *old, const uint8_t *new, uint32_t x0, uint32_t x1)
{
	uint32_t whole_end = tiles->picture.width / TILE_SIDE;

	for (uint32_t x = x0; x < x1 && x < whole_end; x++)
		tiles->differs[x] |=
			take_segment(old + (size_t)x * TILE_BYTES, new + (size_t)x *TILE_BYTES);
	if (x1 > whole_end)
		tiles->differs[whole_end] |= take_partial(old + (size_t)whole_end * TILE_BYTES,
			new + (size_t)whole_end *TILE_BYTES, tiles->picture.width % TILE_SIDE);
}

/* Notes and counts what take_row() found in one row of tiles, and clears the scratch. */
static size_t note_row(
	struct tiles *tiles, uint32_t row, uint32_t x0, uint32_t x1, uint64_t sequence)
{
	uint64_t *changed_at = tiles->changed_at + (size_t)row * tiles->columns;
	size_t n = 0;

	for (uint32_t x = x0; x < x1; x++) {
		if (!tiles->differs[x])
			continue;
		changed_at[x] = sequence;
		tiles->differs[x] = 0;
		n++;
	}
	if (n > 0)
		tiles->row_changed_at[row] = sequence;
	return n;
}

static uint32_t clip(int32_t value, uint32_t max)
{
	if (value < 0)
		return 0;
	return (uint32_t)value > max ? max : (uint32_t)value;
}

size_t tiles_update(struct tiles *tiles, const struct picture *picture, const struct box *hint,
	uint64_t sequence, bool everything)
{
	uint32_t px0 = clip(hint->x0, tiles->picture.width);
	uint32_t px1 = clip(hint->x1, tiles->picture.width);
	uint32_t y0 = clip(hint->y0, tiles->picture.height);
	uint32_t y1 = clip(hint->y1, tiles->picture.height);
	uint32_t x0, x1;
	size_t n = 0;

	assert(picture->width == tiles->picture.width && picture->height == tiles->picture.height);
	if (px0 >= px1)
		return 0;
	/* Rows inside the hint are fresh in their whole width: whole tiles are cheaper than pixels.
	 */
	x0 = px0 / TILE_SIDE;
	x1 = (px1 + TILE_SIDE - 1) / TILE_SIDE;
	for (uint32_t y = y0; y < y1; y++) {
		uint8_t *old = tiles->picture.pixels + tiles->picture.stride * y;
		const uint8_t *new = picture->pixels + picture->stride *y;

		if (everything) {
			size_t start = (size_t)x0 * TILE_BYTES;
			size_t end = (size_t)(x1 * TILE_SIDE < picture->width ? x1 * TILE_SIDE
									      : picture->width) *
				     PIXEL_BYTES;
			memcpy(old + start, new + start, end - start);
			memset(tiles->differs + x0, 1, x1 - x0);
		} else {
			take_row(tiles, old, new, x0, x1);
		}
		if (y + 1 == y1 || (y + 1) % TILE_SIDE == 0)
			n += note_row(tiles, y / TILE_SIDE, x0, x1, sequence);
	}
	return n;
}

const struct picture *tiles_picture(const struct tiles *tiles)
{
	return &tiles->picture;
}

uint32_t tiles_columns(const struct tiles *tiles)
{
	return tiles->columns;
}

uint32_t tiles_rows(const struct tiles *tiles)
{
	return tiles->rows;
}

const uint64_t *tiles_changed_at(const struct tiles *tiles)
{
	return tiles->changed_at;
}

uint64_t tiles_row_changed_at(const struct tiles *tiles, uint32_t row)
{
	assert(row < tiles->rows);
	return tiles->row_changed_at[row];
}
