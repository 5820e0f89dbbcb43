/* SPDX-License-Identifier: MIT */
/*
 * A tus file is what the disk has of one resumable upload: the bytes (ID.part), what is known of
 * them (ID.info), and at last the file under its name.
 *
 *     create ──┐
 *     load ──► open ──► write … ──► end ──all bytes?──► placed
 *                                    └──► put away ──► open, hours later
 *
 * What comes whole in the request that creates it (a small file, of the hundreds of a folder) is
 * placed without an ID.info: nobody has been told its ID.  So a file costs two fsyncs and not five.
 * What has become of a whole one is in the ledger (ledger.h).
 *
 * What the disk has is what counts; the memory only saves reading it again, and the hash of what is
 * there already.  Worker threads only, one at a time; the fields may be read by the loop between
 * two calls.
 */
#pragma once

#include "httpd/files/incoming.h"
#include "httpd/files/ledger.h"
#include "httpd/files/listing.h"

struct tus_file {
	/* borrowed, set by tus_file_init() */
	const struct store *store;
	struct quota *quota;
	struct listing *listing; /* where it goes when it is placed … */
	struct ledger *ledger;   /* … and where that is said */
	bool is_hashed;
	char id[STORE_ID_SIZE];

	struct tus_info info;
	uint64_t offset;           /* bytes that the disk has */
	struct file_entry *placed; /* once that has been done by this process */
	bool was_not_made;         /* its first request has failed: nothing is left */
	bool is_in_ledger;         /* it is whole, and need not be in memory to be known */
	/* its own */
	bool has_info; /* ID.info is there */
	struct incoming incoming;
	bool has_hash_state;
	uint64_t hashed;
	struct sha256_ctx hash;
};

void tus_file_init(struct tus_file *file, const struct store *store, struct quota *quota,
	struct listing *listing, struct ledger *ledger, bool is_hashed, const char *id);
void tus_file_fini(struct tus_file *file);

/* What there is of it; placed, where a kill came between its last byte and that.  0; -ENOENT; other
 * -errno. */
int tus_file_load(struct tus_file *file);
/* A new one, of `info`, which is kept by the first tus_file_end().  0, as incoming_create(). */
int tus_file_create(struct tus_file *file);
int tus_file_open(struct tus_file *file); /* 0, as incoming_reopen() */
/* Behind what is there.  -EFBIG: more than the length that was promised; else as incoming_write().
 */
int tus_file_write(struct tus_file *file, const char *bytes, size_t len);
/* No more comes for now: placed, if all bytes are there, and put away.  0; else not put away. */
int tus_file_end(struct tus_file *file);
/* Closes it; how far it and its hash are is kept.  One that nobody has been told of is removed. */
void tus_file_put_away(struct tus_file *file);
int tus_file_remove(struct tus_file *file); /* for good; 0 or -errno */
