/* SPDX-License-Identifier: MIT */
#include "common/addresses.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

/* Linux 3.x and later send dumps in datagrams of at most 32 KiB to who offers that much room. */
#define DATAGRAM_MAX 32768
/* So many datagrams of one dump are read at most, and as many left-overs thrown away before it. */
#define DATAGRAMS_MAX 1024
#define LINKS_MAX     512

struct link {
	unsigned ifindex;
	char ifname[IF_NAMESIZE];
	bool is_up, is_loopback, is_virtual;
};

/* One dump after the other; too large for a stack. */
struct reading {
	int fd;
	uint32_t sequence;
	bool was_interrupted; /* the kernel changed its tables under the dump: what we have is a
				 mixture */
	struct addresses *out;
	size_t n_links;
	struct link links[LINKS_MAX];
	/* netlink wants 4-byte alignment */
	_Alignas(struct nlmsghdr) uint8_t datagram[DATAGRAM_MAX];
};

typedef void on_message_fn(struct reading *reading, const struct nlmsghdr *head);

int addresses_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	return fd < 0 ? -errno : fd;
}

/* --- attributes --- */

/*
 * The attribute after `attribute`, or the first one for NULL, within `bytes`; NULL at the end.
 * Each length is checked against what is left.
 */
static const struct rtattr *next_attribute(
	const void *bytes, size_t len, const struct rtattr *attribute)
{
	const uint8_t *start = bytes, *at = start;
	size_t left;

	if (attribute)
		at = (const uint8_t *)attribute + RTA_ALIGN(attribute->rta_len);
	if ((size_t)(at - start) > len)
		return NULL;
	left = len - (size_t)(at - start);
	attribute = (const void *)at;
	if (left < sizeof(*attribute) || attribute->rta_len < sizeof(*attribute) ||
		attribute->rta_len > left)
		return NULL;
	return attribute;
}

static size_t attribute_len(const struct rtattr *attribute)
{
	return attribute->rta_len - RTA_LENGTH(0);
}

/* Of an attribute that holds a string, with or without its NUL. */
static void copy_string(char *out, size_t size, const struct rtattr *attribute)
{
	size_t len = strnlen(RTA_DATA(attribute), attribute_len(attribute));

	if (len >= size)
		len = size - 1;
	memcpy(out, RTA_DATA(attribute), len);
	out[len] = '\0';
}

/* --- links --- */

/*
 * Real hardware has no kind, but what is built right on top of it has: the others (bridges of
 * virtual machines, veth of containers, tunnels) lead to no television.
 */
static bool kind_is_virtual(const char *kind)
{
	static const char *const real[] = {"vlan", "bond", "team", "macvlan", "ipvlan", "ipoib"};

	for (size_t i = 0; i < sizeof(real) / sizeof(real[0]); i++)
		if (strcmp(kind, real[i]) == 0)
			return false;
	return true;
}

static bool is_virtual(const struct rtattr *info)
{
	const struct rtattr *a = NULL;
	char kind[32];

	while ((a = next_attribute(RTA_DATA(info), attribute_len(info), a))) {
		if (a->rta_type == IFLA_INFO_KIND) {
			copy_string(kind, sizeof(kind), a);
			return kind_is_virtual(kind);
		}
	}
	return false;
}

static void on_link(struct reading *reading, const struct nlmsghdr *head)
{
	const struct ifinfomsg *info = NLMSG_DATA(head);
	const struct rtattr *a = NULL;
	struct link *link;

	if (head->nlmsg_type != RTM_NEWLINK || head->nlmsg_len < NLMSG_SPACE(sizeof(*info)) ||
		reading->n_links == LINKS_MAX)
		return;
	link = &reading->links[reading->n_links++];
	*link = (struct link){
		.ifindex = (unsigned)info->ifi_index,
		.is_up = (info->ifi_flags & IFF_UP) && (info->ifi_flags & IFF_RUNNING),
		.is_loopback = info->ifi_flags & IFF_LOOPBACK,
	};
	while ((a = next_attribute(IFLA_RTA(info), NLMSG_PAYLOAD(head, sizeof(*info)), a))) {
		if (a->rta_type == IFLA_IFNAME)
			copy_string(link->ifname, sizeof(link->ifname), a);
		else if ((a->rta_type & NLA_TYPE_MASK) == IFLA_LINKINFO)
			link->is_virtual = is_virtual(a);
	}
}

