/* SPDX-License-Identifier: MIT */
/* Says at most one thing per interval, and then how many it kept to itself. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct ratelimit {
	uint64_t interval_ns; /* set by the owner */
	uint64_t last_ns;     /* 0: never said */
	unsigned suppressed;
};

/* True when the caller may speak now; *suppressed is then what was left out since the last time. */
static inline bool ratelimit_allow(struct ratelimit *limit, uint64_t now_ns, unsigned *suppressed)
{
	if (limit->last_ns != 0 && now_ns - limit->last_ns < limit->interval_ns) {
		limit->suppressed++;
		return false;
	}
	*suppressed = limit->suppressed;
	limit->suppressed = 0;
	limit->last_ns = now_ns;
	return true;
}

#define RATELIMIT_MORE_SIZE 48

/* " (and 3 more like it before)", or "" for none: the end of such a line. */
static inline const char *ratelimit_more(unsigned suppressed, char out[RATELIMIT_MORE_SIZE])
{
	out[0] = '\0';
	if (suppressed > 0)
		snprintf(out, RATELIMIT_MORE_SIZE, " (and %u more like it before)", suppressed);
	return out;
}
