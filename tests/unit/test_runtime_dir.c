/* SPDX-License-Identifier: MIT */
/* links: cli/runtime_dir.c common/parse.c */
#include "cli/runtime_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define PORT 8001

static char base[] = "/tmp/ss-rd-XXXXXX";
static char path[64], socket_path[80], lock_path[80];

static int make_base(void **state)
{
	(void)state;
	if (!mkdtemp(base))
		return -1;
	snprintf(path, sizeof(path), "%s/screenshare-%u", base, PORT);
	snprintf(socket_path, sizeof(socket_path), "%s/control.sock", path);
	snprintf(lock_path, sizeof(lock_path), "%s/lock", path);
	return setenv("XDG_RUNTIME_DIR", base, 1);
}

static int remove_base(void **state)
{
	(void)state;
	return rmdir(base);
}

static void touch(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

/* Another `run`, in a process of its own, as record locks tell processes apart: it has the folder
 * until end_holder(). */
static pid_t start_holder(uint16_t port, int *hold)
{
	int ready[2], end[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(end), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct runtime_dir *dir;
		pid_t holder;

		close(end[1]);
		if (runtime_dir_create(port, &dir, &holder) < 0)
			_exit(1);
		if (write(ready[1], "x", 1) != 1 || read(end[0], &byte, 1) != 1)
			_exit(1);
		runtime_dir_destroy(dir);
		_exit(0);
	}
	close(ready[1]);
	close(end[0]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	*hold = end[1];
	return pid;
}

static void end_holder(pid_t pid, int hold, int sig)
{
	if (sig)
		kill(pid, sig);
	else
		assert_int_equal(write(hold, "x", 1), 1);
	close(hold);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void it_is_private_and_goes_with_its_owner(void **state)
{
	struct runtime_dir *dir = NULL;
	struct stat st;
	pid_t holder;
	(void)state;

	assert_int_equal(runtime_dir_create(PORT, &dir, &holder), 0);
	assert_string_equal(runtime_dir_path(dir), path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	touch(socket_path);
	runtime_dir_destroy(dir);
	assert_int_equal(access(path, F_OK), -1);
	runtime_dir_destroy(NULL);
}

static void a_second_run_on_the_port_learns_who_has_it(void **state)
{
	struct runtime_dir *dir = NULL;
	pid_t holder = 0, pid;
	int hold;
	(void)state;

	pid = start_holder(PORT, &hold);
	touch(socket_path);
	assert_int_equal(runtime_dir_create(PORT, &dir, &holder), -EBUSY);
	assert_int_equal(holder, pid);
	assert_null(dir);
	assert_int_equal(access(socket_path, F_OK), 0); /* and takes nothing from it */
	assert_int_equal(runtime_dir_create(PORT + 1, &dir, &holder), 0);
	runtime_dir_destroy(dir);
	end_holder(pid, hold, 0);
}

static void what_a_killed_run_left_is_cleared(void **state)
{
	struct runtime_dir *dir = NULL;
	pid_t holder, pid;
	int hold;
	(void)state;

	pid = start_holder(PORT, &hold);
	touch(socket_path);
	end_holder(pid, hold, SIGKILL);
	assert_int_equal(access(socket_path, F_OK), 0);
	assert_int_equal(runtime_dir_create(PORT, &dir, &holder), 0);
	assert_int_equal(access(socket_path, F_OK), -1);
	runtime_dir_destroy(dir);
}

static void those_that_live_are_listed(void **state)
{
	struct runtime_dir_run runs[4];
	int hold[3];
	pid_t pids[3];
	(void)state;

	assert_int_equal(runtime_dir_list(runs, 4), 0);
	pids[0] = start_holder(8003, &hold[0]);
	pids[1] = start_holder(PORT, &hold[1]);
	pids[2] = start_holder(8002, &hold[2]);
	end_holder(pids[2], hold[2], SIGKILL); /* its folder stays */
	assert_int_equal(runtime_dir_list(runs, 4), 2);
	assert_int_equal(runs[0].port, PORT);
	assert_int_equal(runs[0].pid, pids[1]);
	assert_string_equal(runs[0].path, path);
	assert_int_equal(runs[1].port, 8003);
	assert_int_equal(runtime_dir_list(runs, 1), 1);
	end_holder(pids[0], hold[0], 0);
	end_holder(pids[1], hold[1], 0);

	pids[2] = start_holder(8002, &hold[2]); /* clears up */
	end_holder(pids[2], hold[2], 0);
}

static void names_that_are_no_port_are_passed_over(void **state)
{
	static const char *const names[] = {
		"screenshare-", "screenshare-x", "screenshare-70000", "other-8001"};
	struct runtime_dir_run runs[4];
	char name[80];
	(void)state;

	for (int make = 1; make >= 0; make--) {
		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
			snprintf(name, sizeof(name), "%s/%s", base, names[i]);
			assert_int_equal(make ? mkdir(name, 0700) : rmdir(name), 0);
		}
		assert_int_equal(runtime_dir_list(runs, 4), 0);
	}
}

static void a_folder_that_others_may_enter_is_refused(void **state)
{
	struct runtime_dir *dir = NULL;
	pid_t holder;
	(void)state;

	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, 0750), 0);
	assert_int_equal(runtime_dir_create(PORT, &dir, &holder), -EPERM);
	assert_int_equal(rmdir(path), 0);

	assert_int_equal(symlink("/tmp", path), 0);
	assert_int_equal(runtime_dir_create(PORT, &dir, &holder), -EPERM);
	assert_int_equal(unlink(path), 0);

	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(symlink("/etc/passwd", lock_path), 0);
	assert_true(runtime_dir_create(PORT, &dir, &holder) < 0);
	assert_int_equal(unlink(lock_path), 0);
	assert_int_equal(rmdir(path), 0);
	assert_null(dir);
}

/* After `sudo -E` the variable names another user's. */
static void a_runtime_folder_that_is_not_ours_alone_is_not_used(void **state)
{
	struct runtime_dir *dir = NULL;
	char tmp_path[64];
	pid_t holder;
	(void)state;

	snprintf(tmp_path, sizeof(tmp_path), "/tmp/screenshare-%u/screenshare-%u",
		(unsigned)geteuid(), PORT);
	assert_int_equal(chmod(base, 0755), 0);
	assert_int_equal(runtime_dir_create(PORT, &dir, &holder), 0);
	assert_string_equal(runtime_dir_path(dir), tmp_path);
	runtime_dir_destroy(dir);
	assert_int_equal(chmod(base, 0700), 0);

	for (const char *const *value = (const char *[]){"", "relative", "/nowhere", NULL}; *value;
		value++) {
		setenv("XDG_RUNTIME_DIR", *value, 1);
		assert_int_equal(runtime_dir_create(PORT, &dir, &holder), 0);
		assert_string_equal(runtime_dir_path(dir), tmp_path);
		runtime_dir_destroy(dir);
	}
	setenv("XDG_RUNTIME_DIR", base, 1);
}

static void the_users_own_service_is_in_a_runtime_folder_that_is_ours_alone(void **state)
{
	char found[RUNTIME_DIR_PATH_SIZE], expected[RUNTIME_DIR_PATH_SIZE];
	(void)state;

	snprintf(expected, sizeof(expected), "%s/screenshare", base);
	assert_int_equal(runtime_dir_of_service(found), 0);
	assert_string_equal(found, expected);
	assert_int_equal(chmod(base, 0755), 0);
	assert_int_equal(runtime_dir_of_service(found), -EPERM);
	assert_int_equal(chmod(base, 0700), 0);
	unsetenv("XDG_RUNTIME_DIR");
	assert_int_equal(runtime_dir_of_service(found), -ENOENT);
	setenv("XDG_RUNTIME_DIR", base, 1);
}

/* Four at once, many times: exactly one has it at any moment, and none fails in another way. */
static void a_crowd_takes_turns(void **state)
{
	pid_t pids[4];
	char held_path[80];
	(void)state;

	snprintf(held_path, sizeof(held_path), "%s/held", base);
	for (size_t i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] != 0)
			continue;
		for (int turn = 0; turn < 300; turn++) {
			struct runtime_dir *dir;
			pid_t holder;
			int r = runtime_dir_create(PORT, &dir, &holder);

			if (r == -EBUSY)
				continue;
			if (r < 0)
				_exit(1);
			if (mkdir(held_path, 0700) < 0 || rmdir(held_path) < 0)
				_exit(2);
			runtime_dir_destroy(dir);
		}
		_exit(0);
	}
	for (size_t i = 0; i < 4; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_private_and_goes_with_its_owner),
		cmocka_unit_test(a_second_run_on_the_port_learns_who_has_it),
		cmocka_unit_test(what_a_killed_run_left_is_cleared),
		cmocka_unit_test(those_that_live_are_listed),
		cmocka_unit_test(names_that_are_no_port_are_passed_over),
		cmocka_unit_test(a_folder_that_others_may_enter_is_refused),
		cmocka_unit_test(a_runtime_folder_that_is_not_ours_alone_is_not_used),
		cmocka_unit_test(the_users_own_service_is_in_a_runtime_folder_that_is_ours_alone),
		cmocka_unit_test(a_crowd_takes_turns),
	};

	return cmocka_run_group_tests(tests, make_base, remove_base);
}
