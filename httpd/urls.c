/* SPDX-License-Identifier: MIT */
#include "httpd/urls.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define ADDRESSES_CHOSEN_MAX 16

static bool is_any(const struct address *address)
{
	static const struct in6_addr any;

	return memcmp(&address->ip, &any, sizeof(any)) == 0;
}

static void write_url(char out[URL_SIZE], const struct address *address, unsigned port)
{
	char text[INET6_ADDRSTRLEN + 2];

	address_format(address, text, sizeof(text));
	if (port == 80)
		snprintf(out, URL_SIZE, "http://%s/", text);
	else
		snprintf(out, URL_SIZE, "http://%s:%u/", text, port);
}

/* A socket bound to [::] also takes IPv4, unless it was told not to. */
static bool takes(int fd, int bound_family, int family)
{
	int v6_only = 1;
	socklen_t len = sizeof(v6_only);

	if (bound_family == family)
		return true;
	return bound_family == AF_INET6 &&
	       getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, &len) == 0 && v6_only == 0;
}

size_t urls_of_listener(int fd, const struct addresses *all, char (*urls)[URL_SIZE], size_t max)
{
	struct address bound, chosen[ADDRESSES_CHOSEN_MAX];
	union {
		struct sockaddr any;
		struct sockaddr_in ipv4;
		struct sockaddr_in6 ipv6;
		struct sockaddr_storage storage;
	} name;
	socklen_t len = sizeof(name);
	size_t n_chosen, n = 0;
	unsigned port;

	if (max == 0 || getsockname(fd, &name.any, &len) < 0 ||
		!address_from_sockaddr(&name, &bound))
		return 0;
	port = ntohs(name.any.sa_family == AF_INET ? name.ipv4.sin_port : name.ipv6.sin6_port);
	if (!is_any(&bound)) {
		write_url(urls[0], &bound, port);
		return 1;
	}
	n_chosen = addresses_for_people(all, chosen, ADDRESSES_CHOSEN_MAX);
	for (size_t i = 0; i < n_chosen && n < max; i++)
		if (takes(fd, name.any.sa_family, chosen[i].family))
			write_url(urls[n++], &chosen[i], port);
	return n;
}
