/* SPDX-License-Identifier: MIT */
#include "capd/encode/png.h"

#include <errno.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

/* libdeflate's levels, by the length of the rows; its 1 is neither faster nor shorter than its 2.
 */
#define LEVEL        2
#define LEVEL_MIDDLE 7
#define LEVEL_SMALL  8
#define MIDDLE_BYTES 131072u
#define SMALL_BYTES  32768u
#define GREY_PIXELS  2048u /* up to here a palette costs more than what its short indices save */
#define COLOURS_MAX  256u
#define TABLE_SIZE   1024u /* slots of the palette's hash table: a power of two, never full */
#define TABLE_EMPTY  UINT32_MAX
#define CHUNK_AROUND 12u /* length, type, CRC */
#define HEAD_LEN     33u /* signature and IHDR */

enum { COLOUR_GREY = 0, COLOUR_RGB = 2, COLOUR_PALETTE = 3, COLOUR_RGBA = 6 };
enum { FILTER_NONE = 0, FILTER_PAETH = 4 };

struct palette {
	uint32_t n;
	uint32_t colours[COLOURS_MAX];
	uint32_t keys[TABLE_SIZE]; /* colours, or TABLE_EMPTY */
	uint8_t indices[TABLE_SIZE];
};

struct png_writer {
	struct libdeflate_compressor *compressor, *compressor_middle, *compressor_small;
	uint8_t *raw; /* the filtered rows */
	size_t raw_capacity;
	struct palette palette;
};

int png_writer_create(struct png_writer **out)
{
	struct png_writer *writer = calloc(1, sizeof(*writer));

	if (!writer)
		return -ENOMEM;
	writer->compressor = libdeflate_alloc_compressor(LEVEL);
	writer->compressor_middle = libdeflate_alloc_compressor(LEVEL_MIDDLE);
	writer->compressor_small = libdeflate_alloc_compressor(LEVEL_SMALL);
	if (!writer->compressor || !writer->compressor_middle || !writer->compressor_small) {
		png_writer_destroy(writer);
		return -ENOMEM;
	}
	*out = writer;
	return 0;
}

void png_writer_destroy(struct png_writer *writer)
{
	if (!writer)
		return;
	if (writer->compressor)
		libdeflate_free_compressor(writer->compressor);
	if (writer->compressor_middle)
		libdeflate_free_compressor(writer->compressor_middle);
	if (writer->compressor_small)
		libdeflate_free_compressor(writer->compressor_small);
	free(writer->raw);
	free(writer);
}

/* One scratch buffer for the rows in either form. */
static int reserve_raw(struct png_writer *writer, size_t len)
{
	uint8_t *raw;

	if (len <= writer->raw_capacity)
		return 0;
	raw = realloc(writer->raw, len);
	if (!raw)
		return -ENOMEM;
	writer->raw = raw;
	writer->raw_capacity = len;
	return 0;
}

static uint32_t pixel_at(const uint8_t *row, size_t x)
{
	uint32_t pixel;

	memcpy(&pixel, row + x * 4, sizeof(pixel));
	return pixel & PIXEL_MASK;
}

/* --- a palette --- */

/* The index of a colour, which is added if it is new.  COLOURS_MAX: there is no room for it. */
static uint32_t palette_index(struct palette *palette, uint32_t colour)
{
	uint32_t slot = (colour * 0x9e3779b1u) >> 22; /* the upper 10 bits */

	while (palette->keys[slot] != colour) {
		if (palette->keys[slot] == TABLE_EMPTY) {
			if (palette->n == COLOURS_MAX)
				return COLOURS_MAX;
			palette->keys[slot] = colour;
			palette->indices[slot] = (uint8_t)palette->n;
			palette->colours[palette->n++] = colour;
			break;
		}
		slot = (slot + 1) % TABLE_SIZE;
	}
	return palette->indices[slot];
}

/* Rows of one byte a pixel, each behind its filter byte.  False: too many colours. */
static bool index_rows(
	struct png_writer *writer, const struct picture *picture, const struct box *box)
{
	struct palette *palette = &writer->palette;
	uint32_t width = (uint32_t)(box->x1 - box->x0), last = TABLE_EMPTY, index = 0;
	uint8_t *out = writer->raw;

	palette->n = 0;
	memset(palette->keys, 0xff, sizeof(palette->keys));
	for (int32_t y = box->y0; y < box->y1; y++) {
		const uint8_t *row =
			picture->pixels + picture->stride * (size_t)y + (size_t)box->x0 * 4;

		*out++ = FILTER_NONE;
		for (uint32_t x = 0; x < width; x++) {
			uint32_t colour = pixel_at(row, x);

			if (colour != last) {
				index = palette_index(palette, colour);
				if (index == COLOURS_MAX)
					return false;
				last = colour;
			}
			*out++ = (uint8_t)index;
		}
	}
	return true;
}

