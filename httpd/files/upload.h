/* SPDX-License-Identifier: MIT */
/*
 * An upload carries a request's body from its connection to the disk.
 *
 *     exchange ──read──► block ──full──► worker: write() ──► free again
 *                  (event loop)             (one at a time, in order)
 *
 * The loop reads into blocks of 256 KiB; a worker writes those that are full, meanwhile the loop
 * fills the next.  With all of them full nothing is read, and TCP holds the sender back.  So a 2 GB
 * upload takes no more memory than UPLOAD_BLOCKS of them, and a slow disk costs nobody but itself.
 */
#pragma once

#include "httpd/exchange.h"
#include "httpd/files/disk_worker.h"

#define UPLOAD_BLOCK_SIZE (256u * 1024u)
#define UPLOAD_BLOCKS     4u

struct upload; /* opaque; goes after answer() */

/* All but answer() run on workers, one after the other, and answer 0 or -errno, at the first of
 * which the upload ends: abort(), then answer(). */
struct upload_ops {
	int (*begin)(void *arg); /* before any of the body is read */
	int (*write)(void *arg, const char *bytes, size_t len);
	int (*end)(void *arg); /* the body is whole and written */
	void (*abort)(void *arg);
	/* On the loop: the last call.  `r` is 0 after end(), else what failed (-ECANCELED: the
	 * connection).  `exchange` is to be answered, or NULL if it is gone. */
	void (*answer)(void *arg, struct exchange *exchange, int r);
};

/* Takes over the request of `exchange`, with a body or without.  0, or -ENOMEM and no call. */
int upload_start(struct disk_workers *workers, struct exchange *exchange,
	const struct upload_ops *ops, void *arg, struct upload **out);
/* Breaks it off, as if the connection had ended: what has come is still written.  The connection is
 * closed. */
void upload_cancel(struct upload *upload);
