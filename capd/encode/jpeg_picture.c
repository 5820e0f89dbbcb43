/* SPDX-License-Identifier: MIT */
#include "capd/encode/jpeg_picture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "capd/picture.h"

#define LUMA_ROWS   (2u * DCTSIZE) /* of one row of MCUs */
#define CHROMA_ROWS DCTSIZE
#define OUT_EXTRA   (64u * 1024u)
/* Loops of a fixed number of samples are what compilers make vectors of at -O2. */
#define LANES 16u

struct jpeg_picture {
	struct pixels_format format;
	struct jpeg_compress_struct compress;
	struct jpeg_error_mgr errors;
	struct jpeg_destination_mgr destination;
	jmp_buf on_error; /* of the call under way */

	uint8_t *out;
	size_t out_capacity;

	/* One row of MCUs, as planes; unused for BGRX.  A row is padded to whole MCUs. */
	uint8_t *planes;
	size_t luma_stride, chroma_stride;
	JSAMPROW luma[LUMA_ROWS], cb[CHROMA_ROWS], cr[CHROMA_ROWS];
};

/* --- libjpeg's callbacks --- */

static struct jpeg_picture *picture_of(void *cinfo)
{
	return ((struct jpeg_common_struct *)cinfo)->client_data;
}

static void on_error_exit(j_common_ptr cinfo)
{
	longjmp(picture_of(cinfo)->on_error, 1);
}

static void on_message(j_common_ptr cinfo)
{
	(void)cinfo;
}

static void on_emit_message(j_common_ptr cinfo, int level)
{
	(void)cinfo;
	(void)level;
}

static void on_init_destination(j_compress_ptr cinfo)
{
	struct jpeg_picture *picture = picture_of(cinfo);

	cinfo->dest->next_output_byte = picture->out;
	cinfo->dest->free_in_buffer = picture->out_capacity;
}

static boolean on_empty_output_buffer(j_compress_ptr cinfo)
{
	ERREXIT(cinfo, JERR_BUFFER_SIZE);
	return FALSE;
}

static void on_term_destination(j_compress_ptr cinfo)
{
	(void)cinfo;
}

/* After a longjmp(): what it was, and the object ready for the next call. */
static int take_error(struct jpeg_picture *picture)
{
	int code = picture->errors.msg_code;

	jpeg_abort_compress(&picture->compress);
	if (code == JERR_BUFFER_SIZE)
		return -EMSGSIZE;
	return code == JERR_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
}

/* --- rows --- */

/* Every second byte: the Y of YUYV, the Cb of NV12. */
static void take_even(uint8_t *restrict out, const uint8_t *restrict in, size_t n)
{
	size_t i = 0;

	for (; i + LANES <= n; i += LANES)
		for (size_t j = 0; j < LANES; j++)
			out[i + j] = in[2 * (i + j)];
	for (; i < n; i++)
		out[i] = in[2 * i];
}

/* Cb and Cr of NV12. */
static void take_pairs(
	uint8_t *restrict cb, uint8_t *restrict cr, const uint8_t *restrict in, size_t n)
{
	size_t i = 0;

	for (; i + LANES <= n; i += LANES)
		for (size_t j = 0; j < LANES; j++) {
			cb[i + j] = in[2 * (i + j)];
			cr[i + j] = in[2 * (i + j) + 1];
		}
	for (; i < n; i++) {
		cb[i] = in[2 * i];
		cr[i] = in[2 * i + 1];
	}
}

static uint8_t mean(uint8_t a, uint8_t b)
{
	return (uint8_t)((a + b + 1) / 2);
}

/* Cb and Cr of two rows of YUYV: the colour of four pixels is their mean. */
static void take_colours(uint8_t *restrict cb, uint8_t *restrict cr, const uint8_t *restrict above,
	const uint8_t *restrict below, size_t n)
{
	size_t i = 0;

	for (; i + LANES <= n; i += LANES)
		for (size_t j = 0; j < LANES; j++) {
			cb[i + j] = mean(above[4 * (i + j) + 1], below[4 * (i + j) + 1]);
			cr[i + j] = mean(above[4 * (i + j) + 3], below[4 * (i + j) + 3]);
		}
	for (; i < n; i++) {
		cb[i] = mean(above[4 * i + 1], below[4 * i + 1]);
		cr[i] = mean(above[4 * i + 3], below[4 * i + 3]);
	}
}

/* 16–235 to 0–255.  `n` is a multiple of DCTSIZE, as all rows here are. */
static void widen_luma(uint8_t *row, size_t n)
{
	for (size_t i = 0; i < n; i += DCTSIZE)
		for (size_t j = 0; j < DCTSIZE; j++) {
			uint16_t y = row[i + j];

			y = y > 16 ? (uint16_t)(y - 16) : 0;
			y = y < 219 ? y : 219;
			row[i + j] = (uint8_t)((uint16_t)(y * 298u + 128u) >> 8);
		}
}

