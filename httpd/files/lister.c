/* SPDX-License-Identifier: MIT */
#include "httpd/files/lister.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "httpd/files/files.h"
#include "httpd/files/list_text.h"

#define TAG_SIZE (STORE_ID_SIZE + ENTRY_OWNER_SIZE + 24u)

struct asker {
	LIST_ENTRY(asker) entry; /* in lister::waiting or ::building */
	struct lister *lister;
	struct exchange *exchange;
	struct event timer;
	uint64_t after; /* the generation that it knows */
	/* NULL: wants JSON */
	void (*answer_rows)(void *arg, struct exchange *exchange, struct list_text *text);
	void *arg;
};
LIST_HEAD(asker_list, asker);

struct lister {
	struct files *files;
	struct event changed;
	struct list_text *newest;
	struct asker_list waiting;  /* for a change */
	struct asker_list building; /* for the text */
	struct disk_job job;
	bool is_running, is_destroyed;
	struct list_text *written; /* the job's while it runs */
};

/* On a worker. */
static void run(struct disk_job *job)
{
	struct lister *lister = (struct lister *)((char *)job - offsetof(struct lister, job));

	lister->written = list_text_write(lister->files->listing);
}

/* --- answering --- */

static void release_text(const void *data, size_t len, void *text)
{
	(void)data, (void)len;
	list_text_unref(text);
}

static void tag_of(
	const struct lister *lister, uint64_t generation, const char *owner, char out[TAG_SIZE])
{
	snprintf(out, TAG_SIZE, "%.8s-%" PRIu64 "-%.8s", lister->files->epoch, generation, owner);
}

static const char *right_name(enum config_right right)
{
	static const char *const names[] = {"yes", "own", "presenter", "no"};

	return names[right];
}

/* What is not the same for all. */
static int add_head(
	const struct lister *lister, const char *tag, const char *owner, struct evbuffer *out)
{
	const struct config *config = lister->files->config;
	uint64_t bytes, file_max = quota_file_max(lister->files->quota);
	unsigned n;

	listing_totals(lister->files->listing, NULL, &n, &bytes, NULL);
	return evbuffer_add_printf(out,
		"{\"tag\":\"%s\",\"you\":\"%s\",\"may\":{\"upload\":%s,\"delete\":\"%s\","
		"\"rename\":\"%s\"},\"hash\":%s,\"file_max\":%" PRId64
		",\"count\":%u,\"bytes\":%" PRIu64 ",\"files\":",
		tag, owner, config->files.uploads ? "true" : "false",
		right_name(config->files.delete), right_name(config->files.rename),
		config->files.hash ? "true" : "false",
		file_max == UINT64_MAX ? -1 : (int64_t)file_max, n, bytes);
}

static void answer_not_modified(struct exchange *exchange, const char *headers)
{
	const struct response response = {.status = 304, .cache = "no-cache", .headers = headers};

	exchange_answer(exchange, &response);
}

static void answer(struct lister *lister, struct exchange *exchange, struct list_text *text)
{
	const struct request *request = exchange_request(exchange);
	const char *known = request_header(request, "If-None-Match");
	char owner[ENTRY_OWNER_SIZE], tag[TAG_SIZE], headers[TAG_SIZE + 16];
	struct response response = {
		.status = 200, .type = "application/json", .cache = "no-cache", .headers = headers};
	const char *json;
	size_t len;

	owner_of(request, owner);
	tag_of(lister, list_text_generation(text), owner, tag);
	snprintf(headers, sizeof(headers), "ETag: \"%s\"\r\n", tag);
	if (known && strstr(known, tag)) {
		answer_not_modified(exchange, headers);
		return;
	}
	response.body = evbuffer_new();
	json = list_text_json(text, &len);
	if (response.body && add_head(lister, tag, owner, response.body) >= 0 &&
		evbuffer_add_reference(response.body, json, len, release_text, text) == 0) {
		list_text_ref(text);
		exchange_answer(exchange, &response);
	} else {
		exchange_fail(exchange);
	}
	if (response.body)
		evbuffer_free(response.body);
}

static void asker_free(struct asker *asker)
{
	LIST_REMOVE(asker, entry);
	event_del(&asker->timer);
	free(asker);
}

static void start(struct lister *lister)
{
	if (lister->is_running || lister->is_destroyed || LIST_EMPTY(&lister->building))
		return;
	lister->is_running = true;
	disk_submit(lister->files->workers, &lister->job);
}

