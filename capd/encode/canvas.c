/* SPDX-License-Identifier: MIT */
#include "capd/encode/canvas.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capd/screen/tiles.h"
#include "capd/vector.h"

int canvas_init(struct canvas *canvas, uint32_t width, uint32_t height)
{
	size_t n;

	*canvas = (struct canvas){0};
	if (width == 0 || height == 0 || width > PICTURE_SIDE_MAX || height > PICTURE_SIDE_MAX)
		return -EINVAL;
	canvas->columns = (width + TILE_SIDE - 1) / TILE_SIDE;
	canvas->rows = (height + TILE_SIDE - 1) / TILE_SIDE;
	n = (size_t)canvas->columns * canvas->rows;
	canvas->picture = (struct picture){
		.stride = (size_t)width * PIXEL_BYTES, .width = width, .height = height};
	canvas->picture.pixels = calloc(height, canvas->picture.stride);
	canvas->flags = calloc(n, 1);
	canvas->flags_before = calloc(n, 1);
	canvas->refined_before = calloc(n, sizeof(uint64_t));
	canvas->changed_at = calloc(n, sizeof(uint64_t));
	canvas->refined_at = calloc(n, sizeof(uint64_t));
	canvas->changed_ns = calloc(n, sizeof(uint64_t));
	if (canvas->picture.pixels && canvas->flags && canvas->flags_before &&
		canvas->refined_before && canvas->changed_at && canvas->refined_at &&
		canvas->changed_ns)
		return 0;
	canvas_fini(canvas);
	return -ENOMEM;
}

void canvas_fini(struct canvas *canvas)
{
	free(canvas->picture.pixels);
	free(canvas->flags);
	free(canvas->flags_before);
	free(canvas->refined_before);
	free(canvas->changed_at);
	free(canvas->refined_at);
	free(canvas->changed_ns);
	*canvas = (struct canvas){0};
}

static int32_t smaller(int32_t a, int32_t b)
{
	return a < b ? a : b;
}

static int32_t larger(int32_t a, int32_t b)
{
	return a > b ? a : b;
}

struct box canvas_tile_box(const struct canvas *canvas, uint32_t column, uint32_t row)
{
	int32_t side = TILE_SIDE, x = (int32_t)column * side, y = (int32_t)row * side;

	return (struct box){x, y, smaller(x + side, (int32_t)canvas->picture.width),
		smaller(y + side, (int32_t)canvas->picture.height)};
}

struct box canvas_tiles_of(const struct box *box)
{
	int32_t side = TILE_SIDE;

	return (struct box){box->x0 / side, box->y0 / side, (box->x1 + side - 1) / side,
		(box->y1 + side - 1) / side};
}

static uint8_t *pixel(const struct picture *picture, int32_t x, int32_t y)
{
	return picture->pixels + picture->stride * (size_t)y + (size_t)x * PIXEL_BYTES;
}

static inline uint32_t load_pixel(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return value & PIXEL_MASK;
}

/* `ours` has zeroes where `theirs` may have anything. */
static bool same_row(const uint8_t *ours, const uint8_t *theirs, int32_t n)
{
	vector_u32 difference = {0};
	int32_t i = 0;

	for (; i + 4 * VECTOR_LANES <= n; i += 4 * VECTOR_LANES) {
		for (int32_t k = 0; k < 4 * VECTOR_LANES; k += VECTOR_LANES)
			difference |=
				vector_load(ours + (size_t)(i + k) * PIXEL_BYTES) ^
				(vector_load(theirs + (size_t)(i + k) * PIXEL_BYTES) & PIXEL_MASK);
		if (vector_has_bit(difference))
			return false;
	}
	for (; i < n; i++)
		if (load_pixel(ours + (size_t)i * PIXEL_BYTES) !=
			load_pixel(theirs + (size_t)i * PIXEL_BYTES))
			return false;
	return true;
}

bool canvas_shows(const struct canvas *canvas, const struct picture *picture, const struct box *box,
	int32_t dx, int32_t dy)
{
	if (box->x0 - dx < 0 || box->y0 - dy < 0 || box->x1 - dx > (int32_t)canvas->picture.width ||
		box->y1 - dy > (int32_t)canvas->picture.height)
		return false;
	for (int32_t y = box->y0; y < box->y1; y++)
		if (!same_row(pixel(&canvas->picture, box->x0 - dx, y - dy),
			    pixel(picture, box->x0, y), box->x1 - box->x0))
			return false;
	return true;
}

void canvas_tighten(const struct canvas *canvas, const struct picture *picture, struct box *box)
{
	int32_t x0 = box->x1, x1 = box->x0;
	struct box row = *box;

	for (; box->y0 < box->y1; box->y0++) {
		row.y0 = box->y0, row.y1 = box->y0 + 1;
		if (!canvas_shows(canvas, picture, &row, 0, 0))
			break;
	}
	for (; box->y0 < box->y1; box->y1--) {
		row.y0 = box->y1 - 1, row.y1 = box->y1;
		if (!canvas_shows(canvas, picture, &row, 0, 0))
			break;
	}
	for (int32_t y = box->y0; y < box->y1; y++) {
		const uint8_t *ours = pixel(&canvas->picture, 0, y), *theirs = pixel(picture, 0, y);
		int32_t x;

		for (x = box->x0; x < x0; x++)
			if (load_pixel(ours + (size_t)x * PIXEL_BYTES) !=
				load_pixel(theirs + (size_t)x * PIXEL_BYTES))
				break;
		x0 = x;
		for (x = box->x1; x > x1; x--)
			if (load_pixel(ours + (size_t)(x - 1) * PIXEL_BYTES) !=
				load_pixel(theirs + (size_t)(x - 1) * PIXEL_BYTES))
				break;
		x1 = x;
	}
	box->x0 = x0;
	box->x1 = larger(x0, x1);
}