/* 16–240 to 1–255, 128 stays. */
static void widen_chroma(uint8_t *row, size_t n)
{
	for (size_t i = 0; i < n; i += DCTSIZE)
		for (size_t j = 0; j < DCTSIZE; j++) {
			uint16_t c = row[i + j];

			c = c > 16 ? (uint16_t)(c - 16) : 0;
			c = c < 224 ? c : 224;
			row[i + j] = (uint8_t)((uint16_t)(c * 291u + 256u) >> 8);
		}
}

/* Repeats the last of `n` samples up to the row's padded length. */
static void pad(uint8_t *row, size_t n, size_t padded)
{
	memset(row + n, row[n - 1], padded - n);
}

/* Where the planes of a YU12 or NV12 picture, or the rows of any other, begin. */
static const uint8_t *row_of(const struct pixels_format *format, const uint8_t *bytes, size_t y)
{
	return bytes + format->stride * y;
}

/* The luma row `y` (it exists) in place `i`. */
static void put_luma(struct jpeg_picture *picture, const uint8_t *bytes, size_t y, size_t i)
{
	const struct pixels_format *format = &picture->format;
	const uint8_t *in = row_of(format, bytes, y);
	uint8_t *out = picture->planes + picture->luma_stride * i;

	picture->luma[i] = out;
	if (format->layout == PIXELS_YUYV)
		take_even(out, in, format->width);
	else
		memcpy(out, in, format->width);
	pad(out, format->width, picture->luma_stride);
	if (format->is_limited)
		widen_luma(out, picture->luma_stride);
}

/* The chroma rows `y` (they exist) in place `i`. */
static void put_chroma(struct jpeg_picture *picture, const uint8_t *bytes, size_t y, size_t i)
{
	const struct pixels_format *format = &picture->format;
	size_t n = ((size_t)format->width + 1) / 2, height = format->height;
	size_t half_height = (height + 1) / 2, padded = picture->chroma_stride;
	const uint8_t *second = row_of(format, bytes, height);
	uint8_t *cb = picture->planes + picture->luma_stride * LUMA_ROWS + padded * i;
	uint8_t *cr = cb + padded * CHROMA_ROWS;

	picture->cb[i] = cb;
	picture->cr[i] = cr;
	if (format->layout == PIXELS_YUYV) {
		size_t below = 2 * y + 1 < height ? 2 * y + 1 : 2 * y;

		take_colours(cb, cr, row_of(format, bytes, 2 * y), row_of(format, bytes, below), n);
	} else if (format->layout == PIXELS_NV12) {
		take_pairs(cb, cr, second + format->stride * y, n);
	} else {
		memcpy(cb, second + format->stride / 2 * y, n);
		memcpy(cr, second + format->stride / 2 * (half_height + y), n);
	}
	pad(cb, n, padded);
	pad(cr, n, padded);
	if (format->is_limited) {
		widen_chroma(cb, padded);
		widen_chroma(cr, padded);
	}
}

/* Points at the rows where they lie: nothing is to be done with them. */
static void point_at_rows(struct jpeg_picture *picture, const uint8_t *bytes, size_t y0)
{
	const struct pixels_format *format = &picture->format;
	size_t height = format->height, half_height = (height + 1) / 2, half = format->stride / 2;
	uint8_t *first = (uint8_t *)(uintptr_t)bytes; /* libjpeg only reads it */
	uint8_t *second = first + format->stride * height;

	for (size_t i = 0; i < LUMA_ROWS; i++) {
		size_t y = y0 + i < height ? y0 + i : height - 1;

		picture->luma[i] = first + format->stride * y;
	}
	for (size_t i = 0; i < CHROMA_ROWS; i++) {
		size_t y = y0 / 2 + i < half_height ? y0 / 2 + i : half_height - 1;

		picture->cb[i] = second + half * y;
		picture->cr[i] = second + half * (half_height + y);
	}
}

/* The 16 rows from y0 on; below the last one it is repeated. */
static void gather_rows(struct jpeg_picture *picture, const uint8_t *bytes, size_t y0)
{
	const struct pixels_format *format = &picture->format;
	size_t height = format->height, half_height = (height + 1) / 2;

	if (format->layout == PIXELS_YU12 && !format->is_limited && format->width % 16 == 0) {
		point_at_rows(picture, bytes, y0);
		return;
	}
	for (size_t i = 0; i < LUMA_ROWS; i++) {
		if (y0 + i < height)
			put_luma(picture, bytes, y0 + i, i);
		else
			picture->luma[i] = picture->luma[i - 1];
	}
	for (size_t i = 0; i < CHROMA_ROWS; i++) {
		if (y0 / 2 + i < half_height) {
			put_chroma(picture, bytes, y0 / 2 + i, i);
		} else {
			picture->cb[i] = picture->cb[i - 1];
			picture->cr[i] = picture->cr[i - 1];
		}
	}
}

