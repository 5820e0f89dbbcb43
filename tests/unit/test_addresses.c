/* SPDX-License-Identifier: MIT */
/* links: common/addresses.c common/addresses_read.c */
#include "common/addresses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/*
 * --- a kernel that says what the case wants ---
 *
 * send() and recvmsg() of this program take the place of the C library's: on FAKE_FD a request for
 * a dump is kept, and the datagrams of the case are its answers.  Any other fd is a real one.
 */

#define FAKE_FD      1000
#define DATAGRAM_MAX 16384

struct datagram {
	_Alignas(8) uint8_t bytes[DATAGRAM_MAX];
	size_t len;
	uint32_t from_pid;
};

static struct {
	struct datagram left_over, links[3], addresses[8];
	size_t n_left_overs, n_links, n_addresses;
	/* what was asked for */
	unsigned n_dumps;
	struct nlmsghdr request;
	size_t next;
} kernel;

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
	if (fd != FAKE_FD)
		return syscall(SYS_sendto, fd, bytes, len, flags, NULL, 0);
	assert_true(len >= sizeof(kernel.request));
	assert_int_equal(kernel.n_left_overs, 0); /* else the kernel says -EBUSY */
	memcpy(&kernel.request, bytes, sizeof(kernel.request));
	assert_int_equal(kernel.request.nlmsg_len, len);
	assert_int_equal(kernel.request.nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
	kernel.next = 0;
	kernel.n_dumps++;
	return (ssize_t)len;
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	struct sockaddr_nl from = {.nl_family = AF_NETLINK};
	bool is_link = kernel.request.nlmsg_type == RTM_GETLINK;
	struct datagram *datagram;

	if (fd != FAKE_FD)
		return syscall(SYS_recvmsg, fd, message, flags);
	if (kernel.n_left_overs > 0) {
		kernel.n_left_overs--;
		datagram = &kernel.left_over;
	} else if (kernel.n_dumps > 0 &&
		   kernel.next < (is_link ? kernel.n_links : kernel.n_addresses)) {
		datagram =
			is_link ? &kernel.links[kernel.next++] : &kernel.addresses[kernel.next++];
	} else {
		errno = EAGAIN;
		return -1;
	}
	assert_true(datagram->len <= message->msg_iov[0].iov_len);
	memcpy(message->msg_iov[0].iov_base, datagram->bytes, datagram->len);
	/* a case writes 0 where it means the right sequence number */
	for (size_t at = 0;
		datagram != &kernel.left_over && at + sizeof(struct nlmsghdr) <= datagram->len;) {
		struct nlmsghdr *head = (void *)((uint8_t *)message->msg_iov[0].iov_base + at);

		if (head->nlmsg_seq == 0)
			head->nlmsg_seq = kernel.request.nlmsg_seq;
		if (head->nlmsg_len < sizeof(*head) || head->nlmsg_len > datagram->len - at)
			break;
		at += NLMSG_ALIGN(head->nlmsg_len);
	}
	from.nl_pid = datagram->from_pid;
	memcpy(message->msg_name, &from, sizeof(from));
	message->msg_namelen = sizeof(from);
	message->msg_flags = 0;
	return (ssize_t)datagram->len;
}

static void *append(struct datagram *datagram, const void *bytes, size_t len)
{
	uint8_t *at = datagram->bytes + datagram->len;

	assert_true(datagram->len + NLMSG_ALIGN(len) <= sizeof(datagram->bytes));
	memset(at, 0, NLMSG_ALIGN(len));
	if (bytes)
		memcpy(at, bytes, len);
	datagram->len += NLMSG_ALIGN(len);
	return at;
}

static struct nlmsghdr *begin_message(struct datagram *datagram, uint16_t type, size_t body_len)
{
	struct nlmsghdr *head = append(datagram, NULL, NLMSG_LENGTH(body_len));

	head->nlmsg_type = type;
	head->nlmsg_flags = NLM_F_MULTI;
	head->nlmsg_len = (uint32_t)NLMSG_LENGTH(body_len);
	return head;
}

static void add_attribute(struct datagram *datagram, struct nlmsghdr *head, uint16_t type,
	const void *data, size_t len)
{
	struct rtattr *attribute = append(datagram, NULL, RTA_LENGTH(len));

	attribute->rta_type = type;
	attribute->rta_len = (uint16_t)RTA_LENGTH(len);
	memcpy(RTA_DATA(attribute), data, len);
	head->nlmsg_len = (uint32_t)((size_t)(datagram->bytes + datagram->len - (uint8_t *)head));
}