static unsigned depth_for(uint32_t n_colours)
{
	if (n_colours <= 2)
		return 1;
	if (n_colours <= 4)
		return 2;
	return n_colours <= 16 ? 4 : 8;
}

/*
 * The depth at which every colour of the palette is a level of grey: then none need be sent.  0: it
 * has other colours, or would be longer for it.
 */
static unsigned grey_depth(const struct palette *palette, uint64_t n_pixels)
{
	unsigned depth = depth_for(palette->n), unit = 255u / ((1u << depth) - 1);
	bool fits = true;

	for (uint32_t i = 0; i < palette->n; i++) {
		uint32_t level = palette->colours[i] & 0xff;

		if (palette->colours[i] != level * 0x010101)
			return 0;
		fits = fits && level % unit == 0;
	}
	if (fits)
		return depth;
	return n_pixels <= GREY_PIXELS ? 8 : 0;
}

/* Indices become levels. */
static void turn_grey(struct png_writer *writer, uint32_t width, uint32_t height, unsigned depth)
{
	unsigned unit = 255u / ((1u << depth) - 1);
	uint8_t *p = writer->raw;

	for (uint32_t y = 0; y < height; y++) {
		p++; /* the filter byte */
		for (uint32_t x = 0; x < width; x++, p++)
			*p = (uint8_t)((writer->palette.colours[*p] & 0xff) / unit);
	}
}

/* In place: a packed row is never longer than the row it is made of. */
static size_t pack_rows(uint8_t *raw, uint32_t width, uint32_t height, unsigned depth)
{
	const uint8_t *in = raw;
	uint8_t *out = raw;
	unsigned per_byte = 8 / depth;

	if (depth == 8)
		return ((size_t)width + 1) * height;
	for (uint32_t y = 0; y < height; y++) {
		*out++ = *in++;
		for (uint32_t x = 0; x < width; x += per_byte) {
			unsigned packed = 0;

			for (unsigned i = 0; i < per_byte; i++)
				packed = packed << depth | (x + i < width ? in[x + i] : 0u);
			*out++ = (uint8_t)packed;
		}
		in += width;
	}
	return (size_t)(out - raw);
}

/* --- true colour --- */

static uint8_t paeth(int left, int up, int corner)
{
	int a = abs(up - corner), b = abs(left - corner), c = abs(left + up - 2 * corner);

	if (a <= b && a <= c)
		return (uint8_t)left;
	return (uint8_t)(b <= c ? up : corner);
}

static uint8_t *put_rgb(uint8_t *out, const uint8_t *row, uint32_t width)
{
	for (uint32_t x = 0; x < width; x++, out += 3, row += 4) {
		out[0] = row[2];
		out[1] = row[1];
		out[2] = row[0];
	}
	return out;
}

/* The first row has none above it, and the first pixel of a row none to its left. */
static uint8_t *put_filtered(uint8_t *out, const uint8_t *row, const uint8_t *above, uint32_t width)
{
	for (uint32_t x = 0; x < width; x++, out += 3) {
		for (unsigned c = 0; c < 3; c++) {
			size_t at = (size_t)x * 4 + 2 - c;
			int left = x ? row[at - 4] : 0;

			out[c] = (uint8_t)(row[at] - paeth(left, above[at], x ? above[at - 4] : 0));
		}
	}
	return out;
}

static size_t rgb_rows(struct png_writer *writer, const struct picture *picture,
	const struct box *box, bool is_photo)
{
	uint32_t width = (uint32_t)(box->x1 - box->x0);
	const uint8_t *above = NULL;
	uint8_t *out = writer->raw;

	for (int32_t y = box->y0; y < box->y1; y++) {
		const uint8_t *row =
			picture->pixels + picture->stride * (size_t)y + (size_t)box->x0 * 4;

		*out++ = is_photo && above ? FILTER_PAETH : FILTER_NONE;
		out = is_photo && above ? put_filtered(out, row, above, width)
					: put_rgb(out, row, width);
		above = row;
	}
	return (size_t)(out - writer->raw);
}

/* --- the file --- */

static uint8_t *put32_big(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 24);
	p[1] = (uint8_t)(value >> 16);
	p[2] = (uint8_t)(value >> 8);
	p[3] = (uint8_t)value;
	return p + 4;
}

