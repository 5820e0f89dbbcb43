/* SPDX-License-Identifier: MIT */
#include "common/parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

int parse_number(const char *text, size_t len, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;
	bool is_too_large = false;

	if (len == 0)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned char)text[i] - (unsigned)'0';

		if (digit > 9)
			return -EINVAL;
		if (__builtin_mul_overflow(value, 10u, &value) ||
			__builtin_add_overflow(value, digit, &value))
			is_too_large =
				true; /* go on: a letter further on makes it no number at all */
	}
	if (is_too_large || value < min || value > max)
		return -ERANGE;
	*out = value;
	return 0;
}

int parse_bool(const char *text, bool *out)
{
	static const struct {
		const char *text;
		bool value;
	} words[] = {{"yes", true}, {"true", true}, {"on", true}, {"no", false}, {"false", false},
		{"off", false}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i].text) == 0) {
			*out = words[i].value;
			return 0;
		}
	}
	return -EINVAL;
}

int parse_network(const char *text, size_t len, struct address *out)
{
	struct address network = {0};
	const char *slash = memchr(text, '/', len);
	size_t ip_len = slash ? (size_t)(slash - text) : len;
	char ip[INET6_ADDRSTRLEN];
	uint64_t bits;

	if (ip_len >= sizeof(ip))
		return -EINVAL;
	memcpy(ip, text, ip_len);
	ip[ip_len] = '\0';
	if (inet_pton(AF_INET, ip, &network.ip) == 1) {
		network.family = AF_INET;
		network.prefix_len = 32;
	} else if (inet_pton(AF_INET6, ip, &network.ip) == 1 &&
		   !IN6_IS_ADDR_V4MAPPED(&network.ip)) {
		network.family = AF_INET6;
		network.prefix_len = 128;
	} else {
		return -EINVAL;
	}
	if (slash) {
		if (parse_number(slash + 1, len - ip_len - 1, 0, network.prefix_len, &bits) < 0)
			return -EINVAL;
		network.prefix_len = (unsigned)bits;
	}
	*out = network;
	return 0;
}
