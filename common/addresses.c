/* SPDX-License-Identifier: MIT */
#include "common/addresses.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

bool address_is_link_local(const struct address *address)
{
	if (address->family == AF_INET)
		return address->ip.s6_addr[0] == 169 && address->ip.s6_addr[1] == 254;
	return IN6_IS_ADDR_LINKLOCAL(&address->ip);
}

/* How gladly a person types it; 0: no browser takes it (a link-local IPv6 address needs a zone). */
static int rank(const struct address *address)
{
	if (address->family == AF_INET)
		return address->is_link_local ? 3 : 5;
	if (address->is_link_local)
		return 0;
	if (address->is_deprecated)
		return 1;
	return address->is_temporary ? 2 : 4;
}

enum pass { PASS_REAL, PASS_UP, PASS_LOOPBACK };

static bool belongs(const struct address *address, enum pass pass)
{
	if (rank(address) == 0)
		return false;
	if (pass == PASS_LOOPBACK)
		return address->is_loopback;
	return address->is_up && !address->is_loopback && (pass == PASS_UP || !address->is_virtual);
}

/* The first of its interface that nobody there outranks. */
static bool is_best(const struct addresses *all, size_t index)
{
	const struct address *address = &all->list[index];

	for (size_t i = 0; i < all->n; i++) {
		const struct address *other = &all->list[i];

		if (other->ifindex == address->ifindex &&
			(rank(other) > rank(address) ||
				(i < index && rank(other) == rank(address))))
			return false;
	}
	return true;
}

size_t addresses_for_people(const struct addresses *all, struct address *chosen, size_t max)
{
	static const int families[] = {AF_INET, AF_INET6};
	size_t n = 0;

	for (enum pass pass = PASS_REAL; pass <= PASS_LOOPBACK && n == 0; pass++)
		for (size_t f = 0; f < 2; f++)
			for (size_t i = 0; i < all->n && n < max; i++)
				if (all->list[i].family == families[f] &&
					belongs(&all->list[i], pass) && is_best(all, i))
					chosen[n++] = all->list[i];
	return n;
}

bool address_in_network(const struct address *network, const struct address *address)
{
	unsigned whole = network->prefix_len / 8, rest = network->prefix_len % 8;
	uint8_t mask = (uint8_t)(0xff00u >> rest);

	if (network->family != address->family ||
		memcmp(network->ip.s6_addr, address->ip.s6_addr, whole) != 0)
		return false;
	return rest == 0 || ((network->ip.s6_addr[whole] ^ address->ip.s6_addr[whole]) & mask) == 0;
}

static bool carries(const struct addresses *all, unsigned ifindex, const struct address *local)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->list[i].ifindex == ifindex && all->list[i].family == local->family &&
			memcmp(&all->list[i].ip, &local->ip, sizeof(local->ip)) == 0)
			return true;
	return false;
}

bool addresses_same_link(
	const struct addresses *all, const struct address *local, const struct address *peer)
{
	for (size_t i = 0; i < all->n; i++)
		/* a prefix of no bits says nothing about a link */
		if (all->list[i].prefix_len > 0 && address_in_network(&all->list[i], peer) &&
			carries(all, all->list[i].ifindex, local))
			return true;
	return false;
}

const char *address_format(const struct address *address, char *out, size_t len)
{
	char text[INET6_ADDRSTRLEN];

	if (!inet_ntop(address->family, &address->ip, text, sizeof(text)))
		snprintf(out, len, "?");
	else
		snprintf(out, len, address->family == AF_INET6 ? "[%s]" : "%s", text);
	return out;
}

bool address_from_sockaddr(const void *sockaddr, struct address *out)
{
	struct address address = {0};
	sa_family_t family;

	memcpy(&family, sockaddr, sizeof(family));
	if (family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, sockaddr, sizeof(in));
		address.family = AF_INET;
		memcpy(&address.ip, &in.sin_addr, 4);
	} else if (family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sockaddr, sizeof(in6));
		if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
			address.family = AF_INET;
			memcpy(&address.ip, in6.sin6_addr.s6_addr + 12, 4);
		} else {
			address.family = AF_INET6;
			address.ip = in6.sin6_addr;
			address.ifindex = in6.sin6_scope_id;
		}
	} else {
		return false;
	}
	address.prefix_len = address.family == AF_INET ? 32 : 128;
	address.is_loopback = address.family == AF_INET ? address.ip.s6_addr[0] == 127
							: IN6_IS_ADDR_LOOPBACK(&address.ip);
	address.is_link_local = address_is_link_local(&address);
	*out = address;
	return true;
}
