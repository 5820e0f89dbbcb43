/* SPDX-License-Identifier: MIT */
/* What to type into a browser to get here. */
#pragma once

#include <netinet/in.h>
#include <stddef.h>

#include "common/addresses.h"

#define URL_SIZE (sizeof("http://:65535/") + INET6_ADDRSTRLEN + 2)

/*
 * Writes "http://192.168.1.7:8001/" for each way to the listening socket `fd`: for one that is
 * bound to any address those of `all` that people should use (addresses_for_people()), else the
 * address that it is bound to.  Returns how many, at most `max`; 0 for what is no IP socket.
 */
size_t urls_of_listener(int fd, const struct addresses *all, char (*urls)[URL_SIZE], size_t max);