/* --- addresses --- */

/* A machine may have thousands (containers); then a real one takes the place of a virtual one. */
static void add(struct addresses *out, const struct address *address)
{
	if (out->n < ADDRESSES_MAX) {
		out->list[out->n++] = *address;
		return;
	}
	for (size_t i = 0; i < out->n && !address->is_virtual; i++) {
		if (out->list[i].is_virtual) {
			out->list[i] = *address;
			return;
		}
	}
}

static void on_address(struct reading *reading, const struct nlmsghdr *head)
{
	const struct ifaddrmsg *info = NLMSG_DATA(head);
	struct address address = {0};
	const struct rtattr *a = NULL, *ip = NULL;
	size_t ip_len;
	uint32_t flags;
	bool has_local = false;

	if (head->nlmsg_type != RTM_NEWADDR || head->nlmsg_len < NLMSG_SPACE(sizeof(*info)) ||
		(info->ifa_family != AF_INET && info->ifa_family != AF_INET6))
		return;
	flags = info->ifa_flags;
	ip_len = info->ifa_family == AF_INET ? 4 : 16;
	while ((a = next_attribute(IFA_RTA(info), NLMSG_PAYLOAD(head, sizeof(*info)), a))) {
		if (a->rta_type == IFA_FLAGS && attribute_len(a) == sizeof(flags))
			memcpy(&flags, RTA_DATA(a), sizeof(flags));
		if (attribute_len(a) != ip_len)
			continue;
		/* on a point-to-point link IFA_ADDRESS is the other end */
		if (a->rta_type == IFA_LOCAL || (a->rta_type == IFA_ADDRESS && !has_local))
			ip = a;
		has_local = has_local || a->rta_type == IFA_LOCAL;
	}
	/* not (yet) ours: nobody can reach it */
	if (!ip || (flags & IFA_F_DADFAILED) ||
		((flags & IFA_F_TENTATIVE) && !(flags & IFA_F_OPTIMISTIC)))
		return;

	address.family = info->ifa_family;
	memcpy(&address.ip, RTA_DATA(ip), ip_len);
	address.prefix_len =
		info->ifa_prefixlen <= ip_len * 8 ? info->ifa_prefixlen : (unsigned)ip_len * 8;
	address.ifindex = info->ifa_index;
	address.is_link_local = address_is_link_local(&address);
	/* the same bit means "secondary" in IPv4 */
	address.is_temporary = address.family == AF_INET6 && (flags & IFA_F_TEMPORARY);
	address.is_deprecated = flags & IFA_F_DEPRECATED;
	address.is_virtual = true; /* unless its link, among the first LINKS_MAX, says otherwise */
	for (size_t i = 0; i < reading->n_links; i++) {
		const struct link *link = &reading->links[i];

		if (link->ifindex != address.ifindex)
			continue;
		memcpy(address.ifname, link->ifname, sizeof(address.ifname));
		address.is_up = link->is_up;
		address.is_loopback = link->is_loopback;
		address.is_virtual = link->is_virtual;
		break;
	}
	add(reading->out, &address);
}

/* --- dumps --- */

/* One datagram, from the kernel.  Its length, 0 for one from somebody else, or -errno. */
static ssize_t receive(struct reading *reading)
{
	struct sockaddr_nl from = {0};
	struct iovec iov = {.iov_base = reading->datagram, .iov_len = sizeof(reading->datagram)};
	struct msghdr message = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};
	ssize_t len;

	do
		len = recvmsg(reading->fd, &message, MSG_DONTWAIT);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return -errno;
	if (message.msg_namelen != sizeof(from) || from.nl_family != AF_NETLINK || from.nl_pid != 0)
		return 0;
	return message.msg_flags & MSG_TRUNC ? -EMSGSIZE : len;
}

