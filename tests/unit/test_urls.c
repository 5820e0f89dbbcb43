/* SPDX-License-Identifier: MIT */
/* links: common/urls.c common/addresses.c */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/urls.h"

/* A machine with a cable: one address of each family, and loopback. */
static struct addresses machine(void)
{
	struct addresses all = {.n = 3};

	all.list[0] = (struct address){.family = AF_INET,
		.prefix_len = 8,
		.ifindex = 1,
		.is_up = true,
		.is_loopback = true};
	inet_pton(AF_INET, "127.0.0.1", &all.list[0].ip);
	all.list[1] =
		(struct address){.family = AF_INET, .prefix_len = 24, .ifindex = 2, .is_up = true};
	inet_pton(AF_INET, "192.168.1.7", &all.list[1].ip);
	all.list[2] =
		(struct address){.family = AF_INET6, .prefix_len = 64, .ifindex = 3, .is_up = true};
	inet_pton(AF_INET6, "fd00::7", &all.list[2].ip);
	return all;
}

/* A socket bound to `address`, any free port. */
static int bound(const char *address, bool v6_only, unsigned *port)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};
	bool is_six = strchr(address, ':');
	void *any = is_six ? (void *)&six : (void *)&four;
	socklen_t len = is_six ? sizeof(six) : sizeof(four);
	int fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int value = v6_only;

	assert_int_equal(inet_pton(is_six ? AF_INET6 : AF_INET, address,
				 is_six ? (void *)&six.sin6_addr : (void *)&four.sin_addr),
		1);
	if (is_six)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, sizeof(value));
	assert_int_equal(bind(fd, any, len), 0);
	assert_int_equal(getsockname(fd, any, &len), 0);
	*port = ntohs(is_six ? six.sin6_port : four.sin_port);
	return fd;
}

/* What is to be typed for a socket bound so; `expected` has %u for the port. */
static void assert_urls(const char *address, bool v6_only, size_t n, const char *const *expected)
{
	const struct addresses all = machine();
	char urls[8][URL_SIZE], text[URL_SIZE];
	unsigned port;
	int fd = bound(address, v6_only, &port);

	assert_int_equal(urls_of_listener(fd, &all, urls, 8), n);
	for (size_t i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "http://%s:%u/", expected[i], port);
		assert_string_equal(urls[i], text);
	}
	assert_int_equal(urls_of_listener(fd, &all, urls, 1), 1);
	assert_int_equal(urls_of_listener(fd, &all, urls, 0), 0);
	close(fd);
}

static void a_bound_address_is_the_one_to_type(void **state)
{
	(void)state;
	assert_urls("127.0.0.1", false, 1, (const char *const[]){"127.0.0.1"});
	assert_urls("::1", true, 1, (const char *const[]){"[::1]"});
}

static void any_address_is_all_that_people_can_reach(void **state)
{
	(void)state;
	assert_urls("0.0.0.0", false, 1, (const char *const[]){"192.168.1.7"});
	assert_urls("::", true, 1, (const char *const[]){"[fd00::7]"});
	assert_urls("::", false, 2, (const char *const[]){"192.168.1.7", "[fd00::7]"});
}

static void a_local_socket_has_none(void **state)
{
	const struct addresses all = machine();
	char urls[1][URL_SIZE];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(urls_of_listener(fd, &all, urls, 1), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bound_address_is_the_one_to_type),
		cmocka_unit_test(any_address_is_all_that_people_can_reach),
		cmocka_unit_test(a_local_socket_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
