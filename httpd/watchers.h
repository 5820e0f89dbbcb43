/* SPDX-License-Identifier: MIT */
/*
 * Who watches, as a list of lines for a person: each name and address once, however many
 * connections it has, with all that it watches.
 *
 *     "living-room TV, 192.168.1.7: screen, sound"
 *     "192.168.1.9: camera"
 *     "and 12 more"
 *
 * A name is what a viewer calls itself, so the address always stands beside it.  Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define WATCHERS_MAX 1024u /* of whom there are so many at most; more are not told apart */

struct watchers; /* opaque */

struct watchers *watchers_create(void); /* NULL: no memory */
void watchers_destroy(struct watchers *watchers);

/* `name` (clean, or "") and `address` are borrowed until watchers_write(); `sources` are bits
 * 1 << enum source_id. */
void watchers_add(
	struct watchers *watchers, const char *name, const char *address, unsigned sources);
unsigned watchers_sources(const struct watchers *watchers); /* of all of them */
/* At most `lines_max` lines (> 1), and no more than fit in `size` bytes, separated by newlines; the
 * last may say how many are left out.  Returns their length; no NUL. */
size_t watchers_write(const struct watchers *watchers, size_t lines_max, char *text, size_t size);