/*
 * A socket that outlives its users may hold the answers to a predecessor that was killed in the
 * middle of a dump; until these are read the kernel refuses another (-EBUSY).
 */
static int drain(struct reading *reading)
{
	for (int i = 0; i < DATAGRAMS_MAX; i++) {
		ssize_t len = receive(reading);

		if (len == -EAGAIN)
			return 0;
		/* -ENOBUFS: an overrun was noted; reading on clears it */
		if (len < 0 && len != -EMSGSIZE && len != -ENOBUFS)
			return (int)len;
	}
	return -EBUSY;
}

/* The messages of one datagram.  1: the dump is complete; 0: more is to come; -errno. */
static int read_datagram(struct reading *reading, size_t len, on_message_fn *on_message)
{
	const uint8_t *at = reading->datagram, *end = at + len;

	while ((size_t)(end - at) >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *head = (const void *)at;
		size_t room = (size_t)(end - at);

		if (head->nlmsg_len < sizeof(*head) || head->nlmsg_len > room)
			return -EPROTO;
		if (head->nlmsg_seq == reading->sequence) {
			if (head->nlmsg_flags & NLM_F_DUMP_INTR)
				reading->was_interrupted = true;
			if (head->nlmsg_type == NLMSG_DONE)
				return 1;
			if (head->nlmsg_type == NLMSG_ERROR) {
				const struct nlmsgerr *error = NLMSG_DATA(head);

				if (head->nlmsg_len < NLMSG_LENGTH(sizeof(error->error)) ||
					error->error >= 0 || error->error < -4095)
					return -EPROTO;
				return error->error;
			}
			on_message(reading, head);
		}
		if (NLMSG_ALIGN(head->nlmsg_len) >= room)
			break;
		at += NLMSG_ALIGN(head->nlmsg_len);
	}
	return 0;
}

/*
 * Asks for a whole table and reads the answer.  Nothing here waits: the kernel makes the first
 * datagram within send() and each further one within the recvmsg() before it.
 */
static int dump(struct reading *reading, uint16_t type, on_message_fn *on_message)
{
	struct {
		struct nlmsghdr head;
		union {
			struct ifinfomsg link;
			struct ifaddrmsg address;
		} body; /* all zero: of every family */
	} request = {.head = {.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
	size_t body_len =
		type == RTM_GETLINK ? sizeof(request.body.link) : sizeof(request.body.address);

	request.head.nlmsg_len = (uint32_t)NLMSG_LENGTH(body_len);
	request.head.nlmsg_seq = ++reading->sequence;
	if (send(reading->fd, &request, request.head.nlmsg_len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	for (int i = 0; i < DATAGRAMS_MAX; i++) {
		ssize_t len = receive(reading);
		int r;

		if (len < 0)
			return (int)len;
		r = read_datagram(reading, (size_t)len, on_message);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return -EMSGSIZE;
}

int addresses_read(int netlink_fd, struct addresses *out)
{
	struct reading *reading = malloc(sizeof(*reading));
	int r;

	out->n = 0;
	if (!reading)
		return -ENOMEM;
	reading->fd = netlink_fd;
	reading->out = out;
	/* Random, so that a predecessor's answers on an inherited socket are not taken for ours. */
	if (getrandom(&reading->sequence, sizeof(reading->sequence), GRND_NONBLOCK) !=
		sizeof(reading->sequence))
		reading->sequence = (uint32_t)(uintptr_t)reading;
	for (int tries = 0; tries < 3; tries++) {
		reading->was_interrupted = false;
		reading->n_links = 0;
		out->n = 0;
		r = drain(reading);
		if (r == 0)
			r = dump(reading, RTM_GETLINK, on_link);
		if (r == 0)
			r = dump(reading, RTM_GETADDR, on_address);
		if (r < 0 || !reading->was_interrupted)
			break;
	}
	/* Interrupted three times running: what is there is good enough, and read again soon. */
	if (r < 0)
		out->n = 0;
	free(reading);
	return r;
}