static void add_link(
	struct datagram *datagram, int ifindex, const char *name, unsigned flags, const char *kind)
{
	struct nlmsghdr *head = begin_message(datagram, RTM_NEWLINK, sizeof(struct ifinfomsg));
	struct ifinfomsg *info = NLMSG_DATA(head);
	struct {
		struct rtattr head;
		char text[32];
	} nested = {.head = {.rta_type = IFLA_INFO_KIND}};

	info->ifi_index = ifindex;
	info->ifi_flags = flags;
	add_attribute(datagram, head, IFLA_IFNAME, name, strlen(name) + 1);
	if (kind) {
		nested.head.rta_len = (uint16_t)RTA_LENGTH(strlen(kind) + 1);
		strcpy(nested.text, kind);
		add_attribute(datagram, head, IFLA_LINKINFO, &nested, nested.head.rta_len);
	}
}

#define UP (IFF_UP | IFF_RUNNING)

static struct nlmsghdr *add_address(struct datagram *datagram, unsigned ifindex, const char *text,
	unsigned bits, unsigned flags)
{
	struct nlmsghdr *head = begin_message(datagram, RTM_NEWADDR, sizeof(struct ifaddrmsg));
	struct ifaddrmsg *info = NLMSG_DATA(head);
	bool is_v6 = strchr(text, ':');
	struct in6_addr ip;

	assert_int_equal(inet_pton(is_v6 ? AF_INET6 : AF_INET, text, &ip), 1);
	info->ifa_family = is_v6 ? AF_INET6 : AF_INET;
	info->ifa_prefixlen = (uint8_t)bits;
	info->ifa_index = ifindex;
	info->ifa_flags = (uint8_t)flags;
	add_attribute(datagram, head, IFA_ADDRESS, &ip, is_v6 ? 16 : 4);
	if (flags > 0xff)
		add_attribute(datagram, head, IFA_FLAGS, &flags, sizeof(flags));
	return head;
}

static void add_done(struct datagram *datagram)
{
	begin_message(datagram, NLMSG_DONE, sizeof(int));
}

static int reset_kernel(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	kernel.n_links = kernel.n_addresses = 1;
	return 0;
}

static struct addresses all; /* of the case */

static void read_well(void)
{
	all.n = 99;
	assert_int_equal(addresses_read(FAKE_FD, &all), 0);
}

static const struct address *find(const char *text)
{
	char formatted[INET6_ADDRSTRLEN + 2];

	for (size_t i = 0; i < all.n; i++)
		if (strcmp(address_format(&all.list[i], formatted, sizeof(formatted)), text) == 0)
			return &all.list[i];
	fail_msg("%s is not there", text);
	return NULL;
}

/* The addresses for people as one text, "a b c". */
static const char *for_people(size_t max)
{
	static char text[1024];
	struct address chosen[16];
	char formatted[INET6_ADDRSTRLEN + 2];
	size_t n = addresses_for_people(&all, chosen, max);

	text[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			strcat(text, " ");
		strcat(text, address_format(&chosen[i], formatted, sizeof(formatted)));
	}
	return text;
}

/* --- reading --- */

static void addresses_carry_what_their_link_says(void **state)
{
	const struct address *a;

	(void)state;
	add_link(&kernel.links[0], 1, "lo", UP | IFF_LOOPBACK, NULL);
	add_link(&kernel.links[0], 2, "wlan0", UP, NULL);
	add_link(&kernel.links[0], 3, "docker0", IFF_UP, "bridge");
	add_done(&kernel.links[0]);
	add_address(&kernel.addresses[0], 1, "127.0.0.1", 8, IFA_F_PERMANENT);
	add_address(&kernel.addresses[0], 2, "192.168.1.7", 24, 0);
	add_address(&kernel.addresses[0], 2, "fe80::1", 64, 0);
	add_address(&kernel.addresses[0], 2, "2001:db8::7", 64, IFA_F_TEMPORARY | IFA_F_DEPRECATED);
	add_address(&kernel.addresses[0], 3, "172.17.0.1", 16, IFA_F_SECONDARY);
	add_done(&kernel.addresses[0]);
	read_well();

	assert_int_equal(all.n, 5);
	a = find("127.0.0.1");
	assert_true(a->is_loopback && a->is_up && !a->is_virtual && a->prefix_len == 8);
	a = find("192.168.1.7");
	assert_true(a->family == AF_INET && a->ifindex == 2 && a->prefix_len == 24);
	assert_true(a->is_up && !a->is_loopback && !a->is_virtual && !a->is_link_local);
	assert_string_equal(a->ifname, "wlan0");
	assert_true(find("[fe80::1]")->is_link_local);
	a = find("[2001:db8::7]");
	assert_true(a->family == AF_INET6 && a->is_temporary && a->is_deprecated);
	a = find("172.17.0.1");
	assert_true(a->is_virtual && !a->is_up && !a->is_temporary); /* no carrier */
}

