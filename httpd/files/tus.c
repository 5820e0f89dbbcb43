/* SPDX-License-Identifier: MIT */
#include "httpd/files/tus.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "httpd/files/files.h"
#include "httpd/files/tus_answer.h"
#include "httpd/files/tus_file.h"
#include "httpd/files/tus_request.h"
#include "httpd/files/upload.h"
#include "httpd/site.h"

#define IN_MEMORY_MAX 1024u /* as many as there can be connections: who is new finds room */
#define FORGET_NS     (3600 * NS_PER_S)

enum verb { VERB_HEAD, VERB_PATCH, VERB_DELETE, VERB_CREATE };

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
	struct tus_file file;
	uint64_t offset_wanted;
	int result;
};

struct tus_uploads {
	struct files *files;
	struct ledger *ledger;
	LIST_HEAD(, tus_upload) list;
	unsigned n;
};

static void next(struct tus_upload *upload);
static void create(struct files *files, struct exchange *exchange, const char *id);

static void upload_free(struct tus_upload *upload)
{
	LIST_REMOVE(upload, entry);
	upload->files->tus->n--;
	tus_file_fini(&upload->file);
	free(upload);
}

/* The disk knows it as well. */
static bool is_forgettable(const struct tus_upload *upload)
{
	return (upload->state == IDLE || upload->state == DONE) && TAILQ_EMPTY(&upload->waiters);
}

static void forget_oldest(struct tus_uploads *uploads)
{
	struct tus_upload *upload, *oldest = NULL;

	LIST_FOREACH (upload, &uploads->list, entry)
		if (is_forgettable(upload) && (!oldest || upload->last_ns < oldest->last_ns))
			oldest = upload;
	if (oldest)
		upload_free(oldest);
}

static struct tus_upload *upload_new(struct files *files, const char *id)
{
	struct tus_upload *upload;

	if (files->tus->n >= IN_MEMORY_MAX)
		forget_oldest(files->tus);
	upload = files->tus->n < IN_MEMORY_MAX ? calloc(1, sizeof(*upload)) : NULL;
	if (!upload)
		return NULL;
	upload->files = files;
	tus_file_init(&upload->file, files->store, files->quota, files->listing, files->tus->ledger,
		files->config->files.hash, id);
	upload->last_ns = clock_monotonic_ns();
	TAILQ_INIT(&upload->waiters);
	LIST_INSERT_HEAD(&files->tus->list, upload, entry);
	files->tus->n++;
	return upload;
}

/* --- a body, on workers --- */

static int begin(void *arg)
{
	struct tus_upload *upload = arg;
	struct tus_file *file = &upload->file;
	int r = upload->is_new ? tus_file_create(file) : tus_file_open(file);

	if (r == 0 && file->incoming.size != upload->offset_wanted)
		return -ESTALE;
	return r;
}

static int write_some(void *arg, const char *bytes, size_t len)
{
	struct tus_upload *upload = arg;

	return tus_file_write(&upload->file, bytes, len);
}

static int end(void *arg)
{
	struct tus_upload *upload = arg;

	return tus_file_end(&upload->file);
}

static void keep(void *arg)
{
	struct tus_upload *upload = arg;

	tus_file_put_away(&upload->file);
}

/* --- a body has ended, one way or the other --- */

static void received(void *arg, struct exchange *exchange, int r)
{
	struct tus_upload *upload = arg;
	const struct tus_file *file = &upload->file;
	struct files *files = upload->files;

	upload->receiving = NULL;
	upload->last_ns = clock_monotonic_ns();
	files->n_uploading--;
	if (file->was_not_made || (file->info.is_whole && !file->placed))
		upload->state = GONE; /* from memory: who asks again has it placed again */
	else
		upload->state = file->placed ? DONE : IDLE;
	upload->result = r;
	if (r == 0 && upload->state == DONE)
		files_uploaded(files, file->placed, "/tus/");
	else if (r < 0 && r != -ECANCELED && r != -ESTALE)
		files_upload_failed(files, file->info.meta.address, file->info.name, r);
	if (exchange && r == 0)
		tus_answer_received(exchange, file, files->config->files.resume_hours,
			upload->is_new ? upload->set_cookie : NULL);
	else if (exchange)
		tus_refuse(exchange, r, r == -ENOTDIR ? "A file has the name of its folder" : NULL);
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

	upload->result = tus_file_load(&upload->file);
}

static void loaded(struct disk_job *job)
{
	struct tus_upload *upload =
		(struct tus_upload *)((char *)job - offsetof(struct tus_upload, job));

	if (upload->result < 0)
		upload->state = GONE;
	else
		upload->state = upload->file.info.is_whole ? DONE : IDLE;
	if (upload->file.placed)
		files_uploaded(upload->files, upload->file.placed, "/tus/");
	next(upload);
}

static void run_delete(struct disk_job *job)
{
	struct tus_upload *upload =
		(struct tus_upload *)((char *)job - offsetof(struct tus_upload, job));

	upload->result = tus_file_remove(&upload->file);
}

