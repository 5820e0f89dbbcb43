/* SPDX-License-Identifier: MIT */
#include "httpd/files/files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <jansson.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/messages.h"
#include "httpd/files/folder_watch.h"
#include "httpd/files/lister.h"
#include "httpd/files/opening.h"
#include "httpd/files/tus.h"
#include "httpd/pages.h"
#include "httpd/site.h"

#define CLEANING_S 3600
/*
 * Lines of the journal: one so often in the long run, and so many at once.  Each file that comes is
 * told, also where a room full of people hands in its folders; but less than systemd's journal
 * takes of a service in half a minute (10,000 lines), or a flood would hide whatever else there is
 * to tell.
 */
#define FAILED_LOG   ((struct ratelimit){.interval_ns = 6 * NS_PER_S, .burst = 20})
#define RECEIVED_LOG ((struct ratelimit){.interval_ns = 100 * NS_PER_MS, .burst = 5000})
#define CHANGED_LOG  ((struct ratelimit){.interval_ns = NS_PER_S, .burst = 500})

/* --- answers --- */

void files_refuse_with(struct exchange *exchange, int r, const char *why, const char *headers)
{
	struct pages_error error = {.status = 500,
		.title = "error_server_title",
		.text = "error_server_text",
		.detail = why};

	switch (r) {
	case -EINVAL:
	case -EBADMSG:
	case -ENAMETOOLONG:
		error = (struct pages_error){400, "error_bad_title", "error_bad_text", why, NULL};
		break;
	case -EACCES:
		error = (struct pages_error){
			403, "error_right_title", "error_right_text", why, NULL};
		break;
	case -ENOENT:
	case -EISDIR:
		error = (struct pages_error){
			404, "error_missing_title", "error_missing_text", why, NULL};
		break;
	case -EEXIST:
	case -ENOTDIR:
		error = (struct pages_error){409, "error_name_title", "error_name_text", why, NULL};
		break;
	case -ECANCELED: /* a condition of the request's own */
		error = (struct pages_error){412, "error_name_title", "error_name_text", why, NULL};
		break;
	case -EFBIG:
		error = (struct pages_error){413, "error_large_title", "error_large_text",
			why ? why : "The file is larger than [files] file_max_mb allows", NULL};
		break;
	case -EDQUOT:
	case -ENOSPC:
	case -EMFILE:
		error = (struct pages_error){507, "error_full_title", "error_full_text",
			r == -EDQUOT ? "More than [files] quota_mb or sender_quota_mb allows"
			: r == -EMFILE
				? "There are as many files as [files] count_max allows"
				: "The disk is full, but for what [files] free_mb keeps free",
			NULL};
		break;
	case -ENOMEM:
		error.status = 503;
		break;
	case -EAGAIN:
		error = (struct pages_error){
			503, "error_later_title", "error_later_text", why, "Retry-After: 5\r\n"};
		break;
	default:
		error.detail = why ? why : strerror(-r);
		break;
	}
	if (headers)
		error.headers = headers;
	pages_error(exchange, &error);
}

void files_refuse(struct exchange *exchange, int r, const char *why)
{
	files_refuse_with(exchange, r, why, NULL);
}

const char *files_why_not(const struct files *files)
{
	if (!files->store)
		return files->why_not;
	return store_is_away(files->store) ? "The folder of the shared files has gone: put it "
					     "back, or another in its place"
					   : NULL;
}

bool files_are_ready(struct files *files, struct exchange *exchange)
{
	const char *why = files_why_not(files);

	if (!why)
		return true;
	files_refuse(exchange, -EAGAIN, why);
	return false;
}

bool files_may_be_sent(struct files *files, struct exchange *exchange)
{
	const char *shown = request_header(exchange_request(exchange), "X-Screenshare-Presenter");

	if (!files_are_ready(files, exchange))
		return false;
	if (shown && files->presenter[0] != '\0' && strcmp(shown, files->presenter) == 0) {
		files->presenter[0] = '\0'; /* good for one file */
		return true;
	}
	if (files->config->files.uploads)
		return true;
	files_refuse(exchange, -EACCES, "Files are only to be fetched here ([files] uploads)");
	return false;
}

bool files_refuse_length(struct files *files, struct exchange *exchange)
{
	/* As of a client that ends its body with its connection: HTTP has no such requests, and the
	 * file would be empty. */
	static const struct pages_error unknown = {.status = 411,
		.title = "error_bad_title",
		.text = "error_bad_text",
		.detail = "Content-Length is missing: an empty file says 0"};
	const struct request *request = exchange_request(exchange);

	if (!request->is_chunked && !request->has_length) {
		pages_error(exchange, &unknown);
		return true;
	}
	if (request->is_chunked || request->content_length <= quota_file_max(files->quota))
		return false;
	files_refuse(exchange, -EFBIG, NULL);
	return true;
}

bool files_is_allowed(enum config_right right, const struct file_entry *entry, const char *owner)
{
	if (right == CONFIG_OWN)
		return owner[0] != '\0' && entry->meta && strcmp(entry->meta->owner, owner) == 0;
	return right == CONFIG_YES;
}

