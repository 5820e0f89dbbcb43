/* SPDX-License-Identifier: MIT */
#include "httpd/tcp.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/*
 * What the kernel may hold of bytes not yet sent, so that on a slow link the newest frame is chosen
 * late.  Where the link is fast it costs nothing: 100 loopback viewers of scrolling text (490 KB a
 * frame, 29.3 fps) take 13–16 % of a core, within the noise from 16 KB to no limit at all.
 */
#define NOTSENT_LOWAT (64 * 1024)
#define NOTSENT_BULK  (1024 * 1024)

/* A peer that went away without a word (a closed lid) is noticed within 30 + 10 s on a still
 * screen. */
#define KEEPALIVE_IDLE_S     30
#define KEEPALIVE_INTERVAL_S 10
#define KEEPALIVE_PROBES     3
#define USER_TIMEOUT_MS      30000

/* None of these is needed for correctness, and some do not exist for what tests pass in. */
void tcp_set_options(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1},
		{IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOTSENT_LOWAT},
		{IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
		{IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
		{IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS},
		{SOL_SOCKET, SO_KEEPALIVE, 1},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value,
			sizeof(options[i].value));
}

void tcp_set_bulk(int fd, bool is_bulk)
{
	int value = is_bulk ? NOTSENT_BULK : NOTSENT_LOWAT;

	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &value, sizeof(value));
}

void tcp_reset_at_close(int fd)
{
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

size_t tcp_waiting(int fd)
{
	int waiting = 0;

	if (ioctl(fd, SIOCOUTQNSD, &waiting) < 0 || waiting < 0)
		return 0;
	return (size_t)waiting;
}

int tcp_addresses(int fd, struct address *peer, struct address *local)
{
	struct sockaddr_storage theirs, ours;
	socklen_t theirs_len = sizeof(theirs), ours_len = sizeof(ours);

	if (getpeername(fd, (struct sockaddr *)&theirs, &theirs_len) < 0 ||
		getsockname(fd, (struct sockaddr *)&ours, &ours_len) < 0)
		return -errno;
	if (!address_from_sockaddr(&theirs, peer) || !address_from_sockaddr(&ours, local))
		return -EAFNOSUPPORT;
	return 0;
}
