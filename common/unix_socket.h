/* SPDX-License-Identifier: MIT */
/* Sockets that have a path: its bound, and connecting without ever waiting. */
#pragma once

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/fd.h"

/* The address of `path`.  0 or -ENAMETOOLONG. */
static inline int unix_socket_address(const char *path, struct sockaddr_un *out)
{
	size_t len = strlen(path);

	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (len >= sizeof(out->sun_path))
		return -ENAMETOOLONG;
	memcpy(out->sun_path, path, len);
	return 0;
}

/*
 * Connects to the socket at `path`; `type` SOCK_STREAM or SOCK_SEQPACKET.  A new non-blocking,
 * close-on-exec descriptor, or -errno (-ENOENT, -ECONNREFUSED: nobody listens; -EAGAIN: the backlog
 * is full).
 */
static inline int unix_socket_connect(const char *path, int type)
{
	struct sockaddr_un address;
	int fd, r = unix_socket_address(path, &address);

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		r = -errno;
		fd_close(&fd);
		return r;
	}
	return fd;
}
