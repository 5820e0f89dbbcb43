/* SPDX-License-Identifier: MIT */
/*
 * Says at most one thing per interval, in the long run, and then how many it kept to itself.  Of
 * what comes in spurts, `burst` things may be said at once: those pay with the intervals before or
 * after (GCRA).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct ratelimit {
	uint64_t interval_ns; /* set by the owner */
	unsigned burst;       /* " ; 0 is 1 */
	uint64_t paid_ns;     /* until then what was said has used its intervals up */
	unsigned suppressed;
};

/* How long until the caller may speak; 0: now. */
static inline uint64_t ratelimit_wait_ns(const struct ratelimit *limit, uint64_t now_ns)
{
	uint64_t ahead_ns = limit->burst > 1 ? (limit->burst - 1) * limit->interval_ns : 0;

	return limit->paid_ns > now_ns + ahead_ns ? limit->paid_ns - now_ns - ahead_ns : 0;
}

/* True when the caller may speak now; *suppressed is then what was left out since the last time. */
static inline bool ratelimit_allow(struct ratelimit *limit, uint64_t now_ns, unsigned *suppressed)
{
	if (ratelimit_wait_ns(limit, now_ns) > 0) {
		limit->suppressed++;
		return false;
	}
	*suppressed = limit->suppressed;
	limit->suppressed = 0;
	limit->paid_ns = (limit->paid_ns > now_ns ? limit->paid_ns : now_ns) + limit->interval_ns;
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
