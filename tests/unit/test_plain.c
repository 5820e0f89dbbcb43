/* links: capd/encode/plain.c */
/* SPDX-License-Identifier: MIT */
/* What is of one colour in a glyph with its caret and underline, and in a strip of text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "capd/encode/plain.h"

#define WIDTH  140
#define HEIGHT 30
#define WHITE  0xffffffu
#define RED    0xd02020u
#define BLACK  0x101010u

static uint32_t pixels[HEIGHT][WIDTH];
static const struct picture picture = {
	.pixels = (uint8_t *)pixels, .stride = sizeof(pixels[0]), .width = WIDTH, .height = HEIGHT};
static const struct box whole = {0, 0, WIDTH, HEIGHT};

static void fill(struct box box, uint32_t rgb)
{
	for (int32_t y = box.y0; y < box.y1; y++)
		for (int32_t x = box.x0; x < box.x1; x++)
			/* what the fourth byte is says nothing */
			pixels[y][x] = rgb | (uint32_t)(x * y) << 24;
}

static int begin(void **state)
{
	(void)state;
	fill(whole, WHITE);
	return 0;
}

static void assert_box(const struct box *box, int32_t x0, int32_t y0, int32_t x1, int32_t y1)
{
	assert_int_equal(box->x0, x0);
	assert_int_equal(box->y0, y0);
	assert_int_equal(box->x1, x1);
	assert_int_equal(box->y1, y1);
}

static void one_colour_is_plain_and_two_are_not(void **state)
{
	uint32_t colour;
	(void)state;

	assert_true(plain_is(&picture, &whole, &colour));
	assert_int_equal(colour, WHITE);
	fill((struct box){WIDTH - 1, HEIGHT - 1, WIDTH, HEIGHT}, BLACK);
	assert_false(plain_is(&picture, &whole, &colour));
	assert_true(
		plain_is(&picture, &(struct box){WIDTH - 1, HEIGHT - 1, WIDTH, HEIGHT}, &colour));
	assert_int_equal(colour, BLACK);
}

static void a_caret_and_an_underline_come_off_a_glyph(void **state)
{
	const struct box glyph = {5, 4, 17, 25};
	struct plain_part parts[PLAIN_PARTS_MAX];
	struct box box = glyph;
	(void)state;

	fill((struct box){7, 9, 9, 20}, 0x707070);
	fill((struct box){15, 4, 17, 25}, BLACK);
	fill((struct box){5, 24, 15, 25}, RED);
	uint32_t background = plain_background(&picture, &glyph);
	assert_int_equal(background, WHITE);
	assert_int_equal(plain_peel(&picture, &box, background, parts), 2);
	assert_box(&parts[0].box, 15, 4, 17, 25);
	assert_int_equal(parts[0].colour, BLACK);
	assert_box(&parts[1].box, 5, 24, 15, 25);
	assert_int_equal(parts[1].colour, RED);
	assert_box(&box, 5, 4, 15, 24);
}

static void something_is_left_of_what_is_plain_all_over(void **state)
{
	struct plain_part parts[PLAIN_PARTS_MAX];
	struct box box = whole;
	(void)state;

	/* none is the background */
	fill(whole, BLACK);
	fill((struct box){0, 0, 10, HEIGHT}, RED);
	assert_int_equal(plain_peel(&picture, &box, WHITE, parts), 1);
	assert_box(&parts[0].box, 0, 0, 10, HEIGHT);
	assert_box(&box, 10, 0, WIDTH, HEIGHT);
	/* an edge to take off at every turn: no more than there is room for */
	for (int32_t i = 0; i < 10; i++)
		fill((struct box){i, i, WIDTH - i, HEIGHT - i}, 0x10101u * (uint32_t)i);
	box = whole;
	assert_int_equal(plain_peel(&picture, &box, WHITE, parts), PLAIN_PARTS_MAX);
	assert_true(box.x0 < box.x1 && box.y0 < box.y1);
}

