/* SPDX-License-Identifier: MIT */
/*
 * The listing is what is shared, in memory: asked thousands of times, while the disk is asked once.
 *
 *     scan, watch, uploads ──put/remove──► listing ──► /files (JSON), quotas, rights, zip
 *
 * Every change counts the generation up and writes the eventfd, so that who waits for news is told.
 * Its own lock; any thread.
 */
#pragma once

#include <stddef.h>

#include "httpd/files/entry.h"

struct listing; /* opaque */

int listing_create(struct listing **out); /* 0 or -errno */
void listing_destroy(struct listing *listing);

/* The entry's reference is the listing's from here on; one of the same name goes. */
void listing_put(struct listing *listing, struct file_entry *entry);
/* True if it was there. */
bool listing_remove(struct listing *listing, const char *name);
/* A reference for the caller; NULL: there is none. */
struct file_entry *listing_find(struct listing *listing, const char *name);

/* Between these two, everything that is there is put again; the rest is removed at the end. */
void listing_begin_scan(struct listing *listing);
void listing_end_scan(struct listing *listing);
/* Waits for the end of the first scan: before that nobody knows how much there is.  Workers only.
 */
void listing_await_scan(struct listing *listing);

/* How many files, their bytes, and the bytes of those sent from `address` (NULL: not wanted). */
void listing_totals(struct listing *listing, const char *address, unsigned *n, uint64_t *bytes,
	uint64_t *of_address);
uint64_t listing_generation(struct listing *listing);
int listing_change_fd(const struct listing *listing); /* an eventfd; the listing's own */

/* All entries, the newest first, each with a reference, in an array to be freed by
 * listing_release(); NULL and *n 0 if there is none, or no memory. */
struct file_entry **listing_all(struct listing *listing, size_t *n, uint64_t *generation);
void listing_release(struct file_entry **entries, size_t n);