static void kinds_are_hardware_or_virtual(void **state)
{
	static const char *const kinds[] = {"vlan", "bond", "team", "macvlan", "bridge", "veth",
		"tun", "dummy", "ifb", "wireguard", "vxlan", "sit", "unheard-of"};
	char name[IF_NAMESIZE], ip[INET_ADDRSTRLEN];

	(void)state;
	for (int i = 0; i < 13; i++) {
		snprintf(name, sizeof(name), "if%d", i);
		add_link(&kernel.links[0], 10 + i, name, UP, kinds[i]);
		snprintf(ip, sizeof(ip), "10.0.%d.1", i);
		add_address(&kernel.addresses[0], (unsigned)(10 + i), ip, 24, 0);
	}
	add_done(&kernel.links[0]);
	add_done(&kernel.addresses[0]);
	read_well();
	assert_int_equal(all.n, 13);
	for (size_t i = 0; i < 13; i++)
		assert_int_equal(all.list[i].is_virtual, i >= 4);
}

static void addresses_that_are_not_ours_yet_are_left_out(void **state)
{
	(void)state;
	add_link(&kernel.links[0], 2, "eth0", UP, NULL);
	add_done(&kernel.links[0]);
	add_address(&kernel.addresses[0], 2, "2001:db8::1", 64, IFA_F_TENTATIVE);
	add_address(&kernel.addresses[0], 2, "2001:db8::2", 64, IFA_F_DADFAILED);
	add_address(&kernel.addresses[0], 2, "2001:db8::3", 64, IFA_F_TENTATIVE | IFA_F_OPTIMISTIC);
	/* the wide attribute counts, not the old byte */
	add_address(&kernel.addresses[0], 2, "2001:db8::4", 64,
		IFA_F_STABLE_PRIVACY | IFA_F_DEPRECATED);
	add_done(&kernel.addresses[0]);
	read_well();
	assert_int_equal(all.n, 2);
	find("[2001:db8::3]");
	assert_true(find("[2001:db8::4]")->is_deprecated);
}

static void other_end_of_a_point_to_point_link_is_not_taken_for_ours(void **state)
{
	static const uint8_t ours[4] = {10, 0, 0, 1};
	struct nlmsghdr *head;

	(void)state;
	add_link(&kernel.links[0], 2, "ppp0", UP, "ppp");
	add_done(&kernel.links[0]);
	head = add_address(&kernel.addresses[0], 2, "10.0.0.2", 32, 0);
	add_attribute(&kernel.addresses[0], head, IFA_LOCAL, ours, 4);
	add_done(&kernel.addresses[0]);
	read_well();
	assert_int_equal(all.n, 1);
	find("10.0.0.1");
}

static void several_datagrams_are_one_dump(void **state)
{
	(void)state;
	kernel.n_links = 2;
	add_link(&kernel.links[0], 2, "eth0", UP, NULL);
	add_link(&kernel.links[1], 3, "eth1", UP, NULL);
	add_done(&kernel.links[1]);
	kernel.n_addresses = 3;
	add_address(&kernel.addresses[0], 2, "10.0.0.1", 24, 0);
	add_address(&kernel.addresses[1], 3, "10.0.1.1", 24, 0);
	add_done(&kernel.addresses[2]);
	read_well();
	assert_string_equal(find("10.0.0.1")->ifname, "eth0");
	assert_string_equal(find("10.0.1.1")->ifname, "eth1");
	assert_int_equal(kernel.n_dumps, 2);
}

