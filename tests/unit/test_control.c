/* SPDX-License-Identifier: MIT */
/* links: common/control.c -ljansson */
#include "common/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/clock.h"

#define LONG_MS  10000
#define SHORT_MS 100

static char folder[] = "/tmp/screenshare-test-control-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/s", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static int listen_here(int backlog)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unlink(path);
	strcpy(address.sun_path, path);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

/* A server's whole life: what it does with the one connection, in a process of its own. */
typedef void serve_fn(int fd, void *arg);

static pid_t serve(serve_fn *serve_one, void *arg)
{
	int listen_fd = listen_here(1), fd;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fd = accept(listen_fd, NULL, NULL);
		if (fd < 0)
			_exit(1);
		serve_one(fd, arg);
		_exit(0);
	}
	close(listen_fd);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(path);
}

static void read_line(int fd)
{
	char c = 0;

	while (c != '\n' && read(fd, &c, 1) == 1)
		;
}

static void write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0)
			_exit(0);
		bytes += n;
		len -= (size_t)n;
	}
}

static void answer_with(int fd, void *arg)
{
	read_line(fd);
	write_all(fd, arg, strlen(arg));
	pause();
}

static int ask(int timeout_ms, json_t **answer)
{
	json_t *request = json_pack("{s:s}", "request", "status");
	int r = control_ask(path, request, timeout_ms, answer);

	json_decref(request);
	return r;
}

static int ask_one_that_answers(char *text)
{
	json_t *answer = NULL;
	pid_t pid = serve(answer_with, text);
	int r = ask(LONG_MS, &answer);

	end(pid);
	if (r < 0)
		assert_null(answer);
	json_decref(answer);
	return r;
}

/* Sends back what it was asked, so that the request is seen. */
static void echo(int fd, void *arg)
{
	char line[CONTROL_REQUEST_MAX + 64], text[CONTROL_REQUEST_MAX + 96];
	size_t len = 0;

	(void)arg;
	while (len < sizeof(line) - 1 && read(fd, line + len, 1) == 1 && line[len] != '\n')
		len++;
	line[len] = '\0';
	snprintf(text, sizeof(text), "{\"ok\":true,\"asked\":%s}\n", line);
	for (size_t i = 0; text[i]; i++) /* a byte a packet, as badly as it can arrive */
		write_all(fd, text + i, 1);
	pause();
}

static void question_and_answer_travel_as_one_line_each(void **state)
{
	json_t *answer = NULL;
	pid_t pid = serve(echo, NULL);

	(void)state;
	assert_int_equal(ask(LONG_MS, &answer), 0);
	assert_true(json_is_true(json_object_get(answer, "ok")));
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(answer, "asked"), "request")),
		"status");
	json_decref(answer);
	end(pid);
}

static void refusal_is_an_answer(void **state)
{
	json_t *answer = NULL;
	pid_t pid = serve(answer_with, "{\"ok\":false,\"error\":\"not you\"}\n");

	(void)state;
	assert_int_equal(ask(LONG_MS, &answer), 0);
	assert_true(json_is_false(json_object_get(answer, "ok")));
	json_decref(answer);
	end(pid);
}

static void what_is_no_answer_is_refused(void **state)
{
	(void)state;
	assert_int_equal(ask_one_that_answers("\n"), -EPROTO);
	assert_int_equal(ask_one_that_answers("hello\n"), -EPROTO);
	assert_int_equal(ask_one_that_answers("[true]\n"), -EPROTO);
	assert_int_equal(ask_one_that_answers("{}\n"), -EPROTO);
	assert_int_equal(ask_one_that_answers("{\"ok\":1}\n"), -EPROTO);
	assert_int_equal(ask_one_that_answers("{\"ok\":true,\"ok\":false}\n"), -EPROTO);
	assert_int_equal(ask_one_that_answers("{\"ok\":true} {}\n"), -EPROTO);
	assert_int_equal(ask_one_that_answers("{\"ok\":true}\n{\"ok\":true}\n"), -EPROTO);
}

static void send_much(int fd, void *arg)
{
	size_t len = *(size_t *)arg;
	char *text = malloc(len);

	read_line(fd);
	memset(text, ' ', len);
	memcpy(text, "{\"ok\":true", 10);
	text[len - 2] = '}';
	text[len - 1] = '\n';
	write_all(fd, text, len);
	pause();
}

