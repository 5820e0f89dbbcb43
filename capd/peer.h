/* SPDX-License-Identifier: MIT */
/*
 * Who may connect to the capture socket: the HTTP process, root, and whoever we are ourselves.
 *
 *     accept ──SO_PEERCRED──► allowed ──► a subscriber's connection
 *                         └─► refused, in words to the peer, and in the journal (not too often)
 *
 * Event-loop thread only: getpwnam() keeps one answer for the whole process.
 */
#pragma once

#include <sys/types.h>

#include "common/ratelimit.h"

/*
 * Takes the next one of those who wait: a non-blocking descriptor, which is the caller's, and who
 * it is; -EPERM: it may not, has been told, and is gone; other -errno: nobody waits.
 */
int peer_accept(int listen_fd, struct ratelimit *refused_log, uid_t *uid);
