/* SPDX-License-Identifier: MIT */
/* Ownership of file descriptors, visible at the call.  -1 means "none" everywhere. */
#pragma once

#include <errno.h>
#include <unistd.h>

/* Hands the descriptor on: the variable is -1 afterwards. */
static inline int fd_steal(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

/* Closes if open, leaves -1 behind, keeps errno. */
static inline void fd_close(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;
		close(*fd); /* Linux frees the number even on EINTR: never retry */
		errno = saved;
	}
	*fd = -1;
}