static void deleted(struct disk_job *job)
{
	struct tus_upload *upload =
		(struct tus_upload *)((char *)job - offsetof(struct tus_upload, job));
	struct exchange *exchange = upload->deleting;

	upload->deleting = NULL;
	if (exchange && upload->result == 0)
		tus_answer_removed(exchange);
	else if (exchange)
		tus_refuse(exchange, upload->result, NULL);
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

static void start_patch(struct tus_upload *upload, struct exchange *exchange)
{
	int r;

	if (!tus_request_continues(exchange, &upload->file))
		return;
	if (upload->state == DONE) {
		tus_answer_received(
			exchange, &upload->file, upload->files->config->files.resume_hours, NULL);
		return;
	}
	upload->offset_wanted = upload->file.offset;
	r = upload_start(upload->files->writers, exchange, &OPS, upload, &upload->receiving);
	if (r < 0) {
		tus_refuse(exchange, r, NULL);
		return;
	}
	upload->files->n_uploading++;
	upload->state = BUSY;
}

static void serve(struct tus_upload *upload, struct exchange *exchange, enum verb verb)
{
	if (verb == VERB_CREATE && upload->state == GONE)
		create(upload->files, exchange, upload->file.id);
	else if (verb == VERB_CREATE)
		tus_answer_received(
			exchange, &upload->file, upload->files->config->files.resume_hours, "");
	else if (upload->state == GONE)
		tus_refuse(exchange, upload->result, NULL);
	else if (verb == VERB_HEAD)
		tus_answer_head(exchange, &upload->file, upload->files->config->files.resume_hours);
	else if (verb == VERB_PATCH)
		start_patch(upload, exchange);
	else
		start_delete(upload, exchange);
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
	if (TAILQ_EMPTY(&upload->waiters) &&
		(upload->state == GONE || (upload->state == DONE && upload->file.is_in_ledger)))
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
		if (strcmp(upload->file.id, id) == 0)
			return upload;
	upload = upload_new(files, id);
	if (!upload)
		return NULL;
	upload->state = LOADING;
	upload->job = (struct disk_job){.run = run_load, .done = loaded};
	disk_submit(files->workers, &upload->job);
	return upload;
}

/* To be served when it is its turn. */
static void await_turn(
	struct files *files, struct exchange *exchange, const char *id, enum verb verb)
{
	struct tus_upload *upload;
	struct waiter *waiter;

	waiter = calloc(1, sizeof(*waiter));
	upload = waiter ? find(files, id) : NULL;
	if (!upload) {
		free(waiter);
		tus_refuse(exchange, -ENOMEM, NULL);
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

static void ask(struct site *site, struct exchange *exchange, enum verb verb)
{
	const char *id;

	if (!files_are_ready(site->files, exchange) || !tus_request_is_ours(exchange))
		return;
	id = tus_request_id(exchange);
	if (id)
		await_turn(site->files, exchange, id, verb);
}

static void create(struct files *files, struct exchange *exchange, const char *id)
{
	struct tus_upload *upload = upload_new(files, id);
	const char *why = NULL;
	int r = upload ? tus_request_creation(exchange, quota_file_max(files->quota),
				 &upload->file.info, upload->set_cookie, &why)
		       : -ENOMEM;

	if (r == 0) {
		upload->is_new = true;
		upload->state = BUSY;
		r = upload_start(files->writers, exchange, &OPS, upload, &upload->receiving);
	}
	if (r < 0) {
		if (upload)
			upload_free(upload);
		tus_refuse(exchange, r, why);
		return;
	}
	files->n_uploading++;
}

/* --- routes --- */

void files_tus_options(struct site *site, struct exchange *exchange)
{
	if (files_are_ready(site->files, exchange))
		tus_answer_options(exchange, quota_file_max(site->files->quota));
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

/* For who can send no PATCH, DELETE or HEAD. */
void files_tus_post(struct site *site, struct exchange *exchange)
{
	const char *method = request_header(exchange_request(exchange), "X-HTTP-Method-Override");

	if (method && strcmp(method, "PATCH") == 0)
		ask(site, exchange, VERB_PATCH);
	else if (method && strcmp(method, "DELETE") == 0)
		ask(site, exchange, VERB_DELETE);
	else if (method && strcmp(method, "HEAD") == 0)
		ask(site, exchange, VERB_HEAD);
	else
		tus_refuse_status(exchange, 400, "An upload is created at /tus/");
}

void files_tus_create(struct site *site, struct exchange *exchange)
{
	struct files *files = site->files;
	char id[STORE_ID_SIZE];
	bool is_chosen;
	int r;

	if (!files_may_be_sent(files, exchange) || !tus_request_is_ours(exchange))
		return;
	r = tus_request_new_id(exchange, id, &is_chosen);
	if (r < 0)
		tus_refuse(exchange, r, "An Upload-Key has 32 hexadecimal digits");
	else if (is_chosen) /* and may have been created before */
		await_turn(files, exchange, id, VERB_CREATE);
	else
		create(files, exchange, id);
}

/* --- their life --- */

int tus_create(struct files *files, struct tus_uploads **out)
{
	struct tus_uploads *uploads = calloc(1, sizeof(*uploads));

	if (!uploads || ledger_create(files->store, &uploads->ledger) < 0) {
		free(uploads);
		return -ENOMEM;
	}
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
		if (is_forgettable(upload) && now_ns - upload->last_ns > FORGET_NS)
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
	ledger_destroy(uploads->ledger);
	free(uploads);
}
