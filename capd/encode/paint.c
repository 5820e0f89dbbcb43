/* SPDX-License-Identifier: MIT */
#include "capd/encode/paint.h"

#include <stdbool.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capd/encode/exact.h"
#include "capd/encode/jpeg_rect.h"
#include "common/clock.h"

/* Rows of one PNG: a heading in colour then costs its own band the palette, and no other. */
#define BAND_ROWS    128
#define SMALL_PIXELS 4096  /* a PNG whatever it shows: 12 KB at most */
#define SAMPLES_SIDE 32u   /* samples in each direction of a band */
#define PHOTO_SHARE  4u    /* a photograph has as many colours as a quarter of the samples */
#define SEEN_SIZE    4096u /* slots for the samples' colours: a power of two */

/* Our own time, not that for which others had the CPU: what PNG saves in bytes it saves then too.
 */
#define PNG_CLOCK CLOCK_THREAD_CPUTIME_ID

struct painter {
	struct exact_writer *exact;
	struct jpeg_rect *jpeg;
	uint64_t png_until_ns, pts_ns;
	size_t len_max;
	uint32_t seen[SEEN_SIZE]; /* colour + 1 */
};

int painter_create(
	const struct strip_cache_options *options, uint32_t height_max, struct painter **out)
{
	struct painter *painter = calloc(1, sizeof(*painter));
	int r;

	if (!painter)
		return -ENOMEM;
	r = exact_writer_create(&painter->exact);
	if (r == 0)
		r = jpeg_rect_create(options, height_max, &painter->jpeg);
	if (r < 0) {
		painter_destroy(painter);
		return r;
	}
	*out = painter;
	return 0;
}

void painter_destroy(struct painter *painter)
{
	if (!painter)
		return;
	exact_writer_destroy(painter->exact);
	jpeg_rect_destroy(painter->jpeg);
	free(painter);
}

struct png_writer *painter_png(struct painter *painter)
{
	return exact_png(painter->exact);
}

void painter_note_copy(struct painter *painter, const struct box *source, int32_t dx, int32_t dy)
{
	exact_note_copy(painter->exact, source, dx, dy);
}

void painter_begin(struct painter *painter, uint64_t budget_ns, uint64_t pts_ns, size_t len_max)
{
	painter->png_until_ns = budget_ns ? clock_ns(PNG_CLOCK) + budget_ns : 0;
	painter->pts_ns = pts_ns;
	painter->len_max = len_max;
	exact_begin(painter->exact);
}

static int64_t pixels_in(const struct box *box)
{
	return (int64_t)(box->x1 - box->x0) * (box->y1 - box->y0);
}

/* True if the colour had not been seen. */
static bool note_colour(struct painter *painter, uint32_t colour)
{
	uint32_t slot = colour * 0x9e3779b1u >> 20; /* the upper 12 bits */

	while (painter->seen[slot] && painter->seen[slot] != colour + 1)
		slot = (slot + 1) % SEEN_SIZE;
	if (painter->seen[slot])
		return false;
	painter->seen[slot] = colour + 1;
	return true;
}

static bool is_photo(struct painter *painter, const struct picture *picture, const struct box *box)
{
	uint32_t width = (uint32_t)(box->x1 - box->x0), height = (uint32_t)(box->y1 - box->y0);
	uint32_t step_x = width / SAMPLES_SIDE + 1, step_y = height / SAMPLES_SIDE + 1;
	uint32_t n = 0, n_colours = 0;

	memset(painter->seen, 0, sizeof(painter->seen));
	for (uint32_t y = 0; y < height; y += step_y) {
		const uint8_t *row = picture->pixels +
				     picture->stride * (size_t)((uint32_t)box->y0 + y) +
				     (size_t)box->x0 * 4;

		/* The first sample moves from row to row: no column of equal pixels misleads. */
		for (uint32_t x = y / step_y * 7 % step_x; x < width; x += step_x) {
			uint32_t colour;

			memcpy(&colour, row + (size_t)x * 4, sizeof(colour));
			n_colours += note_colour(painter, colour & 0x00ffffff);
			n++;
		}
	}
	return n_colours > n / PHOTO_SHARE;
}

