/* SPDX-License-Identifier: MIT */
/*
 * Who listens on a TCP port of this machine, from /proc: the kernel's tables of sockets, and the
 * processes that hold them, as far as this user may look.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define LISTENER_NAME_SIZE 32

struct listener {
	bool is_local_only;            /* all that listen there do so on loopback */
	struct in6_addr address;       /* where one does; IPv4 is mapped; any: everywhere */
	pid_t pid;                     /* 0: not to be seen by this user */
	char name[LISTENER_NAME_SIZE]; /* of its program, printable */
};

/* True if somebody listens. */
bool listener_find(uint16_t port, struct listener *out);
