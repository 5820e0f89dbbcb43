/* SPDX-License-Identifier: MIT */
/*
 * Text for a terminal: what strangers sent, made harmless, and figures as people read them.  Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Copies at most `max` characters of `text`; what is longer ends in "…".  Control characters, what
 * is no UTF-8 and what turns the direction of writing become "?".  Cut to whole characters where
 * `size` is too small.  NULL is "".  Returns out.
 */
const char *text_clean(const char *text, size_t max, char *out, size_t size);
/* What `size` must be for `max` characters, the "…" and the end. */
#define TEXT_SIZE(max) ((max)*4 + 4)
/* Characters, which is columns for all that has no wide letters. */
size_t text_width(const char *text);

#define TEXT_FIGURE_MAX 32
/* "42 s", "3 min 12 s", "5 h 10 min", "9 d 4 h"; out needs TEXT_FIGURE_MAX.  Returns out. */
const char *text_duration(uint64_t ms, char *out);
/* "512 B", "1.4 MB" (of 1,000); out needs TEXT_FIGURE_MAX.  Returns out. */
const char *text_bytes(uint64_t bytes, char *out);
