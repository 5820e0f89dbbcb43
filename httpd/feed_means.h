/* SPDX-License-Identifier: MIT */
/*
 * What all feeds share: the loop, where the daemons' sockets are, the watch over the rings, and
 * whether all is paused.  Made by feeds.c, which alone changes it.
 */
#pragma once

#include <stdbool.h>

#include "common/stream.h"

struct capsock_buffer;
struct config;
struct event_base;
struct ratelimit;
struct ring_watch;

#define FEED_PATH_BYTES 108 /* sun_path */

/* All that is pointed to is borrowed for life. */
struct feed_means {
	struct event_base *base;
	const char *runtime_dir; /* where the capture sockets are; short enough */
	const struct config *config;
	struct ring_watch *watch;
	struct capsock_buffer *buffer; /* one for all: used within a callback only */
	struct ratelimit *wanted_log;  /* httpd/feed_wanted.h */
	bool is_paused;
};

/* Where the capture socket of the source is. */
void feed_socket_path(
	const struct feed_means *means, enum source_id source, char path[FEED_PATH_BYTES]);
