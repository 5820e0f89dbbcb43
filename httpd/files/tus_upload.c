/* SPDX-License-Identifier: MIT */
#include "httpd/files/tus_upload.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "common/clock.h"
#include "httpd/files/tus_answer.h"
#include "httpd/files/tus_request.h"

struct tus_waiter {
	TAILQ_ENTRY(tus_waiter) entry; /* in tus_upload::waiters */
	struct tus_upload *upload;
	struct exchange *exchange;
	enum tus_verb verb;
};

static void next(struct tus_upload *upload);

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
		upload->state = TUS_GONE; /* from memory: who asks again has it placed again */
	else
		upload->state = file->placed ? TUS_DONE : TUS_IDLE;
	upload->result = r;
	if (r == 0 && upload->state == TUS_DONE)
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
		upload->state = TUS_GONE;
	else
		upload->state = upload->file.info.is_whole ? TUS_DONE : TUS_IDLE;
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
	upload->state = TUS_GONE;
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
	upload->state = TUS_BUSY;
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
	if (upload->state == TUS_DONE) {
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
	upload->state = TUS_BUSY;
}

static void serve(struct tus_upload *upload, struct exchange *exchange, enum tus_verb verb)
{
	if (verb == TUS_CREATE && upload->state == TUS_GONE)
		upload->uploads->on_missing(upload->files, exchange, upload->file.id);
	else if (verb == TUS_CREATE)
		tus_answer_received(
			exchange, &upload->file, upload->files->config->files.resume_hours, "");
	else if (upload->state == TUS_GONE)
		tus_refuse(exchange, upload->result, NULL);
	else if (verb == TUS_HEAD)
		tus_answer_head(exchange, &upload->file, upload->files->config->files.resume_hours);
	else if (verb == TUS_PATCH)
		start_patch(upload, exchange);
	else
		start_delete(upload, exchange);
}

/* Serves who waits, as far as it goes. */
static void next(struct tus_upload *upload)
{
	struct tus_waiter *waiter;

	while (upload->state != TUS_LOADING && upload->state != TUS_BUSY &&
		(waiter = TAILQ_FIRST(&upload->waiters))) {
		struct exchange *exchange = waiter->exchange;
		enum tus_verb verb = waiter->verb;

		TAILQ_REMOVE(&upload->waiters, waiter, entry);
		free(waiter);
		upload->last_ns = clock_monotonic_ns();
		serve(upload, exchange, verb);
	}
	if (TAILQ_EMPTY(&upload->waiters) &&
		(upload->state == TUS_GONE ||
			(upload->state == TUS_DONE && upload->file.is_in_ledger)))
		tus_upload_free(upload);
}

static void on_cancel(void *arg)
{
	struct tus_waiter *waiter = arg;

	TAILQ_REMOVE(&waiter->upload->waiters, waiter, entry);
	free(waiter);
}

int tus_upload_ask(struct tus_upload *upload, struct exchange *exchange, enum tus_verb verb)
{
	struct tus_waiter *waiter = calloc(1, sizeof(*waiter));

	if (!waiter)
		return -ENOMEM;
	waiter->upload = upload;
	waiter->exchange = exchange;
	waiter->verb = verb;
	TAILQ_INSERT_TAIL(&upload->waiters, waiter, entry);
	exchange_wait(exchange, on_cancel, waiter);
	if (upload->receiving)
		upload_cancel(upload->receiving);
	else
		next(upload);
	return 0;
}

void tus_upload_load(struct tus_upload *upload)
{
	upload->state = TUS_LOADING;
	upload->job = (struct disk_job){.run = run_load, .done = loaded};
	disk_submit(upload->files->workers, &upload->job);
}

int tus_upload_receive(struct tus_upload *upload, struct exchange *exchange)
{
	int r;

	upload->is_new = true; /* which a worker asks at once */
	r = upload_start(upload->files->writers, exchange, &OPS, upload, &upload->receiving);
	if (r < 0)
		return r;
	upload->state = TUS_BUSY;
	upload->files->n_uploading++;
	return 0;
}

/* --- its life --- */

bool tus_upload_is_forgettable(const struct tus_upload *upload)
{
	return (upload->state == TUS_IDLE || upload->state == TUS_DONE) &&
	       TAILQ_EMPTY(&upload->waiters);
}

struct tus_upload *tus_upload_new(struct tus_uploads *uploads, const char *id)
{
	struct files *files = uploads->files;
	struct tus_upload *upload = calloc(1, sizeof(*upload));

	if (!upload)
		return NULL;
	upload->uploads = uploads;
	upload->files = files;
	tus_file_init(&upload->file, files->store, files->quota, files->listing, uploads->ledger,
		files->config->files.hash, id);
	upload->last_ns = clock_monotonic_ns();
	TAILQ_INIT(&upload->waiters);
	LIST_INSERT_HEAD(&uploads->list, upload, entry);
	uploads->n++;
	return upload;
}

void tus_upload_free(struct tus_upload *upload)
{
	LIST_REMOVE(upload, entry);
	upload->uploads->n--;
	tus_file_fini(&upload->file);
	free(upload);
}
