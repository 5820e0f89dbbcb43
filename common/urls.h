/* SPDX-License-Identifier: MIT */
/* What to type into a browser to get here. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/addresses.h"

#define URL_SIZE (sizeof("http://:65535/") + INET6_ADDRSTRLEN + 2)

/*
 * Writes "http://192.168.1.7:8001/" for each way to a socket that is bound to `sockaddr`: if that
 * is any address, those of `all` that people should use (addresses_for_people()), for [::] also the
 * IPv4 ones if it `takes_ipv4`; else the address itself.  Port 80 is not written.  Returns how
 * many, at most `max`; 0 for what is no IP address.
 */
size_t urls_of_address(const struct sockaddr_storage *sockaddr, bool takes_ipv4,
	const struct addresses *all, char (*urls)[URL_SIZE], size_t max);

/* The same for the listening socket `fd`. */
size_t urls_of_listener(int fd, const struct addresses *all, char (*urls)[URL_SIZE], size_t max);
