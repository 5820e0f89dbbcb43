/* SPDX-License-Identifier: MIT */
/*
 * Making exact, in pieces of at most DELTA_PIECE_MAX bytes: of the tiles that wait the newest
 * first, in boxes of whole tiles, as long as they fit.
 */
#include <errno.h>
#include <string.h>

#include "capd/encode/delta_state.h"
#include "capd/screen/tiles.h"
#include "common/clock.h"

#define STILL_NS (500 * NS_PER_MS)
/* Between two refinements: 1080p of noise (6.2 MB as PNG) is exact 0.4 s after the first, so within
 * a second of the last change, and whatever changes meanwhile need not wait long for its turn. */
#define PACE_NS     (4 * NS_PER_MS)
#define COLUMNS_MAX 84u /* tiles in the width of a box: one row is 63 KB even if nothing helps */
#define ROWS_MAX    8u
/* What a tile takes at most, and a box beside its tiles. */
#define TILE_BYTES_MAX (TILE_SIDE * TILE_SIDE * 3)
#define BOX_BYTES      256u
#define ROOM_MIN       (DELTA_PIECE_MAX / 8) /* less is not worth a box more */

struct wish {
	enum canvas_flags flag;
	uint64_t until_ns;
};

static bool waits(const struct canvas *canvas, size_t i, const struct wish *wish)
{
	return canvas->flags[i] & wish->flag && canvas->changed_ns[i] <= wish->until_ns;
}

/* The newest change among those that wait; 0: none does. */
static uint64_t find_newest(const struct canvas *canvas, const struct wish *wish)
{
	uint64_t newest = 0;

	for (size_t i = 0; i < (size_t)canvas->columns * canvas->rows; i++)
		if (waits(canvas, i, wish) && canvas->changed_at[i] > newest)
			newest = canvas->changed_at[i];
	return newest;
}

/* Do all tiles of the row, between the box's columns, wait since this change? */
static bool row_waits(const struct canvas *canvas, const struct box *box, int32_t row,
	const struct wish *wish, uint64_t changed_at)
{
	for (int32_t column = box->x0; column < box->x1; column++) {
		size_t i = (size_t)row * canvas->columns + (size_t)column;

		if (!waits(canvas, i, wish) || canvas->changed_at[i] != changed_at)
			return false;
	}
	return true;
}

/* The first box (of tiles) of this change, at most `columns` wide and `rows` high. */
static bool find_box(const struct canvas *canvas, const struct wish *wish, uint64_t changed_at,
	uint32_t columns, uint32_t rows, struct box *box)
{
	size_t i, n = (size_t)canvas->columns * canvas->rows;

	for (i = 0; i < n; i++)
		if (waits(canvas, i, wish) && canvas->changed_at[i] == changed_at)
			break;
	if (i == n)
		return false;
	int32_t column = (int32_t)(i % canvas->columns), row = (int32_t)(i / canvas->columns);
	*box = (struct box){column, row, column + 1, row + 1};
	for (; box->x1 < (int32_t)canvas->columns && box->x1 - box->x0 < (int32_t)columns;
		box->x1++) {
		struct box next = {box->x1, row, box->x1 + 1, row + 1};

		if (!row_waits(canvas, &next, row, wish, changed_at))
			break;
	}
	while (box->y1 < (int32_t)canvas->rows && box->y1 - box->y0 < (int32_t)rows &&
		row_waits(canvas, box, box->y1, wish, changed_at))
		box->y1++;
	return true;
}

static void settle(struct canvas *canvas, const struct box *tiles, const struct wish *wish,
	uint64_t refined_at)
{
	for (int32_t row = tiles->y0; row < tiles->y1; row++) {
		for (int32_t column = tiles->x0; column < tiles->x1; column++) {
			size_t i = (size_t)row * canvas->columns + (size_t)column;

			if (refined_at) {
				canvas->flags[i] = 0; /* for everybody */
				canvas->refined_at[i] = refined_at;
			} else {
				canvas->flags[i] &= (uint8_t)~wish->flag;
			}
		}
	}
}

static struct box to_pixels(const struct canvas *canvas, const struct box *tiles)
{
	struct box first = canvas_tile_box(canvas, (uint32_t)tiles->x0, (uint32_t)tiles->y0);
	struct box last = canvas_tile_box(canvas, (uint32_t)tiles->x1 - 1, (uint32_t)tiles->y1 - 1);

	return (struct box){first.x0, first.y0, last.x1, last.y1};
}

/* How many tiles are likely to fit into `room` bytes, as long as they are like those of before. */
static uint32_t guess_tiles(const struct encoder *delta, size_t room)
{
	return room > BOX_BYTES ? (uint32_t)(room - BOX_BYTES) / delta->tile_bytes : 0;
}

