/* SPDX-License-Identifier: MIT */
/* links: capd/encode/jpeg_picture.c -ljpeg */
/* What comes out, decoded again, has the colours that went in, wherever they lay. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jpeglib.h>

#include "capd/encode/jpeg_picture.h"
#include "capd/picture.h"

#define TOLERANCE 6
#define PADDING   6u /* bytes behind each row of the first plane; even */

/* The picture: four fields, each of one colour (Y, Cb, Cr, in JPEG's range). */
static const uint8_t fields[4][3] = {
	{60, 90, 200}, {200, 128, 128}, {30, 140, 110}, {120, 180, 60}};

static const uint8_t *field_at(const struct pixels_format *format, size_t x, size_t y)
{
	return fields[(x >= format->width / 4 * 2) + 2 * (y >= format->height / 4 * 2)];
}

/* As a camera of television's range would give it. */
static uint8_t as_limited(uint8_t value, unsigned component)
{
	return (uint8_t)(component == 0 ? 16 + value * 219 / 255 : 128 + (value - 128) * 112 / 128);
}

static uint8_t sample(const struct pixels_format *format, size_t x, size_t y, unsigned component)
{
	uint8_t value = field_at(format, x, y)[component];

	return format->is_limited ? as_limited(value, component) : value;
}

static uint8_t clip(double value)
{
	return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value + 0.5);
}

static void to_rgb(const uint8_t *ycc, uint8_t *rgb)
{
	rgb[0] = clip(ycc[0] + 1.402 * (ycc[2] - 128));
	rgb[1] = clip(ycc[0] - 0.344136 * (ycc[1] - 128) - 0.714136 * (ycc[2] - 128));
	rgb[2] = clip(ycc[0] + 1.772 * (ycc[1] - 128));
}

static void put_pixel(const struct pixels_format *format, uint8_t *out, size_t x, size_t y)
{
	size_t stride = format->stride, half_height = (format->height + 1u) / 2;
	uint8_t *second = out + stride * format->height, *row = out + stride * y, rgb[3];

	switch (format->layout) {
	case PIXELS_BGRX:
		to_rgb(field_at(format, x, y), rgb);
		for (unsigned i = 0; i < 3; i++)
			row[4 * x + i] = rgb[2 - i];
		return;
	case PIXELS_YUYV:
		row[2 * x] = sample(format, x, y, 0);
		row[x / 2 * 4 + 1] = sample(format, x, y, 1);
		row[x / 2 * 4 + 3] = sample(format, x, y, 2);
		return;
	case PIXELS_NV12:
		row[x] = sample(format, x, y, 0);
		second[stride * (y / 2) + x / 2 * 2] = sample(format, x, y, 1);
		second[stride * (y / 2) + x / 2 * 2 + 1] = sample(format, x, y, 2);
		return;
	case PIXELS_YU12:
		row[x] = sample(format, x, y, 0);
		second[stride / 2 * (y / 2) + x / 2] = sample(format, x, y, 1);
		second[stride / 2 * (half_height + y / 2) + x / 2] = sample(format, x, y, 2);
		return;
	}
}

/* Exactly as long as it must be, so that a read past its end is seen. */
static uint8_t *make_pixels(const struct pixels_format *format)
{
	uint8_t *bytes = malloc(pixels_len(format));

	assert_non_null(bytes);
	memset(bytes, 0x55, pixels_len(format));
	for (size_t y = 0; y < format->height; y++)
		for (size_t x = 0; x < format->width; x++)
			put_pixel(format, bytes, x, y);
	return bytes;
}

static void assert_near(const uint8_t *pixel, const uint8_t *ycc, size_t x, size_t y)
{
	uint8_t wanted[3];

	to_rgb(ycc, wanted);
	for (unsigned i = 0; i < 3; i++)
		if (abs(pixel[i] - wanted[i]) > TOLERANCE)
			fail_msg("%zu,%zu: %02x%02x%02x instead of %02x%02x%02x", x, y, pixel[0],
				pixel[1], pixel[2], wanted[0], wanted[1], wanted[2]);
}

/* Is (x, y) far enough from the fields' borders not to be blurred by 8×8 blocks of half colours? */
static bool is_inside(const struct pixels_format *format, size_t x, size_t y)
{
	size_t bx = format->width / 4 * 2, by = format->height / 4 * 2;

	return (x + 16 < bx || x >= bx + 16) && (y + 16 < by || y >= by + 16);
}

