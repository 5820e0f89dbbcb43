/* SPDX-License-Identifier: MIT */
/* links: common/consent.c */
#include <errno.h>
#include <fcntl.h>
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

#include "common/consent.h"

static char home[64], path[128];

static int make_home(void **state)
{
	(void)state;
	strcpy(home, "/tmp/ss-consent-XXXXXX");
	if (!mkdtemp(home))
		return -1;
	snprintf(path, sizeof(path), "%s/" CONSENT_FOLDER "/" CONSENT_FILE, home);
	return 0;
}

static int remove_home(void **state)
{
	char command[128];
	(void)state;

	snprintf(command, sizeof(command), "rm -rf '%s'", home);
	return system(command);
}

static void put(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void what_was_said_last_counts(void **state)
{
	struct stat st;
	(void)state;

	assert_int_equal(consent_read(home), CONSENT_NONE);
	assert_int_equal(consent_write(home, CONSENT_ALLOW), 0);
	assert_int_equal(consent_read(home), CONSENT_ALLOW);
	assert_int_equal(consent_write(home, CONSENT_DENY), 0);
	assert_int_equal(consent_read(home), CONSENT_DENY);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
}

static void what_is_not_understood_is_no_permission(void **state)
{
	(void)state;
	assert_int_equal(consent_write(home, CONSENT_ALLOW), 0);
	put("allow everything");
	assert_int_equal(consent_read(home), CONSENT_DENY);
	put("allowallowallowallowallow");
	assert_int_equal(consent_read(home), CONSENT_DENY);
	put("");
	assert_int_equal(consent_read(home), CONSENT_DENY);
	put("allow"); /* by hand, without an end of line */
	assert_int_equal(consent_read(home), CONSENT_ALLOW);
}

static void what_others_can_write_or_point_to_may_have_been_a_no(void **state)
{
	char other[80];
	(void)state;

	assert_int_equal(consent_write(home, CONSENT_ALLOW), 0);
	assert_int_equal(chmod(path, 0620), 0);
	assert_int_equal(consent_read(home), CONSENT_DENY);
	assert_int_equal(chmod(path, 0600), 0);
	snprintf(other, sizeof(other), "%s/other", home);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(consent_read(home), CONSENT_DENY);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0); /* and does not block */
	assert_int_equal(consent_read(home), CONSENT_DENY);
}

static void a_link_in_place_of_the_file_is_replaced_and_not_followed(void **state)
{
	char other[80];
	(void)state;

	assert_int_equal(consent_write(home, CONSENT_ALLOW), 0);
	snprintf(other, sizeof(other), "%s/other", home);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(consent_write(home, CONSENT_DENY), 0);
	assert_int_equal(access(other, F_OK), -1);
	assert_int_equal(consent_read(home), CONSENT_DENY);
}

static void what_cannot_be_written_is_said(void **state)
{
	char config[80];
	(void)state;

	snprintf(config, sizeof(config), "%s/.config", home);
	close(open(config, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(consent_write(home, CONSENT_ALLOW), -ENOTDIR);
	assert_int_equal(consent_write(home, CONSENT_NONE), -EINVAL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_home, remove_home)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_said_last_counts),
		TEST(what_is_not_understood_is_no_permission),
		TEST(what_others_can_write_or_point_to_may_have_been_a_no),
		TEST(a_link_in_place_of_the_file_is_replaced_and_not_followed),
		TEST(what_cannot_be_written_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