static struct box intersect(const struct box *a, const struct box *b)
{
	return (struct box){larger(a->x0, b->x0), larger(a->y0, b->y0), smaller(a->x1, b->x1),
		smaller(a->y1, b->y1)};
}

static bool covers(const struct box *outer, const struct box *inner)
{
	return outer->x0 <= inner->x0 && outer->y0 <= inner->y0 && outer->x1 >= inner->x1 &&
	       outer->y1 >= inner->y1;
}

/* A copied tile is what the tiles were that it came from: one to four. */
static uint8_t take_source(
	const struct canvas *canvas, const struct box *source, uint64_t *refined_at)
{
	struct box tiles = canvas_tiles_of(source);
	uint8_t flags = 0;

	for (int32_t row = tiles.y0; row < tiles.y1; row++) {
		for (int32_t column = tiles.x0; column < tiles.x1; column++) {
			size_t i = (size_t)row * canvas->columns + (size_t)column;

			flags |= canvas->flags_before[i];
			if (canvas->refined_before[i] > *refined_at)
				*refined_at = canvas->refined_before[i];
		}
	}
	return flags;
}

/* What a record makes exact without changing it, those who did not get it must get otherwise. */
static void note_refined(
	struct canvas *canvas, size_t i, uint8_t flags_before, const struct canvas_time *time)
{
	if (flags_before & ~canvas->flags[i])
		canvas->refined_at[i] = time->sequence;
}

/* What is approximate, or for somebody who left a refinement out, is so where it is copied to. */
static void copy_exactness(struct canvas *canvas, const struct box *box, int32_t dx, int32_t dy,
	const struct canvas_time *time)
{
	size_t n = (size_t)canvas->columns * canvas->rows;
	struct box tiles = canvas_tiles_of(box);

	memcpy(canvas->flags_before, canvas->flags, n);
	memcpy(canvas->refined_before, canvas->refined_at, n * sizeof(uint64_t));
	for (int32_t row = tiles.y0; row < tiles.y1; row++) {
		for (int32_t column = tiles.x0; column < tiles.x1; column++) {
			size_t i = (size_t)row * canvas->columns + (size_t)column;
			struct box tile = canvas_tile_box(canvas, (uint32_t)column, (uint32_t)row);
			struct box part = intersect(&tile, box);
			bool is_whole = covers(box, &tile);

			part.x0 -= dx, part.x1 -= dx, part.y0 -= dy, part.y1 -= dy;
			if (is_whole)
				canvas->flags[i] = 0;
			uint8_t flags = take_source(canvas, &part, &canvas->refined_at[i]);
			canvas->flags[i] |= flags;
			note_refined(canvas, i, canvas->flags_before[i], time);
			if (flags & CANVAS_IS_APPROXIMATE)
				canvas->changed_ns[i] = time->pts_ns;
		}
	}
}

void canvas_copy(struct canvas *canvas, const struct box *box, int32_t dx, int32_t dy,
	const struct canvas_time *time)
{
	size_t len = (size_t)(box->x1 - box->x0) * PIXEL_BYTES;

	/* From the side that the source reaches beyond, so that no row is read after it was
	 * written. */
	for (int32_t i = 0; i < box->y1 - box->y0; i++) {
		int32_t y = dy > 0 ? box->y1 - 1 - i : box->y0 + i;

		memmove(pixel(&canvas->picture, box->x0, y),
			pixel(&canvas->picture, box->x0 - dx, y - dy), len);
	}
	copy_exactness(canvas, box, dx, dy, time);
}

static void take_pixels(struct canvas *canvas, const struct picture *picture, const struct box *box)
{
	int32_t n = box->x1 - box->x0;

	for (int32_t y = box->y0; y < box->y1; y++) {
		uint8_t *ours = pixel(&canvas->picture, box->x0, y);
		const uint8_t *theirs = pixel(picture, box->x0, y);
		int32_t i = 0;

		for (; i + VECTOR_LANES <= n; i += VECTOR_LANES) {
			size_t at = (size_t)i * PIXEL_BYTES;

			vector_store(ours + at, vector_load(theirs + at) & PIXEL_MASK);
		}
		for (; i < n; i++) {
			uint32_t value = load_pixel(theirs + (size_t)i * PIXEL_BYTES);
			memcpy(ours + (size_t)i * PIXEL_BYTES, &value, sizeof(value));
		}
	}
}

void canvas_paint(struct canvas *canvas, const struct picture *picture, const struct box *box,
	const struct canvas_time *time)
{
	struct box tiles = canvas_tiles_of(box);

	take_pixels(canvas, picture, box);
	for (int32_t row = tiles.y0; row < tiles.y1; row++) {
		for (int32_t column = tiles.x0; column < tiles.x1; column++) {
			struct box tile = canvas_tile_box(canvas, (uint32_t)column, (uint32_t)row);

			size_t i = (size_t)row * canvas->columns + (size_t)column;
			uint8_t before = canvas->flags[i];

			if (!covers(box, &tile))
				continue;
			canvas->flags[i] = 0;
			note_refined(canvas, i, before, time);
		}
	}
}

void canvas_paint_roughly(struct canvas *canvas, const struct picture *picture,
	const struct box *box, const struct canvas_time *time)
{
	struct box tiles = canvas_tiles_of(box);

	take_pixels(canvas, picture, box);
	for (int32_t row = tiles.y0; row < tiles.y1; row++) {
		for (int32_t column = tiles.x0; column < tiles.x1; column++) {
			size_t i = (size_t)row * canvas->columns + (size_t)column;

			canvas->flags[i] = CANVAS_IS_APPROXIMATE;
			canvas->changed_ns[i] = time->pts_ns;
		}
	}
}
