/* SPDX-License-Identifier: MIT */
#include "capd/encode/exact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capd/encode/glyphs.h"
#include "capd/encode/plain.h"

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
#define CELLS_MAX     1024u
#define GAP_MAX       255 /* pixels: a byte */
#define CUT_ROWS_MAX  48  /* rows of a line that can be there before the rest of it is */
#define FOUND_MIN     3u  /* fewer are not worth an operation beside a PNG */

struct exact_writer {
	struct png_writer *png;
	uint32_t *turned;  /* a line, its columns as rows */
	size_t turned_len; /* pixels that it has room for */
	struct glyphs *glyphs;
	struct payload other, found; /* scratch */
	/* of the call under way */
	const struct canvas *canvas; /* NULL: nothing is copied */
	struct box avoid;
	struct glyph_cell cells[CELLS_MAX];
	unsigned n_tall_left;      /* of this record */
	unsigned n_cells, n_found; /* n_found: lines some of whose glyphs were */
};

int exact_writer_create(struct exact_writer **out)
{
	struct exact_writer *writer = calloc(1, sizeof(*writer));
	int r;

	if (!writer)
		return -ENOMEM;
	r = png_writer_create(&writer->png);
	if (r == 0)
		r = glyphs_create(&writer->glyphs);
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
	glyphs_destroy(writer->glyphs);
	payload_fini(&writer->other);
	payload_fini(&writer->found);
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

static int put_turned_png(struct exact_writer *writer, const struct box *box,
	const struct picture *turned, struct payload *out)
{
	const struct box whole = {0, 0, (int32_t)turned->width, (int32_t)turned->height};
	struct delta_op op = op_for(DELTA_PNG, box);
	int r;

	op.flags = DELTA_PNG_IS_TURNED;
	r = payload_begin(out, &op);
	if (r == 0)
		r = png_write(writer->png, turned, &whole, false, out);
	return r < 0 ? r : payload_end(out);
}

/* --- glyphs that stand elsewhere --- */

static void blank(const struct picture *turned, int32_t from, int32_t to, uint32_t background)
{
	for (int32_t y = from; y < to; y++)
		for (uint32_t x = 0; x < turned->width; x++)
			memcpy(turned->pixels + turned->stride * (size_t)y + (size_t)x * 4,
				&background, sizeof(background));
}

/* The line's glyphs that are found (by all of what `whole` has of them) become an operation in
 * `found`, and background in `turned`.  0, and how many were and were not; -ENOMEM. */
static int take_glyphs(struct exact_writer *writer, const struct picture *picture,
	const struct box *line, const struct box *whole, uint32_t background,
	const struct picture *turned, unsigned *n_found, unsigned *n_others)
{
	const struct delta_op op = op_for(DELTA_GLYPHS, line);
	struct glyph_cell cell = {.box = {.x1 = line->x0}};
	int32_t x = line->x0, src_x, src_y;
	struct payload *found = &writer->found;
	int r = payload_begin(found, &op);

	while (r == 0 && glyph_cell_next(picture, whole, background, cell.box.x1, &cell)) {
		if (writer->n_cells < CELLS_MAX)
			writer->cells[writer->n_cells++] = cell;
		if (cell.box.y1 <= line->y0)
			continue; /* all of it is there */
		if (cell.box.x0 - x > GAP_MAX ||
			!glyphs_find(writer->glyphs, writer->canvas, picture, &cell, line,
				&writer->avoid, &src_x, &src_y)) {
			++*n_others;
			continue;
		}
		const struct delta_glyph glyph = {(uint32_t)src_x, (uint32_t)src_y,
			(uint32_t)(cell.box.x0 - x), (uint32_t)(cell.box.x1 - cell.box.x0)};
		r = payload_reserve(found, DELTA_GLYPH_LEN);
		if (r < 0)
			return r;
		delta_glyph_put(found->bytes + found->len, &glyph);
		found->len += DELTA_GLYPH_LEN;
		blank(turned, cell.box.x0 - line->x0, cell.box.x1 - line->x0, background);
		x = cell.box.x1;
		++*n_found;
	}
	return r < 0 ? r : payload_end(found);
}

/* A line as one PNG, with none of its glyphs copied. */
static int put_new_text(struct exact_writer *writer, const struct picture *picture,
	const struct box *line, struct payload *out)
{
	struct picture turned;
	int r = turn(writer, picture, line, &turned);

	return r < 0 ? r : put_turned_png(writer, line, &turned, out);
}

/* 1: done; 0: too few of its glyphs were found, nothing is appended. */
static int put_known_text(struct exact_writer *writer, const struct picture *picture,
	const struct box *line, const struct box *whole, uint32_t background, struct payload *out)
{
	unsigned n_found = 0, n_others = 0;
	struct picture turned;
	int r = turn(writer, picture, line, &turned);

	payload_reset(&writer->found);
	if (r == 0)
		r = take_glyphs(
			writer, picture, line, whole, background, &turned, &n_found, &n_others);
	if (r < 0 || n_found == 0 || (n_others > 0 && n_found < FOUND_MIN))
		return r;
	if (n_others > 0)
		r = put_turned_png(writer, line, &turned, out);
	if (r == 0)
		r = append(out, &writer->found);
	return r < 0 ? r : 1;
}

static int put_text(struct exact_writer *writer, const struct picture *picture,
	const struct box *line, uint32_t background, struct payload *out)
{
	struct box whole = *line;
	size_t before = out->len;
	unsigned n_before = out->n_ops;
	int r = 0;

	/* What scrolls in begins in the midst of a line; what is above it is there already. */
	if (line->y0 == writer->avoid.y0)
		plain_extend_up(picture, &whole, background, CUT_ROWS_MAX);
	if (writer->canvas)
		r = put_known_text(writer, picture, line, &whole, background, out);
	if (r == 0)
		return put_new_text(writer, picture, line, out);
	if (r < 0)
		return r;
	writer->n_found++;
	if (whole.y0 == line->y0)
		return 0;
	/* A few rows of each may be shorter than where they are. */
	payload_reset(&writer->other);
	r = put_new_text(writer, picture, line, &writer->other);
	if (r < 0 || writer->other.len >= out->len - before)
		return r;
	payload_rollback(out, before, n_before);
	return append(out, &writer->other);
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
		r = line.is_dull ? put_dull(writer, picture, &line.box, out)
				 : put_text(writer, picture, &line.box, background, out);
	}
	return r;
}

