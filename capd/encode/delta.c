/* SPDX-License-Identifier: MIT */
#include "capd/encode/delta.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capd/encode/delta_state.h"
#include "capd/encode/regions.h"
#include "capd/screen/tiles.h"
#include "common/clock.h"

/* PNG's share of a step: half of a frame's time at 60 fps. */
#define STEP_BUDGET_NS (8 * NS_PER_MS)
#define KEY_BUDGET_NS  (12 * NS_PER_MS)
/* Below this many tiles a PNG costs hardly more than the search for something to copy. */
#define SEARCH_TILES_MIN 12u
/* From this share of the screen on a search costs a millisecond or more: a film is not searched in
 * every frame. */
#define SEARCH_LARGE_SHARE 4u
#define SEARCH_REST_MAX    7u
/* After so long what changes is no film any more: another page, which may be scrolled next. */
#define SEARCH_REST_NS (100 * NS_PER_MS)

static void destroy(struct encoder *delta)
{
	if (!delta)
		return;
	canvas_fini(&delta->canvas);
	delta_pointer_fini(&delta->pointer);
	shift_finder_destroy(delta->shifts);
	move_finder_destroy(delta->moves);
	painter_destroy(delta->painter);
	payload_fini(&delta->payload);
	free(delta->is_dirty);
	free(delta);
}

int delta_create(const struct strip_cache_options *options, uint32_t width, uint32_t height,
	struct encoder **out)
{
	struct encoder *delta = calloc(1, sizeof(*delta));
	int r;

	if (!delta)
		return -ENOMEM;
	delta->is_lost = true;
	delta->tile_bytes = TILE_SIDE * TILE_SIDE * 3; /* as if nothing helped */
	r = canvas_init(&delta->canvas, width, height);
	if (r < 0)
		goto fail;
	delta->is_dirty = calloc((size_t)delta->canvas.columns * delta->canvas.rows, 1);
	r = delta->is_dirty ? 0 : -ENOMEM;
	if (r == 0)
		r = shift_finder_create(width, &delta->shifts);
	if (r == 0)
		r = move_finder_create(&delta->canvas, &delta->moves);
	if (r == 0)
		r = painter_create(options, height, &delta->painter);
	if (r < 0)
		goto fail;
	*out = delta;
	return 0;
fail:
	destroy(delta);
	return r;
}

void delta_result(struct encoder *delta, enum record_kind kind, unsigned flags, uint64_t base,
	struct encoder_result *result)
{
	delta->piece =
		(struct iovec){.iov_base = delta->payload.bytes, .iov_len = delta->payload.len};
	*result = (struct encoder_result){
		.kind = kind,
		.flags = flags,
		.sequence = delta->sequence,
		.base = base,
		.pieces = &delta->piece,
		.n_pieces = 1,
		.len = delta->payload.len,
	};
}

/* --- what changed --- */

static uint32_t mark_dirty(struct encoder *delta, const struct tiles *tiles)
{
	const uint64_t *changed_at = tiles_changed_at(tiles);
	uint32_t columns = delta->canvas.columns, n = 0;

	for (uint32_t row = 0; row < delta->canvas.rows; row++) {
		uint8_t *is_dirty = delta->is_dirty + (size_t)row * columns;

		memset(is_dirty, 0, columns);
		if (tiles_row_changed_at(tiles, row) <= delta->seen_sequence)
			continue;
		for (uint32_t column = 0; column < columns; column++) {
			is_dirty[column] =
				changed_at[(size_t)row * columns + column] > delta->seen_sequence;
			n += is_dirty[column];
		}
	}
	return n;
}

static void note_changes(struct encoder *delta, uint64_t sequence, uint64_t pts_ns)
{
	struct canvas *canvas = &delta->canvas;

	for (size_t i = 0; i < (size_t)canvas->columns * canvas->rows; i++) {
		if (!delta->is_dirty[i])
			continue;
		canvas->changed_at[i] = sequence;
		canvas->changed_ns[i] = pts_ns;
	}
}

/* --- what moved --- */

static int apply_shift(struct encoder *delta, const struct picture *picture,
	const struct shift *shift, const struct canvas_time *time, unsigned *n_kept)
{
	int n = move_apply(delta->moves, &delta->canvas, picture, delta->is_dirty, shift, time,
		&delta->payload);

	if (n > 0 && *n_kept < SHIFTS_MAX)
		delta->last_shifts[(*n_kept)++] = *shift;
	return n;
}

/* Whether this change is worth a search now: a film of which nothing was ever found to move rests
 * for longer and longer. */
static bool may_search(struct encoder *delta, uint32_t n_dirty, uint64_t pts_ns)
{
	uint32_t n_tiles = delta->canvas.columns * delta->canvas.rows;
	uint64_t last_ns = delta->large_ns;

	if (n_dirty < n_tiles / SEARCH_LARGE_SHARE)
		return true;
	delta->large_ns = pts_ns;
	if (pts_ns - last_ns > SEARCH_REST_NS)
		delta->search_rest = delta->search_rest_next = 0;
	if (delta->search_rest == 0)
		return true;
	delta->search_rest--;
	return false;
}

