/* SPDX-License-Identifier: MIT */
#include "httpd/status.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "common/clock.h"
#include "httpd/feeds.h"
#include "httpd/files/files.h"
#include "httpd/pause.h"
#include "httpd/site.h"
#include "httpd/viewer.h"
#include "httpd/visitor.h"

/* A feed that nobody watches has no state of its source: nothing is asked of it.  But that all is
 * paused holds for all. */
#define STATE_IDLE "idle"
#define WORDS_IDLE "Nobody watches, so nothing is captured"

static bool is_idle(const struct feed_info *info)
{
	return !info->is_open && info->state != STATE_PAUSED;
}

static const char *state_of(const struct feed_info *info)
{
	return is_idle(info) ? STATE_IDLE : state_name(info->state);
}

/* --- JSON --- */

static void add_stream(void *arg, const struct feed_info *info)
{
	json_t *streams = arg;

	/* A failure leaves a null in the array's place: told by json_dumps. */
	json_array_append_new(streams,
		json_pack("{ss ss ss ss sI sI sf sI sI sI sI sI sI sI sI}", "source",
			source_name(info->source), "stream", stream_name(info->stream), "state",
			state_of(info), "words", is_idle(info) ? WORDS_IDLE : info->words, "width",
			(json_int_t)info->width, "height", (json_int_t)info->height, "rate",
			(double)(long)(info->rate * 10 + 0.5) / 10, "frames",
			(json_int_t)info->frames, "bytes", (json_int_t)info->bytes, "skipped",
			(json_int_t)info->skipped, "lapped", (json_int_t)info->lapped, "dropped",
			(json_int_t)info->dropped, "subscriptions", (json_int_t)info->subscriptions,
			"failures", (json_int_t)info->failures, "viewers",
			(json_int_t)info->n_listeners));
}

static json_t *files_json(const struct files *files)
{
	const char *why_not = files_why_not(files);
	uint64_t bytes;
	unsigned n;

	listing_totals(files->listing, NULL, &n, &bytes, NULL);
	return json_pack("{ss sI sI sI sI sI sI sI sI sI sI}", "words",
		why_not ? why_not : "Files are shared", "count", (json_int_t)n, "bytes",
		(json_int_t)bytes, "uploading", (json_int_t)files->n_uploading, "uploads",
		(json_int_t)files->uploads_total, "upload_bytes",
		(json_int_t)files->upload_bytes_total, "uploads_failed",
		(json_int_t)files->uploads_failed_total, "downloading",
		(json_int_t)files->n_downloading, "downloads", (json_int_t)files->downloads_total,
		"zipping", (json_int_t)files->n_zips, "zips", (json_int_t)files->zips_total);
}

json_t *status_json(const struct site *site, bool for_presenter)
{
	json_t *streams = json_array();

	if (!streams)
		return NULL;
	feeds_each(site->feeds, add_stream, streams);
	return json_pack("{ss sI sb sI sI sI so so so}", "version", SCREENSHARE_VERSION, "uptime_s",
		(json_int_t)((clock_monotonic_ns() - site->started_ns) / NS_PER_S), "paused",
		pause_is_on(site->pause), "viewers", (json_int_t)viewers_count(site->viewers),
		"viewers_total", (json_int_t)viewers_total(site->viewers), "connections",
		(json_int_t)site->n_connections, "streams", streams, "files",
		files_json(site->files), "visitor", visitor_json(site->visitor, for_presenter));
}

static void free_text(const void *data, size_t len, void *text)
{
	(void)data, (void)len;
	free(text);
}

void status_answer(struct site *site, struct exchange *exchange)
{
	struct response response = {.status = 200, .type = "application/json"};
	json_t *status = status_json(site, false);
	char *text = status ? json_dumps(status, STATUS_JSON_FLAGS) : NULL;

	json_decref(status);
	response.body = evbuffer_new();
	if (text && response.body &&
		evbuffer_add_reference(response.body, text, strlen(text), free_text, text) == 0) {
		text = NULL;
		evbuffer_add(response.body, "\n", 1);
		exchange_answer(exchange, &response);
	} else {
		exchange_fail(exchange);
	}
	free(text);
	if (response.body)
		evbuffer_free(response.body);
}

/* --- Prometheus text, version 0.0.4 --- */

struct metric {
	const char *name, *type, *help;
};

static void add_head(struct evbuffer *out, const struct metric *metric)
{
	evbuffer_add_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help,
		metric->name, metric->type);
}

static void add_one(struct evbuffer *out, const struct metric *metric, double value)
{
	add_head(out, metric);
	evbuffer_add_printf(out, "%s %.15g\n", metric->name, value);
}

/* One column of feed_info for all feeds: Prometheus wants each metric's lines together. */
struct column {
	struct metric metric;
	double (*value)(const struct feed_info *info);
};

#define VALUE(name_)                                                                               \
	static double name_##_of(const struct feed_info *info)                                     \
	{                                                                                          \
		return (double)info->name_;                                                        \
	}
VALUE(is_open)
VALUE(n_listeners)
VALUE(width)
VALUE(height)
VALUE(rate)
VALUE(frames)
VALUE(bytes)
VALUE(skipped)
VALUE(lapped)
VALUE(dropped)
VALUE(subscriptions)
VALUE(failures)

