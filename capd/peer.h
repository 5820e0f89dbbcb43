/* SPDX-License-Identifier: MIT */
/*
 * Who may connect to the capture socket: the HTTP process, root, and whoever we are ourselves.
 *
 *     accept ──SO_PEERCRED──► allowed ──► a subscriber's connection
 *                         └─► refused, in words to the peer, and in the journal (not too often)
 *
 * The HTTP process's user is looked up once, at the start: a name service that is slow, or hangs,
 * would keep the event loop from its pictures.  Event-loop thread only.
 */
#pragma once

#include <sys/types.h>

#include "common/ratelimit.h"

struct peers {
	uid_t httpd_uid; /* (uid_t)-1: there is no such user */
	struct ratelimit refused_log;
};

/* Blocks for as long as it takes to look up a user. */
void peers_init(struct peers *peers);

/*
 * Takes the next one of those who wait: a non-blocking descriptor, which is the caller's, and who
 * it is; -EPERM: it may not, has been told, and is gone; other -errno: nobody waits.
 */
int peers_accept(struct peers *peers, int listen_fd, uid_t *uid);
