/* SPDX-License-Identifier: MIT */
/*
 * The trash keeps deleted files for a while, so that the presenter can bring them back.
 *
 *     folder/a/b.txt ──delete──► folder/.trash/SECONDS-ID/b.txt ──restore──► folder/a/b.txt
 *                                          └──trash_hours──► gone
 *
 * A folder for each, so that names never meet; the whole name that a file had lies in an extended
 * attribute, and where there are none, it comes back without its folders.  It takes no room that is
 * wanted for anything else: then the oldest goes before its time (quota.h).  Worker threads only,
 * any number of them at once.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "httpd/files/filename.h"

#define TRASH_ID_SIZE 57u /* SECONDS-ID */

/* Embedded in the store, which owns the fds. */
struct trash {
	int root_fd, fd;  /* the shared folder's, .trash's */
	bool keeps_names; /* the file system has extended attributes */
	/* What lies there is looked at once, then kept up. */
	pthread_mutex_t lock;
	bool is_counted;
	uint64_t bytes;
	unsigned n_changes; /* since the start */
};

struct trash_entry {
	char id[TRASH_ID_SIZE];
	char name[FILENAME_SIZE]; /* as it was called */
	uint64_t size;
	int64_t deleted_s; /* CLOCK_REALTIME */
};

/* 0; -ENOENT; -EISDIR. */
int trash_put(struct trash *trash, const char *name);
int trash_each(const struct trash *trash,
	void (*on_entry)(void *arg, const struct trash_entry *entry), void *arg);
/* Brings one back under its name, or the next free one, into `name`.  0; -ENOENT. */
int trash_restore(struct trash *trash, const char *id, char name[FILENAME_SIZE]);
/* Removes for good what was deleted before that moment (CLOCK_REALTIME). */
void trash_clean(struct trash *trash, int64_t before_s);

/* All that lies there, in bytes; 0 where it cannot be read. */
uint64_t trash_bytes(struct trash *trash);
/* Removes for good the files that were deleted first, until `bytes` have gone or nothing is left;
 * *n: how many.  The bytes that have gone. */
uint64_t trash_make_room(struct trash *trash, uint64_t bytes, unsigned *n);