/* Length, type and CRC around `len` bytes that already lie at chunk + 8.  Where the next begins. */
static uint8_t *close_chunk(uint8_t *chunk, const char *type, size_t len)
{
	put32_big(chunk, (uint32_t)len);
	memcpy(chunk + 4, type, 4);
	return put32_big(chunk + 8 + len, libdeflate_crc32(0, chunk + 4, len + 4));
}

static uint8_t *put_head(
	uint8_t *out, uint32_t width, uint32_t height, unsigned depth, unsigned colour)
{
	static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

	memcpy(out, signature, sizeof(signature));
	uint8_t *fields = put32_big(put32_big(out + 16, width), height);
	fields[0] = (uint8_t)depth;
	fields[1] = (uint8_t)colour;
	memset(fields + 2, 0, 3);
	return close_chunk(out + 8, "IHDR", 13);
}

static uint8_t *put_palette(uint8_t *chunk, const struct palette *palette)
{
	for (uint32_t i = 0; i < palette->n; i++) {
		chunk[8 + i * 3] = (uint8_t)(palette->colours[i] >> 16);
		chunk[9 + i * 3] = (uint8_t)(palette->colours[i] >> 8);
		chunk[10 + i * 3] = (uint8_t)palette->colours[i];
	}
	return close_chunk(chunk, "PLTE", (size_t)palette->n * 3);
}

/* Everything, from `raw_len` bytes of rows. */
static int put_file(struct png_writer *writer, uint32_t width, uint32_t height, unsigned depth,
	unsigned colour, size_t raw_len, struct payload *out)
{
	struct libdeflate_compressor *compressor = raw_len <= SMALL_BYTES ? writer->compressor_small
						   : raw_len <= MIDDLE_BYTES
							   ? writer->compressor_middle
							   : writer->compressor;
	size_t bound = libdeflate_zlib_compress_bound(compressor, raw_len);
	int r = payload_reserve(out, HEAD_LEN + 3 * CHUNK_AROUND + COLOURS_MAX * 3 + bound);

	if (r < 0)
		return r;
	uint8_t *begin = out->bytes + out->len;
	uint8_t *end = put_head(begin, width, height, depth, colour);
	if (colour == COLOUR_PALETTE)
		end = put_palette(end, &writer->palette);
	/* With room for the bound it cannot fail. */
	size_t len = libdeflate_zlib_compress(compressor, writer->raw, raw_len, end + 8, bound);
	end = close_chunk(end, "IDAT", len);
	end = close_chunk(end, "IEND", 0);
	out->len += (size_t)(end - begin);
	return 0;
}

int png_write(struct png_writer *writer, const struct picture *picture, const struct box *box,
	bool is_photo, struct payload *out)
{
	uint32_t width = (uint32_t)(box->x1 - box->x0), height = (uint32_t)(box->y1 - box->y0);
	int r = reserve_raw(writer, ((size_t)width * 3 + 1) * height);

	if (r < 0)
		return r;
	if (index_rows(writer, picture, box)) {
		unsigned depth = depth_for(writer->palette.n);
		unsigned grey = grey_depth(&writer->palette, (uint64_t)width * height);

		if (grey)
			turn_grey(writer, width, height, depth = grey);
		size_t len = pack_rows(writer->raw, width, height, depth);

		return put_file(writer, width, height, depth, grey ? COLOUR_GREY : COLOUR_PALETTE,
			len, out);
	}
	return put_file(writer, width, height, 8, COLOUR_RGB,
		rgb_rows(writer, picture, box, is_photo), out);
}

/* PNG's colours are not premultiplied. */
static uint8_t straight(uint32_t value, uint32_t alpha)
{
	uint32_t colour = alpha ? (value * 255 + alpha / 2) / alpha : 0;

	return (uint8_t)(colour > 255 ? 255 : colour);
}

int png_write_argb(struct png_writer *writer, const uint32_t *argb, uint32_t width, uint32_t height,
	struct payload *out)
{
	size_t raw_len = ((size_t)width * 4 + 1) * height;
	int r = reserve_raw(writer, raw_len);

	if (r < 0)
		return r;
	uint8_t *p = writer->raw;
	for (uint32_t y = 0; y < height; y++) {
		*p++ = FILTER_NONE;
		for (uint32_t x = 0; x < width; x++, argb++) {
			uint32_t alpha = *argb >> 24;

			*p++ = straight(*argb >> 16 & 0xff, alpha);
			*p++ = straight(*argb >> 8 & 0xff, alpha);
			*p++ = straight(*argb & 0xff, alpha);
			*p++ = (uint8_t)alpha;
		}
	}
	return put_file(writer, width, height, 8, COLOUR_RGBA, raw_len, out);
}
