/* SPDX-License-Identifier: MIT */
#include "common/delta_ops.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/stream.h"

#define FIELD       2u  /* bytes: all fields are 16 bits */
#define PNG_HEAD    33u /* signature, and IHDR with its length and CRC */
#define PNG_MIN     57u /* …, an IDAT of no bytes, IEND */
#define JPEG_MIN    4u
#define COLOUR_MAX  0xffffffu
#define MARKER_SOI  0xd8u
#define MARKER_EOI  0xd9u
#define MARKER_SOS  0xdau
#define MARKER_SOF0 0xc0u
#define MARKER_SOF2 0xc2u

/* The fields behind the head of each kind, in bytes. */
static const uint8_t fields_len[] = {
	[DELTA_COPY] = 6 * FIELD,
	[DELTA_PNG] = 4 * FIELD,
	[DELTA_JPEG] = 4 * FIELD,
	[DELTA_POINTER_SHAPE] = 2 * FIELD,
	[DELTA_POINTER] = 2 * FIELD,
	[DELTA_FILL] = 6 * FIELD,
	[DELTA_GLYPHS] = 4 * FIELD,
};

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static int32_t get16_signed(const uint8_t *p)
{
	return (int16_t)get16(p);
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) | get16(p + 2) << 16;
}

static uint32_t get16_big(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32_big(const uint8_t *p)
{
	return get16_big(p) << 16 | get16_big(p + 2);
}

static uint8_t *put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)value;
	p[1] = (uint8_t)(value >> 8);
	return p + 2;
}

size_t delta_op_put(uint8_t *out, const struct delta_op *op)
{
	size_t head = DELTA_OP_HEAD + fields_len[op->kind];
	uint32_t length = (uint32_t)(head + op->data_len);
	uint8_t *p = out;

	*p++ = (uint8_t)op->kind;
	*p++ = (uint8_t)op->flags;
	p = put16(p, op->shape_id);
	p = put16(p, length);
	p = put16(p, length >> 16);
	if (op->kind == DELTA_COPY) {
		p = put16(p, op->src_x);
		p = put16(p, op->src_y);
	}
	if (op->kind != DELTA_POINTER_SHAPE) {
		p = put16(p, (uint32_t)op->x);
		p = put16(p, (uint32_t)op->y);
	}
	if (op->kind != DELTA_POINTER) {
		p = put16(p, op->width);
		p = put16(p, op->height);
	}
	if (op->kind == DELTA_FILL) {
		p = put16(p, op->colour);
		p = put16(p, op->colour >> 16);
	}
	return (size_t)(p - out);
}

void delta_glyph_put(uint8_t *out, const struct delta_glyph *glyph)
{
	out = put16(put16(out, glyph->src_x), glyph->src_y);
	out[0] = (uint8_t)glyph->gap;
	out[1] = (uint8_t)glyph->width;
}

struct delta_glyph delta_glyph_get(const uint8_t *at)
{
	return (struct delta_glyph){get16(at), get16(at + 2), at[4], at[5]};
}

static bool is_inside(
	const struct delta_reader *reader, uint32_t x, uint32_t y, uint32_t width, uint32_t height)
{
	return width > 0 && height > 0 && x + width <= reader->width &&
	       y + height <= reader->height;
}

