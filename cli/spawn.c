/* SPDX-License-Identifier: MIT */
#include "cli/spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "common/fd.h"

#define NAMES_SIZE 512
#define TEXT_SIZE  (NAMES_SIZE + 32)
#define ADDED_MAX  6

/* What the child's manager tells it; ours, if we have one, is none of its business. */
static const char *const manager_variables[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
	"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};

struct environment {
	char **list; /* entries belong to environ or to `added` */
	size_t n_added;
	char added[ADDED_MAX][TEXT_SIZE];
	char *listen_pid; /* in `added`: only the child knows the number */
};

static bool is_managers(const char *entry)
{
	for (size_t i = 0; i < sizeof(manager_variables) / sizeof(*manager_variables); i++) {
		size_t len = strlen(manager_variables[i]);

		if (strncmp(entry, manager_variables[i], len) == 0 && entry[len] == '=')
			return true;
	}
	return false;
}

__attribute__((format(printf, 2, 3))) static int add(
	struct environment *environment, const char *format, ...)
{
	char *text = environment->added[environment->n_added];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, TEXT_SIZE, format, args);
	va_end(args);
	if (len < 0 || len >= TEXT_SIZE)
		return -ENAMETOOLONG;
	environment->n_added++;
	return 0;
}

static int join_names(const struct spawn *spawn, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < spawn->n_fds; i++) {
		int n = snprintf(
			out + len, size - len, "%s%s", i > 0 ? ":" : "", spawn->fds[i].name);
		if (n < 0 || (size_t)n >= size - len)
			return -ENAMETOOLONG;
		len += (size_t)n;
	}
	return 0;
}

static int environment_init(struct environment *environment, const struct spawn *spawn)
{
	char names[NAMES_SIZE];
	size_t n = 0;
	int r = join_names(spawn, names, sizeof(names));

	if (r == 0)
		r = add(environment, "LISTEN_PID=%020d", 0);
	environment->listen_pid = environment->added[0];
	if (r == 0)
		r = add(environment, "LISTEN_FDS=%zu", spawn->n_fds);
	if (r == 0)
		r = add(environment, "LISTEN_FDNAMES=%s", names);
	if (r == 0 && spawn->notify_path)
		r = add(environment, "NOTIFY_SOCKET=%s", spawn->notify_path);
	if (r == 0 && spawn->watchdog_us > 0)
		r = add(environment, "WATCHDOG_USEC=%llu", (unsigned long long)spawn->watchdog_us);
	if (r < 0)
		return r;

	while (environ && environ[n])
		n++;
	environment->list = calloc(n + environment->n_added + 1, sizeof(char *));
	if (!environment->list)
		return -ENOMEM;
	n = 0;
	for (char **entry = environ; entry && *entry; entry++)
		if (!is_managers(*entry))
			environment->list[n++] = *entry;
	for (size_t i = 0; i < environment->n_added; i++)
		environment->list[n++] = environment->added[i];
	return 0;
}

/* --- in the child --- */

static void reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL); /* fails for those that have no other */
	/* A process group in the background that writes to a terminal with `stty tostop` would be
	 * stopped; to write all the same it must ignore this one. */
	signal(SIGTTOU, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Descriptors 3, 4, … in the order given; the sources may lie anywhere, also in each other's way.
 */
static int place_fds(const struct spawn *spawn, int *error_fd)
{
	int end = SD_LISTEN_FDS_START + (int)spawn->n_fds;
	int moved[SPAWN_FDS_MAX];

	*error_fd = fcntl(*error_fd, F_DUPFD_CLOEXEC, end);
	if (*error_fd < 0)
		return -errno;
	for (size_t i = 0; i < spawn->n_fds; i++) {
		moved[i] = fcntl(spawn->fds[i].fd, F_DUPFD_CLOEXEC, end);
		if (moved[i] < 0)
			return -errno;
	}
	for (size_t i = 0; i < spawn->n_fds; i++)
		if (dup2(moved[i], SD_LISTEN_FDS_START + (int)i) < 0)
			return -errno;
	/* What else we have open goes at the exec, the way by which its failure is told too. */
	return close_range((unsigned)end, ~0u, CLOSE_RANGE_CLOEXEC) < 0 ? -errno : 0;
}

static int place_standard_fds(void)
{
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0)
		return -errno;
	return dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ? -errno : 0;
}

static _Noreturn void become(
	const struct spawn *spawn, struct environment *environment, pid_t parent, int error_fd)
{
	int r;

	reset_signals();
	r = prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? -errno : 0;
	if (getppid() != parent) /* it died before the line above: no signal will come */
		_exit(EXIT_FAILURE);
	setpgid(0, 0);
	snprintf(environment->listen_pid, TEXT_SIZE, "LISTEN_PID=%d", getpid());
	if (r == 0)
		r = place_standard_fds();
	if (r == 0)
		r = place_fds(spawn, &error_fd);
	if (r == 0) {
		execve(spawn->program, spawn->argv, environment->list);
		r = -errno;
	}
	if (write(error_fd, &r, sizeof(r)) < 0)
		_exit(EXIT_FAILURE);
	_exit(EXIT_FAILURE);
}

/* --- in the parent --- */

/* Returns as soon as the exec has closed the pipe, or failed. */
static int wait_for_exec(int error_fd)
{
	int r = 0;
	ssize_t n;

	do {
		n = read(error_fd, &r, sizeof(r));
	} while (n < 0 && errno == EINTR);
	return n == sizeof(r) ? r : 0;
}

int spawn_child(const struct spawn *spawn, pid_t *out)
{
	struct environment environment = {0};
	int error_fds[2] = {-1, -1};
	pid_t parent = getpid(), pid = -1;
	int r;

	assert(spawn->n_fds <= SPAWN_FDS_MAX);
	r = environment_init(&environment, spawn);
	if (r == 0 && pipe2(error_fds, O_CLOEXEC) < 0)
		r = -errno;
	if (r == 0) {
		pid = fork();
		if (pid == 0)
			become(spawn, &environment, parent, error_fds[1]);
		r = pid < 0 ? -errno : 0;
	}
	fd_close(&error_fds[1]);
	if (r == 0) {
		r = wait_for_exec(error_fds[0]);
		if (r < 0)
			while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
				;
	}
	if (r == 0)
		*out = pid;
	fd_close(&error_fds[0]);
	free(environment.list);
	return r;
}
