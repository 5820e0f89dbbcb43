/* SPDX-License-Identifier: MIT */
/*
 * The ledger remembers the resumable uploads that have become whole.
 *
 *     all bytes there ──► line ──► placed ──► line with its name ──► ID.info goes
 *                                               └──► HEAD, after any restart: complete, and its
 * hash
 *
 * Who has not got the answer to its last request asks how far its upload is, of a server that may
 * have been killed meanwhile; it must learn that it is complete, or it sends everything again.  A
 * line is "ID {…}", written by one write() to the end of .incoming/whole.log; the last one of an
 * upload counts, and "ID" alone says that it is over.  At LEDGER_SIZE_MAX the file becomes
 * whole.old, in place of the one before: so it holds thousands, and never more than twice that
 * many bytes.  Both go when nothing has become whole for as long as uploads can be resumed.
 * Nearly all that is asked for is not in it (every creation by Upload-Key asks), so a bit for the
 * first digits of each ID that is keeps the files from being read for nothing.
 * Its own lock; worker threads only.
 */
#pragma once

#include "httpd/files/tus_info.h"

#define LEDGER_SIZE_MAX (2u * 1024u * 1024u)

struct ledger; /* opaque */

/* The store is borrowed for life.  0 or -ENOMEM. */
int ledger_create(const struct store *store, struct ledger **out);
void ledger_destroy(struct ledger *ledger); /* accepts NULL */

/* 0 or -errno; with `is_synced` it outlasts a loss of power, too. */
int ledger_write(
	struct ledger *ledger, const char *id, const struct tus_info *info, bool is_synced);
/* 0 and what was written, whose metadata are the caller's; -ENOENT; other -errno. */
int ledger_find(struct ledger *ledger, const char *id, struct tus_info *info);
/* It is asked for no more.  0, also where it never was; -errno. */
int ledger_strike(struct ledger *ledger, const char *id);
