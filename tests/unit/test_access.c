/* SPDX-License-Identifier: MIT */
/* links: httpd/access.c common/addresses.c common/parse.c -lsystemd */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "httpd/access.h"

static struct address address_of(const char *text)
{
	struct address address = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};

	assert_int_equal(inet_pton(address.family, text, &address.ip), 1);
	return address;
}

/* --- a machine with two interfaces, in place of netlink --- */

static unsigned n_reads;

int addresses_read(int netlink_fd, struct addresses *out)
{
	static const struct {
		const char *text;
		unsigned prefix_len, ifindex;
	} all[] = {{"127.0.0.1", 8, 1}, {"::1", 128, 1}, {"192.168.1.5", 24, 2},
		{"2001:db8:1:2::5", 64, 2}, {"203.0.113.9", 29, 3}};

	assert_true(netlink_fd >= 0);
	n_reads++;
	out->n = sizeof(all) / sizeof(all[0]);
	for (size_t i = 0; i < out->n; i++) {
		out->list[i] = address_of(all[i].text);
		out->list[i].prefix_len = all[i].prefix_len;
		out->list[i].ifindex = all[i].ifindex;
		out->list[i].is_up = true;
	}
	return 0;
}

static struct access *machine(const char *hosts, const char *allow)
{
	struct config config = {0};
	struct access *access = NULL;

	snprintf(config.http.hosts, sizeof(config.http.hosts), "%s", hosts);
	snprintf(config.http.allow, sizeof(config.http.allow), "%s", allow);
	assert_int_equal(
		access_create(&config, open("/dev/null", O_RDONLY | O_CLOEXEC), &access), 0);
	return access;
}

static enum access_verdict decide(struct access *access, const char *peer, const char *local,
	const char *host, enum access_right right)
{
	const struct address peer_address = address_of(peer), local_address = address_of(local);
	const struct access_question question = {
		.peer = &peer_address, .local = &local_address, .host = host, .right = right};

	return access_decide(access, &question);
}

static void lets_in_who_is_near(void **state)
{
	static const struct {
		const char *peer, *local;
		enum access_verdict verdict;
	} cases[] = {
		{"127.0.0.1", "127.0.0.1", ACCESS_GRANTED},
		{"127.9.9.9", "127.0.0.1", ACCESS_GRANTED},
		{"::1", "::1", ACCESS_GRANTED},
		{"10.1.2.3", "192.168.1.5", ACCESS_GRANTED},
		{"172.16.0.1", "192.168.1.5", ACCESS_GRANTED},
		{"172.31.255.255", "192.168.1.5", ACCESS_GRANTED},
		{"172.15.255.255", "192.168.1.5", ACCESS_NOT_FROM_THERE},
		{"172.32.0.0", "192.168.1.5", ACCESS_NOT_FROM_THERE},
		{"192.168.200.1", "192.168.1.5", ACCESS_GRANTED},
		{"192.169.0.1", "192.168.1.5", ACCESS_NOT_FROM_THERE},
		{"169.254.7.7", "192.168.1.5", ACCESS_GRANTED},
		{"100.64.0.1", "192.168.1.5", ACCESS_GRANTED},
		{"100.127.255.255", "192.168.1.5", ACCESS_GRANTED},
		{"100.128.0.0", "192.168.1.5", ACCESS_NOT_FROM_THERE},
		{"100.63.255.255", "192.168.1.5", ACCESS_NOT_FROM_THERE},
		{"fe80::1", "192.168.1.5", ACCESS_GRANTED},
		{"febf::1", "192.168.1.5", ACCESS_GRANTED},
		{"fec0::1", "192.168.1.5", ACCESS_NOT_FROM_THERE},
		{"fd12:3456::1", "192.168.1.5", ACCESS_GRANTED},
		{"fc00::1", "192.168.1.5", ACCESS_GRANTED},
		{"fe00::1", "192.168.1.5", ACCESS_NOT_FROM_THERE},
		{"8.8.8.8", "192.168.1.5", ACCESS_NOT_FROM_THERE},
		/* global, but on the link of the address that was reached */
		{"2001:db8:1:2::77", "2001:db8:1:2::5", ACCESS_GRANTED},
		{"2001:db8:1:3::77", "2001:db8:1:2::5", ACCESS_NOT_FROM_THERE},
		{"203.0.113.10", "203.0.113.9", ACCESS_GRANTED},
		{"203.0.113.16", "203.0.113.9", ACCESS_NOT_FROM_THERE},
		/* on a link of ours, but not on that of the address that it reached */
		{"203.0.113.10", "192.168.1.5", ACCESS_NOT_FROM_THERE},
	};
	struct access *access = machine("", "");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (decide(access, cases[i].peer, cases[i].local, "localhost", ACCESS_VIEW) !=
			cases[i].verdict)
			fail_msg("%s at %s", cases[i].peer, cases[i].local);
	access_destroy(access);
}

