/* SPDX-License-Identifier: MIT */
#include "common/urls.h"

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

static unsigned port_of(const struct sockaddr_storage *sockaddr)
{
	const void *any = sockaddr;

	return ntohs(sockaddr->ss_family == AF_INET
			     ? ((const struct sockaddr_in *)any)->sin_port
			     : ((const struct sockaddr_in6 *)any)->sin6_port);
}

size_t urls_of_address(const struct sockaddr_storage *sockaddr, bool takes_ipv4,
	const struct addresses *all, char (*urls)[URL_SIZE], size_t max)
{
	struct address bound, chosen[ADDRESSES_CHOSEN_MAX];
	size_t n_chosen, n = 0;

	if (max == 0 || !address_from_sockaddr(sockaddr, &bound))
		return 0;
	if (!is_any(&bound)) {
		write_url(urls[0], &bound, port_of(sockaddr));
		return 1;
	}
	n_chosen = addresses_for_people(all, chosen, ADDRESSES_CHOSEN_MAX);
	for (size_t i = 0; i < n_chosen && n < max; i++)
		if (chosen[i].family == sockaddr->ss_family ||
			(sockaddr->ss_family == AF_INET6 && takes_ipv4))
			write_url(urls[n++], &chosen[i], port_of(sockaddr));
	return n;
}

size_t urls_of_listener(int fd, const struct addresses *all, char (*urls)[URL_SIZE], size_t max)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);
	int v6_only = 1;

	if (getsockname(fd, (struct sockaddr *)&name, &len) < 0)
		return 0;
	/* A socket bound to [::] also takes IPv4, unless it was told not to. */
	len = sizeof(v6_only);
	if (getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, &len) < 0)
		v6_only = 1;
	return urls_of_address(&name, v6_only == 0, all, urls, max);
}
