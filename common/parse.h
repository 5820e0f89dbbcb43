/* SPDX-License-Identifier: MIT */
/*
 * Strict readings of text from outside: all of it, or none.  No sign, no leading or trailing space,
 * no base but ten, no overflow, no locale.  Pure; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addresses.h"

/*
 * The first `len` bytes of `text`, which need no NUL, as a decimal number from `min` to `max`.
 * 0; -EINVAL: not digits alone, or none; -ERANGE: outside.  `*out` is untouched on failure.
 */
int parse_number(const char *text, size_t len, uint64_t min, uint64_t max, uint64_t *out);

/* "yes", "true", "on" or "no", "false", "off".  0 or -EINVAL; `*out` is untouched on failure. */
int parse_bool(const char *text, bool *out);

/*
 * The first `len` bytes of `text` as a range of addresses, "203.0.113.0/24" or "2001:db8::/32", or
 * one address (all bits count).  0 and family, ip and prefix_len of `*out`, the rest zero; -EINVAL,
 * also for IPv4-mapped ranges: no address from address_from_sockaddr() would lie in one.
 */
int parse_network(const char *text, size_t len, struct address *out);
