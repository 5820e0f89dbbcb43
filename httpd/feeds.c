/* SPDX-License-Identifier: MIT */
#include "httpd/feeds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/capsock.h"
#include "httpd/feed_means.h"
#include "httpd/feed_wanted.h"
#include "httpd/ring_watch.h"
#include "httpd/subscription.h"

struct feeds {
	struct feed_means means;
	struct ratelimit wanted_log;
	struct feed *all[SOURCE_COUNT][STREAM_COUNT];
};

int feeds_create(struct event_base *base, const char *runtime_dir, const struct config *config,
	struct feeds **out)
{
	struct feeds *feeds = calloc(1, sizeof(*feeds));
	int r = -ENOMEM;

	if (!feeds)
		return -ENOMEM;
	feeds->wanted_log = (struct ratelimit)FEED_WANTED_LIMIT;
	feeds->means = (struct feed_means){.base = base,
		.runtime_dir = runtime_dir,
		.config = config,
		.wanted_log = &feeds->wanted_log,
		.buffer = malloc(sizeof(*feeds->means.buffer))};
	if (feeds->means.buffer)
		r = strlen(runtime_dir) + sizeof("/camera.sock") > FEED_PATH_BYTES
			    ? -ENAMETOOLONG
			    : ring_watch_create(base, &feeds->means.watch);
	if (r < 0) {
		feeds_destroy(feeds);
		return r;
	}
	*out = feeds;
	return 0;
}

void feeds_destroy(struct feeds *feeds)
{
	if (!feeds)
		return;
	for (unsigned source = 0; source < SOURCE_COUNT; source++)
		for (unsigned stream = 0; stream < STREAM_COUNT; stream++)
			feed_destroy(feeds->all[source][stream]);
	ring_watch_destroy(feeds->means.watch);
	free(feeds->means.buffer);
	free(feeds);
}

struct feed *feeds_get(struct feeds *feeds, enum source_id source, enum stream_id stream)
{
	if (!feeds->all[source][stream])
		feeds->all[source][stream] = feed_create(&feeds->means, source, stream);
	return feeds->all[source][stream];
}

void feeds_set_paused(struct feeds *feeds, bool is_paused)
{
	if (feeds->means.is_paused == is_paused)
		return;
	feeds->means.is_paused = is_paused;
	for (unsigned source = 0; source < SOURCE_COUNT; source++)
		for (unsigned stream = 0; stream < STREAM_COUNT; stream++)
			if (feeds->all[source][stream])
				feed_pause_or_resume(feeds->all[source][stream]);
}

int feeds_subscribe(struct feeds *feeds, enum source_id source, enum stream_id stream,
	const struct subscription_ops *ops, void *arg, struct subscription **out)
{
	const struct feed_means *means = &feeds->means;
	char path[FEED_PATH_BYTES];

	feed_socket_path(means, source, path);
	return subscription_open(
		means->base, means->watch, means->buffer, path, stream, ops, arg, out);
}

void feeds_each(
	struct feeds *feeds, void (*each)(void *arg, const struct feed_info *info), void *arg)
{
	struct feed_info info;

	for (unsigned source = 0; source < SOURCE_COUNT; source++) {
		for (unsigned stream = 0; stream < STREAM_COUNT; stream++) {
			if (!feeds->all[source][stream])
				continue;
			feed_get_info(feeds->all[source][stream], &info);
			each(arg, &info);
		}
	}
}