/* Of a tall box: are most of its glyphs known?  If not, they are from now on. */
static bool is_known(struct exact_writer *writer, const struct picture *picture,
	const struct box *box, const struct canvas *canvas)
{
	uint32_t background = plain_background(picture, box);
	struct plain_line line = {.box = {.y1 = box->y0}};
	struct glyph_cell cell;
	unsigned n = 0, n_known = 0;
	int32_t x, y;

	while (plain_next_line(picture, box, background, line.box.y1, false, &line)) {
		cell.box.x1 = line.box.x0;
		while (!line.is_dull && n < CELLS_MAX &&
			glyph_cell_next(picture, &line.box, background, cell.box.x1, &cell)) {
			writer->cells[n++] = cell;
			n_known += glyphs_find(
				writer->glyphs, canvas, picture, &cell, &line.box, box, &x, &y);
		}
	}
	if (n_known * 2 > n)
		return true;
	for (unsigned i = 0; i < n; i++)
		glyphs_learn(writer->glyphs, &writer->cells[i]);
	return false;
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

	if (writer->n_found > 0)
		return 0;
	payload_reset(other);
	r = exact_write_png(writer, picture, box, false, other);
	if (r < 0 || other->len >= out->len - before)
		return r;
	payload_rollback(out, before, n_before);
	return append(out, other);
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
	if (n_pixels > SMALL_PIXELS && !is_strip(box) &&
		!(canvas && is_tall(writer, box) && is_known(writer, picture, box, canvas)))
		return exact_write_png(writer, picture, box, false, out);
	writer->canvas = canvas;
	writer->avoid = *box;
	writer->n_cells = writer->n_found = 0;
	r = put_parts(writer, picture, box, out);
	if (r == 0)
		r = or_one_png(writer, picture, box, before, n_before, out);
	for (unsigned i = 0; i < writer->n_cells && r == 0; i++)
		glyphs_learn(writer->glyphs, &writer->cells[i]);
	return r;
}

void exact_begin(struct exact_writer *writer)
{
	writer->n_tall_left = 0;
}

void exact_note_copy(struct exact_writer *writer, const struct box *source, int32_t dx, int32_t dy)
{
	glyphs_move(writer->glyphs, source, dx, dy);
	writer->n_tall_left = TALL_MAX;
}
