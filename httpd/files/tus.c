/* SPDX-License-Identifier: MIT */
#include "httpd/files/tus.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <time.h>

#include "common/clock.h"
#include "httpd/files/files.h"
#include "httpd/files/incoming.h"
#include "httpd/files/tus_head.h"
#include "httpd/files/tus_info.h"
#include "httpd/files/upload.h"
#include "httpd/pages.h"
#include "httpd/site.h"

#define IN_MEMORY_MAX 4096u
#define FORGET_NS     (3600 * NS_PER_S)
#define RESUMABLE     "Tus-Resumable: 1.0.0\r\n"
#define PATCH_TYPE    "application/offset+octet-stream"
#define HEADERS_SIZE  (3u * FILENAME_SIZE + TUS_METADATA_MAX + OWNER_COOKIE_SIZE + 512u)

enum verb { VERB_HEAD, VERB_PATCH, VERB_DELETE };

/* A request that waits for its upload to be free. */
struct waiter {
	TAILQ_ENTRY(waiter) entry; /* in tus_upload::waiters */
	struct tus_upload *upload;
	struct exchange *exchange;
	enum verb verb;
};

enum state { LOADING, IDLE, BUSY, DONE, GONE };

struct tus_upload {
	LIST_ENTRY(tus_upload) entry; /* in tus_uploads::list */
	struct files *files;
	char id[STORE_ID_SIZE];
	/* the loop's */
	enum state state;
	struct upload *receiving; /* while a body is received */
	TAILQ_HEAD(, waiter) waiters;
	struct exchange *deleting; /* who is told when it is gone; NULL: has left */
	struct disk_job job;       /* loading, deleting */
	uint64_t last_ns;
	bool is_new;                        /* made by the request that is answered now */
	char set_cookie[OWNER_COOKIE_SIZE]; /* … with this */
	/* a worker's while one works on it, else the loop's */
	struct tus_info info;
	uint64_t offset; /* bytes that the disk has */
	uint64_t offset_wanted;
	struct incoming incoming;
	bool has_hash_state;
	uint64_t hashed;
	struct sha256_ctx hash;
	struct file_entry *file; /* once it is placed by this process */
	bool was_not_made;       /* its first request has failed on the disk */
	int result;
};

struct tus_uploads {
	struct files *files;
	LIST_HEAD(, tus_upload) list;
	unsigned n;
};

static void next(struct tus_upload *upload);

static void upload_free(struct tus_upload *upload)
{
	LIST_REMOVE(upload, entry);
	upload->files->tus->n--;
	entry_unref(upload->file);
	free(upload->info.metadata);
	free(upload);
}

static struct tus_upload *upload_new(struct files *files, const char *id)
{
	struct tus_upload *upload;

	if (files->tus->n >= IN_MEMORY_MAX)
		tus_forget_old(files->tus);
	upload = files->tus->n < IN_MEMORY_MAX ? calloc(1, sizeof(*upload)) : NULL;
	if (!upload)
		return NULL;
	upload->files = files;
	upload->incoming.fd = -1;
	upload->last_ns = clock_monotonic_ns();
	memcpy(upload->id, id, STORE_ID_SIZE);
	TAILQ_INIT(&upload->waiters);
	LIST_INSERT_HEAD(&files->tus->list, upload, entry);
	files->tus->n++;
	return upload;
}

/* --- headers --- */

