/* SPDX-License-Identifier: MIT */
#include "capd/encode/move.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "capd/screen/tiles.h"

/* What a tile is worth under a copy. */
#define SET_RIGHT 8
#define SET_BLANK 1 /* … of one colour: hardly more than nothing as PNG either */
#define NO_MATTER (-1)
#define SPOILED   (-16)
/* A copy of 20 bytes, and its time in a browser, for at least four tiles' PNG. */
#define WORTH_MIN (4 * SET_RIGHT)
/* move_rate() looks at one dirty tile in so many, from this many on. */
#define RATE_STEP  7u
#define RATE_TILES 512u

struct move_finder {
	int8_t *worth;       /* columns × rows */
	uint8_t *is_blank;   /* columns × rows, of the dirty ones */
	uint32_t n_textured; /* the others */
	int32_t *sums;       /* columns */
};

int move_finder_create(const struct canvas *canvas, struct move_finder **out)
{
	struct move_finder *finder = calloc(1, sizeof(*finder));

	if (!finder)
		return -ENOMEM;
	finder->worth = calloc((size_t)canvas->columns * canvas->rows, 1);
	finder->is_blank = calloc((size_t)canvas->columns * canvas->rows, 1);
	finder->sums = calloc(canvas->columns, sizeof(int32_t));
	if (!finder->worth || !finder->is_blank || !finder->sums) {
		move_finder_destroy(finder);
		return -ENOMEM;
	}
	*out = finder;
	return 0;
}

void move_finder_destroy(struct move_finder *finder)
{
	if (!finder)
		return;
	free(finder->worth);
	free(finder->is_blank);
	free(finder->sums);
	free(finder);
}

static void widen(struct box *box, int32_t column, int32_t row)
{
	if (column < box->x0)
		box->x0 = column;
	if (column >= box->x1)
		box->x1 = column + 1;
	if (row < box->y0)
		box->y0 = row;
	if (row >= box->y1)
		box->y1 = row + 1;
}

static bool tile_moved(const struct canvas *canvas, const struct picture *picture, int32_t column,
	int32_t row, const struct shift *shift)
{
	struct box tile = canvas_tile_box(canvas, (uint32_t)column, (uint32_t)row);

	return canvas_shows(canvas, picture, &tile, shift->dx, shift->dy);
}

static bool is_one_colour(const struct picture *picture, const struct box *box)
{
	uint32_t first, pixel;

	memcpy(&first, picture->pixels + picture->stride * (size_t)box->y0 + (size_t)box->x0 * 4,
		sizeof(first));
	for (int32_t y = box->y0; y < box->y1; y++) {
		const uint8_t *row = picture->pixels + picture->stride * (size_t)y;

		for (int32_t x = box->x0; x < box->x1; x++) {
			memcpy(&pixel, row + (size_t)x * 4, sizeof(pixel));
			if ((pixel ^ first) & 0x00ffffff)
				return false;
		}
	}
	return true;
}

uint32_t move_begin(struct move_finder *finder, const struct canvas *canvas,
	const struct picture *picture, const uint8_t *is_dirty)
{
	finder->n_textured = 0;
	for (uint32_t row = 0; row < canvas->rows; row++) {
		for (uint32_t column = 0; column < canvas->columns; column++) {
			size_t i = (size_t)row * canvas->columns + column;

			if (!is_dirty[i])
				continue;
			struct box tile = canvas_tile_box(canvas, column, row);
			finder->is_blank[i] = is_one_colour(picture, &tile);
			finder->n_textured += !finder->is_blank[i];
		}
	}
	return finder->n_textured;
}

uint32_t move_rate(const struct move_finder *finder, const struct canvas *canvas,
	const struct picture *picture, const uint8_t *is_dirty, const struct shift *shift)
{
	uint32_t step = finder->n_textured > RATE_TILES ? RATE_STEP : 1, n_seen = 0, n = 0;

	for (size_t i = 0; i < (size_t)canvas->columns * canvas->rows; i++) {
		if (!is_dirty[i] || finder->is_blank[i] || n_seen++ % step)
			continue;
		n += tile_moved(canvas, picture, (int32_t)(i % canvas->columns),
			(int32_t)(i / canvas->columns), shift);
	}
	return n * step;
}

/* The dirty tiles, and a box around those that a copy would set right; empty: there is none. */
static struct box judge_dirty(struct move_finder *finder, const struct canvas *canvas,
	const struct picture *picture, const uint8_t *is_dirty, const struct shift *shift)
{
	struct box around = {INT32_MAX, INT32_MAX, 0, 0};

	for (int32_t row = 0; row < (int32_t)canvas->rows; row++) {
		for (int32_t column = 0; column < (int32_t)canvas->columns; column++) {
			size_t i = (size_t)row * canvas->columns + (size_t)column;

			finder->worth[i] = NO_MATTER;
			if (!is_dirty[i] || !tile_moved(canvas, picture, column, row, shift))
				continue;
			finder->worth[i] = finder->is_blank[i] ? SET_BLANK : SET_RIGHT;
			widen(&around, column, row);
		}
	}
	return around;
}

static void judge_clean(struct move_finder *finder, const struct canvas *canvas,
	const struct picture *picture, const uint8_t *is_dirty, const struct shift *shift,
	const struct box *around)
{
	for (int32_t row = around->y0; row < around->y1; row++) {
		for (int32_t column = around->x0; column < around->x1; column++) {
			size_t i = (size_t)row * canvas->columns + (size_t)column;

			if (!is_dirty[i] && !tile_moved(canvas, picture, column, row, shift))
				finder->worth[i] = SPOILED;
		}
	}
}