static void lines_are_found_without_the_room_around_them(void **state)
{
	struct plain_line line;
	(void)state;

	fill((struct box){4, 0, 30, 3}, BLACK);
	fill((struct box){2, 10, 20, 13}, BLACK);
	fill((struct box){8, 14, 9, 16}, BLACK); /* one blank row ends nothing */
	fill((struct box){0, 29, WIDTH, 30}, RED);
	assert_true(plain_next_line(&picture, &whole, WHITE, 0, false, &line));
	assert_box(&line.box, 4, 0, 30, 3);
	assert_false(line.is_dull);
	assert_true(plain_next_line(&picture, &whole, WHITE, line.box.y1, false, &line));
	assert_box(&line.box, 2, 10, 20, 16);
	assert_true(plain_next_line(&picture, &whole, WHITE, line.box.y1, false, &line));
	assert_box(&line.box, 0, 29, WIDTH, 30);
	assert_false(plain_next_line(&picture, &whole, WHITE, line.box.y1, false, &line));
	/* the last one has all that is left */
	assert_true(plain_next_line(&picture, &whole, WHITE, 5, true, &line));
	assert_box(&line.box, 0, 10, WIDTH, 30);
}

static void a_line_is_extended_to_the_blank_row_above_it(void **state)
{
	struct box line = {4, 12, 30, 20};
	(void)state;

	fill((struct box){4, 8, 30, 20}, BLACK);
	plain_extend_up(&picture, &line, WHITE, 10);
	assert_box(&line, 4, 8, 30, 20);
	plain_extend_up(&picture, &line, WHITE, 10);
	assert_box(&line, 4, 8, 30, 20);
	/* too far up, or never: it stays */
	line.y0 = 12;
	plain_extend_up(&picture, &line, WHITE, 4);
	assert_box(&line, 4, 12, 30, 20);
	fill((struct box){4, 0, 30, 20}, BLACK);
	plain_extend_up(&picture, &line, WHITE, 40);
	assert_box(&line, 4, 12, 30, 20);
}

static void a_bar_is_no_text(void **state)
{
	struct plain_line line;
	(void)state;

	/* text, right under it a bar of eight rows, right under that text again */
	for (int32_t y = 3; y < 11; y++)
		fill((struct box){y, y, y + 2, y + 1}, BLACK);
	fill((struct box){10, 11, 20, 19}, RED);
	fill((struct box){130, 11, 131, 19}, BLACK);
	for (int32_t y = 19; y < 24; y++)
		fill((struct box){y, y, y + 2, y + 1}, BLACK);
	assert_true(plain_next_line(&picture, &whole, WHITE, 0, false, &line));
	assert_box(&line.box, 3, 3, 12, 11);
	assert_false(line.is_dull);
	assert_true(plain_next_line(&picture, &whole, WHITE, 11, false, &line));
	assert_box(&line.box, 10, 11, 131, 19);
	assert_true(line.is_dull);
	assert_true(plain_next_line(&picture, &whole, WHITE, 19, false, &line));
	assert_box(&line.box, 19, 19, 25, 24);
	assert_false(line.is_dull);
	/* where it is no wider than a letter, it is one */
	assert_true(plain_next_line(
		&picture, &(struct box){0, 0, 100, HEIGHT}, WHITE, 0, false, &line));
	assert_box(&line.box, 3, 3, 25, 24);
	assert_false(line.is_dull);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_colour_is_plain_and_two_are_not, begin),
		cmocka_unit_test_setup(a_caret_and_an_underline_come_off_a_glyph, begin),
		cmocka_unit_test_setup(something_is_left_of_what_is_plain_all_over, begin),
		cmocka_unit_test_setup(lines_are_found_without_the_room_around_them, begin),
		cmocka_unit_test_setup(a_line_is_extended_to_the_blank_row_above_it, begin),
		cmocka_unit_test_setup(a_bar_is_no_text, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
