/* SPDX-License-Identifier: MIT */
#include "httpd/files/lister.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "httpd/files/files.h"

#define TAG_SIZE (STORE_ID_SIZE + ENTRY_OWNER_SIZE + 24u)

/* The array of one generation, shared by all answers that hold it.  Event-loop thread only. */
struct text {
	unsigned refs;
	uint64_t generation;
	size_t len, size;
	char *bytes;
	char *rows; /* the first of them as HTML */
};

struct asker {
	LIST_ENTRY(asker) entry; /* in lister::waiting or ::building */
	struct lister *lister;
	struct exchange *exchange;
	struct event timer;
	uint64_t after; /* the generation that it knows */
	/* NULL: wants JSON */
	void (*answer_rows)(void *arg, struct exchange *exchange, const char *rows);
	void *answer_arg;
};
LIST_HEAD(asker_list, asker);

struct lister {
	struct files *files;
	struct event changed;
	struct text *newest;
	struct asker_list waiting;  /* for a change */
	struct asker_list building; /* for the text */
	struct disk_job job;
	bool is_running, is_destroyed;
	struct text *written; /* the job's while it runs */
};

static void text_unref(struct text *text)
{
	if (!text || --text->refs > 0)
		return;
	free(text->bytes);
	free(text->rows);
	free(text);
}

/* --- writing, on a worker --- */

static bool make_room(struct text *text, size_t more)
{
	size_t size = text->size > 0 ? text->size : 4096;
	char *bytes;

	if (text->size - text->len >= more)
		return true;
	while (size - text->len < more)
		size *= 2;
	bytes = realloc(text->bytes, size);
	if (!bytes)
		return false;
	text->bytes = bytes;
	text->size = size;
	return true;
}

/* Room must have been made: six bytes for each of `value`, and the rest. */
static void add_string(struct text *text, const char *key, const char *value)
{
	char *out = text->bytes + text->len;

	out += sprintf(out, "\"%s\":\"", key);
	for (; *value; value++) {
		if ((unsigned char)*value < 0x20) {
			out += sprintf(out, "\\u%04x", (unsigned)*value);
			continue;
		}
		if (*value == '"' || *value == '\\')
			*out++ = '\\';
		*out++ = *value;
	}
	*out++ = '"';
	text->len = (size_t)(out - text->bytes);
}

static bool add_entry(struct text *text, const struct file_entry *entry)
{
	const struct file_meta *meta = entry->meta;
	char hash[2 * ENTRY_HASH_SIZE + 1];

	if (!make_room(text, 6 * (strlen(entry->name) + ENTRY_SENDER_SIZE) + 512))
		return false;
	text->len += (size_t)sprintf(text->bytes + text->len, "%s{", text->len > 1 ? ",\n" : "\n");
	add_string(text, "name", entry->name);
	text->len += (size_t)sprintf(text->bytes + text->len,
		",\"size\":%" PRIu64 ",\"modified\":%" PRId64 ",", entry->size,
		entry->mtime_ns / 1000000);
	add_string(text, "type", filename_type(entry->name).type);
	if (meta) {
		text->bytes[text->len++] = ',';
		add_string(text, "sender", *meta->sender ? meta->sender : meta->address);
		text->bytes[text->len++] = ',';
		add_string(text, "owner", meta->owner);
	}
	if (meta && meta->has_hash) {
		entry_hash_text(meta->sha256, hash);
		text->bytes[text->len++] = ',';
		add_string(text, "sha256", hash);
	}
	text->bytes[text->len++] = '}';
	return true;
}

/* … and as HTML, for pages without scripts. */
static void add_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("<>&\"'", *text))
			fprintf(out, "&#%d;", *text);
		else
			fputc(*text, out);
	}
}