/* httpd was killed in the middle of a dump; its successor inherits the socket. */
static void answers_to_a_predecessor_are_thrown_away(void **state)
{
	(void)state;
	add_link(&kernel.left_over, 9, "old", UP, NULL);
	add_address(&kernel.left_over, 9, "192.0.2.99", 24, 0);
	add_done(&kernel.left_over);
	kernel.n_left_overs = 100;
	add_link(&kernel.links[0], 2, "eth0", UP, NULL);
	add_done(&kernel.links[0]);
	/* one that comes between ours, with a number of its own, counts no more */
	add_address(&kernel.addresses[0], 2, "192.0.2.99", 24, 0)->nlmsg_seq = 77;
	begin_message(&kernel.addresses[0], NLMSG_DONE, sizeof(int))->nlmsg_seq = 77;
	add_address(&kernel.addresses[0], 2, "192.0.2.1", 24, 0);
	add_done(&kernel.addresses[0]);
	read_well();
	assert_int_equal(all.n, 1);
	find("192.0.2.1");
}

static void messages_from_other_processes_are_ignored(void **state)
{
	(void)state;
	kernel.n_links = kernel.n_addresses = 2;
	add_link(&kernel.links[0], 2, "forged", UP, NULL);
	kernel.links[0].from_pid = 4711;
	add_link(&kernel.links[1], 2, "eth0", UP, NULL);
	add_done(&kernel.links[1]);
	add_address(&kernel.addresses[0], 2, "192.0.2.99", 24, 0);
	kernel.addresses[0].from_pid = 4711;
	add_address(&kernel.addresses[1], 2, "192.0.2.1", 24, 0);
	add_done(&kernel.addresses[1]);
	read_well();
	assert_int_equal(all.n, 1);
	assert_string_equal(find("192.0.2.1")->ifname, "eth0");
}

static void endless_left_overs_end(void **state)
{
	(void)state;
	add_done(&kernel.left_over);
	kernel.n_left_overs = SIZE_MAX;
	assert_int_equal(addresses_read(FAKE_FD, &all), -EBUSY);
	assert_int_equal(all.n, 0);
	assert_int_equal(kernel.n_dumps, 0);
}

static void dump_that_does_not_end_is_an_error(void **state)
{
	(void)state;
	add_link(&kernel.links[0], 2, "eth0", UP, NULL);
	assert_int_equal(addresses_read(FAKE_FD, &all), -EAGAIN); /* and not a wait */
	assert_int_equal(all.n, 0);
}

static void error_of_the_kernel_is_handed_on(void **state)
{
	struct nlmsgerr *error;

	(void)state;
	error = NLMSG_DATA(begin_message(&kernel.links[0], NLMSG_ERROR, sizeof(*error)));
	error->error = -EPERM;
	assert_int_equal(addresses_read(FAKE_FD, &all), -EPERM);
	error->error = 0; /* an acknowledgement nobody asked for */
	assert_int_equal(addresses_read(FAKE_FD, &all), -EPROTO);
	error->error = INT32_MIN;
	assert_int_equal(addresses_read(FAKE_FD, &all), -EPROTO);
}

static void interrupted_dump_is_made_again(void **state)
{
	(void)state;
	add_link(&kernel.links[0], 2, "eth0", UP, NULL);
	add_done(&kernel.links[0]);
	add_address(&kernel.addresses[0], 2, "192.0.2.1", 24, 0)->nlmsg_flags |= NLM_F_DUMP_INTR;
	add_done(&kernel.addresses[0]);
	read_well();
	assert_int_equal(kernel.n_dumps, 6); /* three times, then it has to do */
	assert_int_equal(all.n, 1);
}

/* The kernel does not lie, but what cannot be right must not be read past its end (ASan looks on).
 */
