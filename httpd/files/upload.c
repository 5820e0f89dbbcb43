/* SPDX-License-Identifier: MIT */
#include "httpd/files/upload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum step { STEP_BEGIN, STEP_WRITE, STEP_END, STEP_ABORT };

struct block {
	char *bytes; /* NULL: not needed so far */
	size_t len;
};

struct upload {
	/* the event loop's */
	struct disk_workers *workers;
	struct exchange *exchange; /* NULL: gone */
	struct disk_job job;
	bool is_running; /* the job */
	bool is_ended;   /* the body is whole */
	struct block blocks[UPLOAD_BLOCKS];
	size_t first, n_full; /* full ones from here on, in a ring; the next is being filled */
	/* the job's while it runs, else the loop's */
	const struct upload_ops *ops;
	void *arg;
	enum step step;
	size_t n_taken; /* of the full blocks */
	int result;
};

static struct block *block_at(struct upload *upload, size_t i)
{
	return &upload->blocks[(upload->first + i) % UPLOAD_BLOCKS];
}

static void upload_free(struct upload *upload)
{
	for (size_t i = 0; i < UPLOAD_BLOCKS; i++)
		if (upload->blocks[i].bytes)
			munmap(upload->blocks[i].bytes, UPLOAD_BLOCK_SIZE);
	free(upload);
}

/* --- on a worker --- */

static void run(struct disk_job *job)
{
	struct upload *upload = (struct upload *)((char *)job - offsetof(struct upload, job));

	switch (upload->step) {
	case STEP_BEGIN:
		upload->result = upload->ops->begin(upload->arg);
		return;
	case STEP_WRITE:
		for (size_t i = 0; i < upload->n_taken && upload->result == 0; i++) {
			const struct block *block = block_at(upload, i);

			upload->result = upload->ops->write(upload->arg, block->bytes, block->len);
		}
		return;
	case STEP_END:
		upload->result = upload->ops->end(upload->arg);
		return;
	case STEP_ABORT:
		upload->ops->abort(upload->arg);
		return;
	}
}

/* --- on the loop --- */

static void submit(struct upload *upload, enum step step)
{
	upload->step = step;
	upload->is_running = true;
	disk_submit(upload->workers, &upload->job);
}

/* What is next, if no job runs. */
static void advance(struct upload *upload)
{
	bool is_cancelled = upload->exchange == NULL;

	if (upload->is_running)
		return;
	/* The last block need not be full. */
	if ((upload->is_ended || is_cancelled) && upload->n_full < UPLOAD_BLOCKS &&
		block_at(upload, upload->n_full)->len > 0)
		upload->n_full++;
	if (upload->result < 0) {
		submit(upload, STEP_ABORT);
	} else if (upload->n_full > 0) {
		upload->n_taken = upload->n_full;
		submit(upload, STEP_WRITE);
	} else if (upload->is_ended) {
		submit(upload, STEP_END);
	} else if (is_cancelled) {
		upload->result = -ECANCELED;
		submit(upload, STEP_ABORT);
	}
}

static bool on_room(void *arg, char **room, size_t *len)
{
	struct upload *upload = arg;
	struct block *block = block_at(upload, upload->n_full);

	if (upload->n_full == UPLOAD_BLOCKS)
		return false;
	if (!block->bytes) {
		block->bytes = mmap(NULL, UPLOAD_BLOCK_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (block->bytes == MAP_FAILED) {
			block->bytes = NULL;
			if (!upload->is_running) {
				upload->result = -ENOMEM;
				advance(upload);
			}
			return false; /* a block that is being written will be free again */
		}
	}
	*room = block->bytes + block->len;
	*len = UPLOAD_BLOCK_SIZE - block->len;
	return true;
}

static void on_bytes(void *arg, size_t n)
{
	struct upload *upload = arg;
	struct block *block = block_at(upload, upload->n_full);

	block->len += n;
	if (block->len == UPLOAD_BLOCK_SIZE) {
		upload->n_full++;
		advance(upload);
	}
}

static void on_end(void *arg)
{
	struct upload *upload = arg;

	upload->is_ended = true;
	advance(upload);
}

static const struct body_intake_ops BODY_OPS = {
	.on_room = on_room, .on_bytes = on_bytes, .on_end = on_end};

/* The connection is gone. */
static void on_cancel(void *arg)
{
	struct upload *upload = arg;

	upload->exchange = NULL;
	advance(upload);
}

static void finish(struct upload *upload)
{
	upload->ops->answer(upload->arg, upload->exchange, upload->result);
	upload_free(upload);
}

static void done(struct disk_job *job)
{
	struct upload *upload = (struct upload *)((char *)job - offsetof(struct upload, job));

	upload->is_running = false;
	if (upload->step == STEP_ABORT || (upload->step == STEP_END && upload->result == 0)) {
		finish(upload);
		return;
	}
	if (upload->step == STEP_WRITE) {
		for (size_t i = 0; i < upload->n_taken; i++)
			block_at(upload, i)->len = 0;
		upload->first = (upload->first + upload->n_taken) % UPLOAD_BLOCKS;
		upload->n_full -= upload->n_taken;
	}
	if (upload->result == 0 && upload->exchange) {
		if (upload->step == STEP_WRITE)
			exchange_resume(upload->exchange);
		else if (exchange_has_body(upload->exchange))
			exchange_receive(upload->exchange, &BODY_OPS, upload);
		else
			upload->is_ended = true;
	}
	advance(upload);
}

int upload_start(struct disk_workers *workers, struct exchange *exchange,
	const struct upload_ops *ops, void *arg, struct upload **out)
{
	struct upload *upload = calloc(1, sizeof(*upload));

	if (!upload)
		return -ENOMEM;
	upload->workers = workers;
	upload->exchange = exchange;
	upload->ops = ops;
	upload->arg = arg;
	upload->job.run = run;
	upload->job.done = done;
	exchange_wait(exchange, on_cancel, upload);
	submit(upload, STEP_BEGIN);
	*out = upload;
	return 0;
}

void upload_cancel(struct upload *upload)
{
	struct exchange *exchange = upload->exchange;

	if (!exchange)
		return;
	exchange_fail(exchange); /* which forgets us */
	on_cancel(upload);
}
