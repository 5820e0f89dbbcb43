/* SPDX-License-Identifier: MIT */
/*
 * The sockets that `screenshare run` makes in systemd's place: what the .socket units of the
 * service say, here for one user.  All are close-on-exec and non-blocking, as systemd's are when
 * taken over.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define LISTEN_TEXT_MAX 80 /* "[fe80::1%interface-name]:65535", NUL included */

/* Where to listen on TCP, or where a socket does. */
struct listen_address {
	struct sockaddr_storage sockaddr;
	socklen_t len;
};

/* "ADDRESS:PORT", an IPv6 address in brackets; numbers only.  0 or -EINVAL. */
int listen_parse(const char *text, struct listen_address *out);
/* The same again, with the port; out needs LISTEN_TEXT_MAX.  Returns out. */
const char *listen_format(const struct listen_address *address, char *out, size_t len);
uint16_t listen_port(const struct listen_address *address);
/* 0.0.0.0 or [::]: every address of this machine. */
bool listen_is_wildcard(const struct listen_address *address);

/*
 * Listens; [::] for both families, and on 0.0.0.0 where this machine has no IPv6.  `address` is
 * then where it does, with the port that it got for 0.  0 and *fd; -EADDRINUSE, -EACCES (a port
 * below 1024), -EADDRNOTAVAIL (not an address of this machine), other -errno.
 */
int listen_tcp(struct listen_address *address, int *fd);

/* Listens at `path`, mode 0600; `type` SOCK_STREAM or SOCK_SEQPACKET.  0 and *fd, or -errno. */
int listen_unix(const char *path, int type, int *fd);
