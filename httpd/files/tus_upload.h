/* SPDX-License-Identifier: MIT */
/*
 * A tus upload is one resumable upload as the server has it in memory, with the requests for it
 * that wait: one is served at a time.
 *
 *   LOADING ──► IDLE ──PATCH──► BUSY ──► IDLE … ──all bytes──► DONE
 *      └──none──► GONE ◄──DELETE, or its creation failed──┘
 *
 * A new request does not wait for a body whose connection has died without a word: that is broken
 * off, what it brought is written, and then the new one is answered.  What the disk has is what
 * counts (tus_file.h); the memory only saves reading it again, so an upload goes from it as soon as
 * the disk knows all of it, or when there are many.  Event-loop thread only, but for what workers
 * do.
 */
#pragma once

#include <sys/queue.h>

#include "httpd/files/files.h"
#include "httpd/files/tus_file.h"
#include "httpd/files/upload.h"

/* CREATE is asked of an upload that may be there, and for the first time where it is not. */
enum tus_verb { TUS_HEAD, TUS_PATCH, TUS_DELETE, TUS_CREATE };

enum tus_state { TUS_LOADING, TUS_IDLE, TUS_BUSY, TUS_DONE, TUS_GONE };

struct tus_waiter; /* a request that waits for its turn; the upload's own */

struct tus_upload {
	LIST_ENTRY(tus_upload) entry; /* in tus_uploads::list */
	struct tus_uploads *uploads;
	struct files *files;
	/* the loop's */
	enum tus_state state;
	struct upload *receiving; /* while a body is received */
	TAILQ_HEAD(, tus_waiter) waiters;
	struct exchange *deleting; /* who is told when it is gone; NULL: has left */
	struct disk_job job;       /* loading, deleting */
	uint64_t last_ns;
	bool is_new;                        /* made by the request that is answered now */
	char set_cookie[OWNER_COOKIE_SIZE]; /* … with this */
	/* a worker's while one works on it, else the loop's */
	struct tus_file file;
	uint64_t offset_wanted;
	int result;
};

/* All that are in memory.  tus.c owns it. */
struct tus_uploads {
	struct files *files;
	struct ledger *ledger;
	LIST_HEAD(, tus_upload) list;
	unsigned n;
	/* Somebody wants to create an upload of an ID that is not there. */
	void (*on_missing)(struct files *files, struct exchange *exchange, const char *id);
};

/* Into the list.  NULL: no memory. */
struct tus_upload *tus_upload_new(struct tus_uploads *uploads, const char *id);
void tus_upload_free(struct tus_upload *upload);
/* The disk knows it as well, and nobody waits for it. */
bool tus_upload_is_forgettable(const struct tus_upload *upload);

/* Reads from the disk what there is of it. */
void tus_upload_load(struct tus_upload *upload);
/* Receives the body, if there is one, of the request that creates it.  0 or -ENOMEM: not begun. */
int tus_upload_receive(struct tus_upload *upload, struct exchange *exchange);
/* Serves the request when it is its turn, which may be at once, and the end of the upload's memory.
 * 0 or -ENOMEM. */
int tus_upload_ask(struct tus_upload *upload, struct exchange *exchange, enum tus_verb verb);