/* Of all rectangles of tiles within `around` the one that is worth most. */
static int32_t find_best(const struct move_finder *finder, uint32_t columns,
	const struct box *around, struct box *best)
{
	int32_t worth_best = 0;

	for (int32_t top = around->y0; top < around->y1; top++) {
		memset(finder->sums, 0, columns * sizeof(int32_t));
		for (int32_t row = top; row < around->y1; row++) {
			const int8_t *worth = finder->worth + (size_t)row * columns;
			int32_t sum = 0, begin = around->x0;

			for (int32_t column = around->x0; column < around->x1; column++) {
				finder->sums[column] += worth[column];
				sum += finder->sums[column];
				if (sum <= 0) {
					sum = 0;
					begin = column + 1;
				} else if (sum > worth_best) {
					worth_best = sum;
					*best = (struct box){begin, top, column + 1, row + 1};
				}
			}
		}
	}
	return worth_best;
}

/* One side after the other by less than a tile each, while all of the next row or column fits. */
static void widen_to_pixels(const struct canvas *canvas, const struct picture *picture,
	const struct shift *shift, struct box *box)
{
	int32_t width = (int32_t)canvas->picture.width, height = (int32_t)canvas->picture.height;
	struct box line;

	for (unsigned i = 0; i < TILE_SIDE && box->y0 > 0; i++, box->y0--) {
		line = (struct box){box->x0, box->y0 - 1, box->x1, box->y0};
		if (!canvas_shows(canvas, picture, &line, shift->dx, shift->dy))
			break;
	}
	for (unsigned i = 0; i < TILE_SIDE && box->y1 < height; i++, box->y1++) {
		line = (struct box){box->x0, box->y1, box->x1, box->y1 + 1};
		if (!canvas_shows(canvas, picture, &line, shift->dx, shift->dy))
			break;
	}
	for (unsigned i = 0; i < TILE_SIDE && box->x0 > 0; i++, box->x0--) {
		line = (struct box){box->x0 - 1, box->y0, box->x0, box->y1};
		if (!canvas_shows(canvas, picture, &line, shift->dx, shift->dy))
			break;
	}
	for (unsigned i = 0; i < TILE_SIDE && box->x1 < width; i++, box->x1++) {
		line = (struct box){box->x1, box->y0, box->x1 + 1, box->y1};
		if (!canvas_shows(canvas, picture, &line, shift->dx, shift->dy))
			break;
	}
}

/* Tiles inside a rectangle may be at the picture's edge, and their source outside of it. */
static void clip_to_source(const struct canvas *canvas, const struct shift *shift, struct box *box)
{
	int32_t width = (int32_t)canvas->picture.width, height = (int32_t)canvas->picture.height;

	if (box->x0 - shift->dx < 0)
		box->x0 = shift->dx;
	if (box->y0 - shift->dy < 0)
		box->y0 = shift->dy;
	if (box->x1 - shift->dx > width)
		box->x1 = width + shift->dx;
	if (box->y1 - shift->dy > height)
		box->y1 = height + shift->dy;
}

static struct box pixels_of(const struct canvas *canvas, const struct box *tiles)
{
	struct box first = canvas_tile_box(canvas, (uint32_t)tiles->x0, (uint32_t)tiles->y0);
	struct box last = canvas_tile_box(canvas, (uint32_t)tiles->x1 - 1, (uint32_t)tiles->y1 - 1);

	return (struct box){first.x0, first.y0, last.x1, last.y1};
}

static int copy_box(struct canvas *canvas, const struct picture *picture, uint8_t *is_dirty,
	const struct shift *shift, const struct box *box, const struct canvas_time *time,
	struct payload *out)
{
	const struct delta_op op = {
		.kind = DELTA_COPY,
		.src_x = (uint32_t)(box->x0 - shift->dx),
		.src_y = (uint32_t)(box->y0 - shift->dy),
		.x = box->x0,
		.y = box->y0,
		.width = (uint32_t)(box->x1 - box->x0),
		.height = (uint32_t)(box->y1 - box->y0),
	};
	static const struct shift none;
	struct box tiles = canvas_tiles_of(box);
	int r = payload_add(out, &op);

	if (r < 0)
		return r;
	canvas_copy(canvas, box, shift->dx, shift->dy, time);
	for (int32_t row = tiles.y0; row < tiles.y1; row++)
		for (int32_t column = tiles.x0; column < tiles.x1; column++)
			is_dirty[(size_t)row * canvas->columns + (size_t)column] =
				!tile_moved(canvas, picture, column, row, &none);
	return 0;
}

int move_apply(struct move_finder *finder, struct canvas *canvas, const struct picture *picture,
	uint8_t *is_dirty, const struct shift *shift, const struct canvas_time *time,
	struct payload *out)
{
	int n = 0;

	while (out->n_ops < MOVE_COPIES_MAX) {
		/* Judged anew after each copy: it may have taken away what the next would need. */
		struct box around = judge_dirty(finder, canvas, picture, is_dirty, shift), box;

		if (around.x0 >= around.x1)
			break;
		judge_clean(finder, canvas, picture, is_dirty, shift, &around);
		if (find_best(finder, canvas->columns, &around, &box) < WORTH_MIN)
			break;
		box = pixels_of(canvas, &box);
		clip_to_source(canvas, shift, &box);
		widen_to_pixels(canvas, picture, shift, &box);
		int r = copy_box(canvas, picture, is_dirty, shift, &box, time, out);
		if (r < 0)
			return r;
		n++;
	}
	return n;
}
