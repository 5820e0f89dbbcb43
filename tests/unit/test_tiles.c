/* SPDX-License-Identifier: MIT */
/* links: capd/screen/tiles.c */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capd/screen/tiles.h"

/* A screen with padding behind each row, at an address that no vector load likes. */
struct screen {
	uint8_t *memory;
	struct picture picture;
};

static uint64_t random_state = 0x9e3779b97f4a7c15;

/* xorshift64: the same numbers on every run. */
static uint32_t random_below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % n;
}

static struct screen screen_create(uint32_t width, uint32_t height, size_t padding)
{
	struct screen screen;
	size_t len;

	screen.picture.stride = (size_t)width * 4 + padding;
	len = screen.picture.stride * height;
	screen.memory = malloc(len + 4);
	assert_non_null(screen.memory);
	screen.picture.pixels = screen.memory + 4;
	screen.picture.width = width;
	screen.picture.height = height;
	for (size_t i = 0; i < len; i++)
		screen.picture.pixels[i] = (uint8_t)random_below(256);
	return screen;
}

static uint8_t *pixel(const struct picture *picture, uint32_t x, uint32_t y)
{
	return picture->pixels + picture->stride * y + (size_t)x * 4;
}

static struct box whole(const struct picture *picture)
{
	return (struct box){0, 0, (int32_t)picture->width, (int32_t)picture->height};
}

static struct tiles *tiles_of(const struct screen *screen)
{
	struct box all = whole(&screen->picture);
	struct tiles *tiles = NULL;

	assert_int_equal(tiles_create(screen->picture.width, screen->picture.height, &tiles), 0);
	assert_int_equal(tiles_update(tiles, &screen->picture, &all, 1, true),
		tiles_columns(tiles) * tiles_rows(tiles));
	return tiles;
}

static void assert_same_colours(const struct picture *a, const struct picture *b)
{
	for (uint32_t y = 0; y < a->height; y++)
		for (uint32_t x = 0; x < a->width; x++)
			if (memcmp(pixel(a, x, y), pixel(b, x, y), 3) != 0)
				fail_msg("pixel %u,%u differs", x, y);
}

static void refuses_impossible_sizes(void **state)
{
	struct tiles *tiles = NULL;
	(void)state;

	assert_int_equal(tiles_create(0, 1, &tiles), -EINVAL);
	assert_int_equal(tiles_create(1, 0, &tiles), -EINVAL);
	assert_int_equal(tiles_create(PICTURE_SIDE_MAX + 1, 1, &tiles), -EINVAL);
	assert_int_equal(tiles_create(1, PICTURE_SIDE_MAX + 1, &tiles), -EINVAL);
	assert_null(tiles);
	tiles_destroy(NULL);
}

static void begins_black_and_unchanged(void **state)
{
	struct tiles *tiles = NULL;
	(void)state;

	assert_int_equal(tiles_create(33, 17, &tiles), 0);
	assert_int_equal(tiles_columns(tiles), 3);
	assert_int_equal(tiles_rows(tiles), 2);
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(tiles_changed_at(tiles)[i], 0);
	for (uint32_t y = 0; y < 17; y++) {
		assert_int_equal((uintptr_t)pixel(tiles_picture(tiles), 0, y) % 64, 0);
		for (uint32_t x = 0; x < 33; x++)
			assert_memory_equal(pixel(tiles_picture(tiles), x, y), "\0\0\0", 3);
	}
	tiles_destroy(tiles);
}

static void first_picture_is_taken_whole(void **state)
{
	static const uint32_t sizes[][2] = {
		{1, 1}, {15, 16}, {16, 16}, {17, 33}, {64, 1}, {1, 64}, {1366, 768}};
	(void)state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct screen screen = screen_create(sizes[i][0], sizes[i][1], 12);
		struct tiles *tiles = tiles_of(&screen);

		assert_same_colours(tiles_picture(tiles), &screen.picture);
		for (uint32_t row = 0; row < tiles_rows(tiles); row++)
			assert_int_equal(tiles_row_changed_at(tiles, row), 1);
		tiles_destroy(tiles);
		free(screen.memory);
	}
}

static void same_picture_changes_nothing(void **state)
{
	struct screen screen = screen_create(1366, 768, 8);
	struct tiles *tiles = tiles_of(&screen);
	struct box all = whole(&screen.picture);
	(void)state;

	assert_int_equal(tiles_update(tiles, &screen.picture, &all, 2, false), 0);
	for (uint32_t row = 0; row < tiles_rows(tiles); row++)
		assert_int_equal(tiles_row_changed_at(tiles, row), 1);
	tiles_destroy(tiles);
	free(screen.memory);
}

