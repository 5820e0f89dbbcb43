/* SPDX-License-Identifier: MIT */
#include "capd/encode/shift.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "capd/screen/tiles.h"
#include "capd/vector.h"

#define WINDOW      32u    /* pixels of a landmark */
#define SUM         8u     /* pixels of a sum */
#define GAP_MAX     2u     /* tiles between dirty ones that are looked at all the same */
#define TABLE_SIZE  32768u /* landmarks of the canvas: a power of two, … */
#define TABLE_FILL  16384u /* … at most half full */
#define VOTES_SIZE  1024u
#define VOTES_FILL  512u
#define VOTES_MIN   3u
#define ROW_STEP    4u /* of a large area every fourth row of the picture votes */
#define LARGE_TILES 1024u
#define HUGE_TILES  4096u
#define SMALL_TILES 256u
#define COMES_TWICE UINT32_MAX
/* What is there may have more landmarks than it should: thinned out so often, to a quarter each. */
#define THINNER_MAX 2u

struct landmark {
	uint64_t key; /* 0: empty */
	uint32_t x, y;
};

struct vote {
	struct shift shift;
	uint32_t n; /* 0: empty */
};

struct shift_finder {
	uint32_t *pixels, *sums; /* of one span of a row */
	struct landmark table[TABLE_SIZE];
	struct vote votes[VOTES_SIZE];
	uint32_t n_landmarks, n_votes;
	uint32_t select_mask; /* bits of a sum that are clear at a landmark */
};

int shift_finder_create(uint32_t width, struct shift_finder **out)
{
	struct shift_finder *finder = calloc(1, sizeof(*finder));
	size_t len = ((size_t)width + WINDOW + 2 * SUM) * sizeof(uint32_t);

	if (!finder)
		return -ENOMEM;
	finder->pixels = calloc(1, len);
	finder->sums = calloc(1, len);
	if (!finder->pixels || !finder->sums) {
		shift_finder_destroy(finder);
		return -ENOMEM;
	}
	*out = finder;
	return 0;
}

void shift_finder_destroy(struct shift_finder *finder)
{
	if (!finder)
		return;
	free(finder->pixels);
	free(finder->sums);
	free(finder);
}

/*
 * sums[i]: of pixels i to i + 7, each with a weight of its own, made in three passes of doubling
 * length.  The arrays have room for what is read behind n.
 */
static void make_sums(struct shift_finder *finder, const uint8_t *row, uint32_t n)
{
	uint32_t *pixels = finder->pixels, *sums = finder->sums;

	memcpy(pixels, row, (size_t)n * sizeof(uint32_t));
	memset(pixels + n, 0, 2 * SUM * sizeof(uint32_t));
	for (uint32_t i = 0; i < n + SUM; i += VECTOR_LANES)
		vector_store(pixels + i, vector_load(pixels + i) & PIXEL_MASK);
	for (uint32_t i = 0; i < n + VECTOR_LANES; i += VECTOR_LANES)
		vector_store(
			sums + i, vector_load(pixels + i) + (vector_load(pixels + i + 1) << 8));
	for (uint32_t i = 0; i < n; i += VECTOR_LANES) {
		vector_u32 second = vector_load(sums + i + 2);

		vector_store(sums + i, vector_load(sums + i) + second + (second << 2));
	}
	for (uint32_t i = 0; i < n; i += VECTOR_LANES) {
		vector_u32 second = vector_load(sums + i + 4);

		vector_store(sums + i, vector_load(sums + i) + second + (second << 3));
	}
}

static uint64_t landmark_key(const uint32_t *sums)
{
	uint64_t key = 0;

	for (uint32_t i = 0; i < WINDOW; i += SUM) {
		key = (key ^ sums[i]) * 0x9e3779b97f4a7c15ull;
		key ^= key >> 29;
	}
	return key ? key : 1;
}

static struct landmark *find_slot(struct shift_finder *finder, uint64_t key)
{
	uint32_t i = (uint32_t)(key >> 32) % TABLE_SIZE;

	while (finder->table[i].key && finder->table[i].key != key)
		i = (i + 1) % TABLE_SIZE;
	return &finder->table[i];
}

static void remember(struct shift_finder *finder, uint64_t key, uint32_t x, uint32_t y)
{
	struct landmark *slot = find_slot(finder, key);

	if (slot->key) {
		slot->x = COMES_TWICE;
	} else if (finder->n_landmarks < TABLE_FILL) {
		*slot = (struct landmark){key, x, y};
		finder->n_landmarks++;
	}
}

static void vote(struct shift_finder *finder, uint64_t key, uint32_t x, uint32_t y)
{
	const struct landmark *slot = find_slot(finder, key);

	if (!slot->key || slot->x == COMES_TWICE || (slot->x == x && slot->y == y))
		return;
	struct shift shift = {(int32_t)x - (int32_t)slot->x, (int32_t)y - (int32_t)slot->y};
	uint32_t i = ((uint32_t)shift.dx * 31u + (uint32_t)shift.dy) * 0x9e3779b1u >> 22;
	struct vote *found;

	while ((found = &finder->votes[i % VOTES_SIZE])->n &&
		(found->shift.dx != shift.dx || found->shift.dy != shift.dy))
		i++;
	if (found->n == 0) {
		if (finder->n_votes == VOTES_FILL)
			return;
		finder->n_votes++;
		found->shift = shift;
	}
	found->n++;
}