json_t *files_entry_json(const struct file_entry *entry)
{
	static const char route[] = "/uploads/";
	char url[3 * FILENAME_SIZE + sizeof(route)], hash[2 * ENTRY_HASH_SIZE + 1];
	json_t *json;

	memcpy(url, route, sizeof(route));
	filename_to_url(entry->name, url + sizeof(route) - 1);
	json = json_pack(
		"{ss sI ss}", "name", entry->name, "size", (json_int_t)entry->size, "url", url);
	if (json && entry->meta && entry->meta->has_hash) {
		entry_hash_text(entry->meta->sha256, hash);
		json_object_set_new(json, "sha256", json_string(hash));
	}
	return json;
}

void files_digest_header(const struct file_meta *meta, char out[FILES_DIGEST_SIZE])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *hash;

	out[0] = '\0';
	if (!meta || !meta->has_hash)
		return;
	hash = meta->sha256;
	out += sprintf(out, "Repr-Digest: sha-256=:");
	for (size_t i = 0; i < ENTRY_HASH_SIZE; i += 3) {
		bool has_third = i + 2 < ENTRY_HASH_SIZE;
		unsigned bits = (unsigned)hash[i] << 16 | (unsigned)hash[i + 1] << 8 |
				(has_third ? hash[i + 2] : 0u);

		*out++ = digits[bits >> 18];
		*out++ = digits[bits >> 12 & 63];
		*out++ = digits[bits >> 6 & 63];
		*out++ = has_third ? digits[bits & 63] : '=';
	}
	sprintf(out, ":\r\n");
}

void files_answer_json(
	struct exchange *exchange, unsigned status, json_t *json, const char *headers)
{
	struct response response = {
		.status = status, .type = "application/json", .headers = headers};
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	response.body = evbuffer_new();
	if (text && response.body && evbuffer_add_printf(response.body, "%s\n", text) >= 0)
		exchange_answer(exchange, &response);
	else
		exchange_fail(exchange);
	free(text);
	if (response.body)
		evbuffer_free(response.body);
}

/* --- what has become of an upload --- */

bool files_may_log(struct ratelimit *limit, char more[RATELIMIT_MORE_SIZE])
{
	unsigned suppressed;

	if (!ratelimit_allow(limit, clock_monotonic_ns(), &suppressed))
		return false;
	ratelimit_more(suppressed, more);
	return true;
}

/* Of the last flood, after which nothing more has come. */
static void tell_left_out(struct files *files)
{
	unsigned *received = &files->received_log.suppressed;
	unsigned *changed = &files->changed_log.suppressed;

	if (*received > 0)
		log_info("Received %u files more, too many for a line each: `screenshare files`",
			*received);
	if (*changed > 0)
		log_info("Files were renamed or deleted %u times more, too often for a line each",
			*changed);
	*received = *changed = 0;
}

void files_uploaded(struct files *files, struct file_entry *entry, const char *route)
{
	const struct file_meta *meta = entry->meta;
	char hash[2 * ENTRY_HASH_SIZE + 1] = "", size[24], more[RATELIMIT_MORE_SIZE];
	struct log_fields fields = {.message = MESSAGE_UPLOADED,
		.route = route,
		.file = entry->name,
		.file_size = size,
		.file_hash = hash};

	files->uploads_total++;
	files->upload_bytes_total += entry->size;
	if (!files_may_log(&files->received_log, more))
		return;
	if (meta && meta->has_hash)
		entry_hash_text(meta->sha256, hash);
	fields.viewer = meta ? meta->address : NULL;
	snprintf(size, sizeof(size), "%" PRIu64, entry->size);
	log_at(LOG_INFO, &fields, "Received \"%s\" from %s%s%s%s: %s bytes%s%s%s", entry->name,
		meta ? meta->address : "?", meta && meta->sender[0] ? " (" : "",
		meta ? meta->sender : "", meta && meta->sender[0] ? ")" : "", size,
		hash[0] ? ", SHA-256 " : "", hash, more);
}

void files_upload_failed(struct files *files, const char *address, const char *name, int r)
{
	bool is_full = r == -ENOSPC || r == -EDQUOT;
	const struct log_fields fields = {
		.message = is_full ? MESSAGE_DISK_FULL : MESSAGE_UPLOAD_FAILED,
		.viewer = address,
		.file = name};
	char more[RATELIMIT_MORE_SIZE];

	files->uploads_failed_total++;
	if (!files_may_log(&files->failed_log, more))
		return;
	if (r == -ECANCELED)
		log_at(LOG_INFO, &fields, "The upload of \"%s\" from %s was broken off%s", name,
			address, more);
	else
		log_at(LOG_WARNING, &fields, "Could not take \"%s\" from %s: %s%s", name, address,
			r == -EBADMSG ? "the form is malformed" : strerror(-r), more);
}

/* --- what is too old --- */

struct cleaning {
	struct disk_job job;
	struct files *files;
	unsigned age_days, trash_hours, resume_hours; /* as configured when it began */
	bool is_first;
};

