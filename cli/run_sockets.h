/* SPDX-License-Identifier: MIT */
/*
 * What `screenshare run` listens on, in systemd's stead: the same sockets, passed by the same
 * names.
 *
 *     --listen ADDRESS:PORT … ──► http_fds (TCP)
 *     the first one's port ──► a folder of this run's own ──► control, screen, camera, audio
 *
 * What cannot be had is said here, with who has it and what to do.  Single-threaded.
 */
#pragma once

#include <stddef.h>

#include "cli/listen.h"
#include "cli/runtime_dir.h"
#include "common/stream.h"

#define RUN_LISTENERS_MAX   8
#define RUN_SOCKET_PATH_MAX 128 /* runtime_dir_path() and a name */

/* The descriptors are -1, and the folder NULL, until they are open. */
struct run_sockets {
	int http_fds[RUN_LISTENERS_MAX];
	struct runtime_dir *dir;
	int control_fd, addresses_fd, capture_fds[SOURCE_COUNT];
	char notify_path[RUN_SOCKET_PATH_MAX]; /* where the children's notifications shall go */
};

/* None is open. */
void run_sockets_init(struct run_sockets *sockets);
/*
 * Opens all of them; `listening` gets the ports that were free where 0 was asked for.  0, or an
 * exit status, said why; what was opened until then stays open.
 */
int run_sockets_open(
	struct run_sockets *sockets, struct listen_address *listening, size_t n_listening);
/* Closes them, and takes the folder away. */
void run_sockets_fini(struct run_sockets *sockets);
