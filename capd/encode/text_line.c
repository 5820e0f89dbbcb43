/* SPDX-License-Identifier: MIT */
#include "capd/encode/text_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capd/encode/glyphs.h"
#include "capd/encode/plain.h"

#define CELLS_MAX    1024u
#define GAP_MAX      255 /* pixels: a byte */
#define CUT_ROWS_MAX 48  /* rows of a line that can be there before the rest of it is */
#define FOUND_MIN    3u  /* fewer are not worth an operation beside a PNG */

struct text_writer {
	struct png_writer *png; /* borrowed */
	struct glyphs *glyphs;
	uint32_t *turned;              /* a line, its columns as rows */
	size_t turned_len;             /* pixels that it has room for */
	struct payload found, instead; /* scratch */
	/* of the box under way */
	const struct canvas *canvas; /* NULL: nothing is copied */
	struct box box;
	struct glyph_cell cells[CELLS_MAX];
	unsigned n_cells;
	bool has_copied;
};

int text_writer_create(struct png_writer *png, struct text_writer **out)
{
	struct text_writer *writer = calloc(1, sizeof(*writer));
	int r;

	if (!writer)
		return -ENOMEM;
	writer->png = png;
	r = glyphs_create(&writer->glyphs);
	if (r < 0) {
		text_writer_destroy(writer);
		return r;
	}
	*out = writer;
	return 0;
}

void text_writer_destroy(struct text_writer *writer)
{
	if (!writer)
		return;
	glyphs_destroy(writer->glyphs);
	payload_fini(&writer->found);
	payload_fini(&writer->instead);
	free(writer->turned);
	free(writer);
}

void text_begin(struct text_writer *writer, const struct canvas *canvas, const struct box *box)
{
	writer->canvas = canvas;
	writer->box = *box;
	writer->n_cells = 0;
	writer->has_copied = false;
}

void text_end(struct text_writer *writer)
{
	for (unsigned i = 0; i < writer->n_cells; i++)
		glyphs_learn(writer->glyphs, &writer->cells[i]);
	writer->canvas = NULL;
}

bool text_has_copied(const struct text_writer *writer)
{
	return writer->has_copied;
}

void text_note_copy(struct text_writer *writer, const struct box *source, int32_t dx, int32_t dy)
{
	glyphs_move(writer->glyphs, source, dx, dy);
}

/* The box, its columns as rows. */
static int turn(struct text_writer *writer, const struct picture *picture, const struct box *box,
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

static int put_turned_png(struct text_writer *writer, const struct box *box,
	const struct picture *turned, struct payload *out)
{
	const struct box whole = {0, 0, (int32_t)turned->width, (int32_t)turned->height};
	struct delta_op op = payload_op(DELTA_PNG, box);
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
static int take_glyphs(struct text_writer *writer, const struct picture *picture,
	const struct box *line, const struct box *whole, uint32_t background,
	const struct picture *turned, unsigned *n_found, unsigned *n_others)
{
	const struct delta_op op = payload_op(DELTA_GLYPHS, line);
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
				&writer->box, &src_x, &src_y)) {
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
static int put_new_text(struct text_writer *writer, const struct picture *picture,
	const struct box *line, struct payload *out)
{
	struct picture turned;
	int r = turn(writer, picture, line, &turned);

	return r < 0 ? r : put_turned_png(writer, line, &turned, out);
}

/* 1: done; 0: too few of its glyphs were found, nothing is appended. */
static int put_known_text(struct text_writer *writer, const struct picture *picture,
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
		r = payload_append(out, &writer->found);
	return r < 0 ? r : 1;
}

int text_write_line(struct text_writer *writer, const struct picture *picture,
	const struct box *line, uint32_t background, struct payload *out)
{
	struct box whole = *line;
	size_t before = out->len;
	unsigned n_before = out->n_ops;
	int r = 0;

	/* What scrolls in begins in the midst of a line; what is above it is there already. */
	if (line->y0 == writer->box.y0)
		plain_extend_up(picture, &whole, background, CUT_ROWS_MAX);
	if (writer->canvas)
		r = put_known_text(writer, picture, line, &whole, background, out);
	if (r == 0)
		return put_new_text(writer, picture, line, out);
	if (r < 0)
		return r;
	writer->has_copied = true;
	if (whole.y0 == line->y0)
		return 0;
	/* A few rows of each may be shorter than where they are. */
	payload_reset(&writer->instead);
	r = put_new_text(writer, picture, line, &writer->instead);
	if (r < 0 || writer->instead.len >= out->len - before)
		return r;
	payload_rollback(out, before, n_before);
	return payload_append(out, &writer->instead);
}

bool text_is_known(struct text_writer *writer, const struct picture *picture, const struct box *box,
	uint32_t background)
{
	struct plain_line line = {.box = {.y1 = box->y0}};
	struct glyph_cell cell;
	unsigned n = 0, n_known = 0;
	int32_t x, y;

	while (plain_next_line(picture, box, background, line.box.y1, false, &line)) {
		cell.box.x1 = line.box.x0;
		while (!line.is_dull && n < CELLS_MAX &&
			glyph_cell_next(picture, &line.box, background, cell.box.x1, &cell)) {
			writer->cells[n++] = cell;
			n_known += glyphs_find(writer->glyphs, writer->canvas, picture, &cell,
				&line.box, box, &x, &y);
		}
	}
	writer->n_cells = n_known * 2 > n ? 0 : n;
	return n_known * 2 > n;
}