static void note_search(struct encoder *delta, uint32_t n_dirty, bool found)
{
	uint32_t n_tiles = delta->canvas.columns * delta->canvas.rows;

	if (found) {
		delta->search_rest = delta->search_rest_next = 0;
	} else if (n_dirty >= n_tiles / SEARCH_LARGE_SHARE) {
		delta->search_rest = delta->search_rest_next;
		if (delta->search_rest_next < SEARCH_REST_MAX)
			delta->search_rest_next = delta->search_rest_next * 2 + 1;
	}
}

struct candidate {
	struct shift shift;
	uint32_t rate;
};

static void add_candidates(struct encoder *delta, const struct picture *picture,
	const struct shift *shifts, unsigned n_shifts, struct candidate *candidates, unsigned *n)
{
	for (unsigned i = 0; i < n_shifts; i++)
		candidates[(*n)++] = (struct candidate){
			shifts[i], move_rate(delta->moves, &delta->canvas, picture, delta->is_dirty,
					   &shifts[i])};
}

/* NULL: none copies anything. */
static struct candidate *find_best(struct candidate *candidates, unsigned n)
{
	struct candidate *best = NULL;

	for (unsigned i = 0; i < n; i++)
		if (candidates[i].rate > 0 && (!best || candidates[i].rate > best->rate))
			best = &candidates[i];
	return best;
}

static int apply_candidates(struct encoder *delta, const struct picture *picture,
	struct candidate *candidates, unsigned n, uint32_t rate_min, const struct canvas_time *time,
	unsigned *n_kept)
{
	struct candidate *best;
	int r = 0;

	while (r >= 0 && (best = find_best(candidates, n)) && best->rate >= rate_min) {
		best->rate = 0;
		r = apply_shift(delta, picture, &best->shift, time, n_kept);
	}
	return r < 0 ? r : 0;
}

static uint32_t count_dirty(const struct encoder *delta)
{
	uint32_t n = 0;

	for (size_t i = 0; i < (size_t)delta->canvas.columns * delta->canvas.rows; i++)
		n += delta->is_dirty[i];
	return n;
}

/*
 * What scrolled in the last frame is likely to scroll on, by as much: if that explains half of what
 * changed it is copied at once, and only the rest is searched.
 */
static int copy_moves(struct encoder *delta, const struct picture *picture, uint32_t n_dirty,
	const struct canvas_time *time)
{
	struct candidate candidates[2 * SHIFTS_MAX];
	struct shift found[SHIFTS_MAX];
	unsigned n = 0, n_kept = 0;
	uint32_t n_textured, n_left;
	int r;

	if (n_dirty < SEARCH_TILES_MIN)
		return 0;
	n_textured = move_begin(delta->moves, &delta->canvas, picture, delta->is_dirty);
	add_candidates(delta, picture, delta->last_shifts, delta->n_last_shifts, candidates, &n);
	r = apply_candidates(delta, picture, candidates, n, n_textured / 2 + 1, time, &n_kept);
	n_left = count_dirty(delta);
	if (r == 0 && n_left >= SEARCH_TILES_MIN && may_search(delta, n_left, time->pts_ns)) {
		unsigned n_found = shift_find(
			delta->shifts, &delta->canvas, picture, delta->is_dirty, n_left, found);

		add_candidates(delta, picture, found, n_found, candidates, &n);
		r = apply_candidates(delta, picture, candidates, n, 1, time, &n_kept);
		note_search(delta, n_left, n_kept > 0);
	}
	delta->n_last_shifts = n_kept;
	return r;
}

/* What the painter remembers of the canvas goes along with the copies, which are all there is in
 * the payload now. */
static void note_copies(struct encoder *delta, const struct picture *picture)
{
	struct delta_reader reader = {.bytes = delta->payload.bytes,
		.len = delta->payload.len,
		.width = picture->width,
		.height = picture->height};
	struct delta_op op;

	while (delta_reader_next(&reader, &op) == 0) {
		const struct box source = {(int32_t)op.src_x, (int32_t)op.src_y,
			(int32_t)(op.src_x + op.width), (int32_t)(op.src_y + op.height)};

		painter_note_copy(delta->painter, &source, op.x - source.x0, op.y - source.y0);
	}
}

/* --- what is painted --- */

struct painting {
	struct encoder *delta;
	const struct picture *picture;
	struct canvas_time time;
};

static void on_tighten(void *arg, struct box *box)
{
	struct painting *painting = arg;

	canvas_tighten(&painting->delta->canvas, painting->picture, box);
}

static void on_painted(void *arg, const struct box *box, bool is_exact)
{
	struct painting *painting = arg;
	struct encoder *delta = painting->delta;

	if (is_exact) {
		canvas_paint(&delta->canvas, painting->picture, box, &painting->time);
		return;
	}
	canvas_paint_roughly(&delta->canvas, painting->picture, box, &painting->time);
	delta->has_approximate = true;
}

static struct box to_pixels(const struct canvas *canvas, const struct box *tiles)
{
	struct box first = canvas_tile_box(canvas, (uint32_t)tiles->x0, (uint32_t)tiles->y0);
	struct box last = canvas_tile_box(canvas, (uint32_t)tiles->x1 - 1, (uint32_t)tiles->y1 - 1);

