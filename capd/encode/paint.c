/* SPDX-License-Identifier: MIT */
#include "capd/encode/paint.h"

#include <stdbool.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capd/encode/jpeg_rect.h"
#include "common/clock.h"

/* Rows of one PNG: a heading in colour then costs its own band the palette, and no other. */
#define BAND_ROWS    128
#define SMALL_PIXELS 4096  /* a PNG whatever it shows: 12 KB at most */
#define SAMPLES_SIDE 32u   /* samples in each direction of a band */
#define PHOTO_SHARE  4u    /* a photograph has as many colours as a quarter of the samples */
#define SEEN_SIZE    4096u /* slots for the samples' colours: a power of two */

/* Strips of text, as scrolling brings them: tried line by line, and turned. */
#define LINES_ROWS_MAX  64
#define LINES_WIDTH_MIN 128
#define LINES_MAX       8u

/* Our own time, not that for which others had the CPU: what PNG saves in bytes it saves then too.
 */
#define PNG_CLOCK CLOCK_THREAD_CPUTIME_ID

struct painter {
	struct png_writer *png;
	struct jpeg_rect *jpeg;
	uint64_t png_until_ns, pts_ns;
	size_t len_max;
	uint32_t seen[SEEN_SIZE]; /* colour + 1 */
	uint32_t *turned;         /* a strip, its columns as rows */
	size_t turned_len;        /* pixels that it has room for */
	struct payload trial;
};

int painter_create(
	const struct strip_cache_options *options, uint32_t height_max, struct painter **out)
{
	struct painter *painter = calloc(1, sizeof(*painter));
	int r;

	if (!painter)
		return -ENOMEM;
	r = png_writer_create(&painter->png);
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
	png_writer_destroy(painter->png);
	jpeg_rect_destroy(painter->jpeg);
	payload_fini(&painter->trial);
	free(painter->turned);
	free(painter);
}

struct png_writer *painter_png(struct painter *painter)
{
	return painter->png;
}

void painter_begin(struct painter *painter, uint64_t budget_ns, uint64_t pts_ns, size_t len_max)
{
	painter->png_until_ns = budget_ns ? clock_ns(PNG_CLOCK) + budget_ns : 0;
	painter->pts_ns = pts_ns;
	painter->len_max = len_max;
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

static struct delta_op op_for(enum delta_op_kind kind, const struct box *box)
{
	return (struct delta_op){
		.kind = kind,
		.x = box->x0,
		.y = box->y0,
		.width = (uint32_t)(box->x1 - box->x0),
		.height = (uint32_t)(box->y1 - box->y0),
	};
}

static int put_png(struct painter *painter, const struct picture *picture, const struct box *box,
	bool photo, struct payload *out)
{
	const struct delta_op op = op_for(DELTA_PNG, box);
	int r = payload_begin(out, &op);

	if (r == 0)
		r = png_write(painter->png, picture, box, photo, out);
	return r < 0 ? r : payload_end(out);
}

/* --- strips of text --- */

/* The box, its columns as rows. */
static int turn(struct painter *painter, const struct picture *picture, const struct box *box,
	struct picture *turned)
{
	uint32_t width = (uint32_t)(box->x1 - box->x0), height = (uint32_t)(box->y1 - box->y0);
	size_t len = (size_t)width * height;

	if (len > painter->turned_len) {
		free(painter->turned);
		painter->turned_len = 0;
		painter->turned = malloc(len * sizeof(uint32_t));
		if (!painter->turned)
			return -ENOMEM;
		painter->turned_len = len;
	}
	for (uint32_t y = 0; y < height; y++) {
		const uint8_t *row = picture->pixels +
				     picture->stride * (size_t)((uint32_t)box->y0 + y) +
				     (size_t)box->x0 * 4;

		for (uint32_t x = 0; x < width; x++)
			memcpy(painter->turned + (size_t)x * height + y, row + (size_t)x * 4, 4);
	}
	*turned = (struct picture){.pixels = (uint8_t *)painter->turned,
		.stride = (size_t)height * 4,
		.width = height,
		.height = width};
	return 0;
}

static int put_turned_png(struct painter *painter, const struct picture *picture,
	const struct box *box, struct payload *out)
{
	struct delta_op op = op_for(DELTA_PNG, box);
	struct picture turned;
	int r = turn(painter, picture, box, &turned);

	op.flags = DELTA_PNG_IS_TURNED;
	if (r == 0)
		r = payload_begin(out, &op);
	if (r < 0)
		return r;
	const struct box whole = {0, 0, (int32_t)turned.width, (int32_t)turned.height};
	r = png_write(painter->png, &turned, &whole, false, out);
	return r < 0 ? r : payload_end(out);
}

static bool is_blank_row(const struct picture *picture, const struct box *box, int32_t y)
{
	const uint8_t *row = picture->pixels + picture->stride * (size_t)y + (size_t)box->x0 * 4;

	for (int32_t x = 1; x < box->x1 - box->x0; x++)
		if (memcmp(row + (size_t)x * 4, row, 3) != 0)
			return false;
	return true;
}

/* Where the lines of text end; each keeps the blank rows behind it, the first those before it too.
 */
static unsigned find_lines(
	const struct picture *picture, const struct box *box, int32_t ends[LINES_MAX])
{
	bool in_line = false, was_line = false;
	unsigned n = 0;

	for (int32_t y = box->y0; y < box->y1; y++) {
		bool is_line = !is_blank_row(picture, box, y);

		if (is_line && !in_line && was_line && n + 1 < LINES_MAX)
			ends[n++] = y;
		in_line = is_line;
		was_line |= is_line;
	}
	ends[n++] = box->y1;
	return n;
}

/* Whatever is shorter: the box as it lies, or line by line and turned. */
static int put_strip(struct painter *painter, const struct picture *picture, const struct box *box,
	struct payload *out)
{
	struct payload *trial = &painter->trial;
	int32_t ends[LINES_MAX];
	size_t before = out->len;
	unsigned n_before = out->n_ops, n = find_lines(picture, box, ends);
	struct box line = *box;
	int r = put_png(painter, picture, box, false, out);

	payload_reset(trial);
	for (unsigned i = 0; i < n && r == 0; i++, line.y0 = line.y1) {
		line.y1 = ends[i];
		r = put_turned_png(painter, picture, &line, trial);
	}
	if (r < 0 || trial->len >= out->len - before)
		return r;
	payload_rollback(out, before, n_before);
	r = payload_reserve(out, trial->len);
	if (r < 0)
		return r;
	memcpy(out->bytes + out->len, trial->bytes, trial->len);
	out->len += trial->len;
	out->n_ops += trial->n_ops;
	return 0;
}

static bool is_strip(const struct box *box)
{
	return box->y1 - box->y0 <= LINES_ROWS_MAX && box->x1 - box->x0 >= LINES_WIDTH_MIN;
}

static int put_jpeg(struct painter *painter, const struct picture *picture, const struct box *box,
	struct payload *out)
{
	const struct delta_op op = op_for(DELTA_JPEG, box);
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

	return put_png(painter, picture, box, photo, out);
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
	r = is_strip(&box) ? put_strip(painter, picture, &box, out)
			   : put_png(painter, picture, &box, false, out);
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
