/* links: capd/encode/jpeg_huffman.c */
/* SPDX-License-Identifier: MIT */
/* Tables that were made for a sample have codes for whatever may come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "capd/encode/jpeg_huffman.h"

static unsigned count(const struct jpeg_huffman_table *table)
{
	unsigned n = 0;

	for (unsigned len = 1; len <= 16; len++)
		n += table->n_of[len];
	return n;
}

/* How long the symbol's code is; 0: it has none. */
static unsigned code_len(const struct jpeg_huffman_table *table, unsigned symbol)
{
	unsigned at = 0;

	for (unsigned len = 1; len <= 16; len++)
		for (unsigned i = 0; i < table->n_of[len]; i++)
			if (table->symbols[at++] == symbol)
				return len;
	return 0;
}

/* Each symbol once, and codes left over: not even the last is all ones. */
static void assert_right(const struct jpeg_huffman_table *table, bool is_dc)
{
	uint32_t room = 1u << 16;

	for (unsigned len = 1; len <= 16; len++) {
		assert_true(room > (uint32_t)table->n_of[len] << (16 - len));
		room -= (uint32_t)table->n_of[len] << (16 - len);
	}
	assert_int_equal(count(table), is_dc ? 12 : 162);
	for (unsigned size = 0; size <= (is_dc ? 11 : 10); size++)
		for (unsigned run = 0; run < (is_dc ? 1 : 16); run++)
			if (is_dc || size > 0 || run == 0 || run == 15)
				assert_int_not_equal(code_len(table, run << 4 | size), 0);
}

static void all_that_may_come_has_a_code(void **state)
{
	/* One block of one colour; a grey picture: nothing in the tables of colour. */
	struct jpeg_huffman_table dc = {.n_of = {[1] = 1}}, ac = dc, none = {.n_of = {0}};
	struct jpeg_huffman_table none_ac = none;
	(void)state;

	jpeg_huffman_widen(&dc, true);
	assert_right(&dc, true);
	assert_int_equal(code_len(&dc, 0), 1);
	jpeg_huffman_widen(&ac, false);
	assert_right(&ac, false);
	assert_int_equal(code_len(&ac, 0), 1);
	jpeg_huffman_widen(&none, true);
	assert_right(&none, true);
	jpeg_huffman_widen(&none_ac, false);
	assert_right(&none_ac, false);
}

static void what_was_short_stays_short(void **state)
{
	/* 0x01 and 0x00: two bits each; 0x11, 0x02, 0x21 three; then ever rarer. */
	struct jpeg_huffman_table table = {
		.n_of = {[2] = 2, [3] = 3, [5] = 2, [6] = 1, [7] = 1, [16] = 1},
		.symbols = {0x01, 0x00, 0x11, 0x02, 0x21, 0x03, 0x31, 0x41, 0x12, 0xf0}};
	const struct jpeg_huffman_table before = table;
	(void)state;

	jpeg_huffman_widen(&table, false);
	assert_right(&table, false);
	for (unsigned i = 0; i < 8; i++)
		assert_true(code_len(&table, before.symbols[i]) <=
			    code_len(&before, before.symbols[i]) + 1);
	assert_int_equal(code_len(&table, 0x01), 2);
	assert_true(code_len(&table, 0xa5) > 10);
}

/* The weights of Fibonacci, whose tree is as deep as can be, cut to 16. */
static void the_deepest_tree_is_cut(void **state)
{
	struct jpeg_huffman_table table = {.n_of = {0}};
	(void)state;

	for (unsigned len = 1; len <= 15; len++) {
		table.n_of[len] = 1;
		table.symbols[len - 1] =
			(uint8_t)len; /* 0x01 … 0x0a, and 0x0b … of size 11 to 15 */
	}
	jpeg_huffman_widen(&table, false);
	assert_right(&table, false);
	assert_int_equal(code_len(&table, 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_may_come_has_a_code),
		cmocka_unit_test(what_was_short_stays_short),
		cmocka_unit_test(the_deepest_tree_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
