/* SPDX-License-Identifier: MIT */
/*
 * The site is all that the routes need to answer with.  Made by main(), which owns everything in
 * it. Its counters are counted where a thing happens and printed by status.c; they never go back.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "common/ratelimit.h"

struct site {
	struct event_base *base;
	const struct config *config;
	struct access *access;
	struct feeds *feeds;
	struct viewers *viewers;
	struct files *files;
	struct presence *presence;
	struct disk_workers *state_workers; /* for the state folder: not behind what is shared */
	struct pause *pause;
	struct visitor *visitor;
	struct reload *reload;
	const int *http_fds; /* the listening sockets; the server owns them */
	size_t n_http_fds;
	uint64_t started_ns; /* CLOCK_MONOTONIC */

	/* counted by the server */
	unsigned n_connections;
	uint64_t connections_total;
	uint64_t evicted_total;     /* closed before they had asked, for others who came */
	uint64_t turned_away_total; /* closed at once: no room */
	/* … by the routes */
	uint64_t requests_total;
	uint64_t malformed_total; /* heads that were refused */
	uint64_t forbidden_total; /* refused by access */
	struct ratelimit forbidden_log;
};