typedef void landmark_fn(struct shift_finder *finder, uint64_t key, uint32_t x, uint32_t y);

/* Where rows are equal to those above them (pixels that were doubled, bars, boxes) the first of
 * them is a landmark.  All of them would be none: they would have come twice. */
static bool is_repeated(const struct picture *picture, uint32_t x, uint32_t y)
{
	const uint8_t *p = picture->pixels + picture->stride * y + (size_t)x * sizeof(uint32_t);

	if (y == 0)
		return false;
	for (uint32_t i = 0; i < WINDOW; i++, p += sizeof(uint32_t)) {
		uint32_t pixel, above;

		memcpy(&pixel, p, sizeof(pixel));
		memcpy(&above, p - picture->stride, sizeof(above));
		if ((pixel ^ above) & PIXEL_MASK)
			return false;
	}
	return true;
}

/* The landmarks of one span of a row.  That few places are chosen is what the loop is made for. */
static void scan_span(struct shift_finder *finder, const struct picture *picture, uint32_t x0,
	uint32_t x1, uint32_t y, landmark_fn *found)
{
	const uint8_t *row = picture->pixels + picture->stride * y;
	uint32_t n = x1 - x0;

	if (n < WINDOW)
		return;
	make_sums(finder, row + (size_t)x0 * sizeof(uint32_t), n);
	for (uint32_t i = 0; i + WINDOW <= n; i++) {
		uint32_t sum = finder->sums[i];

		sum ^= sum >> 15;
		if ((sum & finder->select_mask) == 0 &&
			finder->pixels[i] != finder->pixels[i + 1] &&
			!is_repeated(picture, x0 + i, y))
			found(finder, landmark_key(finder->sums + i), x0 + i, y);
	}
}

/* The spans of dirty tiles in one row of tiles, over those of its rows that are wanted: each row of
 * tiles begins with another, so that what repeats every 16 pixels is met, too. */
static void scan_tile_row(struct shift_finder *finder, const struct picture *picture,
	const uint8_t *is_dirty, uint32_t columns, uint32_t row, uint32_t step, landmark_fn *found)
{
	uint32_t y1 = (row + 1) * TILE_SIDE;

	if (y1 > picture->height)
		y1 = picture->height;
	for (uint32_t column = 0; column < columns; column++) {
		uint32_t begin = column, end = column;

		if (!is_dirty[column])
			continue;
		for (; column < columns && column <= end + GAP_MAX; column++)
			if (is_dirty[column])
				end = column + 1;
		uint32_t x0 = begin * TILE_SIDE, x1 = end * TILE_SIDE + WINDOW;
		if (x1 > picture->width)
			x1 = picture->width;
		for (uint32_t y = row * TILE_SIDE + row % step; y < y1; y += step)
			scan_span(finder, picture, x0, x1, y, found);
	}
}

static bool takes_more(const struct shift_finder *finder)
{
	return finder->n_landmarks < TABLE_FILL;
}

static unsigned take_most_voted(struct shift_finder *finder, struct shift shifts[SHIFTS_MAX])
{
	unsigned n = 0;

	for (; n < SHIFTS_MAX; n++) {
		struct vote *best = &finder->votes[0];

		for (uint32_t i = 1; i < VOTES_SIZE; i++)
			if (finder->votes[i].n > best->n)
				best = &finder->votes[i];
		if (best->n < VOTES_MIN)
			break;
		shifts[n] = best->shift;
		best->n = 0;
	}
	return n;
}

/* As many landmarks as there is room for: of 4K one in 512 pixels. */
static void choose_density(struct shift_finder *finder, uint32_t n_dirty)
{
	finder->select_mask = n_dirty < SMALL_TILES ? 0x7 : n_dirty < HUGE_TILES ? 0x1f : 0x7f;
	while (n_dirty * (TILE_SIDE * TILE_SIDE) / (finder->select_mask + 1) > TABLE_FILL)
		finder->select_mask = finder->select_mask << 1 | 1;
}

/* The canvas' landmarks, from the top on; where the table is full the rest has none. */
static void remember_all(
	struct shift_finder *finder, const struct canvas *canvas, const uint8_t *is_dirty)
{
	memset(finder->table, 0, sizeof(finder->table));
	finder->n_landmarks = 0;
	for (uint32_t row = 0; row < canvas->rows && takes_more(finder); row++)
		scan_tile_row(finder, &canvas->picture, is_dirty + (size_t)row * canvas->columns,
			canvas->columns, row, 1, remember);
}

unsigned shift_find(struct shift_finder *finder, const struct canvas *canvas,
	const struct picture *picture, const uint8_t *is_dirty, uint32_t n_dirty,
	struct shift shifts[SHIFTS_MAX])
{
	uint32_t columns = canvas->columns, step = n_dirty > LARGE_TILES ? ROW_STEP : 1;

	memset(finder->votes, 0, sizeof(finder->votes));
	finder->n_votes = 0;
	choose_density(finder, n_dirty);
	remember_all(finder, canvas, is_dirty);
	for (unsigned n = 0; n < THINNER_MAX && !takes_more(finder); n++) {
		finder->select_mask = finder->select_mask << 2 | 3;
		remember_all(finder, canvas, is_dirty);
	}
	if (finder->n_landmarks == 0)
		return 0;
	for (uint32_t row = 0; row < canvas->rows; row++)
		scan_tile_row(finder, picture, is_dirty + (size_t)row * columns, columns, row, step,
			vote);
	return take_most_voted(finder, shifts);
}
