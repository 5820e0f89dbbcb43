/* SPDX-License-Identifier: MIT */
/* links: common/parse.c */
#include "common/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

static int number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	return parse_number(text, strlen(text), min, max, out);
}

static void number_takes_digits_within_the_range(void **state)
{
	uint64_t value;

	(void)state;
	assert_int_equal(number("0", 0, 9, &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(number("007", 7, 7, &value), 0);
	assert_int_equal(value, 7);
	assert_int_equal(number("18446744073709551615", 0, UINT64_MAX, &value), 0);
	assert_true(value == UINT64_MAX);
	assert_int_equal(parse_number("12345", 2, 0, 99, &value), 0);
	assert_int_equal(value, 12);
}

static void number_refuses_what_is_not_digits_alone(void **state)
{
	static const char *const wrong[] = {"", " 1", "1 ", "+1", "-1", "0x10", "1.0", "1e3", "ten",
		"٣", "99999999999999999999x"};
	uint64_t value = 42;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(number(wrong[i], 0, UINT64_MAX, &value), -EINVAL);
	assert_int_equal(parse_number("1\0", 2, 0, 9, &value), -EINVAL);
	assert_int_equal(value, 42);
}

static void number_refuses_what_lies_outside_or_overflows(void **state)
{
	uint64_t value = 42;

	(void)state;
	assert_int_equal(number("0", 1, 60, &value), -ERANGE);
	assert_int_equal(number("61", 1, 60, &value), -ERANGE);
	assert_int_equal(number("18446744073709551616", 0, UINT64_MAX, &value), -ERANGE);
	/* wraps to 4 when the overflow of a digit before the last is forgotten */
	assert_int_equal(number("184467440737095516164", 0, UINT64_MAX, &value), -ERANGE);
	assert_int_equal(value, 42);
}

static void bool_takes_six_words(void **state)
{
	bool value = false;

	(void)state;
	assert_int_equal(parse_bool("yes", &value), 0);
	assert_true(value);
	assert_int_equal(parse_bool("off", &value), 0);
	assert_false(value);
	assert_int_equal(parse_bool("true", &value), 0);
	assert_true(value);
	assert_int_equal(parse_bool("Yes", &value), -EINVAL);
	assert_int_equal(parse_bool("1", &value), -EINVAL);
	assert_int_equal(parse_bool("", &value), -EINVAL);
	assert_true(value);
}

static int network(const char *text, struct address *out)
{
	return parse_network(text, strlen(text), out);
}

static void network_takes_ranges_and_single_addresses(void **state)
{
	static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8};
	struct address out;

	(void)state;
	assert_int_equal(network("203.0.113.0/24", &out), 0);
	assert_int_equal(out.family, AF_INET);
	assert_int_equal(out.prefix_len, 24);
	assert_memory_equal(out.ip.s6_addr, "\xcb\x00\x71\x00", 4);
	assert_int_equal(network("192.0.2.7", &out), 0);
	assert_int_equal(out.prefix_len, 32);
	assert_int_equal(network("2001:db8::/32", &out), 0);
	assert_int_equal(out.family, AF_INET6);
	assert_int_equal(out.prefix_len, 32);
	assert_memory_equal(out.ip.s6_addr, v6, 16);
	assert_int_equal(network("0.0.0.0/0", &out), 0);
	assert_int_equal(out.prefix_len, 0);
	assert_int_equal(parse_network("10.0.0.0/8,x", 10, &out), 0);
	assert_int_equal(out.prefix_len, 8);
}

static void network_refuses_the_rest(void **state)
{
	static const char *const wrong[] = {"", "/", "/8", "10/8", "10.0.0.0/", "10.0.0.0/33",
		"10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.256", "::/129", "[::1]", "fe80::1%eth0",
		"::ffff:10.0.0.0/104", "example.org",
		"1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111"};
	struct address out = {.prefix_len = 42};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(network(wrong[i], &out), -EINVAL);
	assert_int_equal(out.prefix_len, 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(number_takes_digits_within_the_range),
		cmocka_unit_test(number_refuses_what_is_not_digits_alone),
		cmocka_unit_test(number_refuses_what_lies_outside_or_overflows),
		cmocka_unit_test(bool_takes_six_words),
		cmocka_unit_test(network_takes_ranges_and_single_addresses),
		cmocka_unit_test(network_refuses_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
