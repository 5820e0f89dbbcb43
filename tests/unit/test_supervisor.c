/* SPDX-License-Identifier: MIT */
/* links: cli/supervisor.c cli/unit.c cli/spawn.c cli/notify.c common/log.c common/utf8.c -lsystemd */
#include "cli/supervisor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/clock.h"
#include "common/service.h"

#define DEADLINE_MS 10000
#define LINE_SIZE   512

/*
 * Three generations: the test, a process that supervises, and this program again as the daemons.
 * Both report to the test by lines in a pipe, which the daemons get as the last of their sockets.
 */
static char folder[] = "/tmp/ss-sv-XXXXXX";
static char notify_path[64], socket_path[64], late_path[64];
static int report_fds[2];
static int listen_fd;

/* --- the daemons --- */

static int report_fd; /* of a daemon */

__attribute__((format(printf, 1, 2))) static void report(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vdprintf(report_fd, format, args);
	va_end(args);
}

static void report_environment(void)
{
	struct stat null_st, stdin_st;
	sigset_t mask;
	unsigned n_fds = 0, n_blocked = 0;

	for (int fd = 0; fd < 1024; fd++)
		n_fds += fcntl(fd, F_GETFD) >= 0;
	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int sig = 1; sig < NSIG; sig++)
		n_blocked += sigismember(&mask, sig) == 1;
	stat("/dev/null", &null_st);
	fstat(STDIN_FILENO, &stdin_st);
	report("env pid %d fds %s names %s open %u blocked %u group %d null %d watchdog %s "
	       "notify %d kept %s\n",
		getenv("LISTEN_PID") && atoi(getenv("LISTEN_PID")) == getpid(),
		getenv("LISTEN_FDS"), getenv("LISTEN_FDNAMES"), n_fds, n_blocked,
		getpgrp() == getpid(), stdin_st.st_rdev == null_st.st_rdev, getenv("WATCHDOG_USEC"),
		getenv("NOTIFY_SOCKET") && strcmp(getenv("NOTIFY_SOCKET"), notify_path) == 0,
		getenv("KEPT"));
}

/* One connection, then the end, as a capture daemon has it. */
static int serve_one(void)
{
	int fd = accept(SD_LISTEN_FDS_START, NULL, NULL);
	char byte;

	sd_notify(false, "READY=1");
	report("serving\n");
	return read(fd, &byte, 1) == 0 ? 0 : 1;
}

static int daemon_main(int argc, char **argv)
{
	const char *role = argv[1], *n_fds = getenv("LISTEN_FDS");

	report_fd = SD_LISTEN_FDS_START + atoi(n_fds ? n_fds : "0") - 1;
	snprintf(notify_path, sizeof(notify_path), "%s", argv[2]);
	report("started %d%s%s\n", getpid(), argc > 3 ? " " : "", argc > 3 ? argv[3] : "");
	if (strcmp(role, "fail") == 0)
		return 1;
	if (strcmp(role, "misconfigured") == 0)
		return SERVICE_EXIT_CONFIG;
	if (strcmp(role, "serve-one") == 0)
		return serve_one();
	if (strcmp(role, "ignore") == 0)
		return 0; /* nobody is served */
	if (strcmp(role, "environment") == 0)
		report_environment();
	if (strcmp(role, "stubborn") == 0)
		signal(SIGTERM, SIG_IGN);
	if (strcmp(role, "reach") == 0) {
		sd_notify(false, "X_SCREENSHARE_DISPLAY_REACHED=1");
		return 1;
	}
	sd_notify(false, "READY=1\nSTATUS=Up and running");
	while (strcmp(role, "lively") == 0) {
		poll(NULL, 0, 30);
		sd_notify(false, "WATCHDOG=1");
	}
	for (;;)
		pause();
}

/* --- who supervises --- */

static void on_ready(void *arg, const char *name)
{
	(void)arg;
	dprintf(report_fds[1], "ready %s\n", name);
}

struct plan {
	const char *role;
	const char *program;  /* NULL: this one */
	const char *argument; /* until the display is reached; or NULL */
	bool on_demand;
	bool tells_its_log; /* among the reports */
	unsigned watchdog_ms, stop_ms, well_ms;
};

