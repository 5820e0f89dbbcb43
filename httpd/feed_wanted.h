/* SPDX-License-Identifier: MIT */
/*
 * By whom a stream is wanted, for the journal: one line when the first one comes, one when capture
 * ends.  A stranger can come and go as often as it likes, so all feeds share a limit; what ends is
 * told only where its beginning was.  Embedded in a feed; begin with zeroes.  Event-loop thread
 * only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/ratelimit.h"
#include "common/stream.h"

/* How many of these lines: one so often in the long run, and so many at once. */
#define FEED_WANTED_LIMIT                                                                          \
	{                                                                                          \
		.interval_ns = 10 * NS_PER_S, .burst = 20                                          \
	}

struct feed_wanted {
	bool is_logged;
	uint64_t since_ns;
};

/* `who`: the address of the first one; NULL: not known. */
void feed_wanted_begin(struct feed_wanted *wanted, struct ratelimit *limit, enum source_id source,
	enum stream_id stream, const char *who);
void feed_wanted_end(struct feed_wanted *wanted, enum source_id source, enum stream_id stream);
