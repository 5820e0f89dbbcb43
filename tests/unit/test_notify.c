/* SPDX-License-Identifier: MIT */
/* links: cli/notify.c */
#include "cli/notify.h"

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

static char folder[] = "/tmp/screenshare-test-notify-XXXXXX";
static char path[64];
static int receiver = -1, sender = -1;

static int open_both(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	(void)state;

	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/n", folder);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (notify_open(path, &receiver) < 0)
		return -1;
	sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return connect(sender, (const struct sockaddr *)&address, sizeof(address));
}

static int close_both(void **state)
{
	(void)state;
	close(sender);
	close(receiver);
	unlink(path);
	return rmdir(folder);
}

static struct notify_message parse(const char *text)
{
	struct notify_message message = {.pid = 7};

	notify_parse(text, strlen(text), &message);
	assert_int_equal(message.pid, 7);
	return message;
}

static void assignments_are_whole_lines(void **state)
{
	struct notify_message message;
	(void)state;

	message = parse("READY=1");
	assert_true(message.is_ready && !message.is_alive && !message.is_stopping);
	message = parse("RELOADING=1\nMONOTONIC_USEC=12");
	assert_true(message.is_reloading && !message.is_ready);
	message = parse("STATUS=two viewers\nWATCHDOG=1\nUNKNOWN=7\nSTOPPING=1\n");
	assert_true(message.is_alive && message.is_stopping && !message.is_ready);
	assert_string_equal(message.status, "two viewers");
	message = parse("WATCHDOG=trigger\nX_SCREENSHARE_DISPLAY_REACHED=1");
	assert_true(message.is_hung && message.has_reached_display && !message.is_alive);

	message = parse("READY=10\nxREADY=1\nREADY=\nREADY\nWATCHDOG=1 \n\n\n");
	assert_true(!message.is_ready && !message.is_alive);
	message = parse("");
	assert_true(!message.is_ready && message.status[0] == '\0');
}

static void a_long_status_is_cut(void **state)
{
	char text[1024] = "STATUS=";
	struct notify_message message;
	(void)state;

	memset(text + 7, 'x', sizeof(text) - 8);
	message = parse(text);
	assert_int_equal(strlen(message.status), NOTIFY_STATUS_MAX - 1);
}

/* What is not NUL-terminated is read to its length and no further. */
static void the_length_is_the_end(void **state)
{
	struct notify_message message = {.pid = 7};
	(void)state;

	notify_parse("READY=12", 7, &message);
	assert_true(message.is_ready);
	notify_parse("READY=1", 6, &message);
	assert_false(message.is_ready);
}

static void the_kernel_says_who_sent_it(void **state)
{
	struct notify_message message;
	pid_t pid;
	(void)state;

	assert_int_equal(notify_receive(receiver, &message), -EAGAIN);
	assert_int_equal(send(sender, "READY=1", 7, 0), 7);
	assert_int_equal(notify_receive(receiver, &message), 0);
	assert_int_equal(message.pid, getpid());
	assert_true(message.is_ready);

	pid = fork();
	if (pid == 0)
		_exit(send(sender, "WATCHDOG=1", 10, 0) != 10);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(notify_receive(receiver, &message), 0);
	assert_int_equal(message.pid, pid);
	assert_true(message.is_alive && !message.is_ready);
}

static void what_is_too_long_is_refused(void **state)
{
	char text[8192];
	struct notify_message message;
	(void)state;

	memset(text, '\n', sizeof(text));
	memcpy(text, "READY=1", 7);
	assert_int_equal(send(sender, text, sizeof(text), 0), sizeof(text));
	assert_int_equal(notify_receive(receiver, &message), -EBADMSG);
	assert_int_equal(notify_receive(receiver, &message), -EAGAIN);
}

static unsigned count_open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* FDSTORE=1 and BARRIER=1 carry descriptors: nobody may fill our table with them. */
static void descriptors_that_come_along_are_closed(void **state)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(3 * sizeof(int))];
	} control = {.bytes = {0}};
	char text[] = "BARRIER=1";
	struct iovec iov = {.iov_base = text, .iov_len = sizeof(text) - 1};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	struct notify_message received;
	int fds[3] = {sender, receiver, sender};
	unsigned before = count_open_fds();
	(void)state;

	control.head = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(sizeof(fds))};
	memcpy(CMSG_DATA(&control.head), fds, sizeof(fds));
	assert_int_equal(sendmsg(sender, &message, 0), sizeof(text) - 1);
	assert_int_equal(notify_receive(receiver, &received), 0);
	assert_int_equal(received.pid, getpid());
	assert_int_equal(count_open_fds(), before);
}

static void a_path_that_is_taken_or_too_long_is_refused(void **state)
{
	char long_path[200];
	int fd = -1;
	(void)state;

	assert_int_equal(notify_open(path, &fd), -EADDRINUSE);
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(notify_open(long_path, &fd), -ENAMETOOLONG);
	assert_int_equal(fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(assignments_are_whole_lines),
		cmocka_unit_test(a_long_status_is_cut),
		cmocka_unit_test(the_length_is_the_end),
		cmocka_unit_test(the_kernel_says_who_sent_it),
		cmocka_unit_test(what_is_too_long_is_refused),
		cmocka_unit_test(descriptors_that_come_along_are_closed),
		cmocka_unit_test(a_path_that_is_taken_or_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, open_both, close_both);
}
