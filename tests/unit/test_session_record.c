/* SPDX-License-Identifier: MIT */
/* links: capd/session/session_record.c */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "capd/session/session_record.h"

static char folder[64], path[80];

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/ss-record-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/" SESSION_RECORD_FILE, folder);
	return 0;
}

static int remove_folder(void **state)
{
	char command[128];
	(void)state;

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static unsigned n_files(void)
{
	DIR *dir = opendir(folder);
	unsigned n = 0;

	for (struct dirent *entry; (entry = readdir(dir));)
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return n;
}

static void the_first_stays_the_first(void **state)
{
	char first[SESSION_NAME_MAX];
	struct stat st;
	(void)state;

	assert_int_equal(session_record_first(folder, "ann", first), 0);
	assert_string_equal(first, "ann");
	assert_int_equal(session_record_first(folder, "ben", first), 0);
	assert_string_equal(first, "ann");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(n_files(), 1);
}

/* Whoever removes the file lets the next be first. */
static void a_removed_record_is_made_anew(void **state)
{
	char first[SESSION_NAME_MAX];
	(void)state;

	assert_int_equal(session_record_first(folder, "ann", first), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(session_record_first(folder, "ben", first), 0);
	assert_string_equal(first, "ben");
}

static void what_is_no_file_of_ours_names_nobody(void **state)
{
	char first[SESSION_NAME_MAX];
	(void)state;

	assert_int_equal(symlink("/etc/hostname", path), 0);
	assert_int_equal(session_record_first(folder, "ann", first), -ELOOP);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(session_record_first(folder, "ann", first), 0);
	assert_string_equal(first, "");
}

static void without_a_folder_it_says_so(void **state)
{
	char first[SESSION_NAME_MAX];
	(void)state;

	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(session_record_first(folder, "ann", first), -ENOENT);
}

/* Two daemons look at the same moment: both learn the same name, many times over. */
static void of_two_at_once_one_wins_and_both_know(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		char mine[SESSION_NAME_MAX], theirs[SESSION_NAME_MAX] = "";
		int ends[2], status;

		assert_int_equal(pipe(ends), 0);
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			int r = session_record_first(folder, "ben", mine);

			_exit(r < 0 || write(ends[1], mine, strlen(mine)) < 0);
		}
		assert_int_equal(session_record_first(folder, "ann", mine), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		assert_true(read(ends[0], theirs, sizeof(theirs) - 1) > 0);
		assert_string_equal(mine, theirs);
		close(ends[0]);
		close(ends[1]);
		assert_int_equal(n_files(), 1);
		assert_int_equal(unlink(path), 0);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_stays_the_first),
		TEST(a_removed_record_is_made_anew),
		TEST(what_is_no_file_of_ours_names_nobody),
		TEST(without_a_folder_it_says_so),
		TEST(of_two_at_once_one_wins_and_both_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