	return (struct box){first.x0, first.y0, last.x1, last.y1};
}

static int paint_dirty(
	struct encoder *delta, const struct picture *picture, const struct paint_ops *ops)
{
	struct box regions[REGIONS_MAX];
	unsigned n =
		regions_find(delta->is_dirty, delta->canvas.columns, delta->canvas.rows, regions);
	int r = 0;

	for (unsigned i = 0; i < n && r == 0; i++) {
		struct box box = to_pixels(&delta->canvas, &regions[i]);

		r = painter_paint(delta->painter, picture, &box, ops, &delta->payload);
	}
	return r;
}

/* --- records --- */

static int make_step(struct encoder *delta, const struct encoder_input *input, uint32_t n_dirty,
	struct encoder_result *result)
{
	const struct picture *picture = tiles_picture(input->tiles);
	struct painting painting = {delta, picture, {delta->sequence + 1, input->pts_ns}};
	const struct paint_ops ops = {on_tighten, &delta->canvas, on_painted, &painting};
	int r;

	payload_reset(&delta->payload);
	painter_begin(delta->painter, STEP_BUDGET_NS, input->pts_ns,
		input->payload_max - delta_pointer_share(input->payload_max));
	note_changes(delta, delta->sequence + 1, input->pts_ns);
	r = copy_moves(delta, picture, n_dirty, &painting.time);
	note_copies(delta, picture);
	if (r == 0)
		r = paint_dirty(delta, picture, &ops);
	if (r == 0)
		r = delta_pointer_step(&delta->pointer, painter_png(delta->painter),
			delta->sequence + 1, delta_pointer_share(input->payload_max),
			&delta->payload);
	if (r == 0 && delta->payload.len > input->payload_max)
		r = -EMSGSIZE;
	if (r < 0)
		return r;
	/* What changed may have changed back before we looked. */
	if (delta->payload.n_ops == 0)
		return -EAGAIN;
	delta->sequence++;
	delta_result(delta, RECORD_STEP, 0, delta->sequence - 1, result);
	return 0;
}

/* The whole picture, for all. */
static int try_key(struct encoder *delta, const struct encoder_input *input, uint64_t png_budget_ns)
{
	const struct picture *picture = tiles_picture(input->tiles);
	size_t pointer_len = delta_pointer_share(input->payload_max);
	struct painting painting = {delta, picture, {delta->sequence + 1, input->pts_ns}};
	const struct paint_ops ops = {.painted = on_painted, .arg = &painting};
	int r;

	payload_reset(&delta->payload);
	painter_begin(
		delta->painter, png_budget_ns, input->pts_ns, input->payload_max - pointer_len);
	r = paint_dirty(delta, picture, &ops);
	if (r == 0)
		r = delta_pointer_catch_up(&delta->pointer, painter_png(delta->painter), 0,
			delta->sequence + 1, pointer_len, &delta->payload);
	if (r == 0 && delta->payload.len > input->payload_max)
		r = -EMSGSIZE;
	return r;
}

static int make_key(
	struct encoder *delta, const struct encoder_input *input, struct encoder_result *result)
{
	int r;

	memset(delta->is_dirty, 1, (size_t)delta->canvas.columns * delta->canvas.rows);
	note_changes(delta, delta->sequence + 1, input->pts_ns);
	r = try_key(delta, input, KEY_BUDGET_NS);
	if (r == -EMSGSIZE)
		r = try_key(delta, input, 0); /* one JPEG can be made to fit */
	if (r < 0)
		return r;
	delta->sequence++;
	delta->n_last_shifts = 0;
	delta_result(delta, RECORD_CATCH_UP, RECORD_IS_KEY, 0, result);
	return 0;
}

static int encode(
	struct encoder *delta, const struct encoder_input *input, struct encoder_result *result)
{
	const struct picture *picture = tiles_picture(input->tiles);
	uint32_t n_dirty;
	int r;

	assert(picture->width == delta->canvas.picture.width &&
		picture->height == delta->canvas.picture.height);
	(void)picture;
	r = delta_pointer_move(&delta->pointer, input->cursor);
	if (r < 0)
		return r;
	if (!delta->is_lost) {
		n_dirty = mark_dirty(delta, input->tiles);
		if (n_dirty == 0 && !delta_pointer_is_due(&delta->pointer))
			return -EAGAIN;
		r = make_step(delta, input, n_dirty, result);
		delta->is_lost = r < 0 && r != -EAGAIN;
	}
	if (delta->is_lost) {
		r = make_key(delta, input, result);
		delta->is_lost = r < 0;
	}
	if (r == 0 || r == -EAGAIN)
		delta->seen_sequence = input->sequence;
	return r;
}

static void request_key(struct encoder *delta)
{
	delta->is_lost = true;
}

const struct encoder_ops delta_ops = {
	.stream = STREAM_DELTA,
	.counts_for_itself = true,
	.encode = encode,
	.request_key = request_key,
	.destroy = destroy,
};
