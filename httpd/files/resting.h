/* SPDX-License-Identifier: MIT */
/*
 * What rests: the uploads that can be resumed, and that nobody sends just now.
 *
 *     .incoming/ID.part ──bytes──┐
 *     .incoming/ID.info ──whose──┴──► counted against the limits (quota.h)
 *
 * The disk says at each count what there is.  Remembered are whose it is, which never changes, and
 * how much it is, which changes only while it is active: and whoever makes it active has it counted
 * before.  Else each count would look at as many files as there are uploads.  Worker threads only,
 * one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "httpd/files/store.h"

struct resting; /* opaque */

struct resting_sum {
	unsigned n;
	uint64_t bytes, of_address; /* those of one sender */
};

/* The store is borrowed for life.  0 or -ENOMEM. */
int resting_create(const struct store *store, struct resting **out);
void resting_destroy(struct resting *resting); /* accepts NULL */

/* Counts all but those that are active ("ID.part").  0 or -errno. */
int resting_count(struct resting *resting, const char *address,
	bool (*is_active)(void *arg, const char *part), void *arg, struct resting_sum *out);