/* How far it is, and until when it can go on, or what has become of it. */
static void write_headers(const struct tus_upload *upload, char out[HEADERS_SIZE])
{
	char *at = out;
	time_t until = time(NULL) + (time_t)upload->files->config->files.resume_hours * 3600;
	struct tm utc;

	at += sprintf(at, RESUMABLE "Upload-Offset: %" PRIu64 "\r\n", upload->offset);
	if (upload->state != DONE) {
		gmtime_r(&until, &utc);
		at += strftime(at, 64, "Upload-Expires: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
		*at = '\0';
		return;
	}
	if (upload->info.placed[0] != '\0') {
		at = stpcpy(at, "Content-Location: /uploads/");
		filename_to_url(upload->info.placed, at);
		at = stpcpy(at + strlen(at), "\r\n");
	}
	if (upload->file)
		files_digest_header(upload->file, at);
}

static void answer_empty(struct exchange *exchange, unsigned status, const char *headers)
{
	const struct response response = {.status = status, .headers = headers};

	exchange_answer(exchange, &response);
}

static void refuse_status(struct exchange *exchange, unsigned status, const char *why)
{
	const struct pages_error error = {.status = status,
		.title = "error_bad_title",
		.text = "error_bad_text",
		.detail = why,
		.headers = status == 412 ? RESUMABLE "Tus-Version: 1.0.0\r\n" : RESUMABLE};

	pages_error(exchange, &error);
}

static void refuse(struct exchange *exchange, int r, const char *why)
{
	if (r == -ESTALE)
		refuse_status(exchange, 409, "Upload-Offset is not where the upload is");
	else
		files_refuse_with(exchange, r, why, RESUMABLE);
}

/* Every request but OPTIONS says which version it speaks.  False: answered. */
static bool speaks_our_version(struct exchange *exchange)
{
	const char *version = request_header(exchange_request(exchange), "Tus-Resumable");

	if (version && strcmp(version, "1.0.0") == 0)
		return true;
	refuse_status(exchange, 412, "Only tus 1.0.0 is spoken here");
	return false;
}

/* --- on workers --- */

/* All bytes are there.  Said first, so that whoever finds no bytes later knows where they are. */
static int place(struct tus_upload *upload)
{
	struct incoming *incoming = &upload->incoming;
	int r;

	upload->info.is_whole = true;
	r = tus_info_write(upload->files->store, upload->id, &upload->info);
	if (r == 0)
		r = incoming_place(incoming, upload->info.name, &upload->info.meta, &upload->file);
	if (r < 0)
		return r;
	listing_put(upload->files->listing, entry_ref(upload->file));
	strcpy(upload->info.placed, upload->file->name);
	/* Without it only the name is not told again. */
	tus_info_write(upload->files->store, upload->id, &upload->info);
	return 0;
}

/* Closes the file, and keeps how far it and its hash are. */
static void put_away(struct tus_upload *upload)
{
	struct incoming *incoming = &upload->incoming;

	if (incoming->fd >= 0) {
		upload->offset = incoming->size;
		upload->has_hash_state = true;
		upload->hashed = incoming->hashed;
		upload->hash = incoming->hash;
	}
	incoming_drop(incoming, false);
}

static int reopen(struct tus_upload *upload)
{
	char part[STORE_ID_SIZE + 8], info[STORE_ID_SIZE + 8];
	struct files *files = upload->files;
	int r;

	tus_info_names(upload->id, part, info);
	tus_info_touch(files->store, upload->id);
	r = incoming_reopen(&upload->incoming, files->store, files->quota,
		upload->info.meta.address, part, upload->info.length, files->config->files.hash);
	if (r == 0 && upload->has_hash_state && upload->hashed <= upload->incoming.size) {
		upload->incoming.hash = upload->hash;
		upload->incoming.hashed = upload->hashed;
	}
	return r;
}

static int make_new(struct tus_upload *upload)
{
	char part[STORE_ID_SIZE + 8], info[STORE_ID_SIZE + 8];
	struct files *files = upload->files;
	int r;

	tus_info_names(upload->id, part, info);
	r = incoming_create(&upload->incoming, files->store, files->quota,
		upload->info.meta.address, part, upload->info.length, files->config->files.hash);
	if (r == 0)
		r = tus_info_write(files->store, upload->id, &upload->info);
	if (r < 0) {
		incoming_drop(&upload->incoming, true);
		upload->was_not_made = true;
	}
	return r;
}

static int begin(void *arg)
{
	struct tus_upload *upload = arg;
	int r = upload->is_new ? make_new(upload) : reopen(upload);

	if (r == 0 && upload->incoming.size != upload->offset_wanted)
		return -ESTALE;
	return r;
}

static int write_some(void *arg, const char *bytes, size_t len)
{
	struct tus_upload *upload = arg;

	if (len > upload->info.length - upload->incoming.size)
		return -EFBIG;
	return incoming_write(&upload->incoming, bytes, len);
}

static int end(void *arg)
{
	struct tus_upload *upload = arg;
	int r = 0;

	if (upload->incoming.size == upload->info.length)
		r = place(upload);
	if (r == 0)
		put_away(upload);
	return r;
}

static void keep(void *arg)
{
	put_away(arg);
}

/* --- a body has ended, one way or the other --- */

static void answer_received(struct tus_upload *upload, struct exchange *exchange)
{
	char headers[HEADERS_SIZE];

	write_headers(upload, headers);
	if (upload->is_new)
		sprintf(headers + strlen(headers), "Location: /tus/%s\r\n%s", upload->id,
			upload->set_cookie);
	answer_empty(exchange, upload->is_new ? 201 : 204, headers);
}

static void received(void *arg, struct exchange *exchange, int r)
{
	struct tus_upload *upload = arg;
	struct files *files = upload->files;

	upload->receiving = NULL;
	upload->last_ns = clock_monotonic_ns();
	files->n_uploading--;
	if (upload->was_not_made || (upload->info.is_whole && !upload->file))
		upload->state = GONE; /* from memory: who asks again has it placed again */
	else
		upload->state = upload->file ? DONE : IDLE;
	upload->result = r;
	if (r == 0 && upload->state == DONE)
		files_uploaded(files, upload->file, "/tus/");
	else if (r < 0 && r != -ECANCELED && r != -ESTALE)
		files_upload_failed(files, upload->info.meta.address, upload->info.name, r);
	if (exchange && r == 0)
		answer_received(upload, exchange);
	else if (exchange)
		refuse(exchange, r, r == -ENOTDIR ? "A file has the name of its folder" : NULL);
	upload->is_new = false;
	next(upload);
}

static const struct upload_ops OPS = {
	.begin = begin, .write = write_some, .end = end, .abort = keep, .answer = received};

/* --- one request after the other --- */

static void run_load(struct disk_job *job)
{
	struct tus_upload *upload =
		(struct tus_upload *)((char *)job - offsetof(struct tus_upload, job));
	const struct store *store = upload->files->store;
	char part[STORE_ID_SIZE + 8], info[STORE_ID_SIZE + 8];
	struct stat st;
	int r = tus_info_read(store, upload->id, &upload->info);

	tus_info_names(upload->id, part, info);
	if (r == 0 && fstatat(store_incoming_fd(store), part, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r == -ENOENT && upload->info.is_whole) {
		/* Placed, and then the server was killed before it could say so. */
		upload->offset = upload->info.length;
		r = 0;
	} else if (r == 0) {
		upload->offset = (uint64_t)st.st_size;
		/* Whole, and killed before it was placed. */
		if (upload->offset == upload->info.length) {
			r = reopen(upload);
			if (r == 0)
				r = place(upload);
			put_away(upload);
		}
	}
	upload->result = r;
}

static void loaded(struct disk_job *job)
{
	struct tus_upload *upload =
		(struct tus_upload *)((char *)job - offsetof(struct tus_upload, job));

	if (upload->result < 0)
		upload->state = GONE;
	else
		upload->state = upload->info.is_whole ? DONE : IDLE;
	if (upload->file)
		files_uploaded(upload->files, upload->file, "/tus/");
	next(upload);
}

static void run_delete(struct disk_job *job)
{
	struct tus_upload *upload =
		(struct tus_upload *)((char *)job - offsetof(struct tus_upload, job));

	upload->result = tus_info_remove(upload->files->store, upload->id);
}

static void deleted(struct disk_job *job)
{
	struct tus_upload *upload =
		(struct tus_upload *)((char *)job - offsetof(struct tus_upload, job));
	struct exchange *exchange = upload->deleting;

	upload->deleting = NULL;
	if (exchange && upload->result == 0)
		answer_empty(exchange, 204, RESUMABLE);
	else if (exchange)
		refuse(exchange, upload->result, NULL);
	/* What could not be removed is read again by who asks next. */
	upload->state = GONE;
	if (upload->result == 0)
		upload->result = -ENOENT;
	next(upload);
}

static void on_deleter_left(void *arg)
{
	struct tus_upload *upload = arg;

	upload->deleting = NULL;
}

/* Answered when it is done: who has read 204 finds nothing of it any more. */
static void start_delete(struct tus_upload *upload, struct exchange *exchange)
{
	upload->state = BUSY;
	upload->deleting = exchange;
	exchange_wait(exchange, on_deleter_left, upload);
	upload->job = (struct disk_job){.run = run_delete, .done = deleted};
	disk_submit(upload->files->workers, &upload->job);
}

static void answer_head(struct tus_upload *upload, struct exchange *exchange)
{
	char headers[HEADERS_SIZE];
	char *at;

	write_headers(upload, headers);
	at = headers + strlen(headers);
	at += sprintf(at, "Upload-Length: %" PRIu64 "\r\n", upload->info.length);
	if (upload->info.metadata && upload->info.metadata[0])
		sprintf(at, "Upload-Metadata: %s\r\n", upload->info.metadata);
	answer_empty(exchange, 200, headers);
}

/* What can be said of a PATCH before its body.  0, or answered. */
static int check_patch(struct tus_upload *upload, struct exchange *exchange)
{
	const struct request *request = exchange_request(exchange);
	const char *type = request_header(request, "Content-Type");
	const char *offset = request_header(request, "Upload-Offset");
	int r = 0;

	if (!type || strcasecmp(type, PATCH_TYPE) != 0) {
		refuse_status(exchange, 415, "A PATCH carries " PATCH_TYPE);
		return -EINVAL;
	}
	if (!offset || tus_number(offset, &upload->offset_wanted) < 0) {
		refuse_status(exchange, 400, "Upload-Offset is missing, or is no number");
		return -EINVAL;
	}
	if (upload->offset_wanted != upload->offset)
		r = -ESTALE;
	else if (request->content_length > upload->info.length - upload->offset)
		r = -EFBIG;
	if (r < 0)
		refuse(exchange, r, r == -EFBIG ? "More than Upload-Length" : NULL);
	return r;
}

/* True if the upload is busy with it now. */
static bool start_patch(struct tus_upload *upload, struct exchange *exchange)
{
	int r;

	if (check_patch(upload, exchange) < 0)
		return false;
	if (upload->state == DONE) {
		answer_received(upload, exchange);
		return false;
	}
	r = upload_start(upload->files->writers, exchange, &OPS, upload, &upload->receiving);
	if (r < 0) {
		refuse(exchange, r, NULL);
		return false;
	}
	upload->files->n_uploading++;
	upload->state = BUSY;
	return true;
}

static void serve(struct tus_upload *upload, struct exchange *exchange, enum verb verb)
{
	if (upload->state == GONE) {
		refuse(exchange, upload->result, NULL);
		return;
	}
	if (verb == VERB_HEAD) {
		answer_head(upload, exchange);
	} else if (verb == VERB_PATCH) {
		start_patch(upload, exchange);
	} else {
		start_delete(upload, exchange);
	}
}

/* Serves who waits, as far as it goes. */
static void next(struct tus_upload *upload)
{
	struct waiter *waiter;

	while (upload->state != LOADING && upload->state != BUSY &&
		(waiter = TAILQ_FIRST(&upload->waiters))) {
		struct exchange *exchange = waiter->exchange;
		enum verb verb = waiter->verb;

		TAILQ_REMOVE(&upload->waiters, waiter, entry);
		free(waiter);
		upload->last_ns = clock_monotonic_ns();
		serve(upload, exchange, verb);
	}
	if (upload->state == GONE && TAILQ_EMPTY(&upload->waiters))
		upload_free(upload);
}

static void on_cancel(void *arg)
{
	struct waiter *waiter = arg;

	TAILQ_REMOVE(&waiter->upload->waiters, waiter, entry);
	free(waiter);
}

static struct tus_upload *find(struct files *files, const char *id)
{
	struct tus_upload *upload;

	LIST_FOREACH (upload, &files->tus->list, entry)
		if (strcmp(upload->id, id) == 0)
			return upload;
	upload = upload_new(files, id);
	if (!upload)
		return NULL;
	upload->state = LOADING;
	upload->job = (struct disk_job){.run = run_load, .done = loaded};
	disk_submit(files->workers, &upload->job);
	return upload;
}

static void ask(struct site *site, struct exchange *exchange, enum verb verb)
{
	const char *id = exchange_request(exchange)->path + sizeof("/tus/") - 1;
	struct files *files = site->files;
	struct tus_upload *upload;
	struct waiter *waiter;

	if (!files_are_ready(files, exchange) || !speaks_our_version(exchange))
		return;
	if (!store_is_id(id)) {
		refuse(exchange, -ENOENT, NULL);
		return;
	}
	waiter = calloc(1, sizeof(*waiter));
	upload = waiter ? find(files, id) : NULL;
	if (!upload) {
		free(waiter);
		refuse(exchange, -ENOMEM, NULL);
		return;
	}
	waiter->upload = upload;
	waiter->exchange = exchange;
	waiter->verb = verb;
	TAILQ_INSERT_TAIL(&upload->waiters, waiter, entry);
	exchange_wait(exchange, on_cancel, waiter);
	if (upload->receiving)
		upload_cancel(upload->receiving);
	else
		next(upload);
}

/* --- routes --- */

void files_tus_options(struct site *site, struct exchange *exchange)
{
	char headers[256];
	uint64_t max;
	char *at = headers;

	if (!files_are_ready(site->files, exchange))
		return;
	max = quota_file_max(site->files->quota);
	at += sprintf(at, RESUMABLE "Tus-Version: 1.0.0\r\n"
				    "Tus-Extension: creation,creation-with-upload,termination,"
				    "expiration\r\n");
	if (max != UINT64_MAX)
		sprintf(at, "Tus-Max-Size: %" PRIu64 "\r\n", max);
	answer_empty(exchange, 204, headers);
}

void files_tus_head(struct site *site, struct exchange *exchange)
{
	ask(site, exchange, VERB_HEAD);
}

void files_tus_patch(struct site *site, struct exchange *exchange)
{
	ask(site, exchange, VERB_PATCH);
}

void files_tus_delete(struct site *site, struct exchange *exchange)
{
	ask(site, exchange, VERB_DELETE);
}

/* For who can send no PATCH. */
void files_tus_post(struct site *site, struct exchange *exchange)
{
	const char *method = request_header(exchange_request(exchange), "X-HTTP-Method-Override");

	if (method && strcmp(method, "PATCH") == 0)
		ask(site, exchange, VERB_PATCH);
	else if (method && strcmp(method, "DELETE") == 0)
		ask(site, exchange, VERB_DELETE);
	else
		refuse_status(exchange, 400, "An upload is created at /tus/");
}

/* Its name: that of its folder too, where one was dropped. */
static int learn_name(const char *metadata, struct tus_info *info, const char **why)
{
	static const char *const keys[] = {"relativePath", "filename", "name"};
	char sent[2 * FILENAME_SIZE];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		int len = tus_metadata_find(metadata, keys[i], sent, sizeof(sent));

		if (len == -EMSGSIZE) {
			*why = "The file's name is longer than 255 bytes";
			return -EINVAL;
		}
		/* The npm library Uppy sends "null" for what has no folder. */
		if (len > 0 && !(i == 0 && strcmp(sent, "null") == 0))
			return filename_clean(sent, (size_t)len, info->name, why);
	}
	strcpy(info->name, "upload");
	return 0;
}

/* 0, or -errno and perhaps why. */
static int learn_creation(struct exchange *exchange, struct tus_upload *upload, const char **why)
{
	const struct request *request = exchange_request(exchange);
	const char *length = request_header(request, "Upload-Length");
	const char *metadata = request_header(request, "Upload-Metadata");
	const char *type = request_header(request, "Content-Type");
	struct tus_info *info = &upload->info;
	struct sender sender;
	char name[ENTRY_SENDER_SIZE];
	int r;

	*why = "Upload-Length is missing, or is no number";
	if (!length || tus_number(length, &info->length) < 0)
		return -EINVAL;
	*why = "Upload-Metadata is malformed";
	metadata = metadata ? metadata : "";
	if (strlen(metadata) > TUS_METADATA_MAX || tus_metadata_check(metadata) < 0)
		return -EINVAL;
	*why = "A body carries " PATCH_TYPE;
	if (exchange_has_body(exchange) && (!type || strcasecmp(type, PATCH_TYPE) != 0))
		return -EINVAL;
	*why = NULL;
	if (info->length > quota_file_max(upload->files->quota) ||
		request->content_length > info->length)
		return -EFBIG;
	r = learn_name(metadata, info, why);
	if (r == 0)
		r = sender_learn(exchange, &sender);
	if (r < 0)
		return r;
	if (tus_metadata_find(metadata, "sender", name, sizeof(name)) > 0)
		entry_clean_sender(name, sender.meta.sender);
	info->meta = sender.meta;
	strcpy(upload->set_cookie, sender.set_cookie);
	info->metadata = strdup(metadata);
	return info->metadata ? 0 : -ENOMEM;
}

void files_tus_create(struct site *site, struct exchange *exchange)
{
	struct files *files = site->files;
	struct tus_upload *upload = NULL;
	const char *why = NULL;
	char id[STORE_ID_SIZE];
	int r;

	if (!files_may_be_sent(files, exchange) || !speaks_our_version(exchange))
		return;
	r = store_new_id(id);
	if (r == 0) {
		upload = upload_new(files, id);
		r = upload ? learn_creation(exchange, upload, &why) : -ENOMEM;
	}
	if (r == 0) {
		upload->is_new = true;
		upload->state = BUSY;
		r = upload_start(files->writers, exchange, &OPS, upload, &upload->receiving);
	}
	if (r < 0) {
		if (upload)
			upload_free(upload);
		refuse(exchange, r, why);
		return;
	}
	files->n_uploading++;
}

/* --- their life --- */

int tus_create(struct files *files, struct tus_uploads **out)
{
	struct tus_uploads *uploads = calloc(1, sizeof(*uploads));

	if (!uploads)
		return -ENOMEM;
	uploads->files = files;
	LIST_INIT(&uploads->list);
	*out = uploads;
	return 0;
}

void tus_forget_old(struct tus_uploads *uploads)
{
	uint64_t now_ns = clock_monotonic_ns();
	struct tus_upload *upload, *after;

	for (upload = LIST_FIRST(&uploads->list); upload; upload = after) {
		after = LIST_NEXT(upload, entry);
		if ((upload->state == IDLE || upload->state == DONE) &&
			TAILQ_EMPTY(&upload->waiters) && now_ns - upload->last_ns > FORGET_NS)
			upload_free(upload);
	}
}

void tus_destroy(struct tus_uploads *uploads)
{
	struct tus_upload *upload;

	if (!uploads)
		return;
	while ((upload = LIST_FIRST(&uploads->list)))
		upload_free(upload);
	free(uploads);
}
