/* SPDX-License-Identifier: MIT */
#include "httpd/feed_fault.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/messages.h"

static const char *what_is_missing(enum stream_id stream)
{
	return stream == STREAM_PCM || stream == STREAM_OPUS ? "sound" : "pictures";
}

void feed_fault_set(struct feed_fault *fault, enum source_state state, const char *words)
{
	fault->state = state;
	snprintf(fault->words, sizeof(fault->words), "%s", words);
}

void feed_fault_log(struct feed_fault *fault, enum source_id source, enum stream_id stream)
{
	const struct log_fields fields = {.message = MESSAGE_DAEMON_FAILS,
		.source = source_name(source),
		.stream = stream_name(stream),
		.state = state_name(fault->state)};

	if (fault->is_logged)
		return;
	fault->is_logged = true;
	fault->since_ns = clock_monotonic_ns();
	log_at(LOG_WARNING, &fields, "No %s of the %s (%s): %s; trying again",
		what_is_missing(stream), source_name(source), state_name(fault->state),
		fault->words);
}

bool feed_fault_over(struct feed_fault *fault, enum source_id source, enum stream_id stream)
{
	const struct log_fields fields = {.message = MESSAGE_BACK,
		.source = source_name(source),
		.stream = stream_name(stream)};
	bool was_there = fault->state != STATE_LIVE;

	if (fault->is_logged)
		log_at(LOG_INFO, &fields, "The %s daemon answers again after %.1f s",
			source_name(source),
			(double)(clock_monotonic_ns() - fault->since_ns) / 1e9);
	feed_fault_forget(fault);
	return was_there;
}

void feed_fault_forget(struct feed_fault *fault)
{
	fault->state = STATE_LIVE;
	fault->is_logged = false;
}