/* clang-format off */
static const struct column COLUMNS[] = {
	{{"screenshare_stream_open", "gauge", "Whether the stream is subscribed to, or tried."}, is_open_of},
	{{"screenshare_stream_viewers", "gauge", "Who wants the stream at the moment."}, n_listeners_of},
	{{"screenshare_stream_width_pixels", "gauge", "Width of the newest picture."}, width_of},
	{{"screenshare_stream_height_pixels", "gauge", "Height of the newest picture."}, height_of},
	{{"screenshare_stream_rate_hertz", "gauge", "Frames a second over the last two seconds."}, rate_of},
	{{"screenshare_stream_frames_total", "counter", "Frames received from the capture daemon."}, frames_of},
	{{"screenshare_stream_bytes_total", "counter", "Bytes of those frames."}, bytes_of},
	{{"screenshare_stream_skipped_total", "counter", "Frames passed over for a newer one."}, skipped_of},
	{{"screenshare_stream_lapped_total", "counter", "Frames overwritten while they were read."}, lapped_of},
	{{"screenshare_stream_dropped_total", "counter", "Frames lost or refused at the source."}, dropped_of},
	{{"screenshare_stream_subscriptions_total", "counter", "Subscriptions to the capture daemon."}, subscriptions_of},
	{{"screenshare_stream_failures_total", "counter", "Subscriptions that ended in a failure."}, failures_of},
};
/* clang-format on */

struct listed {
	struct evbuffer *out;
	const struct column *column; /* NULL: the state */
};

static void add_line(void *arg, const struct feed_info *info)
{
	struct listed *listing = arg;

	if (listing->column)
		evbuffer_add_printf(listing->out, "%s{source=\"%s\",stream=\"%s\"} %.15g\n",
			listing->column->metric.name, source_name(info->source),
			stream_name(info->stream), listing->column->value(info));
	else
		evbuffer_add_printf(listing->out,
			"screenshare_stream_state{source=\"%s\",stream=\"%s\",state=\"%s\"} 1\n",
			source_name(info->source), stream_name(info->stream), state_of(info));
}

static void add_metrics(const struct site *site, struct evbuffer *out)
{
	const struct metric info = {
		"screenshare_info", "gauge", "The version, as a label; always 1."};
	const struct metric state = {"screenshare_stream_state", "gauge",
		"The state of the source, as a label; always 1."};
	struct listed listing = {.out = out};
	uint64_t file_bytes;
	unsigned n_files;

	add_head(out, &info);
	evbuffer_add_printf(out, "screenshare_info{version=\"%s\"} 1\n", SCREENSHARE_VERSION);
#define ONE(name, type, help, value)                                                               \
	add_one(out, &(const struct metric){"screenshare_" name, type, help}, (double)(value))
	ONE("uptime_seconds", "gauge", "Since the start.",
		(double)(clock_monotonic_ns() - site->started_ns) / NS_PER_S);
	ONE("paused", "gauge", "Whether sharing is paused.", pause_is_on(site->pause));
	ONE("viewers", "gauge", "Browsers that watch at the moment.", viewers_count(site->viewers));
	ONE("viewers_total", "counter", "Browsers that have watched.",
		viewers_total(site->viewers));
	ONE("connections", "gauge", "Open connections.", site->n_connections);
	ONE("connections_total", "counter", "Connections accepted.", site->connections_total);
	ONE("connections_evicted_total", "counter",
		"Connections closed before they had asked, for others.", site->evicted_total);
	ONE("connections_turned_away_total", "counter", "Connections closed for want of room.",
		site->turned_away_total);
	ONE("requests_total", "counter", "Requests.", site->requests_total);
	ONE("requests_malformed_total", "counter", "Requests whose head was refused.",
		site->malformed_total);
	ONE("requests_forbidden_total", "counter", "Requests from where nobody may watch.",
		site->forbidden_total);
	listing_totals(site->files->listing, NULL, &n_files, &file_bytes, NULL);
	ONE("files", "gauge", "Shared files.", n_files);
	ONE("files_bytes", "gauge", "Bytes of the shared files.", (double)file_bytes);
	ONE("uploads_active", "gauge", "Uploads under way.", site->files->n_uploading);
	ONE("uploads_total", "counter", "Files received whole.", site->files->uploads_total);
	ONE("upload_bytes_total", "counter", "Bytes of those files.",
		site->files->upload_bytes_total);
	ONE("uploads_failed_total", "counter", "Uploads refused, broken off or failed.",
		site->files->uploads_failed_total);
	ONE("downloads_active", "gauge", "Downloads under way.", site->files->n_downloading);
	ONE("downloads_total", "counter", "Downloads sent whole.", site->files->downloads_total);
#undef ONE
	add_head(out, &state);
	feeds_each(site->feeds, add_line, &listing);
	for (size_t i = 0; i < sizeof(COLUMNS) / sizeof(COLUMNS[0]); i++) {
		listing.column = &COLUMNS[i];
		add_head(out, &COLUMNS[i].metric);
		feeds_each(site->feeds, add_line, &listing);
	}
}

void status_metrics(struct site *site, struct exchange *exchange)
{
	struct response response = {
		.status = 200, .type = "text/plain; version=0.0.4; charset=utf-8"};

	response.body = evbuffer_new();
	if (!response.body) {
		exchange_fail(exchange);
		return;
	}
	add_metrics(site, response.body);
	exchange_answer(exchange, &response);
	evbuffer_free(response.body);
}
