/* SPDX-License-Identifier: MIT */
/* links: capd/audio/mix.c -lm */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capd/audio/mix.h"

static void one_input_at_100_per_cent_goes_through_bit_by_bit(void **state)
{
	const int16_t in[] = {0, 1, -1, 32767, -32768, 12345, -12345, 7};
	int32_t sum[8] = {0};
	int16_t out[8];
	(void)state;

	mix_add(sum, in, 4, 100);
	mix_saturate(sum, out, 4);
	assert_memory_equal(in, out, sizeof(in));
}

static void what_is_too_loud_stays_at_the_loudest(void **state)
{
	const int16_t in[] = {30000, -30000, 20000, -20000};
	int32_t sum[4] = {0};
	int16_t out[4];
	(void)state;

	mix_add(sum, in, 2, 100);
	mix_add(sum, in, 2, 100);
	mix_saturate(sum, out, 2);
	assert_int_equal(out[0], 32767);
	assert_int_equal(out[1], -32768);
	assert_int_equal(out[2], 32767);
	assert_int_equal(out[3], -32768);
}

static void gains_are_per_cent(void **state)
{
	const int16_t in[] = {1000, -1000, 32767, -32768};
	int32_t sum[4] = {0};
	int16_t out[4];
	(void)state;

	mix_add(sum, in, 2, 0);
	assert_int_equal(sum[0], 0);
	mix_add(sum, in, 2, 50);
	assert_int_equal(sum[0], 500);
	assert_int_equal(sum[1], -500);
	mix_add(sum, in, 2, 400);
	mix_saturate(sum, out, 2);
	assert_int_equal(out[0], 4500);
	assert_int_equal(out[2], 32767);
	assert_int_equal(out[3], -32768);
}

static void the_same_number_of_frames_is_a_copy(void **state)
{
	int16_t in[960], out[960];
	(void)state;

	for (size_t i = 0; i < 960; i++)
		in[i] = (int16_t)(i * 7919);
	mix_slip(in, 480, out, 480);
	assert_memory_equal(in, out, sizeof(in));
}

/* A tone of 1 kHz, one frame more or fewer: it stays that tone. */
static void a_slip_bends_a_tone_by_less_than_can_be_heard(void **state)
{
	const size_t n_ins[] = {476, 479, 481, 484};
	(void)state;

	for (size_t k = 0; k < 4; k++) {
		int16_t in[484 * 2], out[480 * 2];
		double step = (double)(n_ins[k] - 1) / 479;

		for (size_t i = 0; i < n_ins[k]; i++)
			in[2 * i] = in[2 * i + 1] =
				(int16_t)lrint(20000 * sin(2 * M_PI * 1000 * (double)i / 48000));
		mix_slip(in, n_ins[k], out, 480);
		for (size_t i = 0; i < 480; i++) {
			double ideal = 20000 * sin(2 * M_PI * 1000 * (double)i * step / 48000);

			assert_true(fabs(out[2 * i] - ideal) < 20); /* -60 dB */
			assert_int_equal(out[2 * i], out[2 * i + 1]);
		}
		assert_int_equal(out[0], in[0]);
		assert_int_equal(out[958], in[2 * n_ins[k] - 2]);
	}
}

static void a_slip_does_not_overshoot_the_loudest(void **state)
{
	int16_t in[481 * 2], out[480 * 2];
	(void)state;

	for (size_t i = 0; i < 481 * 2; i++)
		in[i] = i / 14 % 2 ? 32767 : -32768;
	mix_slip(in, 481, out, 480);
	for (size_t i = 0; i + 2 < 480 * 2; i++) {
		/* A sum that wrapped round would be far away on the other side. */
		size_t n = 0;
		for (size_t j = i > 4 ? i - 4 : 0; j < i + 6 && j < 962; j++)
			n += (in[j] > 0) == (out[i] > 0);
		assert_true(n > 0);
	}
}

static void silence_is_nothing_but_zeros(void **state)
{
	int16_t frames[20] = {0};
	(void)state;

	assert_true(mix_is_silent(frames, 10));
	frames[19] = -1;
	assert_false(mix_is_silent(frames, 10));
	assert_true(mix_is_silent(frames, 9));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_input_at_100_per_cent_goes_through_bit_by_bit),
		cmocka_unit_test(what_is_too_loud_stays_at_the_loudest),
		cmocka_unit_test(gains_are_per_cent),
		cmocka_unit_test(the_same_number_of_frames_is_a_copy),
		cmocka_unit_test(a_slip_bends_a_tone_by_less_than_can_be_heard),
		cmocka_unit_test(a_slip_does_not_overshoot_the_loudest),
		cmocka_unit_test(silence_is_nothing_but_zeros),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
