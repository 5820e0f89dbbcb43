/* SPDX-License-Identifier: MIT */
/*
 * What the subscribers of a daemon want, all together.
 *
 *     subscriber 1..n ──► streams, the highest rate, mute if any of them wishes it; who watches
 *
 * Only those count that have been greeted.  Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "capd/subscriber.h"

struct demand {
	unsigned streams; /* bits 1 << enum stream_id; `presence` is none that is captured */
	uint32_t rate_millihertz; /* frames per 1000 s; 0: nobody wishes for one */
	bool is_mute;
};

/* Of a list of subscribers, which may be empty. */
struct demand demand_of(const struct subscriber *first);

/* Who watches, as one of them tells, who keeps it; NULL: nobody does, or nobody tells. */
const struct subscriber_viewers *demand_viewers(const struct subscriber *first);
