/* SPDX-License-Identifier: MIT */
/* links: httpd/files/resting.c */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "httpd/files/resting.h"
#include "httpd/files/tus_info.h"

/* Stands for the disk: parts "0…0", "0…1", …, of the senders "a" and "b" by turns. */
static unsigned n_parts, n_sizes, n_infos;
static bool has_info, is_there[8];
static uint64_t sizes[8];

static unsigned number_of(const char *file)
{
	return (unsigned)strtoul(file, NULL, 16);
}

int store_each_part(
	const struct store *store, void (*on_part)(void *arg, const char *file), void *arg)
{
	char file[STORE_PART_SIZE];

	(void)store;
	for (unsigned n = n_parts; n-- > 0;)
		if (is_there[n]) {
			snprintf(file, sizeof(file), "%032x.part", n);
			on_part(arg, file);
		}
	on_part(arg, "stranger.part");
	on_part(arg, "a name that is longer than any of ours can be, and so is none.part");
	return 0;
}

uint64_t store_part_bytes(const struct store *store, const char *file)
{
	(void)store;
	if (file[0] != '0')
		return 0;
	n_sizes++;
	return sizes[number_of(file)];
}

bool store_is_id(const char *id)
{
	return id[0] == '0';
}

int tus_info_read(const struct store *store, const char *id, struct tus_info *info)
{
	(void)store;
	n_infos++;
	if (!has_info)
		return -ENOENT;
	memset(info, 0, sizeof(*info));
	strcpy(info->meta.address, number_of(id) % 2 == 0 ? "a" : "b");
	return 0;
}

static unsigned active; /* a bit for each */

static bool is_active(void *arg, const char *part)
{
	(void)arg;
	return part[0] == '0' && (active >> number_of(part) & 1);
}

static void assert_sum(struct resting *resting, unsigned n, uint64_t bytes, uint64_t of_a)
{
	struct resting_sum sum;

	assert_int_equal(resting_count(resting, "a", is_active, NULL, &sum), 0);
	assert_int_equal(sum.n, n + 1); /* the stranger */
	assert_int_equal(sum.bytes, bytes);
	assert_int_equal(sum.of_address, of_a);
}

static int start(void **state)
{
	n_parts = 4;
	n_sizes = n_infos = active = 0;
	has_info = true;
	for (unsigned n = 0; n < 8; n++) {
		sizes[n] = 1u << (4 * n);
		is_there[n] = true;
	}
	return resting_create(NULL, (struct resting **)state);
}

static int end(void **state)
{
	resting_destroy(*state);
	return 0;
}

static void what_rests_counts_for_all_and_for_its_sender(void **state)
{
	assert_sum(*state, 4, 0x1111, 0x0101);
	active = 1u << 2;
	assert_sum(*state, 3, 0x1011, 0x0001);
	is_there[0] = false;
	assert_sum(*state, 2, 0x1010, 0);
	active = 0;
	assert_sum(*state, 3, 0x1110, 0x0100);
}

static void only_what_may_have_changed_is_looked_at_again(void **state)
{
	assert_sum(*state, 4, 0x1111, 0x0101);
	assert_int_equal(n_sizes, 4);
	assert_int_equal(n_infos, 4);
	assert_sum(*state, 4, 0x1111, 0x0101);
	assert_int_equal(n_sizes, 4);
	assert_int_equal(n_infos, 4);
	n_parts = 5; /* a new one; and one grows, which it cannot without being active */
	active = 1u << 1;
	assert_sum(*state, 4, 0x11101, 0x10101);
	sizes[1] = 0x20;
	active = 0;
	assert_sum(*state, 5, 0x11121, 0x10101);
	assert_int_equal(n_sizes, 6);
	assert_int_equal(n_infos, 5);
}

static void whose_it_is_may_be_known_later(void **state)
{
	has_info = false;
	assert_sum(*state, 4, 0x1111, 0);
	has_info = true;
	assert_sum(*state, 4, 0x1111, 0x0101);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_rests_counts_for_all_and_for_its_sender, start, end),
		cmocka_unit_test_setup_teardown(
			only_what_may_have_changed_is_looked_at_again, start, end),
		cmocka_unit_test_setup_teardown(whose_it_is_may_be_known_later, start, end),
	};
	return cmocka_run_group_tests_name("resting", tests, NULL, NULL);
}
