/* SPDX-License-Identifier: MIT */
/*
 * The one place that knows this machine's addresses: which to print for people to type, and which
 * peers are on the same link.  By rtnetlink, over a socket that may be inherited: inside
 * PrivateNetwork a `ListenNetlink=route 0` socket still lists the host's interfaces.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <net/if.h>
#include <netinet/in.h>

#define ADDRESSES_MAX 128

struct address {
	int family;          /* AF_INET or AF_INET6 */
	struct in6_addr ip;  /* AF_INET: in the first four bytes */
	unsigned prefix_len; /* bits */
	unsigned ifindex;
	char ifname[IF_NAMESIZE];
	bool is_up, is_loopback, is_link_local;
	bool is_virtual; /* bridge, veth, tun/tap, dummy and their like: not what a TV reaches */
	bool is_temporary, is_deprecated; /* IPv6 privacy addresses: not for typing */
};

struct addresses {
	size_t n;
	struct address list[ADDRESSES_MAX];
};

/* addresses_read.c: opens a route socket.  fd or -errno. */
int addresses_open(void);
/*
 * addresses_read.c: reads all addresses through a route socket, without blocking.  0 or -errno
 * (`out` is then empty).  Of more than ADDRESSES_MAX those of virtual interfaces are left out
 * first.
 */
int addresses_read(int netlink_fd, struct addresses *out);

/*
 * Writes into `chosen` those to print: one per interface that is up and neither loopback nor
 * virtual, IPv4 before IPv6, no link-local if the interface has another; if none is left, one per
 * interface that is up and not loopback; if still none, loopback.  Never a link-local IPv6 address:
 * it needs a zone, which no browser takes.  Returns how many.
 */
size_t addresses_for_people(const struct addresses *all, struct address *chosen, size_t max);

/*
 * True if the first `network->prefix_len` bits of both are the same (parse_network() makes
 * networks); addresses of different families never are.
 */
bool address_in_network(const struct address *network, const struct address *address);

/* True if `peer` lies in the prefix of an address of the interface that carries `local`. */
bool addresses_same_link(
	const struct addresses *all, const struct address *local, const struct address *peer);

/* "192.168.1.7" or "[fd00::1]"; out needs INET6_ADDRSTRLEN + 2.  Returns out. */
const char *address_format(const struct address *address, char *out, size_t len);
/* 169.254.0.0/16 or fe80::/10, by the address itself. */
bool address_is_link_local(const struct address *address);
/* From a socket address; IPv4-mapped IPv6 becomes IPv4.  False: another family. */
bool address_from_sockaddr(const void *sockaddr, struct address *out);