static void fourth_byte_is_no_change(void **state)
{
	struct screen screen = screen_create(37, 20, 0);
	struct tiles *tiles = tiles_of(&screen);
	struct box all = whole(&screen.picture);
	(void)state;

	for (uint64_t sequence = 2; sequence < 5; sequence++) {
		for (uint32_t y = 0; y < 20; y++)
			for (uint32_t x = 0; x < 37; x++)
				pixel(&screen.picture, x, y)[3] = (uint8_t)random_below(256);
		assert_int_equal(tiles_update(tiles, &screen.picture, &all, sequence, false), 0);
	}
	/* A change of colour beside changes of the fourth byte is still seen. */
	pixel(&screen.picture, 36, 19)[2] ^= 1;
	pixel(&screen.picture, 0, 19)[3] ^= 1;
	assert_int_equal(tiles_update(tiles, &screen.picture, &all, 5, false), 1);
	assert_int_equal(tiles_changed_at(tiles)[2], 1);
	assert_int_equal(tiles_changed_at(tiles)[5], 5);
	assert_same_colours(tiles_picture(tiles), &screen.picture);
	tiles_destroy(tiles);
	free(screen.memory);
}

static void each_byte_of_a_pixel_counts_at_every_place(void **state)
{
	struct screen screen = screen_create(35, 18, 4);
	struct tiles *tiles = tiles_of(&screen);
	struct box all = whole(&screen.picture);
	uint64_t sequence = 1;
	(void)state;

	for (uint32_t y = 0; y < 18; y++)
		for (uint32_t x = 0; x < 35; x++)
			for (uint32_t byte = 0; byte < 3; byte++) {
				size_t tile = y / 16 * 3 + x / 16;

				pixel(&screen.picture, x, y)[byte] ^= 0x80;
				sequence++;
				assert_int_equal(
					tiles_update(tiles, &screen.picture, &all, sequence, false),
					1);
				assert_int_equal(tiles_changed_at(tiles)[tile], sequence);
				assert_int_equal(tiles_row_changed_at(tiles, y / 16), sequence);
			}
	tiles_destroy(tiles);
	free(screen.memory);
}

static void padding_behind_a_row_is_never_looked_at(void **state)
{
	struct screen screen = screen_create(21, 5, 44);
	struct tiles *tiles = tiles_of(&screen);
	struct box all = whole(&screen.picture);
	(void)state;

	for (uint32_t y = 0; y < 5; y++)
		memset(pixel(&screen.picture, 21, y), (int)y, y < 4 ? 44 : 0);
	assert_int_equal(tiles_update(tiles, &screen.picture, &all, 2, false), 0);
	tiles_destroy(tiles);
	free(screen.memory);
}

/* Rows outside the hint may hold anything: a strip was grabbed, the rest is stale. */
static void rows_outside_the_hint_are_left_alone(void **state)
{
	struct screen screen = screen_create(100, 100, 0);
	struct tiles *tiles = tiles_of(&screen);
	struct screen before = screen_create(100, 100, 0);
	struct box hint = {10, 20, 11, 40};
	(void)state;

	memcpy(before.picture.pixels, screen.picture.pixels, screen.picture.stride * 100);
	for (uint32_t y = 0; y < 100; y++)
		for (uint32_t x = 0; x < 100; x++)
			pixel(&screen.picture, x, y)[0] ^= 0xff;
	assert_int_equal(tiles_update(tiles, &screen.picture, &hint, 2, false), 2);
	for (uint32_t y = 0; y < 100; y++) {
		const struct picture *expected =
			y >= 20 && y < 40 ? &screen.picture : &before.picture;

		assert_memory_equal(pixel(tiles_picture(tiles), 10, y), pixel(expected, 10, y), 3);
	}
	assert_int_equal(tiles_changed_at(tiles)[0], 1);
	assert_int_equal(tiles_changed_at(tiles)[7], 2);
	assert_int_equal(tiles_changed_at(tiles)[8], 1);
	assert_int_equal(tiles_changed_at(tiles)[14], 2);
	assert_int_equal(tiles_changed_at(tiles)[21], 1);
	tiles_destroy(tiles);
	free(screen.memory);
	free(before.memory);
}

