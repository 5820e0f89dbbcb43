/* SPDX-License-Identifier: MIT */
/* links: cli/places.c common/config.c common/config_keys.c common/parse.c -linih */
#include "cli/places.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/ss-pl-XXXXXX";
static char found[PATH_MAX];

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return chdir("/") < 0 || rmdir(folder) < 0;
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void a_program_is_found_beside_this_one(void **state)
{
	char self[PATH_MAX] = "", expected[PATH_MAX];
	(void)state;

	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	assert_int_equal(places_program("test_places", found), 0);
	snprintf(expected, sizeof(expected), "%s", self);
	assert_string_equal(found, expected);
	assert_int_equal(places_program("screenshare-nobody", found), -ENOENT);
	assert_non_null(strstr(found, "/screenshare/screenshare-nobody"));
}

static void the_users_own_configuration_comes_before_the_machines(void **state)
{
	struct config config;
	struct config_error error;
	char dir[PATH_MAX], file[PATH_MAX + 32];
	(void)state;

	snprintf(dir, sizeof(dir), "%s/screenshare", folder);
	snprintf(file, sizeof(file), "%s/screenshare.conf", dir);
	setenv("XDG_CONFIG_HOME", folder, 1);
	assert_int_equal(places_config(NULL, &config, &error, found), 0);
	assert_true(found[0] == '\0' || strcmp(found, CONFIG_PATH_SERVICE) == 0);

	assert_int_equal(mkdir(dir, 0700), 0);
	write_file(file, "[screen]\nrate = 59\n");
	assert_int_equal(places_config(NULL, &config, &error, found), 0);
	assert_string_equal(found, file);
	assert_int_equal(config.screen.rate, 59);

	setenv("XDG_CONFIG_HOME", "relative", 1); /* does not count */
	setenv("HOME", folder, 1);
	assert_int_equal(places_config(NULL, &config, &error, found), 0);
	assert_string_not_equal(found, file);

	setenv("XDG_CONFIG_HOME", folder, 1);
	write_file(file, "[screen]\nrate = 61\n");
	assert_int_equal(places_config(NULL, &config, &error, found), -EINVAL);
	assert_non_null(strstr(error.text, ":2: [screen] rate: expected"));
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void a_configuration_that_was_named_must_be_there(void **state)
{
	struct config config;
	struct config_error error;
	(void)state;

	assert_int_equal(places_config("nowhere.conf", &config, &error, found), -ENOENT);
	assert_non_null(strstr(error.text, "nowhere.conf"));
	write_file("some.conf", "[screen]\nrate = 58\n");
	assert_int_equal(places_config("some.conf", &config, &error, found), 0);
	assert_string_equal(found, "some.conf");
	assert_int_equal(config.screen.rate, 58);
	assert_int_equal(unlink("some.conf"), 0);
}

static void the_folder_for_what_is_kept_is_made(void **state)
{
	char expected[PATH_MAX];
	struct stat st;
	(void)state;

	setenv("XDG_STATE_HOME", folder, 1);
	snprintf(expected, sizeof(expected), "%s/screenshare", folder);
	for (int turn = 0; turn < 2; turn++) {
		assert_int_equal(places_state(NULL, found), 0);
		assert_string_equal(found, expected);
		assert_int_equal(stat(found, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0700);
	}
	assert_int_equal(rmdir(found), 0);

	unsetenv("XDG_STATE_HOME");
	setenv("HOME", folder, 1);
	assert_int_equal(places_state(NULL, found), 0);
	snprintf(expected, sizeof(expected), "%s/.local/state/screenshare", folder);
	assert_string_equal(found, expected);
	assert_int_equal(rmdir(found), 0);
	assert_int_equal(rmdir(".local/state") | rmdir(".local"), 0);

	assert_int_equal(places_state("a/b", found), 0);
	snprintf(expected, sizeof(expected), "%s/a/b", folder);
	assert_string_equal(found, expected);
	assert_int_equal(rmdir("a/b") | rmdir("a"), 0);

	write_file("file", "");
	assert_int_equal(places_state("file", found), -ENOTDIR);
	assert_int_equal(places_state("file/below", found), -ENOTDIR);
	assert_int_equal(unlink("file"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_is_found_beside_this_one),
		cmocka_unit_test(the_users_own_configuration_comes_before_the_machines),
		cmocka_unit_test(a_configuration_that_was_named_must_be_there),
		cmocka_unit_test(the_folder_for_what_is_kept_is_made),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
