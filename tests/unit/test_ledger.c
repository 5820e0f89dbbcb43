/* SPDX-License-Identifier: MIT */
/* links: httpd/files/ledger.c httpd/files/tus_info.c httpd/files/filename.c httpd/files/entry.c common/utf8.c common/parse.c -ljansson */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "httpd/files/ledger.h"

/* Stands for the store: one folder. */
static char folder[] = "/tmp/ledger-XXXXXX";
static int folder_fd;

int store_incoming_fd(const struct store *store)
{
	(void)store;
	return folder_fd;
}

static void make_id(char id[STORE_ID_SIZE], unsigned n)
{
	snprintf(id, STORE_ID_SIZE, "%08x%024x", n * 2654435761u, n);
}

static struct tus_info info_of(unsigned n, char *metadata)
{
	struct tus_info info = {.length = n, .metadata = metadata, .meta = {.has_hash = true}};

	snprintf(info.name, sizeof(info.name), "file \"%u\"\xc3\xbc", n);
	strcpy(info.meta.address, "192.0.2.1");
	memset(info.meta.sha256, (int)(n % 256), ENTRY_HASH_SIZE);
	return info;
}

static void assert_has(struct ledger *ledger, unsigned n)
{
	struct tus_info found, wanted = info_of(n, NULL);
	char id[STORE_ID_SIZE];

	make_id(id, n);
	assert_int_equal(ledger_find(ledger, id, &found), 0);
	assert_int_equal(found.length, n);
	assert_string_equal(found.name, wanted.name);
	assert_true(found.meta.has_hash);
	assert_memory_equal(found.meta.sha256, wanted.meta.sha256, ENTRY_HASH_SIZE);
	free(found.metadata);
}

static void assert_has_not(struct ledger *ledger, unsigned n)
{
	struct tus_info found;
	char id[STORE_ID_SIZE];

	make_id(id, n);
	assert_int_equal(ledger_find(ledger, id, &found), -ENOENT);
}

static void write_one(struct ledger *ledger, unsigned n, char *metadata)
{
	struct tus_info info = info_of(n, metadata);
	char id[STORE_ID_SIZE];

	make_id(id, n);
	assert_int_equal(ledger_write(ledger, id, &info, n % 7 == 0), 0);
}

static int start(void **state)
{
	struct ledger *ledger;

	unlinkat(folder_fd, "whole.log", 0);
	unlinkat(folder_fd, "whole.old", 0);
	if (ledger_create(NULL, &ledger) < 0)
		return -1;
	*state = ledger;
	return 0;
}

static int end(void **state)
{
	ledger_destroy(*state);
	return 0;
}

static void what_was_written_is_found_by_this_ledger_and_the_next(void **state)
{
	struct ledger *next;

	for (unsigned n = 0; n < 50; n++)
		write_one(*state, n, "filename ZQ==");
	assert_int_equal(ledger_create(NULL, &next), 0);
	for (unsigned n = 0; n < 50; n++) {
		assert_has(*state, n);
		assert_has(next, n);
	}
	assert_has_not(*state, 50);
	assert_has_not(next, 50);
	ledger_destroy(next);
}

static void the_last_line_of_an_upload_counts(void **state)
{
	struct tus_info info = info_of(1, NULL), found;
	char id[STORE_ID_SIZE];

	make_id(id, 1);
	write_one(*state, 1, NULL);
	strcpy(info.placed, "where it is");
	assert_int_equal(ledger_write(*state, id, &info, false), 0);
	assert_int_equal(ledger_find(*state, id, &found), 0);
	assert_string_equal(found.placed, "where it is");
	free(found.metadata);
	assert_int_equal(ledger_strike(*state, id), 0);
	assert_has_not(*state, 1);
	assert_int_equal(ledger_strike(*state, id), 0);
	write_one(*state, 1, NULL);
	assert_has(*state, 1);
}

static void a_line_that_a_kill_has_cut_spoils_no_other(void **state)
{
	static const char half[] = "\n00000000000000000000000000000007 {\"length\":7,\"na";
	int fd;

	write_one(*state, 1, NULL);
	fd = openat(folder_fd, "whole.log", O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, half, sizeof(half) - 1), sizeof(half) - 1);
	close(fd);
	write_one(*state, 2, NULL);
	assert_has(*state, 1);
	assert_has(*state, 2);
	assert_has_not(*state, 7);
}

static void it_never_grows_beyond_its_bounds_and_holds_the_newest(void **state)
{
	char metadata[4096];
	struct stat newest, older;

	memset(metadata, 'x', sizeof(metadata) - 1);
	metadata[sizeof(metadata) - 1] = '\0';
	for (unsigned n = 0; n < 1500; n++)
		write_one(*state, n, metadata);
	assert_int_equal(fstatat(folder_fd, "whole.log", &newest, 0), 0);
	assert_int_equal(fstatat(folder_fd, "whole.old", &older, 0), 0);
	assert_true(newest.st_size <= LEDGER_SIZE_MAX && older.st_size <= LEDGER_SIZE_MAX);
	assert_has(*state, 1499);
	assert_has(*state, 1100);
	assert_has_not(*state, 0);
}

static void what_is_no_ledger_is_no_answer(void **state)
{
	char id[STORE_ID_SIZE];
	FILE *file;
	int fd;

	make_id(id, 1);
	fd = openat(folder_fd, "whole.log", O_WRONLY | O_CREAT, 0600);
	file = fdopen(fd, "w");
	fprintf(file, "%s []\n\n%s {\"length\":-1}\n%s\n\xff\n%.8s\n", id, id, id, id);
	fclose(file);
	assert_has_not(*state, 1);
	unlinkat(folder_fd, "whole.log", 0);
	assert_int_equal(symlinkat("/etc/hostname", folder_fd, "whole.log"), 0);
	assert_true(ledger_write(*state, id, &(struct tus_info){.name = "a"}, false) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_was_written_is_found_by_this_ledger_and_the_next, start, end),
		cmocka_unit_test_setup_teardown(the_last_line_of_an_upload_counts, start, end),
		cmocka_unit_test_setup_teardown(
			a_line_that_a_kill_has_cut_spoils_no_other, start, end),
		cmocka_unit_test_setup_teardown(
			it_never_grows_beyond_its_bounds_and_holds_the_newest, start, end),
		cmocka_unit_test_setup_teardown(what_is_no_ledger_is_no_answer, start, end),
	};
	int n_failed;

	if (!mkdtemp(folder))
		return 1;
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY);
	n_failed = cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
	unlinkat(folder_fd, "whole.log", 0);
	unlinkat(folder_fd, "whole.old", 0);
	close(folder_fd);
	rmdir(folder);
	return n_failed;
}
