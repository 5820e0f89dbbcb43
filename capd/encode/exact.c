/* SPDX-License-Identifier: MIT */
#include "capd/encode/exact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capd/encode/plain.h"
#include "capd/encode/text_line.h"

/* Up to here a second PNG costs little time. */
#define SMALL_PIXELS 4096
/* Strips of text, as scrolling brings them. */
#define LINES_ROWS_MAX  64
#define LINES_WIDTH_MIN 128
#define LINES_MAX       12u
/* More than a strip only in what came into view behind a copy, where most of it is known, and not
 * without end: a PNG for each line and its glyphs are time here and in a browser. */
#define TALL_ROWS_MAX 128
#define TALL_MAX      3u /* boxes in a record */

struct exact_writer {
	struct png_writer *png;
	struct text_writer *text;
	struct payload other; /* scratch */
	unsigned n_tall_left; /* of this record */
};

int exact_writer_create(struct exact_writer **out)
{
	struct exact_writer *writer = calloc(1, sizeof(*writer));
	int r;

	if (!writer)
		return -ENOMEM;
	r = png_writer_create(&writer->png);
	if (r == 0)
		r = text_writer_create(writer->png, &writer->text);
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
	text_writer_destroy(writer->text);
	png_writer_destroy(writer->png);
	payload_fini(&writer->other);
	free(writer);
}

struct png_writer *exact_png(struct exact_writer *writer)
{
	return writer->png;
}

static int put_fill(const struct box *box, uint32_t colour, struct payload *out)
{
	struct delta_op op = payload_op(DELTA_FILL, box);

	op.colour = colour;
	return payload_add(out, &op);
}

int exact_write_png(struct exact_writer *writer, const struct picture *picture,
	const struct box *box, bool is_photo, struct payload *out)
{
	const struct delta_op op = payload_op(DELTA_PNG, box);
	int r = payload_begin(out, &op);

	if (r == 0)
		r = png_write(writer->png, picture, box, is_photo, out);
	return r < 0 ? r : payload_end(out);
}

static int put_dull(struct exact_writer *writer, const struct picture *picture,
	const struct box *line, struct payload *out)
{
	uint32_t colour;

	return plain_is(picture, line, &colour)
		       ? put_fill(line, colour, out)
		       : exact_write_png(writer, picture, line, false, out);
}

static bool is_strip(const struct box *box)
{
	return box->y1 - box->y0 <= LINES_ROWS_MAX && box->x1 - box->x0 >= LINES_WIDTH_MIN;
}

static int put_lines(struct exact_writer *writer, const struct picture *picture,
	const struct box *box, uint32_t background, struct payload *out)
{
	struct plain_line line;
	int32_t y = box->y0;
	int r = put_fill(box, background, out);

	for (unsigned n = 1; r == 0 && n <= LINES_MAX; n++, y = line.box.y1) {
		if (!plain_next_line(picture, box, background, y, n == LINES_MAX, &line))
			break;
		r = line.is_dull
			    ? put_dull(writer, picture, &line.box, out)
			    : text_write_line(writer->text, picture, &line.box, background, out);
	}
	return r;
}

static bool is_tall(struct exact_writer *writer, const struct box *box)
{
	if (box->y1 - box->y0 > TALL_ROWS_MAX || box->x1 - box->x0 < LINES_WIDTH_MIN ||
		writer->n_tall_left == 0)
		return false;
	writer->n_tall_left--;
	return true;
}

/* --- what is shorter --- */

/*
 * Instead of what is behind `before` in `out`, which paints `box`: one PNG, if it is shorter. Where
 * glyphs were found it is text, and no PNG is.
 */
static int or_one_png(struct exact_writer *writer, const struct picture *picture,
	const struct box *box, size_t before, unsigned n_before, struct payload *out)
{
	struct payload *other = &writer->other;
	int r;

	if (text_has_copied(writer->text))
		return 0;
	payload_reset(other);
	r = exact_write_png(writer, picture, box, false, other);
	if (r < 0 || other->len >= out->len - before)
		return r;
	payload_rollback(out, before, n_before);
	return payload_append(out, other);
}

/* Plain sides, then lines. */
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
	size_t before = out->len;
	unsigned n_before = out->n_ops;
	r = put_lines(writer, picture, &rest, background, out);
	if (r == 0 && n > 0)
		r = or_one_png(writer, picture, &rest, before, n_before, out);
	return r;
}

int exact_write(struct exact_writer *writer, const struct picture *picture, const struct box *box,
	const struct canvas *canvas, struct payload *out)
{
	int64_t n_pixels = (int64_t)(box->x1 - box->x0) * (box->y1 - box->y0);
	size_t before = out->len;
	unsigned n_before = out->n_ops;
	uint32_t colour;
	int r;

	if (plain_is(picture, box, &colour))
		return put_fill(box, colour, out);
	text_begin(writer->text, canvas, box);
	if (n_pixels <= SMALL_PIXELS || is_strip(box) ||
		(canvas && is_tall(writer, box) &&
			text_is_known(
				writer->text, picture, box, plain_background(picture, box)))) {
		r = put_parts(writer, picture, box, out);
		if (r == 0)
			r = or_one_png(writer, picture, box, before, n_before, out);
	} else {
		r = exact_write_png(writer, picture, box, false, out);
	}
	text_end(writer->text);
	return r;
}

void exact_begin(struct exact_writer *writer)
{
	writer->n_tall_left = 0;
}

void exact_note_copy(struct exact_writer *writer, const struct box *source, int32_t dx, int32_t dy)
{
	text_note_copy(writer->text, source, dx, dy);
	writer->n_tall_left = TALL_MAX;
}