/* Uploads older than [files] age_days; what was put there by hand stays. */
static void expire(struct files *files, unsigned age_days)
{
	int64_t before_s = (int64_t)time(NULL) - (int64_t)age_days * 86400;
	struct file_entry **entries;
	uint64_t generation;
	size_t n;

	if (age_days == 0)
		return;
	entries = listing_all(files->listing, &n, &generation);
	for (size_t i = 0; i < n; i++)
		if (entries[i]->meta && entries[i]->mtime_ns / 1000000000 < before_s &&
			trash_put(store_trash(files->store), entries[i]->name) == 0)
			listing_remove(files->listing, entries[i]->name);
	listing_release(entries, n);
}

static void clean(struct disk_job *job)
{
	struct cleaning *cleaning = (struct cleaning *)job;
	struct files *files = cleaning->files;
	int64_t now_s = (int64_t)time(NULL);

	trash_clean(store_trash(files->store), now_s - (int64_t)cleaning->trash_hours * 3600);
	store_clean(
		files->store, now_s - (int64_t)cleaning->resume_hours * 3600, cleaning->is_first);
	if (!cleaning->is_first) /* before, nobody has looked what there is */
		expire(files, cleaning->age_days);
}

static void cleaned(struct disk_job *job)
{
	free(job);
}

static void start_cleaning(struct files *files, bool is_first)
{
	struct cleaning *cleaning = calloc(1, sizeof(*cleaning));

	if (!cleaning)
		return; /* in an hour, then */
	cleaning->job = (struct disk_job){.run = clean, .done = cleaned};
	cleaning->files = files;
	cleaning->age_days = files->config->files.age_days;
	cleaning->trash_hours = files->config->files.trash_hours;
	cleaning->resume_hours = files->config->files.resume_hours;
	cleaning->is_first = is_first;
	disk_submit(files->workers, &cleaning->job);
}

static void on_cleaning(evutil_socket_t fd, short what, void *arg)
{
	struct files *files = arg;

	(void)fd, (void)what;
	tus_forget_old(files->tus);
	tell_left_out(files);
	start_cleaning(files, false);
}

/* All that is there is known: what became too old while nobody was here goes now. */
static void on_scanned(void *arg)
{
	start_cleaning(arg, false);
}

/* --- its life --- */

/* What has jobs of its own: before the workers are destroyed. */
static void stop_jobs(struct files *files)
{
	if (files->cleaning)
		event_free(files->cleaning);
	folder_watch_destroy(files->watch);
	lister_destroy(files->lister);
	files->cleaning = NULL;
	files->watch = NULL;
	files->lister = NULL;
}

/* What jobs use. */
static void close_parts(struct files *files)
{
	tus_destroy(files->tus);
	quota_destroy(files->quota);
	files->tus = NULL;
	files->quota = NULL;
}

int files_opened(struct files *files, struct store *store)
{
	const struct timeval hour = {.tv_sec = CLEANING_S};
	int r = quota_create(files->config, store, files->listing, &files->quota);

	files->store = store;
	if (r == 0)
		r = tus_create(files, &files->tus);
	if (r == 0)
		r = lister_create(files, &files->lister);
	if (r == 0) {
		files->cleaning = event_new(files->base, -1, EV_PERSIST, on_cleaning, files);
		r = files->cleaning && event_add(files->cleaning, &hour) == 0 ? 0 : -ENOMEM;
	}
	/* Last: it has begun to look, which nothing takes back. */
	if (r == 0)
		r = folder_watch_create(files->base, files->workers, store, files->listing,
			on_scanned, files, &files->watch);
	if (r < 0) {
		stop_jobs(files);
		close_parts(files);
		files->store = NULL;
		return r;
	}
	if (!store_keeps_meta(store))
		log_warn("The file system of the shared folder keeps no attributes: who sent a "
			 "file, and its hash, are forgotten at the next start");
	start_cleaning(files, true);
	return 0;
}

int files_create(struct event_base *base, const struct config *config, const char *state_dir,
	struct files **out)
{
	struct files *files = calloc(1, sizeof(*files));
	int r;

	if (!files)
		return -ENOMEM;
	files->base = base;
	files->failed_log = FAILED_LOG;
	files->received_log = RECEIVED_LOG;
	files->changed_log = CHANGED_LOG;
	LIST_INIT(&files->zips);
	files->config = config;
	r = store_new_id(files->epoch);
	if (r == 0)
		r = disk_workers_create(base, &files->workers);
	if (r == 0)
		r = disk_workers_create(base, &files->writers);
	if (r == 0)
		r = listing_create(&files->listing);
	if (r == 0)
		r = opening_create(files, state_dir, &files->opening);
	if (r < 0) {
		files_destroy(files);
		return r;
	}
	*out = files;
	return 0;
}

void files_configured(struct files *files)
{
	if (files->quota)
		quota_set_limits(files->quota, files->config);
}

void files_destroy(struct files *files)
{
	if (!files)
		return;
	opening_stop(files->opening);
	stop_jobs(files);
	zips_stop(files);
	disk_workers_destroy(files->writers);
	disk_workers_destroy(files->workers);
	opening_destroy(files->opening);
	close_parts(files);
	listing_destroy(files->listing);
	store_close(files->store);
	free(files);
}
