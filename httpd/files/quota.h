/* SPDX-License-Identifier: MIT */
/*
 * How much may still be sent: the limits of the configuration, against what is there and what is on
 * its way.
 *
 *     listing (there) + reservations (on their way) + what rests (resting.h) ≤ limits
 *     … + the trash ≤ quota_mb      free space − unwritten ≥ free_mb
 *
 * Where the trash is what lacks there, the file that was deleted first goes for good; not for what
 * would not fit without any trash, and of a sender's limit and the number of files it is no part.
 * A reservation is made before the first byte, of all bytes where their number is known, else in
 * steps, and ends when the file is listed, or given up.  Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/config.h"
#include "httpd/files/entry.h"
#include "httpd/files/store.h"

struct quota; /* opaque */
struct listing;

struct reservation {
	LIST_ENTRY(reservation) entry; /* in quota::reservations */
	struct quota *quota;           /* NULL: not in use */
	char address[ENTRY_ADDRESS_SIZE];
	uint64_t reserved, used;    /* of which written */
	char part[STORE_PART_SIZE]; /* the file, if it can be resumed; else "" */
};

/* The store and the listing are borrowed for life; the limits are copied.  0 or -ENOMEM. */
int quota_create(const struct config *config, struct store *store, struct listing *listing,
	struct quota **out);
void quota_destroy(struct quota *quota); /* accepts NULL */
/* Other limits from now on; what is reserved stays so. */
void quota_set_limits(struct quota *quota, const struct config *config);

uint64_t quota_file_max(struct quota *quota); /* bytes; UINT64_MAX: no limit */

/* What room is wanted for: one file. */
struct quota_wish {
	const char *address; /* whose it is */
	uint64_t bytes;      /* of it in all; UINT64_MAX: nobody knows */
	bool is_form;        /* … in a form, which may be of several: it may be larger than one */
	const char *part;    /* its file, if it can be resumed; NULL */
	uint64_t there;      /* bytes of it that the disk has */
};

/*
 * Makes the reservation, when it is known what is there; on a worker.  0; -EFBIG:
 * larger than a file may be; -EDQUOT: more than all, or this sender's, may be; -ENOSPC: the disk;
 * -EMFILE: too many files; other -errno.
 */
int quota_reserve(
	struct quota *quota, struct reservation *reservation, const struct quota_wish *wish);
/* … for `bytes` in all, where that is more than was reserved. */
int reservation_extend(struct reservation *reservation, uint64_t bytes);
void reservation_use(
	struct reservation *reservation, uint64_t bytes); /* so many more are written */
void reservation_end(struct reservation *reservation);    /* again: nothing */