/* --- pictures --- */

static int create_compress(struct jpeg_picture *picture)
{
	struct jpeg_compress_struct *compress = &picture->compress;

	compress->err = jpeg_std_error(&picture->errors);
	picture->errors.error_exit = on_error_exit;
	picture->errors.output_message = on_message;
	picture->errors.emit_message = on_emit_message;
	compress->client_data = picture; /* jpeg_create_compress() keeps it, and err */
	if (setjmp(picture->on_error))
		return -ENOMEM;
	jpeg_create_compress(compress);
	picture->destination.init_destination = on_init_destination;
	picture->destination.empty_output_buffer = on_empty_output_buffer;
	picture->destination.term_destination = on_term_destination;
	compress->dest = &picture->destination;
	compress->image_width = picture->format.width;
	compress->image_height = picture->format.height;
	if (picture->format.layout == PIXELS_BGRX) {
		compress->input_components = 4;
		compress->in_color_space = JCS_EXT_BGRX;
	} else {
		compress->input_components = 3;
		compress->in_color_space = JCS_YCbCr;
	}
	jpeg_set_defaults(compress); /* 4:2:0 */
	compress->raw_data_in = picture->format.layout != PIXELS_BGRX;
	return 0;
}

int jpeg_picture_create(
	const struct pixels_format *format, unsigned quality, struct jpeg_picture **out)
{
	struct jpeg_picture *picture;
	int r = -ENOMEM;

	if (format->width == 0 || format->width > PICTURE_SIDE_MAX || format->height == 0 ||
		format->height > PICTURE_SIDE_MAX || pixels_len(format) == 0)
		return -EINVAL;
	picture = calloc(1, sizeof(*picture));
	if (!picture)
		return -ENOMEM;
	picture->format = *format;
	picture->luma_stride = ((size_t)format->width + 15) / 16 * 16;
	picture->chroma_stride = picture->luma_stride / 2;
	picture->out_capacity = (size_t)format->width * format->height * 2 + OUT_EXTRA;
	picture->out = malloc(picture->out_capacity);
	picture->planes =
		malloc(picture->luma_stride * LUMA_ROWS + picture->chroma_stride * CHROMA_ROWS * 2);
	if (!picture->out || !picture->planes)
		goto fail;
	r = create_compress(picture);
	if (r == 0)
		r = jpeg_picture_set_quality(picture, quality);
	if (r < 0)
		goto fail;
	*out = picture;
	return 0;
fail:
	jpeg_picture_destroy(picture);
	return r;
}

void jpeg_picture_destroy(struct jpeg_picture *picture)
{
	if (!picture)
		return;
	jpeg_destroy_compress(&picture->compress); /* takes what was never made, too */
	free(picture->planes);
	free(picture->out);
	free(picture);
}

int jpeg_picture_set_quality(struct jpeg_picture *picture, unsigned quality)
{
	if (quality < 1 || quality > 100)
		return -EINVAL;
	if (setjmp(picture->on_error))
		return take_error(picture);
	jpeg_set_quality(&picture->compress, (int)quality, TRUE);
	return 0;
}

static void write_pixels(struct jpeg_picture *picture, const uint8_t *bytes)
{
	struct jpeg_compress_struct *compress = &picture->compress;

	while (compress->next_scanline < compress->image_height) {
		const uint8_t *row = row_of(&picture->format, bytes, compress->next_scanline);
		JSAMPROW line = (JSAMPROW)(uintptr_t)row; /* libjpeg only reads it */

		jpeg_write_scanlines(compress, &line, 1);
	}
}

static void write_planes(struct jpeg_picture *picture, const uint8_t *bytes)
{
	struct jpeg_compress_struct *compress = &picture->compress;
	JSAMPARRAY planes[3] = {picture->luma, picture->cb, picture->cr};

	while (compress->next_scanline < compress->image_height) {
		gather_rows(picture, bytes, compress->next_scanline);
		jpeg_write_raw_data(compress, planes, LUMA_ROWS);
	}
}

int jpeg_picture_encode(
	struct jpeg_picture *picture, const uint8_t *bytes, const uint8_t **jpeg, size_t *len)
{
	struct jpeg_compress_struct *compress = &picture->compress;

	if (setjmp(picture->on_error))
		return take_error(picture);
	jpeg_start_compress(compress, TRUE);
	if (picture->format.layout == PIXELS_BGRX)
		write_pixels(picture, bytes);
	else
		write_planes(picture, bytes);
	jpeg_finish_compress(compress);
	*jpeg = picture->out;
	*len = picture->out_capacity - picture->destination.free_in_buffer;
	return 0;
}