static void lengths_that_lie_are_refused_or_passed_over(void **state)
{
	static const uint32_t lengths[] = {0, 1, 15, 0x7fffffff, 0xffffffff};
	static const uint16_t attribute_lengths[] = {0, 1, 3, 200, 0xffff};
	struct rtattr *attribute;
	struct nlmsghdr *head;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		reset_kernel(NULL);
		add_link(&kernel.links[0], 2, "eth0", UP, NULL);
		((struct nlmsghdr *)kernel.links[0].bytes)->nlmsg_len = lengths[i];
		assert_int_equal(addresses_read(FAKE_FD, &all), -EPROTO);
	}
	for (size_t i = 0; i < 5; i++) {
		reset_kernel(NULL);
		add_link(&kernel.links[0], 2, "eth0", UP, NULL);
		add_done(&kernel.links[0]);
		head = add_address(&kernel.addresses[0], 2, "192.0.2.1", 24, 0);
		attribute = IFA_RTA(NLMSG_DATA(head));
		attribute->rta_len = attribute_lengths[i];
		add_done(&kernel.addresses[0]);
		read_well();
		assert_int_equal(all.n, 0);
	}
	/* too short for its own fixed part */
	reset_kernel(NULL);
	begin_message(&kernel.links[0], RTM_NEWLINK, 4);
	add_done(&kernel.links[0]);
	begin_message(&kernel.addresses[0], RTM_NEWADDR, 4);
	add_done(&kernel.addresses[0]);
	read_well();
	assert_int_equal(all.n, 0);
	/* a name without its NUL, longer than there is room for; a prefix longer than the address
	 */
	reset_kernel(NULL);
	add_link(&kernel.links[0], 2, "a-name-that-is-far-too-long", UP, NULL);
	add_done(&kernel.links[0]);
	add_address(&kernel.addresses[0], 2, "192.0.2.1", 255, 0);
	add_done(&kernel.addresses[0]);
	read_well();
	assert_int_equal(all.list[0].prefix_len, 32);
	assert_int_equal(strlen(all.list[0].ifname), IF_NAMESIZE - 1);
}

/* A machine full of containers: thousands of virtual addresses before the one that matters. */
static void real_address_finds_room_among_too_many(void **state)
{
	char ip[INET_ADDRSTRLEN];

	(void)state;
	add_link(&kernel.links[0], 2, "eth0", UP, NULL);
	add_link(&kernel.links[0], 3, "kube-ipvs0", UP, "dummy");
	add_done(&kernel.links[0]);
	kernel.n_addresses = 2;
	for (int i = 0; i < 300; i++) {
		snprintf(ip, sizeof(ip), "10.1.%d.%d", i / 200, i % 200 + 1);
		add_address(&kernel.addresses[0], 3, ip, 32, 0);
	}
	add_address(&kernel.addresses[1], 2, "192.0.2.1", 24, 0);
	add_address(&kernel.addresses[1], 3, "10.1.9.9", 32, 0);
	add_done(&kernel.addresses[1]);
	read_well();
	assert_int_equal(all.n, ADDRESSES_MAX);
	assert_string_equal(for_people(16), "192.0.2.1");
}

/* --- the real kernel --- */

static void real_socket_lists_loopback_again_and_again(void **state)
{
	int fd = addresses_open();

	(void)state;
	assert_true(fd >= 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(addresses_read(fd, &all), 0);
		assert_true(find("127.0.0.1")->is_loopback);
	}
	close(fd);
	assert_int_equal(addresses_read(fd, &all), -EBADF);
	assert_int_equal(all.n, 0);
}