static int supervise(const struct plan *plan)
{
	const struct supervisor_timing timing = {
		.stop_ms = plan->stop_ms ? plan->stop_ms : DEADLINE_MS,
		.well_ms = plan->well_ms ? plan->well_ms : DEADLINE_MS};
	const struct supervisor_listener listener = {.on_ready = on_ready};
	struct unit_description unit = {.name = "unit",
		.program = plan->program ? plan->program : "/proc/self/exe",
		.argv = {"test", plan->role, notify_path, plan->argument},
		.argument_until_display = plan->argument,
		.fds = {{listen_fd, "capture"}, {report_fds[1], "report"}},
		.n_fds = 2,
		.on_demand = plan->on_demand,
		.watchdog_ms = plan->watchdog_ms};
	struct supervisor *supervisor;
	int status = 99;

	if (supervisor_create(notify_path, &timing, &listener, &supervisor) == 0 &&
		supervisor_add(supervisor, &unit) == 0) {
		dprintf(report_fds[1], "supervising\n");
		status = supervisor_run(supervisor);
		supervisor_destroy(supervisor);
	}
	return status;
}

static pid_t start(const struct plan *plan)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (plan->tells_its_log)
			dup2(report_fds[1], STDERR_FILENO);
		_exit(supervise(plan));
	}
	return pid;
}