static void hint_is_clipped_and_may_be_empty(void **state)
{
	static const struct box empty[] = {{0, 0, 0, 0}, {5, 5, 5, 9}, {9, 9, 5, 5},
		{-50, -50, -1, -1}, {40, 0, 90, 9}, {0, 30, 9, 90},
		{INT32_MAX, INT32_MAX, INT32_MIN, INT32_MIN}};
	struct box huge = {INT32_MIN, INT32_MIN, INT32_MAX, INT32_MAX};
	struct screen screen = screen_create(40, 30, 0);
	struct tiles *tiles = tiles_of(&screen);
	(void)state;

	memset(screen.picture.pixels, 0x55, screen.picture.stride * 30);
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		assert_int_equal(tiles_update(tiles, &screen.picture, &empty[i], 2, false), 0);
		assert_int_equal(tiles_update(tiles, &screen.picture, &empty[i], 2, true), 0);
	}
	assert_int_equal(tiles_update(tiles, &screen.picture, &huge, 3, false), 6);
	assert_same_colours(tiles_picture(tiles), &screen.picture);
	tiles_destroy(tiles);
	free(screen.memory);
}

/* Tiles that differ from `before` inside the hint, by the plainest of loops. */
static size_t expect_changes(const struct picture *before, const struct picture *now,
	const struct box *hint, bool everything, uint64_t sequence, uint64_t *changed_at)
{
	uint32_t columns = (now->width + 15) / 16;
	uint32_t x0 = (uint32_t)hint->x0 / 16 * 16, x1 = ((uint32_t)hint->x1 + 15) / 16 * 16;
	size_t n = 0;

	if (hint->x0 >= hint->x1)
		return 0;
	for (uint32_t y = (uint32_t)hint->y0; y < (uint32_t)hint->y1; y++)
		for (uint32_t x = x0; x < x1 && x < now->width; x++) {
			uint64_t *tile = &changed_at[y / 16 * columns + x / 16];

			if (*tile == sequence)
				continue;
			if (everything || memcmp(pixel(before, x, y), pixel(now, x, y), 3) != 0) {
				*tile = sequence;
				n++;
			}
		}
	return n;
}

static void scribble(struct picture *picture)
{
	uint32_t x0 = random_below(picture->width), y0 = random_below(picture->height);
	uint32_t width = 1 + random_below(picture->width - x0);
	uint32_t height = 1 + random_below(picture->height - y0);

	for (uint32_t y = y0; y < y0 + height; y++)
		for (uint32_t x = x0; x < x0 + width; x++)
			pixel(picture, x, y)[random_below(4)] ^= (uint8_t)(1u << random_below(8));
}

static void random_changes_are_found_exactly(void **state)
{
	(void)state;

	for (int round = 0; round < 40; round++) {
		uint32_t width = 1 + random_below(150), height = 1 + random_below(100);
		struct screen screen = screen_create(width, height, 4 * random_below(9));
		struct tiles *tiles = tiles_of(&screen);
		uint32_t n_tiles = tiles_columns(tiles) * tiles_rows(tiles);
		uint64_t *changed_at = malloc(n_tiles * sizeof(*changed_at));

		assert_non_null(changed_at);
		for (uint32_t i = 0; i < n_tiles; i++)
			changed_at[i] = 1;
		for (uint64_t sequence = 2; sequence < 22; sequence++) {
			struct box hint = {0, 0, (int32_t)width, (int32_t)height};
			bool everything = random_below(8) == 0;
			size_t n;

			for (uint32_t i = random_below(3); i > 0; i--)
				scribble(&screen.picture);
			if (random_below(2)) {
				hint.x0 = (int32_t)random_below(width);
				hint.x1 = (int32_t)random_below(width + 1);
				hint.y0 = (int32_t)random_below(height);
				hint.y1 = (int32_t)random_below(height + 1);
			}
			n = expect_changes(tiles_picture(tiles), &screen.picture, &hint, everything,
				sequence, changed_at);
			assert_int_equal(
				tiles_update(tiles, &screen.picture, &hint, sequence, everything),
				n);
			assert_memory_equal(
				tiles_changed_at(tiles), changed_at, n_tiles * sizeof(*changed_at));
		}
		struct box all = whole(&screen.picture);
		tiles_update(tiles, &screen.picture, &all, 99, false);
		assert_same_colours(tiles_picture(tiles), &screen.picture);
		tiles_destroy(tiles);
		free(changed_at);
		free(screen.memory);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_impossible_sizes),
		cmocka_unit_test(begins_black_and_unchanged),
		cmocka_unit_test(first_picture_is_taken_whole),
		cmocka_unit_test(same_picture_changes_nothing),
		cmocka_unit_test(fourth_byte_is_no_change),
		cmocka_unit_test(each_byte_of_a_pixel_counts_at_every_place),
		cmocka_unit_test(padding_behind_a_row_is_never_looked_at),
		cmocka_unit_test(rows_outside_the_hint_are_left_alone),
		cmocka_unit_test(hint_is_clipped_and_may_be_empty),
		cmocka_unit_test(random_changes_are_found_exactly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
