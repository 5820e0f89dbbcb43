/* SPDX-License-Identifier: MIT */
#include "httpd/feed_wanted.h"

#include "common/log.h"
#include "common/messages.h"

void feed_wanted_begin(struct feed_wanted *wanted, struct ratelimit *limit, enum source_id source,
	enum stream_id stream, const char *who)
{
	const struct log_fields fields = {.message = MESSAGE_WANTED,
		.viewer = who,
		.source = source_name(source),
		.stream = stream_name(stream)};
	char more[RATELIMIT_MORE_SIZE];
	unsigned suppressed;

	wanted->since_ns = clock_monotonic_ns();
	wanted->is_logged = ratelimit_allow(limit, wanted->since_ns, &suppressed);
	if (wanted->is_logged)
		log_at(LOG_INFO, &fields, "The %s (%s) is wanted by %s%s", source_name(source),
			stream_name(stream), who ? who : "somebody",
			ratelimit_more(suppressed, more));
}

void feed_wanted_end(struct feed_wanted *wanted, enum source_id source, enum stream_id stream)
{
	const struct log_fields fields = {.message = MESSAGE_UNWANTED,
		.source = source_name(source),
		.stream = stream_name(stream)};

	if (wanted->is_logged)
		log_at(LOG_INFO, &fields, "The %s (%s) is wanted no more, after %.0f s",
			source_name(source), stream_name(stream),
			(double)(clock_monotonic_ns() - wanted->since_ns) / NS_PER_S);
	wanted->is_logged = false;
}