static void lets_in_configured_ranges(void **state)
{
	struct access *access = machine("", " 198.51.100.128/25  2001:db8:ff00::/40\t192.0.2.1 ");

	(void)state;
	assert_int_equal(decide(access, "198.51.100.200", "192.168.1.5", "localhost", ACCESS_VIEW),
		ACCESS_GRANTED);
	assert_int_equal(decide(access, "198.51.100.1", "192.168.1.5", "localhost", ACCESS_VIEW),
		ACCESS_NOT_FROM_THERE);
	assert_int_equal(
		decide(access, "2001:db8:ff12::1", "192.168.1.5", "localhost", ACCESS_VIEW),
		ACCESS_GRANTED);
	assert_int_equal(decide(access, "192.0.2.1", "192.168.1.5", "localhost", ACCESS_VIEW),
		ACCESS_GRANTED);
	assert_int_equal(decide(access, "192.0.2.2", "192.168.1.5", "localhost", ACCESS_VIEW),
		ACCESS_NOT_FROM_THERE);
	access_destroy(access);
}

static void knows_the_machines_names(void **state)
{
	static const struct {
		const char *host;
		bool is_ours;
	} cases[] = {
		{"192.168.1.5", true},
		{"192.168.1.5:8001", true},
		{"192.168.1.5:", true},
		{"192.168.1.5:99999", false},
		{"192.168.1.5:80a", false},
		{"192.168.1.6", false},
		{"203.0.113.9", true},
		{"127.0.0.1:1", true},
		{"localhost", true},
		{"LOCALHOST:8001", true},
		{"tv.localhost", true},
		{"localhost.example.com", false},
		{"[::1]:8001", true},
		{"[::ffff:192.168.1.5]", true},
		{"[2001:db8:1:2::5]", true},
		{"[2001:DB8:1:2:0::5]:80", true},
		{"[2001:db8:1:2::6]", false},
		{"[localhost]", false},
		{"[::1", false},
		{"[::1]x", false},
		{"127.0.0.1]", false},
		{"127.0.0.1%1", false},
		{"[::1%25eth0]:8001", true},
		{"::1", false},
		{"", false},
		{".", false},
		{":8001", false},
		{"evil.example.com", false},
		{"projector.example.org", true},
		{"Projector.example.org.:8001", true},
		{"projector.example.org.evil.com", false},
		{"198.51.100.1", true}, /* configured: a forwarded address */
		{"[2001:db8:ff::1]:8001", true},
		{"2001:db8:ff::1", false},
	};
	struct access *access = machine("projector.example.org 198.51.100.1 [2001:db8:ff::1]", "");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (decide(access, "192.168.1.7", "192.168.1.5", cases[i].host, ACCESS_VIEW) !=
			(cases[i].is_ours ? ACCESS_GRANTED : ACCESS_NOT_THIS_HOST))
			fail_msg("%s", cases[i].host);
	assert_int_equal(decide(access, "192.168.1.7", "192.168.1.5", NULL, ACCESS_VIEW),
		ACCESS_NOT_THIS_HOST);
	access_destroy(access);
}

static void knows_the_host_name_only_where_nobody_can_register_it(void **state)
{
	static const struct {
		const char *domain;
		bool is_ours;
	} cases[] = {{"", true}, {".local", true}, {".local.", true}, {".lan", true},
		{".home.arpa", true}, {".internal", true}, {".box", false}, {".example.com", false},
		{"x", false}};
	char own[HOST_NAME_MAX + 1] = "", host[2 * HOST_NAME_MAX];
	struct access *access = machine("", "");

	(void)state;
	assert_int_equal(gethostname(own, sizeof(own) - 1), 0);
	assert_int_equal(
		decide(access, "127.0.0.1", "127.0.0.1", own, ACCESS_VIEW), ACCESS_GRANTED);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(host, sizeof(host), "%.*s%s:8001", (int)strcspn(own, "."), own,
			cases[i].domain);
		if (decide(access, "127.0.0.1", "127.0.0.1", host, ACCESS_VIEW) !=
			(cases[i].is_ours ? ACCESS_GRANTED : ACCESS_NOT_THIS_HOST))
			fail_msg("%s", host);
	}
	access_destroy(access);
}