/* Its exit status, or 256 and the signal. */
static int end(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

/* --- the test --- */

static int open_all(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	(void)state;

	if (!mkdtemp(folder))
		return -1;
	snprintf(notify_path, sizeof(notify_path), "%s/n", folder);
	snprintf(socket_path, sizeof(socket_path), "%s/s", folder);
	snprintf(late_path, sizeof(late_path), "%s/late", folder);
	setenv("KEPT", "yes", 1);
	setenv("WATCHDOG_PID", "1", 1); /* our own manager's business */
	setenv("NOTIFY_SOCKET", "/nowhere", 1);
	unsetenv("JOURNAL_STREAM");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	return bind(listen_fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	       listen(listen_fd, 8) < 0;
}

static int close_all(void **state)
{
	(void)state;
	close(listen_fd);
	unlink(socket_path);
	return rmdir(folder);
}

static int open_report(void **state)
{
	(void)state;
	unlink(notify_path); /* of one that was killed */
	return pipe2(report_fds, O_CLOEXEC);
}

static int close_report(void **state)
{
	(void)state;
	close(report_fds[0]);
	close(report_fds[1]);
	unlink(late_path);
	unlink(notify_path);
	return 0;
}

/* The next line, without its end; "" after `timeout_ms`. */
static const char *next_line(int timeout_ms)
{
	static char line[LINE_SIZE];
	size_t len = 0;
	uint64_t deadline_ns = clock_monotonic_ns() + NS_PER_MS * (unsigned)timeout_ms;

	for (;;) {
		struct pollfd poll_fd = {.fd = report_fds[0], .events = POLLIN};
		uint64_t now_ns = clock_monotonic_ns();
		int left_ms = now_ns < deadline_ns ? (int)((deadline_ns - now_ns) / NS_PER_MS) : 0;

		line[len] = '\0';
		if (poll(&poll_fd, 1, left_ms) != 1 || read(report_fds[0], line + len, 1) != 1)
			return line;
		if (line[len] == '\n') {
			line[len] = '\0';
			return line;
		}
		if (++len == sizeof(line) - 1)
			return line;
	}
}

static void expect(const char *line)
{
	assert_string_equal(next_line(DEADLINE_MS), line);
}

/* The pid of the daemon that has just started. */
static pid_t expect_start(const char *argument)
{
	char found[32] = "";
	int pid = 0;

	sscanf(next_line(DEADLINE_MS), "started %d %31s", &pid, found);
	assert_true(pid > 0);
	assert_string_equal(found, argument);
	return pid;
}

static int connect_to_daemon(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static bool exists(pid_t pid)
{
	return kill(pid, 0) == 0;
}

static void wait_gone(pid_t pid)
{
	uint64_t deadline_ns = clock_monotonic_ns() + DEADLINE_MS * NS_PER_MS;

	while (exists(pid)) {
		assert_true(clock_monotonic_ns() < deadline_ns);
		poll(NULL, 0, 1);
	}
}

static void a_daemon_gets_its_sockets_as_from_systemd(void **state)
{
	pid_t pid;
	(void)state;

	pid = start(&(struct plan){.role = "environment", .watchdog_ms = 5000});
	expect("supervising");
	expect_start("");
	expect("env pid 1 fds 2 names capture:report open 5 blocked 0 group 1 null 1 "
	       "watchdog 5000000 notify 1 kept yes");
	expect("ready unit");
	kill(pid, SIGTERM);
	assert_int_equal(end(pid), 0);
}

static void a_signal_ends_all(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	(void)state;

	for (size_t i = 0; i < 3; i++) {
		pid_t pid = start(&(struct plan){.role = "ready"}), child;

		expect("supervising");
		child = expect_start("");
		expect("ready unit");
		kill(pid, signals[i]);
		assert_int_equal(end(pid), 0);
		assert_false(exists(child));
		unlink(notify_path);
	}
}

static void whoever_ignores_the_signal_is_killed(void **state)
{
	pid_t pid, child;
	(void)state;

	pid = start(&(struct plan){.role = "stubborn", .stop_ms = 100});
	expect("supervising");
	child = expect_start("");
	expect("ready unit");
	kill(pid, SIGTERM);
	assert_int_equal(end(pid), 0);
	assert_false(exists(child));
	unlink(notify_path);

	pid = start(&(struct plan){.role = "stubborn", .stop_ms = DEADLINE_MS * 10});
	expect("supervising");
	child = expect_start("");
	expect("ready unit");
	kill(child, SIGSTOP); /* nor does being stopped help */
	kill(pid, SIGINT);
	poll(NULL, 0, 50); /* so that the two do not become one */
	kill(pid, SIGINT); /* asked twice */
	assert_int_equal(end(pid), 0);
	assert_false(exists(child));
}

static void no_child_outlives_a_killed_supervisor(void **state)
{
	pid_t pid, child;
	(void)state;

	pid = start(&(struct plan){.role = "stubborn"});
	expect("supervising");
	child = expect_start("");
	expect("ready unit");
	kill(pid, SIGKILL);
	assert_int_equal(end(pid), 256 + SIGKILL);
	wait_gone(child);
}

static void demand_starts_a_daemon_and_its_clean_end_waits_for_the_next(void **state)
{
	pid_t pid;
	int fd;
	(void)state;

	pid = start(&(struct plan){.role = "serve-one", .on_demand = true});
	expect("supervising");
	assert_string_equal(next_line(100), "");
	for (int turn = 0; turn < 3; turn++) {
		fd = connect_to_daemon();
		expect_start("");
		/* READY and the daemon's own line come by two ways */
		next_line(DEADLINE_MS);
		next_line(DEADLINE_MS);
		close(fd);
	}
	assert_string_equal(next_line(100), "");
	kill(pid, SIGTERM);
	assert_int_equal(end(pid), 0);
}

static void a_daemon_that_leaves_its_client_waiting_does_not_spin(void **state)
{
	uint64_t begin_ns = clock_monotonic_ns();
	pid_t pid;
	int fd;
	(void)state;

	pid = start(&(struct plan){.role = "ignore", .on_demand = true});
	expect("supervising");
	fd = connect_to_daemon();
	for (int turn = 0; turn < 6; turn++)
		expect_start("");
	assert_true(clock_monotonic_ns() - begin_ns > 450 * NS_PER_MS);
	kill(pid, SIGTERM);
	assert_int_equal(end(pid), 0);
	close(accept(listen_fd, NULL, NULL));
	close(fd);
}

/* At once, then after 100, 200, 400, 400 … ms. */
static void failures_are_retried_with_growing_pauses(void **state)
{
	uint64_t begin_ns = clock_monotonic_ns(), quickest_ns = UINT64_MAX;
	pid_t pid;
	(void)state;

	pid = start(&(struct plan){.role = "fail"});
	expect("supervising");
	for (int turn = 0; turn < 9; turn++) {
		uint64_t since_ns = clock_monotonic_ns();

		expect_start("");
		if (turn >= 7 && clock_monotonic_ns() - since_ns < quickest_ns)
			quickest_ns = clock_monotonic_ns() - since_ns;
	}
	/* Never earlier; and however late a busy machine is, 400 ms are not doubled each time. */
	assert_true(clock_monotonic_ns() - begin_ns > 2200 * NS_PER_MS);
	assert_true(quickest_ns < 1500 * NS_PER_MS);
	kill(pid, SIGTERM);
	assert_int_equal(end(pid), 0);
}

static void whoever_ran_well_starts_again_at_once(void **state)
{
	uint64_t quickest_ns = UINT64_MAX;
	pid_t pid, child;
	(void)state;

	pid = start(&(struct plan){.role = "ready", .well_ms = 1});
	expect("supervising");
	child = expect_start("");
	for (int turn = 0; turn < 10; turn++) {
		uint64_t begin_ns = clock_monotonic_ns();

		expect("ready unit");
		poll(NULL, 0, 2);
		kill(child, SIGKILL);
		child = expect_start("");
		if (turn >= 3 && clock_monotonic_ns() - begin_ns < quickest_ns)
			quickest_ns = clock_monotonic_ns() - begin_ns;
	}
	/* Pauses that grow would be 0, 100, 200 and seven times 400 ms. */
	assert_true(quickest_ns < 400 * NS_PER_MS);
	kill(pid, SIGTERM);
	assert_int_equal(end(pid), 0);
}

static void a_wrong_configuration_ends_all(void **state)
{
	pid_t pid;
	(void)state;

	pid = start(&(struct plan){.role = "misconfigured"});
	expect("supervising");
	expect_start("");
	assert_int_equal(end(pid), SERVICE_EXIT_CONFIG);
}

static void whoever_says_nothing_is_killed_and_started_again(void **state)
{
	pid_t pid, child;
	(void)state;

	pid = start(&(struct plan){.role = "ready", .watchdog_ms = 1500, .tells_its_log = true});
	expect("supervising");
	child = expect_start("");
	expect("ready unit");
	expect("screenshare: unit has said nothing for 1.5 s; restarting it"); /* and no more */
	assert_true(expect_start("") != child);
	kill(pid, SIGTERM);
	assert_int_equal(end(pid), 0);
}

static void whoever_says_something_is_not_until_it_is_stopped(void **state)
{
	pid_t pid, child;
	(void)state;

	pid = start(&(struct plan){.role = "lively", .watchdog_ms = 1500});
	expect("supervising");
	child = expect_start("");
	expect("ready unit");
	assert_string_equal(next_line(3000), "");
	kill(child, SIGSTOP);
	assert_true(expect_start("") != child);
	kill(pid, SIGTERM);
	assert_int_equal(end(pid), 0);
}

static void a_strangers_word_counts_nothing(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	pid_t pid, child;
	(void)state;

	pid = start(&(struct plan){.role = "ready", .watchdog_ms = 1500});
	expect("supervising");
	child = expect_start("");
	expect("ready unit");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", notify_path);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	while (exists(child)) { /* its silence is noticed all the same */
		send(fd, "READY=1\nWATCHDOG=1", 18, MSG_DONTWAIT);
		poll(NULL, 0, 10);
	}
	expect_start(""); /* with no other "ready" before it */
	kill(pid, SIGTERM);
	assert_int_equal(end(pid), 0);
	close(fd);
}

static void the_display_once_reached_drops_the_argument(void **state)
{
	pid_t pid;
	(void)state;

	pid = start(&(struct plan){.role = "reach", .argument = "--pattern"});
	expect("supervising");
	expect_start("--pattern");
	expect_start("");
	expect_start("");
	kill(pid, SIGTERM);
	assert_int_equal(end(pid), 0);
}

static void a_program_that_is_missing_is_tried_again(void **state)
{
	pid_t pid;
	(void)state;

	pid = start(&(struct plan){.role = "ready", .program = late_path});
	expect("supervising");
	assert_string_equal(next_line(150), "");
	char self[256] = "";
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	assert_int_equal(symlink(self, late_path), 0);
	expect_start("");
	expect("ready unit");
	kill(pid, SIGTERM);
	assert_int_equal(end(pid), 0);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_report, close_report)
	const struct CMUnitTest tests[] = {
		TEST(a_daemon_gets_its_sockets_as_from_systemd),
		TEST(a_signal_ends_all),
		TEST(whoever_ignores_the_signal_is_killed),
		TEST(no_child_outlives_a_killed_supervisor),
		TEST(demand_starts_a_daemon_and_its_clean_end_waits_for_the_next),
		TEST(a_daemon_that_leaves_its_client_waiting_does_not_spin),
		TEST(failures_are_retried_with_growing_pauses),
		TEST(whoever_ran_well_starts_again_at_once),
		TEST(a_wrong_configuration_ends_all),
		TEST(whoever_says_nothing_is_killed_and_started_again),
		TEST(whoever_says_something_is_not_until_it_is_stopped),
		TEST(a_strangers_word_counts_nothing),
		TEST(the_display_once_reached_drops_the_argument),
		TEST(a_program_that_is_missing_is_tried_again),
	};

	if (argc > 1)
		return daemon_main(argc, argv);
	return cmocka_run_group_tests(tests, open_all, close_all);
}
