/* SPDX-License-Identifier: MIT */
#include "cli/doctor/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"

#define EXIT_NO_PROGRAM 127
#define EXIT_NO_USER    126

/* --- in the child --- */

static int set(const char *name, const char *value)
{
	return value && *value ? setenv(name, value, 1) : 0;
}

/* For good: no way back, checked. */
static int become(const struct capture_user *user)
{
	struct passwd *account = getpwnam(user->name);
	const char *path = getenv("PATH");
	char path_copy[1024];

	if (!account)
		return -ENOENT;
	snprintf(path_copy, sizeof(path_copy), "%s", path ? path : "/usr/bin:/bin");
	if (initgroups(account->pw_name, account->pw_gid) < 0 ||
		setresgid(account->pw_gid, account->pw_gid, account->pw_gid) < 0 ||
		setresuid(account->pw_uid, account->pw_uid, account->pw_uid) < 0)
		return -errno;
	if (account->pw_uid != 0 && setresuid(0, 0, 0) == 0)
		return -EPERM;
	if (clearenv() != 0 || set("PATH", path_copy) < 0 || set("HOME", account->pw_dir) < 0 ||
		set("USER", account->pw_name) < 0 || set("DISPLAY", user->display) < 0 ||
		set("XAUTHORITY", user->xauthority) < 0 ||
		set("XDG_RUNTIME_DIR", user->runtime_dir) < 0)
		return -ENOMEM;
	return 0;
}

static _Noreturn void run_child(
	const char *const *argv, const struct capture_user *user, int out_fd)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (user && become(user) < 0)
		_exit(EXIT_NO_USER);
	if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(out_fd, STDOUT_FILENO) < 0 ||
		dup2(null_fd, STDERR_FILENO) < 0)
		_exit(EXIT_FAILURE);
	execv(argv[0], (char *const *)argv); /* which changes none of them */
	_exit(EXIT_NO_PROGRAM);
}

/* --- in the parent --- */

/* Until its end of the pipe is closed.  0, -ETIMEDOUT or -errno. */
static int read_all(int fd, uint64_t deadline_ns, char *out, size_t size)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};
	char rest[512]; /* what there is no room for is read all the same */
	size_t len = 0;

	for (;;) {
		uint64_t now_ns = clock_monotonic_ns();
		bool is_full = len + 1 >= size;
		ssize_t n;

		readable.revents = 0; /* poll() leaves it as it was when a signal comes */
		if (now_ns >= deadline_ns)
			return -ETIMEDOUT;
		if (poll(&readable, 1, (int)((deadline_ns - now_ns) / NS_PER_MS) + 1) < 0 &&
			errno != EINTR)
			return -errno;
		if (!readable.revents)
			continue;
		n = is_full ? read(fd, rest, sizeof(rest)) : read(fd, out + len, size - 1 - len);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && !is_full)
			len += (size_t)n;
		out[len] = '\0';
	}
}

/* It has closed its end and is about to exit; one that hangs there has until the deadline, too. */
static void await_end(pid_t pid, uint64_t deadline_ns)
{
	struct pollfd ended = {.fd = pidfd_open(pid, 0), .events = POLLIN};
	uint64_t now_ns = clock_monotonic_ns();
	int wait_ms = now_ns < deadline_ns ? (int)((deadline_ns - now_ns) / NS_PER_MS) + 1 : 0;

	if (ended.fd < 0 || poll(&ended, 1, wait_ms) != 1)
		kill(pid, SIGKILL);
	fd_close(&ended.fd);
}

static int result_of(int wait_status)
{
	int status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;

	return status == 0                                           ? 0
	       : status == EXIT_NO_PROGRAM || status == EXIT_NO_USER ? -ENOENT
								     : -EIO;
}

int capture_run(const char *const *argv, const struct capture_user *user, unsigned timeout_ms,
	char *out, size_t size)
{
	uint64_t deadline_ns = clock_monotonic_ns() + timeout_ms * NS_PER_MS;
	int fds[2], status = 0, r;
	pid_t pid;

	out[0] = '\0';
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		run_child(argv, user, fds[1]);
	r = pid < 0 ? -errno : 0;
	fd_close(&fds[1]);
	if (r == 0)
		r = read_all(fds[0], deadline_ns, out, size);
	fd_close(&fds[0]);
	if (pid < 0)
		return r;
	if (r < 0)
		kill(pid, SIGKILL);
	else
		await_end(pid, deadline_ns);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return r < 0 ? r : result_of(status);
}
