/* SPDX-License-Identifier: MIT */
/* links: capd/pattern.c capd/state_picture.c capd/draw.c capd/font.c */
/* links: capd/encode/jpeg_strip.c capd/encode/jpeg_huffman.c common/stream.c -ljpeg */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jpeglib.h>

#include "capd/pattern.h"
#include "common/capsock.h"
#include "common/clock.h"

#define PADDING 24u /* bytes behind each row that nobody may touch */
#define CANARY  0x5au

static struct picture picture_create(uint32_t width, uint32_t height)
{
	struct picture picture = {
		.stride = (size_t)width * 4 + PADDING, .width = width, .height = height};

	picture.pixels = malloc(picture.stride * height);
	assert_non_null(picture.pixels);
	memset(picture.pixels, CANARY, picture.stride * height);
	return picture;
}

static void picture_destroy(struct picture *picture)
{
	for (uint32_t y = 0; y < picture->height; y++)
		for (uint32_t i = 0; i < PADDING; i++)
			assert_int_equal(picture->pixels[picture->stride * y +
							 (size_t)picture->width * 4 + i],
				CANARY);
	free(picture->pixels);
}

static const uint8_t *pixel(const struct picture *picture, uint32_t x, uint32_t y)
{
	return picture->pixels + picture->stride * y + (size_t)x * 4;
}

/* A time at which the clock of the picture is far from its next digit. */
static uint64_t calm_time_ns(void)
{
	uint64_t now_ns = clock_monotonic_ns();
	uint64_t realtime_ns = clock_realtime_ns();

	return now_ns - realtime_ns % (NS_PER_S / 10) + NS_PER_S / 20;
}

/* Copies the whole memory of one picture over that of another of its size. */
static void picture_copy(struct picture *to, const struct picture *from)
{
	memcpy(to->pixels, from->pixels, from->stride * from->height);
}

static void draws_every_size_inside_its_bounds(void **state)
{
	static const uint32_t sizes[][2] = {{1, 1}, {2, 3}, {16, 16}, {64, 48}, {1, 500}, {500, 1},
		{321, 241}, {800, 1280}, {1920, 1080}};
	static const char reason[] = "No display can be reached: a_very_long_word_without_any_space"
				     "_in_it_that_no_line_can_hold_as_it_is, at all";
	(void)state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct picture picture = picture_create(sizes[i][0], sizes[i][1]);
		struct box changed = {-1, -1, -1, -1};

		pattern_draw(&picture, 12345678901234, reason, true, &changed);
		assert_int_equal(changed.x0, 0);
		assert_int_equal(changed.y0, 0);
		assert_int_equal(changed.x1, sizes[i][0]);
		assert_int_equal(changed.y1, sizes[i][1]);
		for (uint64_t time_ns = 0; time_ns < 5 * NS_PER_S; time_ns += NS_PER_S / 3)
			pattern_draw(&picture, time_ns, reason, false, NULL);
		picture_destroy(&picture);
	}
}

/* A frame drawn over the one before is the frame drawn anew, and `changed` has all that differs. */
static void later_frames_change_only_what_they_say(void **state)
{
	struct picture picture = picture_create(640, 360);
	struct picture before = picture_create(640, 360);
	struct picture anew = picture_create(640, 360);
	(void)state;

	pattern_draw(&picture, 0, NULL, true, NULL);
	for (int frame = 0; frame < 25; frame++) {
		uint64_t time_ns = calm_time_ns() + (uint64_t)frame * 7 * NS_PER_S / 10;
		struct box changed;
		unsigned n_differ = 0;

		picture_copy(&before, &picture);
		pattern_draw(&picture, time_ns, NULL, false, &changed);
		pattern_draw(&anew, time_ns, NULL, true, NULL);
		for (int32_t y = 0; y < 360; y++)
			for (int32_t x = 0; x < 640; x++) {
				const uint8_t *now = pixel(&picture, (uint32_t)x, (uint32_t)y);

				assert_memory_equal(now, pixel(&anew, (uint32_t)x, (uint32_t)y), 3);
				if (memcmp(now, pixel(&before, (uint32_t)x, (uint32_t)y), 3) == 0)
					continue;
				n_differ++;
				assert_true(x >= changed.x0 && x < changed.x1 && y >= changed.y0 &&
					    y < changed.y1);
			}
		assert_true(n_differ > 0);
		assert_true((changed.y1 - changed.y0) * 3 < 360);
	}
	picture_destroy(&picture);
	picture_destroy(&before);
	picture_destroy(&anew);
}

static void reason_is_seen(void **state)
{
	struct picture with = picture_create(640, 360), without = picture_create(640, 360);
	struct picture other = picture_create(640, 360);
	uint64_t time_ns = calm_time_ns();
	(void)state;

	pattern_draw(&with, time_ns, "The display is gone", true, NULL);
	pattern_draw(&other, time_ns, "The display is here", true, NULL);
	pattern_draw(&without, time_ns, NULL, true, NULL);
	assert_memory_not_equal(with.pixels, without.pixels, with.stride * 360);
	assert_memory_not_equal(with.pixels, other.pixels, with.stride * 360);
	picture_destroy(&with);
	picture_destroy(&without);
	picture_destroy(&other);
}

