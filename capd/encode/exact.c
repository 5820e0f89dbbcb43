/* SPDX-License-Identifier: MIT */
#include "capd/encode/exact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capd/encode/plain.h"

/* Up to here a second PNG costs little time. */
#define SMALL_PIXELS 4096
/* Strips of text, as scrolling brings them. */
#define LINES_ROWS_MAX  64
#define LINES_WIDTH_MIN 128
#define LINES_MAX       8u

struct exact_writer {
	struct png_writer *png;
	uint32_t *turned;  /* a line, its columns as rows */
	size_t turned_len; /* pixels that it has room for */
	struct payload trial;
};

int exact_writer_create(struct exact_writer **out)
{
	struct exact_writer *writer = calloc(1, sizeof(*writer));
	int r;

	if (!writer)
		return -ENOMEM;
	r = png_writer_create(&writer->png);
	if (r < 0) {
		exact_writer_destroy(writer);
		return r;
	}
	*out = writer;
	return 0;
}

void exact_writer_destroy(struct exact_writer *writer)
{
	if (!writer)
		return;
	png_writer_destroy(writer->png);
	payload_fini(&writer->trial);
	free(writer->turned);
	free(writer);
}

struct png_writer *exact_png(struct exact_writer *writer)
{
	return writer->png;
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

static int put_fill(const struct box *box, uint32_t colour, struct payload *out)
{
	struct delta_op op = op_for(DELTA_FILL, box);

	op.colour = colour;
	return payload_add(out, &op);
}

int exact_write_png(struct exact_writer *writer, const struct picture *picture,
	const struct box *box, bool is_photo, struct payload *out)
{
	const struct delta_op op = op_for(DELTA_PNG, box);
	int r = payload_begin(out, &op);

	if (r == 0)
		r = png_write(writer->png, picture, box, is_photo, out);
	return r < 0 ? r : payload_end(out);
}

/* --- strips of text --- */

/* The box, its columns as rows. */
static int turn(struct exact_writer *writer, const struct picture *picture, const struct box *box,
	struct picture *turned)
{
	uint32_t width = (uint32_t)(box->x1 - box->x0), height = (uint32_t)(box->y1 - box->y0);
	size_t len = (size_t)width * height;

	if (len > writer->turned_len) {
		free(writer->turned);
		writer->turned_len = 0;
		writer->turned = malloc(len * sizeof(uint32_t));
		if (!writer->turned)
			return -ENOMEM;
		writer->turned_len = len;
	}
	for (uint32_t y = 0; y < height; y++) {
		const uint8_t *row = picture->pixels +
				     picture->stride * (size_t)((uint32_t)box->y0 + y) +
				     (size_t)box->x0 * 4;

		for (uint32_t x = 0; x < width; x++)
			memcpy(writer->turned + (size_t)x * height + y, row + (size_t)x * 4, 4);
	}
	*turned = (struct picture){.pixels = (uint8_t *)writer->turned,
		.stride = (size_t)height * 4,
		.width = height,
		.height = width};
	return 0;
}

static int put_turned_png(struct exact_writer *writer, const struct picture *picture,
	const struct box *box, struct payload *out)
{
	struct delta_op op = op_for(DELTA_PNG, box);
	struct picture turned;
	int r = turn(writer, picture, box, &turned);

	op.flags = DELTA_PNG_IS_TURNED;
	if (r == 0)
		r = payload_begin(out, &op);
	if (r < 0)
		return r;
	const struct box whole = {0, 0, (int32_t)turned.width, (int32_t)turned.height};
	r = png_write(writer->png, &turned, &whole, false, out);
	return r < 0 ? r : payload_end(out);
}

static bool is_strip(const struct box *box)
{
	return box->y1 - box->y0 <= LINES_ROWS_MAX && box->x1 - box->x0 >= LINES_WIDTH_MIN;
}

static int put_lines(struct exact_writer *writer, const struct picture *picture,
	const struct box *box, uint32_t background, struct payload *out)
{
	struct box line;
	int32_t y = box->y0;
	int r = put_fill(box, background, out);

	for (unsigned n = 1; r == 0 && n <= LINES_MAX; n++, y = line.y1) {
		if (!plain_next_line(picture, box, background, y, n == LINES_MAX, &line))
			break;
		r = put_turned_png(writer, picture, &line, out);
	}
	return r;
}

/* --- what is shorter --- */

static int put_parts(struct exact_writer *writer, const struct picture *picture,
	const struct box *box, struct payload *out)
{
	uint32_t background = plain_background(picture, box), colour;
	struct plain_part parts[PLAIN_PARTS_MAX];
	struct box rest = *box;
	unsigned n = plain_peel(picture, &rest, background, parts);
	int r = 0;

	for (unsigned i = 0; i < n && r == 0; i++)
		r = put_fill(&parts[i].box, parts[i].colour, out);
	if (r < 0)
		return r;
	if (plain_is(picture, &rest, &colour))
		return put_fill(&rest, colour, out);
	return is_strip(&rest) ? put_lines(writer, picture, &rest, background, out)
			       : exact_write_png(writer, picture, &rest, false, out);
}

static int append(struct payload *out, const struct payload *more)
{
	int r = payload_reserve(out, more->len);

	if (r < 0)
		return r;
	memcpy(out->bytes + out->len, more->bytes, more->len);
	out->len += more->len;
	out->n_ops += more->n_ops;
	return 0;
}

int exact_write(struct exact_writer *writer, const struct picture *picture, const struct box *box,
	struct payload *out)
{
	int64_t n_pixels = (int64_t)(box->x1 - box->x0) * (box->y1 - box->y0);
	struct payload *trial = &writer->trial;
	size_t before = out->len;
	unsigned n_before = out->n_ops;
	uint32_t colour;
	int r;

	if (plain_is(picture, box, &colour))
		return put_fill(box, colour, out);
	r = exact_write_png(writer, picture, box, false, out);
	if (r < 0 || (n_pixels > SMALL_PIXELS && !is_strip(box)))
		return r;
	payload_reset(trial);
	r = put_parts(writer, picture, box, trial);
	if (r < 0 || trial->len >= out->len - before)
		return r;
	payload_rollback(out, before, n_before);
	return append(out, trial);
}
