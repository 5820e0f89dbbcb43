/* SPDX-License-Identifier: MIT */
#include "capd/demand.h"

struct demand demand_of(const struct subscriber *first)
{
	struct demand demand = {0};

	for (const struct subscriber *s = first; s; s = s->next) {
		if (!s->is_greeted)
			continue;
		if (s->stream != STREAM_PRESENCE)
			demand.streams |= 1u << s->stream;
		if (s->rate_millihertz > demand.rate_millihertz)
			demand.rate_millihertz = s->rate_millihertz;
		demand.is_mute |= s->wants_mute;
	}
	return demand;
}

/* There is one httpd; should there be several, the one that came last is believed. */
const struct subscriber_viewers *demand_viewers(const struct subscriber *first)
{
	for (const struct subscriber *s = first; s; s = s->next)
		if (s->viewers && s->viewers->lines[0] != '\0')
			return s->viewers;
	return NULL;
}
