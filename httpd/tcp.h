/* SPDX-License-Identifier: MIT */
/*
 * What a connection asks of its TCP socket: how little the kernel holds back, when a silent peer
 * counts as gone, and what has become of the bytes that the kernel took.
 *
 *     output ──► kernel's queue: not yet sent (tcp_waiting), sent ──► peer
 *
 * What the kernel does not know is done without.  Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/addresses.h"

/* No delay, little that is not yet sent, keep-alive. */
void tcp_set_options(int fd);
/* The kernel may hold more that is not yet sent: for a long answer whose every byte is wanted. */
void tcp_set_bulk(int fd, bool is_bulk);
/* What the kernel still holds is thrown away at close(), and the peer gets an RST. */
void tcp_reset_at_close(int fd);
/* Bytes that the kernel has taken and not yet put on the wire; 0 where it cannot tell. */
size_t tcp_waiting(int fd);
/* Who is at the other end, and at which address it reached us.  0 or -errno (-ENOTCONN: gone). */
int tcp_addresses(int fd, struct address *peer, struct address *local);
