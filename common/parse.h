/* SPDX-License-Identifier: MIT */
/*
 * Strict readings of text from outside: all of it, or none.  No sign, no leading or trailing space,
 * no base but ten, no overflow, no locale.  Pure; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The first `len` bytes of `text`, which need no NUL, as a decimal number from `min` to `max`.
 * 0; -EINVAL: not digits alone, or none; -ERANGE: outside.  `*out` is untouched on failure.
 */
int parse_number(const char *text, size_t len, uint64_t min, uint64_t max, uint64_t *out);

/* "yes", "true", "on" or "no", "false", "off".  0 or -EINVAL; `*out` is untouched on failure. */
int parse_bool(const char *text, bool *out);