/* As httpd has it: the socket is the host's, the process lives in a network without interfaces. */
static void inherited_socket_lists_the_hosts_addresses(void **state)
{
	static struct addresses inside;
	int fd = addresses_open(), status;
	pid_t pid;

	(void)state;
	assert_int_equal(addresses_read(fd, &all), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
			_exit(2);
		if (addresses_read(fd, &inside) < 0)
			_exit(1);
		_exit(inside.n == all.n && memcmp(inside.list, all.list,
						   all.n * sizeof(all.list[0])) == 0
				? 0
				: 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(fd);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 2)
		skip(); /* neither root nor user namespaces */
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* --- which of them --- */

static struct address *put(const char *text, unsigned bits, unsigned ifindex)
{
	struct address *a = &all.list[all.n++];

	memset(a, 0, sizeof(*a));
	a->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(a->family, text, &a->ip), 1);
	a->prefix_len = bits;
	a->ifindex = ifindex;
	a->is_up = true;
	a->is_link_local = address_is_link_local(a);
	return a;
}

static int clear(void **state)
{
	(void)state;
	memset(&all, 0, sizeof(all));
	return 0;
}

static void people_get_one_per_real_interface_ipv4_first(void **state)
{
	(void)state;
	put("127.0.0.1", 8, 1)->is_loopback = true;
	put("fd00::2", 64, 2);
	put("2001:db8::3", 64, 3);
	put("192.168.1.7", 24, 3);
	put("192.168.1.8", 24, 3);
	put("10.0.0.1", 8, 4);
	put("172.17.0.1", 16, 5)->is_virtual = true;
	put("10.9.9.9", 24, 6)->is_up = false;
	put("fe80::7", 64, 7);
	assert_string_equal(for_people(16), "192.168.1.7 10.0.0.1 [fd00::2]");
	assert_string_equal(for_people(2), "192.168.1.7 10.0.0.1");
	assert_string_equal(for_people(0), "");
}

static void people_get_no_link_local_or_passing_address_where_there_is_another(void **state)
{
	struct address *a;

	(void)state;
	put("169.254.3.4", 16, 2);
	put("10.0.0.1", 24, 2);
	put("2001:db8::1", 64, 3)->is_temporary = true;
	put("2001:db8::2", 64, 3)->is_deprecated = true;
	a = put("2001:db8::3", 64, 3);
	assert_string_equal(for_people(16), "10.0.0.1 [2001:db8::3]");
	a->is_deprecated = true;
	assert_string_equal(for_people(16), "10.0.0.1 [2001:db8::1]");
	put("169.254.3.4", 16, 4);
	assert_string_equal(for_people(16), "10.0.0.1 169.254.3.4 [2001:db8::1]");
}

static void people_get_virtual_ones_when_nothing_real_is_left(void **state)
{
	struct address *a;

	(void)state;
	put("127.0.0.1", 8, 1)->is_loopback = true;
	put("::1", 128, 1)->is_loopback = true;
	a = put("192.168.1.7", 24, 2); /* on br0, as of who runs virtual machines */
	a->is_virtual = true;
	put("10.8.0.2", 24, 3)->is_virtual = true;
	put("fe80::1", 64, 4);
	assert_string_equal(for_people(16), "192.168.1.7 10.8.0.2");
}

static void people_get_loopback_when_nothing_else_is_up(void **state)
{
	(void)state;
	put("192.168.1.7", 24, 2)->is_up = false;
	put("::1", 128, 1)->is_loopback = true;
	put("127.0.0.1", 8, 1)->is_loopback = true;
	assert_string_equal(for_people(16), "127.0.0.1");
	all.n = 0;
	assert_string_equal(for_people(16), "");
}

/* An address of a peer or of ours, from text. */
static const struct address *is(const char *text)
{
	static struct address kept[4];
	static unsigned next;
	struct address *a = &kept[next++ % 4];

	memset(a, 0, sizeof(*a));
	a->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(a->family, text, &a->ip), 1);
	return a;
}

static void same_link_is_the_prefix_of_the_interface_that_was_reached(void **state)
{
	(void)state;
	put("203.0.113.129", 25, 2);
	put("2001:db8:1::7", 64, 2);
	put("2001:db8:2::7", 60, 3);
	assert_true(addresses_same_link(&all, is("203.0.113.129"), is("203.0.113.200")));
	assert_false(addresses_same_link(&all, is("203.0.113.129"), is("203.0.113.127")));
	assert_true(addresses_same_link(&all, is("2001:db8:1::7"), is("2001:db8:1::ffff")));
	assert_true(addresses_same_link(&all, is("2001:db8:2::7"), is("2001:db8:2:f::1")));
	assert_false(addresses_same_link(&all, is("2001:db8:2::7"), is("2001:db8:2:10::1")));
	/* on a link of ours, but not the one that it reached */
	assert_false(addresses_same_link(&all, is("2001:db8:2::7"), is("2001:db8:1::ffff")));
	/* reached at an address that is not ours (any more) */
	assert_false(addresses_same_link(&all, is("2001:db8:1::8"), is("2001:db8:1::ffff")));
	/* families are not mixed: cb007181… is 203.0.113.129 in the first four bytes */
	assert_false(addresses_same_link(&all, is("203.0.113.129"), is("cb00:7181::")));
}

static void prefix_of_no_bits_is_no_link(void **state)
{
	(void)state;
	put("203.0.113.1", 0, 2);
	assert_false(addresses_same_link(&all, is("203.0.113.1"), is("198.51.100.1")));
}