static void add_size(FILE *out, uint64_t bytes)
{
	static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB"};
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1000;
		unit++;
	}
	fprintf(out, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

static void add_row(FILE *out, const struct file_entry *entry)
{
	time_t seconds = (time_t)(entry->mtime_ns / 1000000000);
	char url[3 * FILENAME_SIZE], date[32];
	struct tm local;

	filename_to_url(entry->name, url);
	localtime_r(&seconds, &local);
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M", &local);
	fputs("<li class=\"file\"><div class=\"what\"><a class=\"name\" href=\"/uploads/", out);
	add_escaped(out, url);
	fputs("\">", out);
	add_escaped(out, entry->name);
	fputs("</a><span class=\"about\">", out);
	add_size(out, entry->size);
	fprintf(out, " · %s", date);
	if (entry->meta) {
		fputs(" · ", out);
		add_escaped(out, *entry->meta->sender ? entry->meta->sender : entry->meta->address);
	}
	fputs("</span></div><a class=\"get\" href=\"/download/", out);
	add_escaped(out, url);
	fputs("\">↓</a></li>\n", out);
}

static char *write_rows(struct file_entry **entries, size_t n)
{
	char *rows = NULL;
	size_t len;
	FILE *out = open_memstream(&rows, &len);
	bool is_whole = out != NULL;

	for (size_t i = 0; is_whole && i < n && i < LISTER_ROWS; i++)
		add_row(out, entries[i]);
	if (out)
		is_whole = !ferror(out) && fclose(out) == 0;
	if (is_whole)
		return rows;
	free(rows);
	return NULL;
}

static void run(struct disk_job *job)
{
	struct lister *lister = (struct lister *)((char *)job - offsetof(struct lister, job));
	struct text *text = calloc(1, sizeof(*text));
	struct file_entry **entries;
	bool is_whole;
	size_t n;

	lister->written = NULL;
	if (!text)
		return;
	text->refs = 1;
	entries = listing_all(lister->files->listing, &n, &text->generation);
	is_whole = make_room(text, 4096);
	if (is_whole)
		text->bytes[text->len++] = '[';
	for (size_t i = 0; i < n && is_whole; i++)
		is_whole = add_entry(text, entries[i]);
	text->rows = write_rows(entries, n);
	is_whole = is_whole && text->rows;
	listing_release(entries, n);
	if (is_whole && make_room(text, 4)) {
		memcpy(text->bytes + text->len, "]}\n", 3);
		text->len += 3;
		lister->written = text;
	} else {
		text_unref(text);
	}
}

/* --- answering --- */

static void release_text(const void *data, size_t len, void *text)
{
	(void)data, (void)len;
	text_unref(text);
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

static void answer(struct lister *lister, struct exchange *exchange, struct text *text)
{
	const struct request *request = exchange_request(exchange);
	const char *known = request_header(request, "If-None-Match");
	char owner[ENTRY_OWNER_SIZE], tag[TAG_SIZE], headers[TAG_SIZE + 16];
	struct response response = {
		.status = 200, .type = "application/json", .cache = "no-cache", .headers = headers};

	owner_of(request, owner);
	tag_of(lister, text->generation, owner, tag);
	snprintf(headers, sizeof(headers), "ETag: \"%s\"\r\n", tag);
	if (known && strstr(known, tag)) {
		answer_not_modified(exchange, headers);
		return;
	}
	response.body = evbuffer_new();
	if (response.body && add_head(lister, tag, owner, response.body) >= 0 &&
		evbuffer_add_reference(response.body, text->bytes, text->len, release_text, text) ==
			0) {
		text->refs++;
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
	struct text *text = lister->written;
	struct asker *asker;

	lister->is_running = false;
	text_unref(lister->newest);
	lister->newest = text;
	if (lister->is_destroyed) {
		text_unref(text);
		free(lister);
		return;
	}
	while ((asker = LIST_FIRST(&lister->building))) {
		struct exchange *exchange = asker->exchange;
		const struct asker asked = *asker;

		asker_free(asker);
		if (text && asked.answer_rows)
			asked.answer_rows(asked.answer_arg, exchange, text->rows);
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
	if (!is_known && lister->newest && lister->newest->generation == generation) {
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
	void (*answer_rows)(void *arg, struct exchange *exchange, const char *rows), void *arg)
{
	uint64_t generation = listing_generation(lister->files->listing);
	struct asker *asker;

	if (lister->newest && lister->newest->generation == generation) {
		answer_rows(arg, exchange, lister->newest->rows);
		return;
	}
	asker = asker_new(lister, exchange, generation);
	if (!asker)
		return;
	asker->answer_rows = answer_rows;
	asker->answer_arg = arg;
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
	text_unref(lister->newest);
	free(lister);
}