static int ask_for_length(size_t len)
{
	json_t *answer = NULL;
	pid_t pid = serve(send_much, &len);
	int r = ask(LONG_MS, &answer);

	end(pid);
	json_decref(answer);
	return r;
}

static void long_answer_is_taken_up_to_its_limit(void **state)
{
	(void)state;
	assert_int_equal(ask_for_length(5000), 0);
	assert_int_equal(ask_for_length(CONTROL_LINE_MAX), 0);
	assert_int_equal(ask_for_length(CONTROL_LINE_MAX + 1), -EMSGSIZE);
	assert_int_equal(ask_for_length(CONTROL_LINE_MAX * 4), -EMSGSIZE);
}

static void close_half_way(int fd, void *arg)
{
	read_line(fd);
	write_all(fd, arg, strlen(arg));
}

static void server_that_dies_is_a_reset(void **state)
{
	json_t *answer = NULL;
	pid_t pid;

	(void)state;
	pid = serve(close_half_way, "");
	assert_int_equal(ask(LONG_MS, &answer), -ECONNRESET);
	end(pid);
	pid = serve(close_half_way, "{\"ok\":tr");
	assert_int_equal(ask(LONG_MS, &answer), -ECONNRESET);
	end(pid);
	assert_null(answer);
}

static void trickle(int fd, void *arg)
{
	(void)arg;
	for (;;) { /* always something, never a line */
		write_all(fd, " ", 1);
		poll(NULL, 0, 1);
	}
}

static void answer_that_does_not_come_in_time_is_not_waited_for(void **state)
{
	uint64_t before_ns = clock_monotonic_ns();
	json_t *answer = NULL;
	pid_t pid = serve(trickle, NULL);

	(void)state;
	assert_int_equal(ask(SHORT_MS, &answer), -ETIMEDOUT);
	end(pid);
	pid = serve(answer_with, "");
	assert_int_equal(ask(SHORT_MS, &answer), -ETIMEDOUT);
	end(pid);
	assert_true(clock_monotonic_ns() - before_ns < LONG_MS * NS_PER_MS);
	assert_int_equal(ask(0, &answer), -ETIMEDOUT);
}

static void full_backlog_is_not_waited_for_either(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listen_fd = listen_here(0), fds[8];
	json_t *answer = NULL;

	(void)state;
	strcpy(address.sun_path, path);
	for (int i = 0; i < 8; i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(fds[i], (struct sockaddr *)&address, sizeof(address));
	}
	assert_int_equal(ask(SHORT_MS, &answer), -ETIMEDOUT);
	for (int i = 0; i < 8; i++)
		close(fds[i]);
	close(listen_fd);
}

static void nobody_there_is_said(void **state)
{
	json_t *answer = NULL;
	char long_path[200];
	json_t *request = json_object();

	(void)state;
	unlink(path);
	assert_int_equal(ask(LONG_MS, &answer), -ENOENT);
	close(listen_here(1)); /* the file stays, as after a crash */
	assert_int_equal(ask(LONG_MS, &answer), -ECONNREFUSED);
	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(control_ask(long_path, request, LONG_MS, &answer), -ENAMETOOLONG);
	json_decref(request);
	assert_null(answer);
}

static void long_question_is_not_sent(void **state)
{
	char text[CONTROL_REQUEST_MAX];
	json_t *request, *answer = NULL;
	pid_t pid = serve(echo, NULL);

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	request = json_pack("{s:s}", "request", text);
	assert_int_equal(control_ask(path, request, LONG_MS, &answer), -EMSGSIZE);
	json_decref(request);
	end(pid);

	/* {"request":"…"} and the newline are 15 bytes: the longest that fits */
	pid = serve(echo, NULL);
	text[CONTROL_REQUEST_MAX - 15] = '\0';
	request = json_pack("{s:s}", "request", text);
	assert_int_equal(control_ask(path, request, LONG_MS, &answer), 0);
	json_decref(request);
	json_decref(answer);
	end(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(question_and_answer_travel_as_one_line_each),
		cmocka_unit_test(refusal_is_an_answer),
		cmocka_unit_test(what_is_no_answer_is_refused),
		cmocka_unit_test(long_answer_is_taken_up_to_its_limit),
		cmocka_unit_test(server_that_dies_is_a_reset),
		cmocka_unit_test(answer_that_does_not_come_in_time_is_not_waited_for),
		cmocka_unit_test(full_backlog_is_not_waited_for_either),
		cmocka_unit_test(nobody_there_is_said),
		cmocka_unit_test(long_question_is_not_sent),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