static void network_holds_what_shares_its_bits(void **state)
{
	struct address network = *is("203.0.113.0");

	(void)state;
	network.prefix_len = 23;
	assert_true(address_in_network(&network, is("203.0.112.0")));
	assert_true(address_in_network(&network, is("203.0.113.255")));
	assert_false(address_in_network(&network, is("203.0.114.0")));
	network.prefix_len = 32;
	assert_false(address_in_network(&network, is("203.0.113.1")));
	network.prefix_len = 0;
	assert_true(address_in_network(&network, is("198.51.100.1")));
	assert_false(address_in_network(&network, is("::")));
	network = *is("2001:db8::1");
	network.prefix_len = 128;
	assert_true(address_in_network(&network, is("2001:db8::1")));
	assert_false(address_in_network(&network, is("2001:db8::")));
}

/* --- text and socket addresses --- */

static void socket_addresses_are_unmapped(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0a80107)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_scope_id = 5};
	sa_family_t unix_family = AF_UNIX;
	char text[INET6_ADDRSTRLEN + 2];
	struct address a;

	(void)state;
	assert_true(address_from_sockaddr(&in, &a));
	assert_string_equal(address_format(&a, text, sizeof(text)), "192.168.1.7");
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &in6.sin6_addr);
	assert_true(address_from_sockaddr(&in6, &a));
	assert_int_equal(a.family, AF_INET);
	assert_true(a.is_loopback);
	assert_string_equal(address_format(&a, text, sizeof(text)), "127.0.0.1");
	inet_pton(AF_INET6, "fe80::1", &in6.sin6_addr);
	assert_true(address_from_sockaddr(&in6, &a));
	assert_true(a.is_link_local && a.ifindex == 5);
	assert_string_equal(address_format(&a, text, sizeof(text)), "[fe80::1]");
	inet_pton(AF_INET6, "::1", &in6.sin6_addr);
	assert_true(address_from_sockaddr(&in6, &a));
	assert_true(a.is_loopback && !a.is_link_local);
	a.ifindex = 42;
	assert_false(address_from_sockaddr(&unix_family, &a));
	assert_int_equal(a.ifindex, 42);
}

static void longest_address_fits_and_a_strange_family_is_a_question_mark(void **state)
{
	char text[INET6_ADDRSTRLEN + 2];

	(void)state;
	assert_string_equal(
		address_format(is("1111:2222:3333:4444:5555:6666:7777:8888"), text, sizeof(text)),
		"[1111:2222:3333:4444:5555:6666:7777:8888]");
	assert_string_equal(
		address_format(&(struct address){.family = AF_UNIX}, text, sizeof(text)), "?");
}

int main(void)
{
#define READ(name)   cmocka_unit_test_setup(name, reset_kernel)
#define CHOOSE(name) cmocka_unit_test_setup(name, clear)
	const struct CMUnitTest tests[] = {
		READ(addresses_carry_what_their_link_says),
		READ(kinds_are_hardware_or_virtual),
		READ(addresses_that_are_not_ours_yet_are_left_out),
		READ(other_end_of_a_point_to_point_link_is_not_taken_for_ours),
		READ(several_datagrams_are_one_dump),
		READ(answers_to_a_predecessor_are_thrown_away),
		READ(messages_from_other_processes_are_ignored),
		READ(endless_left_overs_end),
		READ(dump_that_does_not_end_is_an_error),
		READ(error_of_the_kernel_is_handed_on),
		READ(interrupted_dump_is_made_again),
		READ(lengths_that_lie_are_refused_or_passed_over),
		READ(real_address_finds_room_among_too_many),
		READ(real_socket_lists_loopback_again_and_again),
		READ(inherited_socket_lists_the_hosts_addresses),
		CHOOSE(people_get_one_per_real_interface_ipv4_first),
		CHOOSE(people_get_no_link_local_or_passing_address_where_there_is_another),
		CHOOSE(people_get_virtual_ones_when_nothing_real_is_left),
		CHOOSE(people_get_loopback_when_nothing_else_is_up),
		CHOOSE(same_link_is_the_prefix_of_the_interface_that_was_reached),
		CHOOSE(prefix_of_no_bits_is_no_link),
		CHOOSE(network_holds_what_shares_its_bits),
		CHOOSE(socket_addresses_are_unmapped),
		CHOOSE(longest_address_fits_and_a_strange_family_is_a_question_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
