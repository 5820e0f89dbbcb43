/* SPDX-License-Identifier: MIT */
/*
 * One file that is being written: hashed while it is, and bounded.
 *
 *     blocks ──incoming_write──► .incoming/ID.tmp ──incoming_place──► its name
 *                 └──► SHA-256
 *
 * Worker threads only, one at a time.
 */
#pragma once

#include <nettle/sha2.h>

#include "httpd/files/quota.h"
#include "httpd/files/store.h"

struct incoming {
	const struct store *store;
	struct reservation reservation;
	char file[STORE_PART_SIZE]; /* in .incoming; "": none */
	int fd;                     /* -1: none */
	uint64_t size;              /* written so far */
	uint64_t flushed;           /* … of which the kernel was told to begin writing */
	uint64_t size_max;
	bool is_hashed;
	uint64_t hashed; /* bytes that the hash has seen: fewer after a resume */
	struct sha256_ctx hash;
};

/*
 * Begins `file` of .incoming.  With `expected` bytes known (UINT64_MAX: not), room for them is
 * reserved now.  0; -EFBIG, -EDQUOT, -ENOSPC, -EMFILE as quota_reserve(); other -errno.
 */
int incoming_create(struct incoming *incoming, const struct store *store, struct quota *quota,
	const char *address, const char *file, uint64_t expected, bool is_hashed);
/* Goes on with one that is there: incoming->size is its length. */
int incoming_reopen(struct incoming *incoming, const struct store *store, struct quota *quota,
	const char *address, const char *file, uint64_t expected, bool is_hashed);
int incoming_write(struct incoming *incoming, const char *bytes, size_t len);
/* All has come: `meta` gets the hash, if it is hashed.  0 or -errno. */
int incoming_hash(struct incoming *incoming, struct file_meta *meta);
/* Synced and placed under `name` or the next free one, with the meta data. */
int incoming_place(struct incoming *incoming, const char *name, const struct file_meta *meta,
	struct file_entry **out);
/* Closes it, and removes the file if that is wanted and it has no name yet.  Accepts one that was
 * never begun, if it was zeroed with fd -1. */
void incoming_drop(struct incoming *incoming, bool remove);
