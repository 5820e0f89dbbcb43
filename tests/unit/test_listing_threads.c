/* SPDX-License-Identifier: MIT */
/* links: httpd/files/listing.c httpd/files/entry.c common/parse.c common/addresses.c common/utf8.c -lpthread */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "httpd/files/listing.h"

#define NAMES  200u
#define ROUNDS 30u

static struct file_entry *entry(unsigned number, uint64_t size, const char *address)
{
	struct file_meta meta = {0};
	char name[32];

	snprintf(name, sizeof(name), "file %u", number);
	snprintf(meta.address, sizeof(meta.address), "%s", address);
	return entry_create(name, size, (int64_t)number, &meta);
}

static void what_is_put_is_found_counted_and_sorted(void **state)
{
	struct listing *listing;
	struct file_entry **all, *found;
	uint64_t generation, before, bytes, of_address;
	unsigned count;
	size_t n;

	(void)state;
	assert_int_equal(listing_create(&listing), 0);
	for (unsigned i = 0; i < NAMES; i++)
		listing_put(listing, entry(i, i, i % 2 ? "fd00::1" : "10.0.0.1"));
	listing_totals(listing, "fd00::1", &count, &bytes, &of_address);
	assert_int_equal(count, NAMES);
	assert_int_equal(bytes, NAMES * (NAMES - 1) / 2);
	assert_int_equal(of_address, NAMES / 2 * (NAMES / 2));
	all = listing_all(listing, &n, &generation);
	assert_int_equal(n, NAMES);
	for (unsigned i = 0; i < NAMES; i++)
		assert_int_equal(all[i]->mtime_ns, NAMES - 1 - i);
	listing_release(all, n);
	before = listing_generation(listing);
	listing_put(listing, entry(7, 7, "fd00::1")); /* the same again is no news */
	assert_int_equal(listing_generation(listing), before);
	listing_put(listing, entry(7, 8, "fd00::1"));
	assert_int_equal(listing_generation(listing), before + 1);
	found = listing_find(listing, "file 7");
	assert_int_equal(found->size, 8);
	assert_true(listing_remove(listing, "file 7"));
	assert_false(listing_remove(listing, "file 7"));
	assert_int_equal(found->size, 8); /* a reference outlives the listing's */
	entry_unref(found);
	listing_destroy(listing);
}

static void a_scan_removes_what_it_has_not_seen(void **state)
{
	struct listing *listing;
	unsigned count;
	uint64_t bytes;

	(void)state;
	assert_int_equal(listing_create(&listing), 0);
	for (unsigned i = 0; i < NAMES; i++)
		listing_put(listing, entry(i, 1, ""));
	listing_begin_scan(listing);
	for (unsigned i = 0; i < NAMES; i += 2)
		listing_put(listing, entry(i, 1, ""));
	listing_put(listing, entry(NAMES, 1, "")); /* an upload meanwhile */
	listing_end_scan(listing);
	listing_totals(listing, NULL, &count, &bytes, NULL);
	assert_int_equal(count, NAMES / 2 + 1);
	assert_int_equal(bytes, NAMES / 2 + 1);
	listing_destroy(listing);
}

static void *change(void *arg)
{
	struct listing *listing = arg;

	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < NAMES; i++) {
			char name[32];

			listing_put(listing, entry(i, round, "10.0.0.1"));
			snprintf(name, sizeof(name), "file %u", (i * 7) % NAMES);
			listing_remove(listing, name);
		}
	return NULL;
}

static void many_may_change_and_read_it_at_once(void **state)
{
	pthread_t threads[3];
	struct listing *listing;
	unsigned count;
	uint64_t bytes, generation, sum = 0;
	size_t n = 0;

	(void)state;
	assert_int_equal(listing_create(&listing), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, change, listing), 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct file_entry **all = listing_all(listing, &n, &generation);

		assert_true(n <= NAMES);
		listing_release(all, n);
	}
	for (size_t i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	struct file_entry **all = listing_all(listing, &n, &generation);

	for (size_t i = 0; i < n; i++)
		sum += all[i]->size;
	listing_release(all, n);
	listing_totals(listing, NULL, &count, &bytes, NULL);
	assert_int_equal(count, n);
	assert_int_equal(bytes, sum);
	listing_destroy(listing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_is_found_counted_and_sorted),
		cmocka_unit_test(a_scan_removes_what_it_has_not_seen),
		cmocka_unit_test(many_may_change_and_read_it_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