/* A browser makes room for the size that an image says before it decodes it. */
static bool is_png_of(const struct delta_op *op)
{
	static const uint8_t start[16] = {
		0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R'};

	bool is_turned = op->kind == DELTA_PNG && op->flags & DELTA_PNG_IS_TURNED;
	uint32_t width = is_turned ? op->height : op->width;
	uint32_t height = is_turned ? op->width : op->height;

	return op->data_len >= PNG_MIN && memcmp(op->data, start, sizeof(start)) == 0 &&
	       get32_big(op->data + 16) == width && get32_big(op->data + 20) == height;
}

static bool is_jpeg_of(const struct delta_op *op)
{
	const uint8_t *p = op->data;
	size_t at = 2;

	if (op->data_len < JPEG_MIN || p[0] != 0xff || p[1] != MARKER_SOI ||
		p[op->data_len - 2] != 0xff || p[op->data_len - 1] != MARKER_EOI)
		return false;
	while (at + 9 <= op->data_len && p[at] == 0xff && p[at + 1] != MARKER_SOS) {
		if (p[at + 1] >= MARKER_SOF0 && p[at + 1] <= MARKER_SOF2)
			return get16_big(p + at + 5) == op->height &&
			       get16_big(p + at + 7) == op->width;
		at += 2 + get16_big(p + at + 2);
	}
	return false;
}

/* All of the line's width is in the picture. */
static bool are_glyphs_of(const struct delta_reader *reader, const struct delta_op *op)
{
	uint32_t x = 0;

	if (op->data_len % DELTA_GLYPH_LEN)
		return false;
	for (size_t at = 0; at < op->data_len; at += DELTA_GLYPH_LEN) {
		struct delta_glyph glyph = delta_glyph_get(op->data + at);

		x += glyph.gap + glyph.width;
		if (x > op->width ||
			!is_inside(reader, glyph.src_x, glyph.src_y, glyph.width, op->height))
			return false;
	}
	return true;
}

/* The fields are there, and `op` knows its kind and data. */
static bool take_fields(const struct delta_reader *reader, const uint8_t *p, struct delta_op *op)
{
	if (op->kind == DELTA_COPY) {
		op->src_x = get16(p);
		op->src_y = get16(p + 2);
		p += 2 * FIELD;
	}
	if (op->kind == DELTA_POINTER) {
		op->x = get16_signed(p);
		op->y = get16_signed(p + 2);
		return true;
	}
	if (op->kind != DELTA_POINTER_SHAPE) {
		op->x = (int32_t)get16(p);
		op->y = (int32_t)get16(p + 2);
		p += 2 * FIELD;
	}
	op->width = get16(p);
	op->height = get16(p + 2);
	if (op->kind == DELTA_POINTER_SHAPE)
		return op->width > 0 && op->width <= DELTA_SHAPE_SIDE_MAX && op->height > 0 &&
		       op->height <= DELTA_SHAPE_SIDE_MAX && is_png_of(op);
	if (!is_inside(reader, (uint32_t)op->x, (uint32_t)op->y, op->width, op->height))
		return false;
	if (op->kind == DELTA_COPY)
		return is_inside(reader, op->src_x, op->src_y, op->width, op->height);
	if (op->kind == DELTA_FILL) {
		op->colour = get32(p + 2 * FIELD);
		return op->colour <= COLOUR_MAX;
	}
	if (op->kind == DELTA_GLYPHS)
		return are_glyphs_of(reader, op);
	return op->kind == DELTA_PNG ? is_png_of(op) : is_jpeg_of(op);
}

static bool flags_are_known(const struct delta_op *op)
{
	unsigned known = op->kind == DELTA_POINTER ? DELTA_POINTER_IS_VISIBLE
			 : op->kind == DELTA_PNG   ? DELTA_PNG_IS_TURNED
						   : 0;

	if (op->flags & ~known)
		return false;
	return op->kind == DELTA_POINTER || op->kind == DELTA_POINTER_SHAPE
		       ? op->shape_id < DELTA_SHAPES
		       : op->shape_id == 0;
}

/* Zero bytes up to the next multiple of 4, or to the payload's end. */
static bool skip_padding(struct delta_reader *reader, size_t length)
{
	size_t padding = delta_op_padding(length);

	reader->at += length;
	if (padding > reader->len - reader->at)
		return false;
	for (; padding > 0; padding--)
		if (reader->bytes[reader->at++] != 0)
			return false;
	return true;
}

int delta_reader_next(struct delta_reader *reader, struct delta_op *op)
{
	size_t left = reader->len - reader->at;
	const uint8_t *p = reader->bytes + reader->at;

	if (left == 0)
		return -EAGAIN;
	if (left < DELTA_OP_HEAD || p[0] < DELTA_COPY || p[0] > DELTA_GLYPHS)
		return -EPROTO;
	*op = (struct delta_op){.kind = p[0], .flags = p[1], .shape_id = get16(p + 2)};
	size_t length = get32(p + 4), head = DELTA_OP_HEAD + fields_len[op->kind];
	bool has_data =
		op->kind != DELTA_COPY && op->kind != DELTA_POINTER && op->kind != DELTA_FILL;
	if (length > left || (has_data ? length <= head : length != head) || !flags_are_known(op))
		return -EPROTO;
	op->data = p + head;
	op->data_len = length - head;
	if (!take_fields(reader, p + DELTA_OP_HEAD, op) || !skip_padding(reader, length))
		return -EPROTO;
	return 0;
}

/* Kind, flags and sequences. */
static bool head_is_sound(const struct ring_record *record)
{
	const unsigned known =
		RECORD_IS_KEY | RECORD_IS_REFINEMENT | RECORD_IS_EXACT | RECORD_IS_LAST;
	bool is_key = record->flags & RECORD_IS_KEY, is_exact = record->flags & RECORD_IS_EXACT;

	if (record->width == 0 || record->width > DELTA_PICTURE_SIDE_MAX || record->height == 0 ||
		record->height > DELTA_PICTURE_SIDE_MAX || record->sequence == 0 ||
		record->flags & ~known)
		return false;
	if (record->kind == RECORD_STEP)
		return record->base > 0 && record->base == record->sequence - 1 &&
		       !(record->flags & ~(unsigned)RECORD_IS_REFINEMENT);
	if (record->kind != RECORD_CATCH_UP || record->flags & RECORD_IS_REFINEMENT)
		return false;
	if (is_exact)
		return !is_key && record->base == record->sequence;
	return !(record->flags & RECORD_IS_LAST) && record->base < record->sequence &&
	       is_key == (record->base == 0);
}

static bool has_place(const struct ring_record *record, const struct delta_op *op)
{
	if (record->flags & RECORD_IS_REFINEMENT)
		return op->kind == DELTA_PNG;
	if (record->flags & RECORD_IS_EXACT)
		return op->kind == DELTA_PNG || op->kind == DELTA_POINTER;
	return record->kind == RECORD_STEP || (op->kind != DELTA_COPY && op->kind != DELTA_GLYPHS);
}

int delta_ops_check(const struct ring_record *record, const uint8_t *payload, size_t len)
{
	struct delta_reader reader = {
		.bytes = payload, .len = len, .width = record->width, .height = record->height};
	struct delta_op op;
	int r;

	if (!head_is_sound(record))
		return -EPROTO;
	for (unsigned n = 0; (r = delta_reader_next(&reader, &op)) == 0; n++)
		if (n == DELTA_OPS_MAX || !has_place(record, &op))
			return -EPROTO;
	return r == -EAGAIN ? 0 : r;
}
