/* SPDX-License-Identifier: MIT */
/* links: capd/peer.c common/log.c common/utf8.c -lsystemd */
/* The user database, the peer's user and the clock are the test's. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "capd/peer.h"
#include "common/capsock.h"

#define HTTPD 4711
#define OTHER 4712

static bool has_httpd;
static unsigned n_lookups;
static uid_t peer_uid;
static int listen_fd;

struct passwd *getpwnam(const char *name)
{
	static struct passwd httpd = {.pw_uid = HTTPD};

	assert_string_equal(name, "screenshare");
	n_lookups++;
	return has_httpd ? &httpd : NULL;
}

int capsock_peer_uid(int fd, uid_t *uid)
{
	(void)fd;
	*uid = peer_uid;
	return 0;
}

/* As it is on the wire, as far as anybody looks here: its type. */
int capsock_send(int fd, enum capsock_role role, const struct capsock_message *message)
{
	const uint8_t type = (uint8_t)message->type;

	assert_int_equal(role, CAPSOCK_DAEMON);
	return send(fd, &type, 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

/* What becomes of somebody of that user: 0, or -errno and that it was told. */
static int come(struct peers *peers, uid_t uid)
{
	struct sockaddr_un address;
	socklen_t size = sizeof(address);
	uint8_t told = 0;
	uid_t taken;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int r;

	assert_int_equal(getsockname(listen_fd, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, size), 0);
	peer_uid = uid;
	r = peers_accept(peers, listen_fd, &taken);
	if (r >= 0) {
		assert_int_equal(taken, uid);
		close(r);
		r = 0;
	} else {
		assert_int_equal(recv(fd, &told, 1, 0), 1);
		assert_int_equal(told, CAPSOCK_REFUSED);
	}
	close(fd);
	return r;
}

static void the_server_root_and_ourselves_may_and_no_other(void **state)
{
	struct peers peers;
	(void)state;

	has_httpd = true;
	peers_init(&peers);
	assert_int_equal(come(&peers, HTTPD), 0);
	assert_int_equal(come(&peers, 0), 0);
	assert_int_equal(come(&peers, geteuid()), 0);
	assert_int_equal(come(&peers, OTHER), -EPERM);
}

static void who_the_server_is_was_asked_at_the_start_and_never_again(void **state)
{
	struct peers peers;
	(void)state;

	has_httpd = true;
	n_lookups = 0;
	peers_init(&peers);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(come(&peers, HTTPD), 0);
		assert_int_equal(come(&peers, OTHER), -EPERM);
	}
	assert_int_equal(n_lookups, 1);
}

static void where_there_is_no_such_user_nobody_passes_for_it(void **state)
{
	struct peers peers;
	(void)state;

	has_httpd = false;
	peers_init(&peers);
	assert_int_equal(come(&peers, HTTPD), -EPERM);
	assert_int_equal(come(&peers, (uid_t)-1), -EPERM);
	assert_int_equal(come(&peers, 0), 0);
}

static void when_nobody_waits_that_is_said(void **state)
{
	struct peers peers;
	uid_t uid;
	(void)state;

	peers_init(&peers);
	assert_int_equal(peers_accept(&peers, listen_fd, &uid), -EAGAIN);
}

static int open_socket(void **state)
{
	const struct sockaddr_un unnamed = {.sun_family = AF_UNIX};
	(void)state;

	listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The kernel gives it a name that nobody else has. */
	return listen_fd < 0 ||
			       bind(listen_fd, (const struct sockaddr *)&unnamed,
				       sizeof(sa_family_t)) < 0 ||
			       listen(listen_fd, 4) < 0
		       ? -1
		       : 0;
}

static int close_socket(void **state)
{
	(void)state;
	return close(listen_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_server_root_and_ourselves_may_and_no_other),
		cmocka_unit_test(who_the_server_is_was_asked_at_the_start_and_never_again),
		cmocka_unit_test(where_there_is_no_such_user_nobody_passes_for_it),
		cmocka_unit_test(when_nobody_waits_that_is_said),
	};

	return cmocka_run_group_tests(tests, open_socket, close_socket);
}
