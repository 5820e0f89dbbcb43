/* SPDX-License-Identifier: MIT */
/* links: tests/bench/timecode.c */
/* The bench's figures are as right as its time codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bench/timecode.h"

static void paint(uint8_t *row, uint32_t width, uint64_t bits, uint8_t black, uint8_t white)
{
	for (uint32_t i = 0; i < TIMECODE_BLOCKS; i++)
		memset(row + timecode_block_x(i, width),
			bits >> (TIMECODE_BLOCKS - 1 - i) & 1 ? white : black,
			timecode_block_x(i + 1, width) - timecode_block_x(i, width));
}

static void code_survives_every_width_and_poor_contrast(void **state)
{
	static uint8_t row[3840];
	(void)state;
	for (uint32_t width = 1024; width <= 3840; width += 7) {
		struct timecode in = {.us = 0x12345678abull * width & TIMECODE_US_MASK,
					.frame = (uint8_t)width},
				out;
		paint(row, width, timecode_bits(&in), 60, 190);
		assert_true(timecode_from_row(row, width, &out));
		assert_true(in.us == out.us && in.frame == out.frame);
	}
}

static void any_one_wrong_block_is_noticed(void **state)
{
	struct timecode in = {.us = 123456789, .frame = 200}, out = {0};
	(void)state;
	for (int i = 0; i < 64; i++)
		assert_false(timecode_from_bits(timecode_bits(&in) ^ 1ull << i, &out));
	assert_int_equal(out.us, 0);
}

static void a_blank_row_is_no_code(void **state)
{
	static uint8_t row[1920];
	struct timecode out;
	(void)state;
	assert_false(timecode_from_row(row, sizeof(row), &out));
	memset(row, 255, sizeof(row));
	assert_false(timecode_from_row(row, sizeof(row), &out));
}

static void age_survives_the_wrap(void **state)
{
	(void)state;
	assert_int_equal(timecode_age_us(TIMECODE_US_MASK - 9, (TIMECODE_US_MASK + 1) * 3 + 5), 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(code_survives_every_width_and_poor_contrast),
		cmocka_unit_test(any_one_wrong_block_is_noticed),
		cmocka_unit_test(a_blank_row_is_no_code),
		cmocka_unit_test(age_survives_the_wrap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
