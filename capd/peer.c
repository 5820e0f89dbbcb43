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

#define HTTPD_USER      "screenshare"
#define LOG_INTERVAL_NS (60 * NS_PER_S)

void peers_init(struct peers *peers)
{
	const struct passwd *httpd = getpwnam(HTTPD_USER);

	*peers = (struct peers){.httpd_uid = httpd ? httpd->pw_uid : (uid_t)-1,
		.refused_log = {.interval_ns = LOG_INTERVAL_NS}};
}

/* The HTTP process's user, root, and whoever we are ourselves. */
static bool is_allowed(const struct peers *peers, int fd, uid_t *uid)
{
	if (capsock_peer_uid(fd, uid) < 0 || *uid == (uid_t)-1)
		return false;
	return *uid == 0 || *uid == geteuid() || *uid == peers->httpd_uid;
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

int peers_accept(struct peers *peers, int listen_fd, uid_t *uid)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return errno == EPERM ? -ECONNABORTED : -errno;
	*uid = (uid_t)-1;
	if (is_allowed(peers, fd, uid))
		return fd;
	refuse(fd, *uid, &peers->refused_log);
	fd_close(&fd);
	return -EPERM;
}
