/* SPDX-License-Identifier: MIT */
/* links: capd/session/session_user.c common/log.c common/utf8.c -lsystemd */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "capd/session/session_user.h"

/* In the library's place: what it answers, and what it was asked. */
static int initgroups_errno;
static char initgroups_name[SESSION_NAME_MAX];

int initgroups(const char *user, gid_t group)
{
	(void)group;
	strncpy(initgroups_name, user, sizeof(initgroups_name) - 1);
	errno = initgroups_errno;
	return initgroups_errno ? -1 : 0;
}

static const struct session_user ann = {
	.uid = 61001, .gid = 61001, .name = "ann", .home = "/home/ann"};

static void preparing_changes_environment_and_groups_and_nobodys_id(void **state)
{
	uid_t uid = geteuid();
	(void)state;

	initgroups_errno = 0;
	assert_int_equal(session_user_prepare(&ann), 0);
	assert_string_equal(initgroups_name, "ann");
	assert_string_equal(getenv("HOME"), "/home/ann");
	assert_string_equal(getenv("XDG_RUNTIME_DIR"), "/run/user/61001");
	assert_int_equal(geteuid(), uid);
}

/* Were it to go on, it would be another user, or have been aborted. */
static void without_groups_nobody_is_become(void **state)
{
	uid_t uid = geteuid();
	(void)state;

	initgroups_errno = EPERM;
	assert_int_equal(session_user_prepare(&ann), -EPERM);
	assert_int_equal(session_user_become(&ann), -EPERM);
	assert_false(session_user_is_root(&ann));
	initgroups_errno = ENOMEM;
	assert_int_equal(session_user_become(&ann), -ENOMEM);
	assert_int_equal(geteuid(), uid);
}

static void a_group_of_roots_is_root(void **state)
{
	const struct session_user root = {.uid = 0, .gid = 0, .name = "root"};
	const struct session_user toor = {.uid = 61003, .gid = 0, .name = "toor"};
	(void)state;

	assert_true(session_user_is_root(&root));
	assert_true(session_user_is_root(&toor));
	assert_int_equal(session_user_become(&root), -EPERM);
	assert_int_equal(session_user_become(&toor), -EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(preparing_changes_environment_and_groups_and_nobodys_id),
		cmocka_unit_test(without_groups_nobody_is_become),
		cmocka_unit_test(a_group_of_roots_is_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
