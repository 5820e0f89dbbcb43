/* SPDX-License-Identifier: MIT */
/* links: httpd/pause_file.c common/parse.c common/utf8.c */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/fd.h"
#include "httpd/pause_file.h"

static char dir[] = "/tmp/ss-pause-XXXXXX", *made;

static const char *path_of(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int set_up(void **state)
{
	(void)state;
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	made = mkdtemp(dir);
	return made ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path_of("paused"));
	rmdir(path_of("paused"));
	unlink(path_of("paused.new"));
	return rmdir(dir);
}

static void put(const char *text)
{
	int fd = open(path_of("paused"), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	fd_close(&fd);
}

static void what_was_written_is_read(void **state)
{
	struct pause_record record = {.uid = 1000, .name = "alice", .since_s = 1795843200}, got;
	int error = 1;
	(void)state;

	assert_false(pause_file_read(dir, &got, &error));
	assert_int_equal(error, 0);
	assert_int_equal(pause_file_write(dir, &record), 0);
	assert_int_equal(pause_file_write(dir, &record), 0); /* once more */
	assert_int_equal(access(path_of("paused.new"), F_OK), -1);
	assert_true(pause_file_read(dir, &got, &error));
	assert_int_equal(error, 0);
	assert_int_equal(got.uid, 1000);
	assert_string_equal(got.name, "alice");
	assert_true(got.since_s == record.since_s);
	assert_int_equal(pause_file_remove(dir), 0);
	assert_false(pause_file_read(dir, &got, &error));
	assert_int_equal(pause_file_remove(dir), 0); /* there is none */
}

static void whatever_lies_there_is_a_pause(void **state)
{
	static const char *const texts[] = {"", "uid -1\nname\nsince x\n", "uid 4294967295\n",
		"name \xff\xfe\n", "some later version's\n"};
	struct pause_record got;
	int error;
	(void)state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put(texts[i]);
		assert_true(pause_file_read(dir, &got, &error));
		assert_int_equal(error, 0);
		assert_true(got.uid == (uid_t)-1);
		assert_string_equal(got.name, "");
	}
	unlink(path_of("paused"));
	assert_int_equal(mkdir(path_of("paused"), 0700), 0);
	assert_true(pause_file_read(dir, &got, &error));
	assert_int_equal(error, -EISDIR);
	/* It cannot be replaced, and is kept all the same. */
	assert_int_equal(pause_file_write(dir, &got), 0);
	assert_true(pause_file_read(dir, &got, &error));
	assert_int_equal(access(path_of("paused.new"), F_OK), -1);
	assert_int_equal(rmdir(path_of("paused")), 0);
	assert_int_equal(symlink("/nonexistent", path_of("paused")), 0);
	assert_true(pause_file_read(dir, &got, &error));
	assert_int_equal(error, -ELOOP);
}

static void a_folder_that_is_not_there(void **state)
{
	const struct pause_record record = {.uid = 0, .name = "root"};
	struct pause_record got;
	int error;
	(void)state;

	assert_false(pause_file_read("/nonexistent/state", &got, &error));
	assert_int_equal(error, 0);
	assert_int_equal(pause_file_write("/nonexistent/state", &record), -ENOENT);
	assert_int_equal(pause_file_remove("/nonexistent/state"), 0);
}

static void a_user_has_a_name_or_a_number(void **state)
{
	char name[PAUSE_NAME_SIZE];
	(void)state;

	pause_user_name(0, name);
	assert_string_equal(name, "root");
	pause_user_name(3999999999u, name);
	assert_string_equal(name, "3999999999");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_written_is_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(whatever_lies_there_is_a_pause, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_folder_that_is_not_there, set_up, tear_down),
		cmocka_unit_test(a_user_has_a_name_or_a_number),
	};
	return cmocka_run_group_tests_name("pause_file", tests, NULL, NULL);
}
