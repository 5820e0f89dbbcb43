/* SPDX-License-Identifier: MIT */
/* links: common/service.c common/findings.c common/config.c common/config_keys.c common/parse.c common/log.c common/utf8.c */
/* links: -lsystemd -linih */
#include "common/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/screenshare-test-service-XXXXXX";
static char config_path[64], notify_path[64];

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(config_path, sizeof(config_path), "%s/c", folder);
	snprintf(notify_path, sizeof(notify_path), "%s/n", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(config_path);
	unlink(notify_path);
	return rmdir(folder);
}

/* --- each case in a process of its own: arguments, environment and fds are read once --- */

static char output[8192]; /* what the last child wrote to stdout and stderr */

/* The child's exit status. */
static int in_child(int (*body)(void *arg), void *arg)
{
	int fds[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		unsetenv("JOURNAL_STREAM");
		_exit(body(arg));
	}
	close(fds[1]);
	while ((n = read(fds[0], output + len, sizeof(output) - 1 - len)) > 0)
		len += (size_t)n;
	output[len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int begin_and_print(void *arg)
{
	char **argv = arg;
	struct service_options options;
	struct config config;
	int argc = 0, r;

	while (argv[argc])
		argc++;
	r = service_begin("screen", argc, argv, &options, &config);
	if (r != 0)
		return r;
	printf("%s|%s|%s|%d|%u|", options.config_path, options.runtime_dir, options.state_dir,
		options.pattern_if_no_display, config.screen.rate);
	fflush(stdout);
	return 0;
}

#define BEGIN(...) in_child(begin_and_print, (char *[]){"screenshare-screen", __VA_ARGS__, NULL})

static void write_config(const char *text)
{
	FILE *file = fopen(config_path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void arguments_and_configuration_are_taken(void **state)
{
	char expected[256];

	(void)state;
	write_config("[screen]\nrate = 59\n");
	assert_int_equal(BEGIN("--config", config_path, "--runtime", "/r", "--state=/s",
				 "--pattern-if-no-display"),
		0);
	snprintf(expected, sizeof(expected), "%s|/r|/s|1|59|", config_path);
	assert_string_equal(output, expected);
}

static void a_configuration_if_there_comes_first(void **state)
{
	char expected[256];
	(void)state;

	write_config("[screen]\nrate = 58\n");
	assert_int_equal(BEGIN("--config-if-there", config_path, "--config", "/nowhere/c"), 0);
	snprintf(expected, sizeof(expected), "%s|", config_path);
	assert_int_equal(strncmp(output, expected, strlen(expected)), 0);
	assert_non_null(strstr(output, "|58|"));

	assert_int_equal(BEGIN("--config-if-there", "/nowhere/c", "--config", config_path), 0);
	assert_non_null(strstr(output, "|58|"));

	/* Below a file there is nothing, but it is not simply missing. */
	snprintf(expected, sizeof(expected), "%s/c", config_path);
	assert_int_equal(BEGIN("--config-if-there", expected), SERVICE_EXIT_CONFIG);
	assert_non_null(strstr(output, expected));
}

static void without_arguments_it_is_the_service(void **state)
{
	char *argv[] = {"screenshare-screen", NULL};
	static const char expected[] =
		CONFIG_PATH_SERVICE "|" SERVICE_RUNTIME_DIR "|" SERVICE_STATE_DIR "|0|";

	(void)state;
	if (access(CONFIG_PATH_SERVICE, F_OK) == 0)
		skip(); /* somebody's own */
	assert_int_equal(in_child(begin_and_print, argv), 0);
	assert_memory_equal(output, expected, strlen(expected));
}

static void wrong_arguments_exit_with_78_and_one_line(void **state)
{
	(void)state;
	assert_int_equal(BEGIN("--bogus"), SERVICE_EXIT_CONFIG);
	assert_string_equal(
		output, "screen: Could not start: unknown option --bogus; see --help\n");
	assert_int_equal(BEGIN("--runtime"), SERVICE_EXIT_CONFIG);
	assert_string_equal(
		output, "screen: Could not start: option --runtime needs a value; see --help\n");
	assert_int_equal(BEGIN("--pattern-if-no-display", "now"), SERVICE_EXIT_CONFIG);
	assert_string_equal(
		output, "screen: Could not start: unexpected argument now; see --help\n");
	assert_int_equal(BEGIN("-x"), SERVICE_EXIT_CONFIG);
	assert_non_null(strstr(output, "-x"));
}

static void wrong_configuration_exits_with_78_and_one_line(void **state)
{
	char expected[256];

	(void)state;
	write_config("[screen]\nrate = 61\n");
	assert_int_equal(BEGIN("--config", config_path), SERVICE_EXIT_CONFIG);
	snprintf(expected, sizeof(expected),
		"screen: Could not read the configuration: %s:2: [screen] rate: expected a whole "
		"number "
		"from 1 to 60, found \"61\"\n",
		config_path);
	assert_string_equal(output, expected);
}

static void named_configuration_must_exist(void **state)
{
	(void)state;
	unlink(config_path);
	assert_int_equal(BEGIN("--config", config_path), SERVICE_EXIT_CONFIG);
	assert_non_null(strstr(output, config_path));
	assert_non_null(strstr(output, "No such file or directory"));
	assert_ptr_equal(strchr(output, '\n'), output + strlen(output) - 1);
}

static void help_version_and_configuration_are_printed(void **state)
{
	(void)state;
	assert_int_equal(BEGIN("--version"), 0);
	assert_string_equal(output, "screenshare-screen " SCREENSHARE_VERSION "\n");
	assert_int_equal(BEGIN("--help"), 0);
	assert_non_null(strstr(output, "--pattern-if-no-display"));
	assert_int_equal(BEGIN("--print-config"), 0);
	assert_non_null(strstr(output, "\n#rate = 30\n"));
}

static void a_configuration_is_checked_without_starting(void **state)
{
	(void)state;
	write_config("[screen]\nrate = 59\n");
	assert_int_equal(BEGIN("--check", "--config", config_path), 0);
	assert_non_null(strstr(output, "nothing is wrong with it\n"));
	assert_null(strchr(output, '|')); /* it did not go on */
	write_config("[screen]\nrate = 61\n");
	assert_int_equal(BEGIN("--check", "--config", config_path), SERVICE_EXIT_CONFIG);
	assert_non_null(strstr(output, ":2: [screen] rate"));
}

/* What is read again after the file has become each of these, "RATE ERROR" a line. */
static int read_again(void *arg)
{
	static const char *const files[] = {"[screen]\nrate = 61\n", NULL, "[screen]\nrate = 58\n"};
	struct service_options options;
	struct config config;
	struct config_error error;
	int r;
	(void)arg;

	write_config("[screen]\nrate = 59\n");
	r = service_begin("screen", 3,
		(char *[]){"screenshare-screen", "--config", config_path, NULL}, &options, &config);
	for (size_t i = 0; r == 0 && i < 3; i++) {
		if (files[i])
			write_config(files[i]);
		else
			unlink(config_path);
		int result = service_read_config(&options, &config, &error);

		printf("%d %u %s\n", result, config.screen.rate, result < 0 ? error.text : "");
	}
	fflush(stdout);
	return r;
}

static void what_cannot_be_read_again_leaves_the_old_one(void **state)
{
	char expected[512];

	(void)state;
	assert_int_equal(in_child(read_again, NULL), 0);
	snprintf(expected, sizeof(expected),
		"%d 59 %s:2: [screen] rate: expected a whole number from 1 to 60, found \"61\"\n"
		"%d 59 Could not open %s: No such file or directory; check the path and its "
		"permissions\n"
		"0 58 \n",
		-EINVAL, config_path, -ENOENT, config_path);
	assert_string_equal(output, expected);
}

static int print_to_a_full_disk(void *arg)
{
	char *argv[] = {"screenshare-screen", "--print-config", NULL};

	(void)arg;
	if (!freopen("/dev/full", "w", stdout))
		return 99;
	return begin_and_print(argv);
}

static void printing_that_fails_is_not_success(void **state)
{
	(void)state;
	assert_int_equal(in_child(print_to_a_full_disk, NULL), 1);
	assert_non_null(strstr(output, "No space left on device"));
}

/* --- inherited sockets --- */

/* Fds 3 and up as systemd hands them over: blocking, not close-on-exec. */
static void inherit(const char *names, int n)
{
	char text[16];

	for (int fd = 3; fd < 3 + n; fd++) {
		int new_fd = socket(AF_UNIX, SOCK_STREAM, 0);

		if (new_fd != fd) {
			dup2(new_fd, fd);
			close(new_fd);
		}
	}
	snprintf(text, sizeof(text), "%d", (int)getpid());
	setenv("LISTEN_PID", text, 1);
	snprintf(text, sizeof(text), "%d", n);
	setenv("LISTEN_FDS", text, 1);
	if (names)
		setenv("LISTEN_FDNAMES", names, 1);
	else
		unsetenv("LISTEN_FDNAMES");
}

/* In the child cmocka's asserts would jump out of the fork: say the line and give up. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                    \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

static int take_several(void *arg)
{
	int fds[4] = {-1, -1, -1, -1};

	(void)arg;
	inherit("http:control:http:unknown:http", 5);
	CHECK(service_take_socket("capture") == -1);
	CHECK(service_take_socket("control") == 4);
	CHECK(service_take_socket("control") == -1); /* taken once */
	CHECK(service_take_sockets("http", fds, 2) == 2);
	CHECK(fds[0] == 3 && fds[1] == 5 && fds[2] == -1);
	CHECK(service_take_sockets("http", fds, 4) == 1 && fds[0] == 7);
	for (int fd = 3; fd <= 7; fd++) {
		if (fd == 6) /* nobody asked for it */
			CHECK(!(fcntl(fd, F_GETFL) & O_NONBLOCK));
		else
			CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
		CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	CHECK(!getenv("LISTEN_FDS")); /* for no child of ours */
	return 0;
}

static int take_of_another_process(void *arg)
{
	(void)arg;
	inherit("http", 1);
	setenv("LISTEN_PID", "1", 1);
	CHECK(service_take_socket("http") == -1);
	return 0;
}

static int take_without_names(void *arg)
{
	(void)arg;
	inherit(NULL, 2);
	CHECK(service_take_socket("http") == -1);
	CHECK(fcntl(3, F_GETFD) >= 0); /* left alone */
	return 0;
}

static int take_with_broken_environment(void *arg)
{
	(void)arg;
	inherit("http", 1);
	setenv("LISTEN_FDS", "many", 1);
	CHECK(service_take_socket("http") == -1);
	return 0;
}

static int take_without_any(void *arg)
{
	(void)arg;
	unsetenv("LISTEN_FDS");
	CHECK(service_take_socket("http") == -1);
	return 0;
}

static void sockets_are_taken_by_name_once_and_made_ready(void **state)
{
	(void)state;
	if (in_child(take_several, NULL) != 0)
		fail_msg("%s", output);
}

static void sockets_of_others_or_without_names_are_left_alone(void **state)
{
	(void)state;
	if (in_child(take_of_another_process, NULL) != 0 ||
		in_child(take_without_names, NULL) != 0 || in_child(take_without_any, NULL) != 0)
		fail_msg("%s", output);
	assert_string_equal(output, "");
}

static void broken_environment_is_said_and_gives_no_sockets(void **state)
{
	(void)state;
	if (in_child(take_with_broken_environment, NULL) != 0)
		fail_msg("%s", output);
	assert_non_null(strstr(output, "LISTEN_FDS"));
}

/* --- the service manager --- */

static int notify_everything(void *arg)
{
	char long_text[2000];

	(void)arg;
	service_ready();
	service_status("state %s: %d viewers\nREADY=1", "live", 3);
	memset(long_text, 'x', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	service_status("%s", long_text);
	service_watchdog_ping();
	service_notify_display_reached();
	service_stopping();
	return 0;
}

static void manager_is_told_in_its_own_words(void **state)
{
	static const char *const expected[] = {"READY=1", "STATUS=state live: 3 viewers READY=1",
		"STATUS=xxxx", "WATCHDOG=1", "X_SCREENSHARE_DISPLAY_REACHED=1", "STOPPING=1"};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char message[4096];

	(void)state;
	strcpy(address.sun_path, notify_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", notify_path, 1);
	assert_int_equal(in_child(notify_everything, NULL), 0);
	unsetenv("NOTIFY_SOCKET");
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		ssize_t n = recv(fd, message, sizeof(message) - 1, 0);

		assert_true(n > 0 && n < 600);
		message[n] = '\0';
		if (i == 2) /* cut, but sent */
			message[strlen(expected[i])] = '\0';
		assert_string_equal(message, expected[i]);
	}
	assert_true(recv(fd, message, sizeof(message), 0) < 0);
	close(fd);
}

static void without_a_manager_nothing_happens(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(in_child(notify_everything, NULL), 0);
	assert_string_equal(output, "");
}

static void watchdog_interval_is_half_of_what_is_wanted(void **state)
{
	char pid[16];

	(void)state;
	unsetenv("WATCHDOG_USEC");
	assert_int_equal(service_watchdog_interval_us(), 0);
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(service_watchdog_interval_us(), 15000000);
	setenv("WATCHDOG_PID", "1", 1); /* another's */
	assert_int_equal(service_watchdog_interval_us(), 0);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(service_watchdog_interval_us(), 15000000);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_and_configuration_are_taken),
		cmocka_unit_test(a_configuration_if_there_comes_first),
		cmocka_unit_test(without_arguments_it_is_the_service),
		cmocka_unit_test(wrong_arguments_exit_with_78_and_one_line),
		cmocka_unit_test(wrong_configuration_exits_with_78_and_one_line),
		cmocka_unit_test(named_configuration_must_exist),
		cmocka_unit_test(help_version_and_configuration_are_printed),
		cmocka_unit_test(a_configuration_is_checked_without_starting),
		cmocka_unit_test(what_cannot_be_read_again_leaves_the_old_one),
		cmocka_unit_test(printing_that_fails_is_not_success),
		cmocka_unit_test(sockets_are_taken_by_name_once_and_made_ready),
		cmocka_unit_test(sockets_of_others_or_without_names_are_left_alone),
		cmocka_unit_test(broken_environment_is_said_and_gives_no_sockets),
		cmocka_unit_test(manager_is_told_in_its_own_words),
		cmocka_unit_test(without_a_manager_nothing_happens),
		cmocka_unit_test(watchdog_interval_is_half_of_what_is_wanted),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
