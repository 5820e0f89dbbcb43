/* SPDX-License-Identifier: MIT */
#include "capd/peer.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/capsock.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"

/* The HTTP process's user, root, and whoever we are ourselves. */
static bool is_allowed(int fd, uid_t *uid)
{
	if (capsock_peer_uid(fd, uid) < 0)
		return false;
	if (*uid == 0 || *uid == geteuid())
		return true;
	const struct passwd *httpd = getpwnam("screenshare");
	return httpd && *uid == httpd->pw_uid;
}

/* Whoever may connect to the socket of the sound (it is open to all) may not be whom it serves. */
static void refuse(int fd, uid_t uid, struct ratelimit *log)
{
	static const char words[] = "only root and the user whose desktop is shared may";
	const struct capsock_message message = {.type = CAPSOCK_REFUSED,
		.ring_fd = -1,
		.words = words,
		.words_len = sizeof(words) - 1};
	char more[RATELIMIT_MORE_SIZE];
	unsigned suppressed;

	/* Its own message must not lie there unread: the close would take ours back. */
	shutdown(fd, SHUT_RD);
	while (recv(fd, (char[1]){0}, 1, MSG_DONTWAIT) > 0)
		;
	capsock_send(fd, CAPSOCK_DAEMON, &message);
	if (ratelimit_allow(log, clock_monotonic_ns(), &suppressed))
		log_warn("Refused a subscriber of the capture socket: user %u may not%s",
			(unsigned)uid, ratelimit_more(suppressed, more));
}

int peer_accept(int listen_fd, struct ratelimit *refused_log, uid_t *uid)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return errno == EPERM ? -ECONNABORTED : -errno;
	*uid = (uid_t)-1;
	if (is_allowed(fd, uid))
		return fd;
	refuse(fd, *uid, refused_log);
	fd_close(&fd);
	return -EPERM;
}