/* An eighth more than in this box: one that does not fit was made in vain. */
static void learn_tile_bytes(struct encoder *delta, const struct box *tiles, size_t len)
{
	uint32_t n = (uint32_t)(tiles->x1 - tiles->x0) * (uint32_t)(tiles->y1 - tiles->y0);
	uint32_t bytes = (uint32_t)(len / n * 9 / 8) + 1;

	delta->tile_bytes = bytes < TILE_BYTES_MAX ? bytes : TILE_BYTES_MAX;
}

/* One box, a smaller one if it must be, for something has to get on.  1: it is in; 0: the piece is
 * full. */
static int put_box(struct encoder *delta, const struct wish *wish, uint64_t newest,
	uint64_t refined_at, size_t len_max)
{
	struct canvas *canvas = &delta->canvas;
	struct payload *payload = &delta->payload;
	size_t before = payload->len;
	unsigned n_ops = payload->n_ops;
	uint32_t n = guess_tiles(delta, len_max > before ? len_max - before : 0);
	struct box tiles;

	if (n_ops > 0 && (n == 0 || before + ROOM_MIN > len_max))
		return 0;
	for (n = n ? n : 1;; n /= 2) {
		uint32_t columns = n < COLUMNS_MAX ? n : COLUMNS_MAX;
		uint32_t rows = n / columns < ROWS_MAX ? n / columns : ROWS_MAX;

		if (!find_box(canvas, wish, newest, columns, rows, &tiles))
			return 0;
		struct box box = to_pixels(canvas, &tiles);
		int r = painter_paint_exact(delta->painter, &canvas->picture, &box, payload);
		if (r < 0)
			return r;
		learn_tile_bytes(delta, &tiles, payload->len - before);
		if (payload->len <= len_max)
			break;
		payload_rollback(payload, before, n_ops);
		if (n_ops > 0 || n == 1)
			return 0;
	}
	settle(canvas, &tiles, wish, refined_at);
	return 1;
}

int delta_fill_piece(struct encoder *delta, enum canvas_flags flag, uint64_t until_ns,
	uint64_t refined_at, size_t len_max, bool *is_all)
{
	const struct wish wish = {flag, until_ns};
	uint64_t newest;
	int r = 1;

	if (len_max > DELTA_PIECE_MAX)
		len_max = DELTA_PIECE_MAX;
	while (r > 0 && (newest = find_newest(&delta->canvas, &wish)) > 0 &&
		delta->payload.n_ops < DELTA_OPS_MAX)
		r = put_box(delta, &wish, newest, refined_at, len_max);
	*is_all = find_newest(&delta->canvas, &wish) == 0;
	return r < 0 ? r : 0;
}

uint64_t delta_refine_due_ns(const struct encoder *delta)
{
	const struct canvas *canvas = &delta->canvas;
	uint64_t oldest = UINT64_MAX;

	if (!delta->has_approximate || delta->is_lost)
		return UINT64_MAX;
	for (size_t i = 0; i < (size_t)canvas->columns * canvas->rows; i++)
		if (canvas->flags[i] & CANVAS_IS_APPROXIMATE && canvas->changed_ns[i] < oldest)
			oldest = canvas->changed_ns[i];
	if (oldest == UINT64_MAX)
		return UINT64_MAX;
	if (oldest + STILL_NS < delta->refined_ns + PACE_NS)
		return delta->refined_ns + PACE_NS;
	return oldest + STILL_NS;
}

static bool any_approximate(const struct canvas *canvas)
{
	for (size_t i = 0; i < (size_t)canvas->columns * canvas->rows; i++)
		if (canvas->flags[i] & CANVAS_IS_APPROXIMATE)
			return true;
	return false;
}

int delta_refine(
	struct encoder *delta, const struct encoder_input *input, struct encoder_result *result)
{
	bool is_all;
	int r;

	if (delta->is_lost || !delta->has_approximate || input->pts_ns < STILL_NS)
		return -EAGAIN;
	payload_reset(&delta->payload);
	r = delta_fill_piece(delta, CANVAS_IS_APPROXIMATE, input->pts_ns - STILL_NS,
		delta->sequence + 1, input->payload_max, &is_all);
	if (r < 0)
		return r;
	delta->has_approximate = any_approximate(&delta->canvas);
	delta->refined_ns = input->pts_ns;
	if (delta->payload.n_ops == 0)
		return -EAGAIN;
	delta->sequence++;
	delta_result(delta, RECORD_STEP, RECORD_IS_REFINEMENT, delta->sequence - 1, result);
	return 0;
}