static void done(struct disk_job *job)
{
	struct lister *lister = (struct lister *)((char *)job - offsetof(struct lister, job));
	struct list_text *text = lister->written;
	struct asker *asker;

	lister->is_running = false;
	list_text_unref(lister->newest);
	lister->newest = text;
	if (lister->is_destroyed) {
		list_text_unref(text);
		free(lister);
		return;
	}
	while ((asker = LIST_FIRST(&lister->building))) {
		struct exchange *exchange = asker->exchange;
		void (*answer_rows)(void *, struct exchange *, struct list_text *) =
			asker->answer_rows;
		void *arg = asker->arg;

		asker_free(asker);
		if (text && answer_rows)
			answer_rows(arg, exchange, text);
		else if (text)
			answer(lister, exchange, text);
		else
			exchange_fail(exchange);
	}
	start(lister);
}

static void move(struct asker *asker, struct asker_list *list)
{
	LIST_REMOVE(asker, entry);
	LIST_INSERT_HEAD(list, asker, entry);
}

static void on_changed(evutil_socket_t fd, short what, void *arg)
{
	struct lister *lister = arg;
	uint64_t generation = listing_generation(lister->files->listing), n;
	struct asker *asker, *next;

	(void)what;
	(void)!read(fd, &n, sizeof(n));
	for (asker = LIST_FIRST(&lister->waiting); asker; asker = next) {
		next = LIST_NEXT(asker, entry);
		if (asker->after != generation)
			move(asker, &lister->building);
	}
	start(lister);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct asker *asker = arg;
	struct exchange *exchange = asker->exchange;
	char owner[ENTRY_OWNER_SIZE], tag[TAG_SIZE], headers[TAG_SIZE + 16];

	(void)fd, (void)what;
	owner_of(exchange_request(exchange), owner);
	tag_of(asker->lister, asker->after, owner, tag);
	snprintf(headers, sizeof(headers), "ETag: \"%s\"\r\n", tag);
	asker_free(asker);
	answer_not_modified(exchange, headers);
}

static void on_cancel(void *arg)
{
	asker_free(arg);
}

/* One that waits for the text; NULL: no memory, and the exchange has failed. */
static struct asker *asker_new(
	struct lister *lister, struct exchange *exchange, uint64_t generation)
{
	struct asker *asker = calloc(1, sizeof(*asker));

	if (!asker) {
		exchange_fail(exchange);
		return NULL;
	}
	asker->lister = lister;
	asker->exchange = exchange;
	asker->after = generation;
	evtimer_assign(&asker->timer, lister->files->base, on_timer, asker);
	exchange_wait(exchange, on_cancel, asker);
	LIST_INSERT_HEAD(&lister->building, asker, entry);
	return asker;
}

static bool has_newest(const struct lister *lister, uint64_t generation)
{
	return lister->newest && list_text_generation(lister->newest) == generation;
}

void lister_answer(struct lister *lister, struct exchange *exchange)
{
	const struct request *request = exchange_request(exchange);
	uint64_t generation = listing_generation(lister->files->listing);
	char owner[ENTRY_OWNER_SIZE], tag[TAG_SIZE], after[TAG_SIZE];
	const struct timeval wait = {.tv_sec = LISTER_WAIT_S};
	bool is_known = false;
	struct asker *asker;

	owner_of(request, owner);
	tag_of(lister, generation, owner, tag);
	if (request_query(request, "after", after, sizeof(after)) > 0)
		is_known = strcmp(after, tag) == 0;
	if (!is_known && has_newest(lister, generation)) {
		answer(lister, exchange, lister->newest);
		return;
	}
	asker = asker_new(lister, exchange, generation);
	if (asker && is_known) {
		move(asker, &lister->waiting);
		event_add(&asker->timer, &wait);
	} else if (asker) {
		start(lister);
	}
}

void lister_rows(struct lister *lister, struct exchange *exchange,
	void (*answer_rows)(void *arg, struct exchange *exchange, struct list_text *text),
	void *arg)
{
	uint64_t generation = listing_generation(lister->files->listing);
	struct asker *asker;

	if (has_newest(lister, generation)) {
		answer_rows(arg, exchange, lister->newest);
		return;
	}
	asker = asker_new(lister, exchange, generation);
	if (!asker)
		return;
	asker->answer_rows = answer_rows;
	asker->arg = arg;
	start(lister);
}

int lister_create(struct files *files, struct lister **out)
{
	struct lister *lister = calloc(1, sizeof(*lister));

	if (!lister)
		return -ENOMEM;
	lister->files = files;
	lister->job = (struct disk_job){.run = run, .done = done};
	LIST_INIT(&lister->waiting);
	LIST_INIT(&lister->building);
	event_assign(&lister->changed, files->base, listing_change_fd(files->listing),
		EV_READ | EV_PERSIST, on_changed, lister);
	event_add(&lister->changed, NULL);
	*out = lister;
	return 0;
}

void lister_destroy(struct lister *lister)
{
	if (!lister)
		return;
	event_del(&lister->changed);
	lister->is_destroyed = true;
	if (lister->is_running)
		return;
	list_text_unref(lister->newest);
	free(lister);
}