static void assert_colours(const struct pixels_format *format, const uint8_t *jpeg, size_t len)
{
	struct jpeg_decompress_struct decompress;
	struct jpeg_error_mgr errors;
	uint8_t *row = malloc((size_t)format->width * 3);

	decompress.err = jpeg_std_error(&errors);
	jpeg_create_decompress(&decompress);
	jpeg_mem_src(&decompress, jpeg, len);
	jpeg_read_header(&decompress, TRUE);
	assert_int_equal(decompress.image_width, format->width);
	assert_int_equal(decompress.image_height, format->height);
	assert_int_equal(decompress.comp_info[0].h_samp_factor, 2);
	assert_int_equal(decompress.comp_info[0].v_samp_factor, 2);
	jpeg_start_decompress(&decompress);
	for (size_t y = 0; y < format->height; y++) {
		jpeg_read_scanlines(&decompress, &row, 1);
		for (size_t x = 0; x < format->width; x++)
			if (is_inside(format, x, y))
				assert_near(row + 3 * x, field_at(format, x, y), x, y);
	}
	jpeg_finish_decompress(&decompress);
	assert_int_equal(errors.num_warnings, 0);
	jpeg_destroy_decompress(&decompress);
	free(row);
}

static size_t bytes_a_row(enum pixels_layout layout, size_t width)
{
	switch (layout) {
	case PIXELS_BGRX:
		return width * 4;
	case PIXELS_YUYV:
		return (width + 1) / 2 * 4;
	default:
		return (width + 1) / 2 * 2;
	}
}

static void check(enum pixels_layout layout, uint32_t width, uint32_t height, bool is_limited)
{
	struct pixels_format format = {
		layout, width, height, bytes_a_row(layout, width) + PADDING, is_limited};
	struct jpeg_picture *picture;
	const uint8_t *jpeg;
	size_t len;
	uint8_t *bytes = make_pixels(&format);

	assert_int_equal(jpeg_picture_create(&format, 95, &picture), 0);
	for (int i = 0; i < 2; i++) { /* the object lives on */
		assert_int_equal(jpeg_picture_encode(picture, bytes, &jpeg, &len), 0);
		assert_colours(&format, jpeg, len);
	}
	jpeg_picture_destroy(picture);
	free(bytes);
}

static void colours_come_out_as_they_went_in(void **state)
{
	(void)state;
	for (int layout = PIXELS_BGRX; layout <= PIXELS_YU12; layout++)
		check((enum pixels_layout)layout, 160, 96, false);
}

static void odd_sizes_are_padded_by_their_edges(void **state)
{
	const uint32_t sizes[][2] = {
		{1, 1}, {2, 2}, {97, 95}, {98, 94}, {15, 33}, {33, 17}, {113, 64}};
	(void)state;

	for (int layout = PIXELS_BGRX; layout <= PIXELS_YU12; layout++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			check((enum pixels_layout)layout, sizes[i][0], sizes[i][1], false);
}

static void televisions_range_is_widened(void **state)
{
	(void)state;
	for (int layout = PIXELS_YUYV; layout <= PIXELS_YU12; layout++) {
		check((enum pixels_layout)layout, 160, 96, true);
		check((enum pixels_layout)layout, 97, 95, true);
	}
}

static void the_quality_can_change_from_picture_to_picture(void **state)
{
	const struct pixels_format format = {PIXELS_YU12, 160, 96, 160, false};
	struct jpeg_picture *picture;
	const uint8_t *jpeg;
	size_t high, low;
	(void)state;

	uint8_t *bytes = make_pixels(&format);
	assert_int_equal(jpeg_picture_create(&format, 95, &picture), 0);
	assert_int_equal(jpeg_picture_encode(picture, bytes, &jpeg, &high), 0);
	assert_int_equal(jpeg_picture_set_quality(picture, 10), 0);
	assert_int_equal(jpeg_picture_encode(picture, bytes, &jpeg, &low), 0);
	assert_true(low < high);
	assert_int_equal(jpeg_picture_set_quality(picture, 0), -EINVAL);
	assert_int_equal(jpeg_picture_set_quality(picture, 101), -EINVAL);
	jpeg_picture_destroy(picture);
	free(bytes);
}

static void what_cannot_be_a_picture_is_refused(void **state)
{
	const struct pixels_format wrong[] = {
		{PIXELS_YUYV, 0, 96, 320, false},
		{PIXELS_YUYV, 160, 0, 320, false},
		{PIXELS_YUYV, PICTURE_SIDE_MAX + 1, 96, 2 * (PICTURE_SIDE_MAX + 2), false},
		{PIXELS_YUYV, 160, 96, 319, false},
		{PIXELS_NV12, 160, 96, 159, false},
		{PIXELS_YU12, 160, 96, 159, false},
		{PIXELS_YU12, 161, 96, 161, false}, /* half of the stride is less than half a row */
		{PIXELS_BGRX, 160, 96, 639, false},
	};
	struct jpeg_picture *picture = NULL;
	(void)state;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(jpeg_picture_create(&wrong[i], 80, &picture), -EINVAL);
	assert_null(picture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(colours_come_out_as_they_went_in),
		cmocka_unit_test(odd_sizes_are_padded_by_their_edges),
		cmocka_unit_test(televisions_range_is_widened),
		cmocka_unit_test(the_quality_can_change_from_picture_to_picture),
		cmocka_unit_test(what_cannot_be_a_picture_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
