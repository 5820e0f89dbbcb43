/* SPDX-License-Identifier: MIT */
/*
 * The files of the site: what is shared, what is being sent, and the routes to both.
 *
 *     routes ──► PUT, POST, tus ──► upload ──► incoming ──► store ──► listing
 *            ──► /download, /uploads ──► download (sendfile)    │
 *            ──► /files, /files.zip ◄──────────────────────────┘
 *
 * Every call that may wait for the disk is made by a worker (disk_worker.h); all else here runs on
 * the event loop.
 */
#pragma once

#include "common/ratelimit.h"
#include "httpd/exchange.h"
#include "httpd/files/disk_worker.h"
#include "httpd/files/listing.h"
#include "httpd/files/owner.h"
#include "httpd/files/quota.h"
#include "httpd/files/store.h"

struct site;
struct tus_uploads;
struct folder_watch;
struct opening;
struct lister;
struct zip;

/* Made by files_create(), borrowed by everything in this folder. */
struct files {
	struct event_base *base;
	const struct config *config;
	/* Uploads have their own: a disk that takes no more still lists and reads. */
	struct disk_workers *workers, *writers;
	struct store *store;     /* NULL: there is none yet, see `why_not` */
	struct opening *opening; /* who tries */
	char why_not[320];
	struct listing *listing;
	struct quota *quota;
	struct folder_watch *watch;
	struct tus_uploads *tus;
	struct lister *lister;         /* who has asked for the list */
	struct event *cleaning;        /* every hour */
	char epoch[STORE_ID_SIZE];     /* of this process: generations begin anew in each */
	char presenter[STORE_ID_SIZE]; /* what the presenter's next upload must show; "": none */

	/* figures of /status; they never go back */
	uint64_t uploads_total, upload_bytes_total, uploads_failed_total;
	uint64_t downloads_total, zips_total;
	unsigned n_uploading, n_downloading, n_zips;
	struct ratelimit failed_log, received_log, changed_log;
	LIST_HEAD(, zip) zips; /* being made */
};

/* `state_dir` is where the folder lies by default.  A folder that cannot be used is no failure:
 * then the routes say so, and it is tried again.  0; -ENOSYS: no openat2(); -ENOMEM. */
int files_create(struct event_base *base, const struct config *config, const char *state_dir,
	struct files **out);
/* The folder can be used: everything begins.  0: the store is taken over; or -errno.  Loop. */
int files_opened(struct files *files, struct store *store);
/* The configuration that was given to files_create() has other values now.  Loop. */
void files_configured(struct files *files);
/* After all exchanges have gone. */
void files_destroy(struct files *files); /* accepts NULL */

/* --- routes --- */

void files_list(struct site *site, struct exchange *exchange);     /* GET /files */
void files_form(struct site *site, struct exchange *exchange);     /* POST / */
void files_put(struct site *site, struct exchange *exchange);      /* PUT /uploads/NAME */
void files_delete(struct site *site, struct exchange *exchange);   /* DELETE /uploads/NAME */
void files_rename(struct site *site, struct exchange *exchange);   /* POST /uploads/NAME?rename= */
void files_show(struct site *site, struct exchange *exchange);     /* GET /uploads/NAME */
void files_download(struct site *site, struct exchange *exchange); /* GET /download/NAME */
void files_zip(struct site *site, struct exchange *exchange);      /* GET /files.zip */
void files_tus_create(struct site *site, struct exchange *exchange);  /* POST /tus/ */
void files_tus_post(struct site *site, struct exchange *exchange);    /* POST /tus/ID */
void files_tus_options(struct site *site, struct exchange *exchange); /* OPTIONS /tus/… */
void files_tus_head(struct site *site, struct exchange *exchange);    /* HEAD /tus/ID */
void files_tus_patch(struct site *site, struct exchange *exchange);   /* PATCH /tus/ID */
void files_tus_delete(struct site *site, struct exchange *exchange);  /* DELETE /tus/ID */

/* --- what they have in common --- */

/* Waits for the threads that make ZIPs, whose exchanges have gone. */
void zips_stop(struct files *files);

/* Why no files are shared just now, a sentence; NULL: they are. */
const char *files_why_not(const struct files *files);
/* True if they are; else the exchange has been answered. */
bool files_are_ready(struct files *files, struct exchange *exchange);
/* … and whether files may be sent to it. */
bool files_may_be_sent(struct files *files, struct exchange *exchange);
/* Answers with what -errno `r` means; `why` (NULL: none) is a sentence that says more. */
void files_refuse(struct exchange *exchange, int r, const char *why);
/* … with headers as of struct response. */
void files_refuse_with(struct exchange *exchange, int r, const char *why, const char *headers);
/* 411 and 413 that can be told from the length of the one file, before anything of it: then
 * answered. */
bool files_refuse_length(struct files *files, struct exchange *exchange);
/* Whether `owner` may do what `right` says with the entry. */
bool files_is_allowed(enum config_right right, const struct file_entry *entry, const char *owner);

/* True where a line may be written now; `more` is then its end: how many were left out before it.
 */
bool files_may_log(struct ratelimit *limit, char more[RATELIMIT_MORE_SIZE]);
/* What one upload of a file has become: into the listing, the journal and the figures.  Loop. */
void files_uploaded(struct files *files, struct file_entry *entry, const char *route);
void files_upload_failed(struct files *files, const char *address, const char *name, int r);
/* {"name":…,"size":…,"sha256":…,"url":…}; NULL: no memory. */
struct json_t *files_entry_json(const struct file_entry *entry);
/* "Repr-Digest: …\r\n" where there is a hash, else ""; `meta` may be NULL. */
#define FILES_DIGEST_SIZE 80u
void files_digest_header(const struct file_meta *meta, char out[FILES_DIGEST_SIZE]);
/* The object as the whole answer; `headers` as of struct response.  Takes the object over. */
void files_answer_json(
	struct exchange *exchange, unsigned status, struct json_t *json, const char *headers);