static int put_jpeg(struct painter *painter, const struct picture *picture, const struct box *box,
	struct payload *out)
{
	const struct delta_op op = payload_op(DELTA_JPEG, box);
	int r = payload_begin(out, &op);

	if (r == 0 && out->len + DELTA_OP_ALIGN >= painter->len_max)
		r = -EMSGSIZE;
	if (r == 0)
		r = jpeg_rect_write(painter->jpeg, picture, box, painter->pts_ns,
			painter->len_max - out->len - DELTA_OP_ALIGN, out);
	return r < 0 ? r : payload_end(out);
}

int painter_paint_exact(struct painter *painter, const struct picture *picture,
	const struct box *box, struct payload *out)
{
	bool photo = pixels_in(box) > SMALL_PIXELS && is_photo(painter, picture, box);

	return exact_write_png(painter->exact, picture, box, photo, out);
}

static bool wants_png(struct painter *painter, const struct picture *picture, const struct box *box,
	const struct payload *out)
{
	/* What is left is for JPEG, which can be made to fit. */
	if (out->len > painter->len_max / 2 || out->n_ops >= DELTA_OPS_MAX / 2 ||
		painter->png_until_ns == 0)
		return false;
	if (pixels_in(box) <= SMALL_PIXELS)
		return true;
	return !is_photo(painter, picture, box) && clock_ns(PNG_CLOCK) < painter->png_until_ns;
}

/* One band as PNG.  1: done; 0: it became too long, nothing is appended. */
static int try_png(struct painter *painter, const struct picture *picture, const struct box *band,
	const struct paint_ops *ops, struct payload *out)
{
	struct box box = *band;
	size_t len = out->len;
	unsigned n_ops = out->n_ops;
	int r;

	if (ops->tighten)
		ops->tighten(ops->arg, &box);
	if (box.x0 >= box.x1 || box.y0 >= box.y1)
		return 1;
	r = exact_write(painter->exact, picture, &box, ops->canvas, out);
	if (r < 0)
		return r;
	if (out->len > painter->len_max / 4 * 3) {
		payload_rollback(out, len, n_ops);
		return 0;
	}
	ops->painted(ops->arg, &box, true);
	return 1;
}

static int finish_jpeg(struct painter *painter, const struct picture *picture, struct box *jpeg,
	const struct paint_ops *ops, struct payload *out)
{
	int r;

	if (jpeg->y0 >= jpeg->y1)
		return 0;
	r = put_jpeg(painter, picture, jpeg, out);
	if (r == 0)
		ops->painted(ops->arg, jpeg, false);
	jpeg->y0 = jpeg->y1;
	return r;
}

int painter_paint(struct painter *painter, const struct picture *picture, const struct box *box,
	const struct paint_ops *ops, struct payload *out)
{
	struct box band = *box;
	struct box jpeg = {box->x0, box->y0, box->x1, box->y0}; /* bands on their way: empty */
	int r = 0;

	for (; band.y0 < box->y1 && r >= 0; band.y0 = band.y1) {
		band.y1 = band.y0 + BAND_ROWS < box->y1 ? band.y0 + BAND_ROWS : box->y1;
		r = 0;
		if (wants_png(painter, picture, &band, out)) {
			r = finish_jpeg(painter, picture, &jpeg, ops, out);
			if (r == 0)
				r = try_png(painter, picture, &band, ops, out);
		}
		if (r == 0) {
			if (jpeg.y0 >= jpeg.y1)
				jpeg.y0 = band.y0;
			jpeg.y1 = band.y1;
		}
	}
	return r < 0 ? r : finish_jpeg(painter, picture, &jpeg, ops, out);
}