static void refuses_changes_from_other_pages(void **state)
{
	static const struct {
		const char *sec_fetch_site, *origin, *referer;
		bool is_granted;
	} cases[] = {
		{NULL, NULL, NULL, true}, /* curl */
		{"same-origin", NULL, NULL, true},
		{"none", NULL, NULL, true},
		{"same-site", NULL, NULL, false},
		{"cross-site", NULL, NULL, false},
		{"cross-site", "http://192.168.1.5:8001", NULL, false},
		{"", NULL, NULL, false},
		{NULL, "http://192.168.1.5:8001", NULL, true},
		{NULL, "HTTP://192.168.1.5:8001", NULL, true},
		{NULL, "http://192.168.1.5", NULL, false},
		{NULL, "http://192.168.1.5:80011", NULL, false},
		{NULL, "null", NULL, false},
		{NULL, "http://evil.example.com", "http://192.168.1.5:8001/", false},
		{NULL, NULL, "http://192.168.1.5:8001/d?lang=zh", true},
		{NULL, NULL, "http://evil.example.com/http://192.168.1.5:8001/", false},
	};
	struct access *access = machine("", "");
	const struct address peer = address_of("192.168.1.7"), local = address_of("192.168.1.5");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct access_question question = {.peer = &peer,
			.local = &local,
			.host = "192.168.1.5:8001",
			.origin = cases[i].origin,
			.sec_fetch_site = cases[i].sec_fetch_site,
			.referer = cases[i].referer,
			.right = ACCESS_CHANGE};

		if (access_decide(access, &question) !=
			(cases[i].is_granted ? ACCESS_GRANTED : ACCESS_NOT_FROM_THAT_PAGE))
			fail_msg("case %zu", i);
		question.right = ACCESS_VIEW;
		assert_int_equal(access_decide(access, &question), ACCESS_GRANTED);
	}
	access_destroy(access);
}

static void refuses_ranges_that_are_none(void **state)
{
	struct config config = {.http.allow = "10.0.0.0/33"};
	struct access *access = NULL;

	(void)state;
	assert_int_equal(access_create(&config, -1, &access), -EINVAL);
	assert_null(access);
}

static void another_configuration_counts_at_once(void **state)
{
	struct access *access = machine("old.example", "198.51.100.0/24");
	struct config config = {.http = {.hosts = "new.example", .allow = "192.0.2.0/24"}};

	(void)state;
	assert_int_equal(decide(access, "198.51.100.7", "192.168.1.5", "old.example", ACCESS_VIEW),
		ACCESS_GRANTED);
	assert_int_equal(access_configure(access, &config), 0);
	assert_int_equal(decide(access, "198.51.100.7", "192.168.1.5", "new.example", ACCESS_VIEW),
		ACCESS_NOT_FROM_THERE);
	assert_int_equal(decide(access, "192.0.2.7", "192.168.1.5", "old.example", ACCESS_VIEW),
		ACCESS_NOT_THIS_HOST);
	assert_int_equal(decide(access, "192.0.2.7", "192.168.1.5", "new.example", ACCESS_VIEW),
		ACCESS_GRANTED);
	strcpy(config.http.allow, "192.0.2.0/33");
	strcpy(config.http.hosts, "newer.example");
	assert_int_equal(access_configure(access, &config), -EINVAL);
	assert_int_equal(decide(access, "192.0.2.7", "192.168.1.5", "new.example", ACCESS_VIEW),
		ACCESS_GRANTED);
	access_destroy(access);
}

static void reads_addresses_only_when_it_must(void **state)
{
	struct access *access = machine("", "");

	(void)state;
	n_reads = 0;
	decide(access, "192.168.1.7", "192.168.1.5", "192.168.1.5:8001", ACCESS_VIEW);
	decide(access, "127.0.0.1", "127.0.0.1", "localhost", ACCESS_VIEW);
	assert_int_equal(n_reads, 0);
	for (unsigned i = 0; i < 100; i++)
		decide(access, "8.8.8.8", "192.168.1.5", "192.168.1.5:8001", ACCESS_VIEW);
	assert_int_equal(n_reads, 1);
	access_destroy(access);
}

static void root_and_ourselves_are_presenters(void **state)
{
	(void)state;
	assert_true(access_is_presenter(0));
	assert_true(access_is_presenter(geteuid()));
	assert_false(access_is_presenter(4242421));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lets_in_who_is_near),
		cmocka_unit_test(lets_in_configured_ranges),
		cmocka_unit_test(knows_the_machines_names),
		cmocka_unit_test(knows_the_host_name_only_where_nobody_can_register_it),
		cmocka_unit_test(refuses_changes_from_other_pages),
		cmocka_unit_test(refuses_ranges_that_are_none),
		cmocka_unit_test(another_configuration_counts_at_once),
		cmocka_unit_test(reads_addresses_only_when_it_must),
		cmocka_unit_test(root_and_ourselves_are_presenters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
