/* SPDX-License-Identifier: MIT */
/*
 * Catch-ups are made of the canvas, not of the newest grab: they lead to the newest record.
 */
#include <errno.h>
#include <string.h>

#include "capd/encode/delta_state.h"
#include "capd/encode/regions.h"
#include "common/clock.h"

#define BUDGET_NS (12 * NS_PER_MS)

/* What changed after `since` is painted; what was only refined after it is owed. */
static void mark_changed_after(struct encoder *delta, uint64_t since)
{
	struct canvas *canvas = &delta->canvas;

	for (size_t i = 0; i < (size_t)canvas->columns * canvas->rows; i++) {
		delta->is_dirty[i] = since == 0 || canvas->changed_at[i] > since;
		if (!delta->is_dirty[i] && canvas->refined_at[i] > since &&
			!(canvas->flags[i] & CANVAS_IS_APPROXIMATE))
			canvas->flags[i] |= CANVAS_IS_OWED;
	}
}

/* A JPEG for those who catch up, where others may be exact.  What is approximate for all is refined
 * for all. */
static void on_painted(void *arg, const struct box *box, bool is_exact)
{
	struct canvas *canvas = arg;
	struct box tiles = canvas_tiles_of(box);

	if (is_exact)
		return;
	for (int32_t row = tiles.y0; row < tiles.y1; row++) {
		for (int32_t column = tiles.x0; column < tiles.x1; column++) {
			size_t i = (size_t)row * canvas->columns + (size_t)column;

			if (!(canvas->flags[i] & CANVAS_IS_APPROXIMATE))
				canvas->flags[i] |= CANVAS_IS_OWED;
		}
	}
}

static int paint_marked(struct encoder *delta)
{
	struct canvas *canvas = &delta->canvas;
	const struct paint_ops ops = {.painted = on_painted, .arg = canvas};
	struct box regions[REGIONS_MAX];
	unsigned n = regions_find(delta->is_dirty, canvas->columns, canvas->rows, regions);
	int r = 0;

	for (unsigned i = 0; i < n && r == 0; i++) {
		struct box first =
			canvas_tile_box(canvas, (uint32_t)regions[i].x0, (uint32_t)regions[i].y0);
		struct box last = canvas_tile_box(
			canvas, (uint32_t)regions[i].x1 - 1, (uint32_t)regions[i].y1 - 1);
		struct box box = {first.x0, first.y0, last.x1, last.y1};

		r = painter_paint(delta->painter, &canvas->picture, &box, &ops, &delta->payload);
	}
	return r;
}

static int try_catch_up(struct encoder *delta, const struct encoder_input *input, uint64_t since,
	uint64_t png_budget_ns)
{
	size_t pointer_len = delta_pointer_share(input->payload_max);
	int r;

	payload_reset(&delta->payload);
	painter_begin(
		delta->painter, png_budget_ns, input->pts_ns, input->payload_max - pointer_len);
	mark_changed_after(delta, since);
	r = paint_marked(delta);
	if (r == 0)
		r = delta_pointer_catch_up(&delta->pointer, painter_png(delta->painter), since,
			delta->sequence, pointer_len, &delta->payload);
	if (r == 0 && delta->payload.len > input->payload_max)
		r = -EMSGSIZE;
	return r;
}

static int catch_up(struct encoder *delta, const struct encoder_input *input, uint64_t since,
	struct encoder_result *result)
{
	int r;

	if (since == delta->sequence)
		return -EAGAIN;
	if (since > delta->sequence) /* of another ring, or a lie: everything is right */
		since = 0;
	r = try_catch_up(delta, input, since, BUDGET_NS);
	if (r == -EMSGSIZE) {
		since = 0;
		r = try_catch_up(delta, input, since, 0); /* one JPEG can be made to fit */
	}
	if (r == 0)
		delta_result(delta, RECORD_CATCH_UP, since == 0 ? RECORD_IS_KEY : 0, since, result);
	return r;
}

static void owe_everything(struct canvas *canvas)
{
	for (size_t i = 0; i < (size_t)canvas->columns * canvas->rows; i++)
		if (!(canvas->flags[i] & CANVAS_IS_APPROXIMATE))
			canvas->flags[i] |= CANVAS_IS_OWED;
}

static int pay_piece(struct encoder *delta, const struct encoder_input *input, bool anew,
	struct encoder_result *result)
{
	bool is_all;
	int r;

	payload_reset(&delta->payload);
	if (anew)
		owe_everything(&delta->canvas);
	r = delta_fill_piece(delta, CANVAS_IS_OWED, UINT64_MAX, 0, input->payload_max, &is_all);
	/* To a ring's reader a record without a payload is the ring's end. */
	if (r == 0 && delta->payload.n_ops == 0)
		r = delta_pointer_repeat(&delta->pointer, &delta->payload);
	if (r == 0)
		delta_result(delta, RECORD_CATCH_UP,
			RECORD_IS_EXACT | (is_all ? RECORD_IS_LAST : 0u), delta->sequence, result);
	return r;
}

int delta_catch_up(struct encoder *delta, const struct encoder_input *input, uint64_t since,
	bool exact, struct encoder_result *result)
{
	if (delta->is_lost || delta->sequence == 0)
		return -EAGAIN;
	return exact ? pay_piece(delta, input, since == 0, result)
		     : catch_up(delta, input, since, result);
}