static void text_is_clipped_wherever_it_is_put(void **state)
{
	static const int32_t at[] = {INT32_MIN, -100000, -17, -1, 0, 5, 39, 40, 100000, INT32_MAX};
	static const unsigned scales[] = {0, 1, 2, 5, 40, 2000, 0xffffffff};
	(void)state;

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		for (size_t j = 0; j < sizeof(at) / sizeof(at[0]); j++)
			for (size_t k = 0; k < sizeof(scales) / sizeof(scales[0]); k++) {
				struct picture picture = picture_create(40, 20);

				pattern_text(&picture, at[i], at[j], scales[k], 0xffffff,
					"A@\xc3\xa4\xff\x01");
				picture_destroy(&picture);
			}
}

/* Every printable character leaves ink of its own inside its cell, and nothing outside. */
static void characters_differ_and_stay_in_their_cells(void **state)
{
	struct picture cells['~' - ' ' + 1];
	(void)state;

	for (int c = ' '; c <= '~'; c++) {
		struct picture *picture = &cells[c - ' '];
		char text[2] = {(char)c, '\0'};

		*picture = picture_create(48, 80);
		memset(picture->pixels, 0, picture->stride * 80);
		for (uint32_t y = 0; y < 80; y++)
			memset(picture->pixels + picture->stride * y + 48 * 4, CANARY, PADDING);
		pattern_text(picture, 8, 8, 4, 0xffffff, text);
		for (uint32_t y = 0; y < 80; y++)
			for (uint32_t x = 0; x < 48; x++)
				if (x < 8 || x >= 40 || y < 8 || y >= 72)
					assert_memory_equal(pixel(picture, x, y), "\0\0\0", 3);
		for (int other = ' '; other < c; other++)
			assert_memory_not_equal(
				picture->pixels, cells[other - ' '].pixels, picture->stride * 80);
	}
	for (int c = ' '; c <= '~'; c++)
		picture_destroy(&cells[c - ' ']);
}

/* Decodes; the mean brightness of the rows from y0 to y1. */
static double decode(const uint8_t *jpeg, size_t len, uint32_t y0, uint32_t y1)
{
	struct jpeg_decompress_struct decompress;
	struct jpeg_error_mgr errors;
	uint8_t row[1280 * 3];
	double sum = 0;

	decompress.err = jpeg_std_error(&errors);
	jpeg_create_decompress(&decompress);
	jpeg_mem_src(&decompress, jpeg, len);
	assert_int_equal(jpeg_read_header(&decompress, TRUE), JPEG_HEADER_OK);
	jpeg_start_decompress(&decompress);
	assert_int_equal(decompress.output_width, 1280);
	assert_int_equal(decompress.output_height, 720);
	assert_int_equal(decompress.output_components, 3);
	while (decompress.output_scanline < 720) {
		uint32_t y = decompress.output_scanline;
		JSAMPROW line = row;

		jpeg_read_scanlines(&decompress, &line, 1);
		if (y >= y0 && y < y1)
			for (size_t i = 0; i < sizeof(row); i++)
				sum += row[i];
	}
	jpeg_finish_decompress(&decompress);
	assert_int_equal(errors.num_warnings, 0);
	jpeg_destroy_decompress(&decompress);
	return sum / (1280.0 * 3.0 * (y1 - y0));
}

static void every_state_has_a_picture_that_fits(void **state)
{
	(void)state;

	for (unsigned i = 0; i < STATE_COUNT; i++) {
		uint8_t *jpeg = NULL;
		size_t len = 0;
		enum source_id source = (enum source_id)(i % SOURCE_COUNT);

		assert_int_equal(
			pattern_state_jpeg(source, (enum source_state)i, NULL, &jpeg, &len), 0);
		assert_in_range(len, 1000, CAPSOCK_PICTURE_MAX);
		/* Calm: dark where nothing stands, and there is something to read. */
		assert_true(decode(jpeg, len, 0, 80) < 48.0);
		assert_true(decode(jpeg, len, 350, 460) > decode(jpeg, len, 0, 80) + 1.0);
		free(jpeg);
	}
}

static void any_words_fit(void **state)
{
	char longest[CAPSOCK_WORDS_MAX + 1], spaced[CAPSOCK_WORDS_MAX + 1];
	char foreign[CAPSOCK_WORDS_MAX + 1], lines[CAPSOCK_WORDS_MAX + 1];
	const char *const words[] = {longest, spaced, foreign, lines, "", " ", "\xff\xfe"};
	(void)state;

	for (size_t i = 0; i < CAPSOCK_WORDS_MAX; i++) {
		longest[i] = '@';
		spaced[i] = i % 2 ? ' ' : 'W';
		foreign[i] = i % 2 ? '\xa4' : '\xc3';
		lines[i] = i % 2 ? '\n' : '#';
	}
	longest[CAPSOCK_WORDS_MAX] = spaced[CAPSOCK_WORDS_MAX] = '\0';
	foreign[CAPSOCK_WORDS_MAX] = lines[CAPSOCK_WORDS_MAX] = '\0';
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		uint8_t *jpeg = NULL;
		size_t len = 0;

		assert_int_equal(pattern_state_jpeg((enum source_id)99, (enum source_state)99,
					 words[i], &jpeg, &len),
			0);
		assert_in_range(len, 1000, CAPSOCK_PICTURE_MAX);
		decode(jpeg, len, 0, 720);
		free(jpeg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(draws_every_size_inside_its_bounds),
		cmocka_unit_test(later_frames_change_only_what_they_say),
		cmocka_unit_test(reason_is_seen),
		cmocka_unit_test(text_is_clipped_wherever_it_is_put),
		cmocka_unit_test(characters_differ_and_stay_in_their_cells),
		cmocka_unit_test(every_state_has_a_picture_that_fits),
		cmocka_unit_test(any_words_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
