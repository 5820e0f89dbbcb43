/* SPDX-License-Identifier: MIT */
/*
 * Starts one program as systemd would: sockets from descriptor 3 on, LISTEN_PID, LISTEN_FDS and
 * LISTEN_FDNAMES, NOTIFY_SOCKET and WATCHDOG_USEC in its environment, nothing else inherited but
 * stderr.  The child dies with us, however we die.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SPAWN_FDS_MAX 16

struct spawn_fd {
	int fd;           /* borrowed */
	const char *name; /* FileDescriptorName=; no colon in it */
};

struct spawn {
	const char *program; /* path */
	char *const *argv;   /* NULL at the end */
	const struct spawn_fd *fds;
	size_t n_fds;            /* at most SPAWN_FDS_MAX */
	const char *notify_path; /* NULL: no NOTIFY_SOCKET */
	uint64_t watchdog_us;    /* 0: no WATCHDOG_USEC */
};

/*
 * 0 and the child's pid once it runs `program`; -errno, also of the exec itself, and there is no
 * child.  The child has a process group of its own (Ctrl-C is its starter's business), default
 * signals, stdin from /dev/null and stdout on stderr; SIGKILL comes when the calling thread ends.
 * The rest of the environment is ours.
 */
int spawn_child(const struct spawn *spawn, pid_t *out);
