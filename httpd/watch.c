/* SPDX-License-Identifier: MIT */
#include "httpd/watch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/parse.h"
#include "httpd/feeds.h"
#include "httpd/files/entry.h"
#include "httpd/pages.h"
#include "httpd/presence.h"
#include "httpd/site.h"
#include "httpd/snapshot.h"
#include "httpd/viewer.h"
#include "httpd/ws_message.h"

#define ID_SIZE   21 /* 2^64 - 1 and a NUL */
#define WORD_SIZE 32 /* of a value that is one of a few words, however it is encoded */

_Static_assert(ENTRY_SENDER_SIZE <= VIEWER_NAME_SIZE, "a viewer may be called what a sender may");

static const struct pages_error BAD_QUERY = {.status = 400,
	.title = "error_bad_title",
	.text = "error_bad_text",
	.detail = "A value in the query is not what it must be"};
static const struct pages_error NO_MEMORY = {
	.status = 503, .title = "error_server_title", .text = "error_server_text"};

/* --- who asks --- */

/* 0; -ENOENT: there is none; -EINVAL: it is no number of 64 bits. */
static int query_id(const struct request *request, uint64_t *id)
{
	char text[ID_SIZE];
	int len = request_query(request, "id", text, sizeof(text));

	if (len == -ENOENT)
		return -ENOENT;
	if (len < 0 || parse_number(text, (size_t)len, 0, UINT64_MAX, id) < 0)
		return -EINVAL;
	return 0;
}

/* What the viewer calls itself; "" where that is nothing, or too long. */
static void query_name(const struct request *request, char name[ENTRY_SENDER_SIZE])
{
	char text[3 * ENTRY_SENDER_SIZE];

	name[0] = '\0';
	if (request_query(request, "name", text, sizeof(text)) > 0)
		entry_clean_sender(text, name);
}

/*
 * Who asks; `name` is the room for what it calls itself, as long as `who` is used.  False: the
 * query is wrong.
 */
static bool query_who(
	const struct request *request, char name[ENTRY_SENDER_SIZE], struct viewer_who *who)
{
	*who = (struct viewer_who){
		.user_agent = request_header(request, "User-Agent"), .name = name};
	query_name(request, name);
	return query_id(request, &who->id) != -EINVAL;
}

/* --- endless answers --- */

/* Nothing is captured for somebody who does not want to see it. */
static void answer_head(struct exchange *exchange, const char *type)
{
	const struct response head = {.status = 200, .type = type, .is_endless = true};

	exchange_answer(exchange, &head);
}

static void video(struct site *site, struct exchange *exchange, enum source_id source)
{
	const struct request *request = exchange_request(exchange);
	char headers[8], name[ENTRY_SENDER_SIZE];
	int len = request_query(request, "headers", headers, sizeof(headers));
	bool full_headers = len > 0 && strcmp(headers, "full") == 0;
	struct viewer_who who;
	struct feed *feed;

	if (!query_who(request, name, &who) || (len != -ENOENT && !full_headers)) {
		pages_error(exchange, &BAD_QUERY);
		return;
	}
	if (request->method == REQUEST_HEAD) {
		answer_head(exchange, VIEWER_MJPEG_TYPE);
		return;
	}
	feed = feeds_get(site->feeds, source, STREAM_JPEG);
	if (!feed || viewer_mjpeg_start(
			     site->viewers, exchange_conn(exchange), feed, full_headers, &who) < 0)
		pages_error(exchange, &NO_MEMORY);
}

void watch_screen(struct site *site, struct exchange *exchange)
{
	video(site, exchange, SOURCE_SCREEN);
}

void watch_camera(struct site *site, struct exchange *exchange)
{
	video(site, exchange, SOURCE_CAMERA);
}

void watch_audio(struct site *site, struct exchange *exchange)
{
	const struct request *request = exchange_request(exchange);
	char name[ENTRY_SENDER_SIZE];
	struct viewer_who who;
	struct feed *feed;

	if (!query_who(request, name, &who)) {
		pages_error(exchange, &BAD_QUERY);
		return;
	}
	if (request->method == REQUEST_HEAD) {
		answer_head(exchange, VIEWER_WAV_TYPE);
		return;
	}
	feed = feeds_get(site->feeds, SOURCE_AUDIO, STREAM_PCM);
	if (!feed || viewer_wav_start(site->viewers, exchange_conn(exchange), feed, &who) < 0)
		pages_error(exchange, &NO_MEMORY);
}

/* --- single pictures --- */

static void picture(struct site *site, struct exchange *exchange, enum source_id source)
{
	const struct request *request = exchange_request(exchange);
	char name[ENTRY_SENDER_SIZE];

	query_name(request, name);
	if (request->method == REQUEST_GET)
		presence_looked(site->presence, conn_peer_text(exchange_conn(exchange)), name,
			1u << source);
	snapshot_answer(site, exchange, source);
}

void watch_screen_picture(struct site *site, struct exchange *exchange)
{
	picture(site, exchange, SOURCE_SCREEN);
}

void watch_camera_picture(struct site *site, struct exchange *exchange)
{
	picture(site, exchange, SOURCE_CAMERA);
}

/* --- WebSocket --- */

static bool list_has(const char *list, const char *word)
{
	for (size_t len; *list; list += len) {
		list += strspn(list, ", \t");
		len = strcspn(list, ", \t");
		if (len == strlen(word) && strncasecmp(list, word, len) == 0)
			return true;
	}
	return false;
}

/* Does a header that lists words, in however many lines, have this one (in any case of letters)? */
static bool header_has(const struct request *request, const char *name, const char *word)
{
	for (size_t i = 0; i < request->n_headers; i++)
		if (strcasecmp(request->headers[i].name, name) == 0 &&
			list_has(request->headers[i].value, word))
			return true;
	return false;
}

static bool query_source(const struct request *request, enum source_id *source)
{
	char word[WORD_SIZE];
	int len = request_query(request, "source", word, sizeof(word));

	*source = SOURCE_SCREEN;
	if (len == -ENOENT || (len > 0 && strcmp(word, source_name(SOURCE_SCREEN)) == 0))
		return true;
	*source = SOURCE_CAMERA;
	return len > 0 && strcmp(word, source_name(SOURCE_CAMERA)) == 0;
}

/* Leaves `stream` as it is where there is no such key. */
static bool query_stream(const struct request *request, const char *key,
	bool (*parse)(const char *word, enum stream_id *stream), enum stream_id *stream)
{
	char word[WORD_SIZE];
	int len = request_query(request, key, word, sizeof(word));

	return len == -ENOENT || (len >= 0 && parse(word, stream));
}

/* Who did not wait for the answer (as RFC 6455 demands) has said something already. */
static void hear_early(struct exchange *exchange, struct viewer *viewer)
{
	uint8_t bytes[1024];
	size_t n;

	while ((n = exchange_take_early(exchange, bytes, sizeof(bytes))) > 0)
		viewer_ws_hear(viewer, bytes, n);
}

void watch_socket(struct site *site, struct exchange *exchange)
{
	static const struct pages_error upgrade = {.status = 426,
		.title = "error_bad_title",
		.text = "error_bad_text",
		.detail = "This address speaks the WebSocket protocol, version 13, only",
		.headers = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"};
	static const struct pages_error bad_key = {.status = 400,
		.title = "error_bad_title",
		.text = "error_bad_text",
		.detail = "The Sec-WebSocket-Key is none"};
	const struct request *request = exchange_request(exchange);
	const char *key = request_header(request, "Sec-WebSocket-Key");
	const char *version = request_header(request, "Sec-WebSocket-Version");
	struct viewer_ws_wish wish = {.picture = STREAM_JPEG, .sound = VIEWER_NONE};
	char name[ENTRY_SENDER_SIZE];
	struct viewer_who who;
	struct viewer *viewer;
	int r;

	if (request->is_http10 || !header_has(request, "Connection", "upgrade") ||
		!header_has(request, "Upgrade", "websocket") || !version ||
		strcmp(version, "13") != 0) {
		pages_error(exchange, &upgrade);
		return;
	}
	if (!query_source(request, &wish.source) ||
		!query_stream(request, "picture", ws_picture_parse, &wish.picture) ||
		!query_stream(request, "sound", ws_sound_parse, &wish.sound) ||
		!viewer_ws_has_picture(wish.source, wish.picture) ||
		!query_who(request, name, &who)) {
		pages_error(exchange, &BAD_QUERY);
		return;
	}
	r = key ? viewer_ws_start(site->viewers, site->feeds, exchange_conn(exchange), key, &wish,
			  &who, &viewer)
		: -EINVAL;
	if (r < 0)
		pages_error(exchange, r == -EINVAL ? &bad_key : &NO_MEMORY);
	else
		hear_early(exchange, viewer);
}

/* --- what became of it --- */

void watch_alive(struct site *site, struct exchange *exchange)
{
	struct viewer_alive answer;
	char text[128];
	uint64_t id;

	if (query_id(exchange_request(exchange), &id) < 0) {
		pages_error(exchange, &BAD_QUERY);
		return;
	}
	answer = viewers_alive(site->viewers, id);
	snprintf(text, sizeof(text),
		"{\"alive\":%s,\"last_sent_ms\":%" PRIu64 ",\"frames\":%" PRIu64
		",\"waiting\":%s}\n",
		answer.is_alive ? "true" : "false", answer.last_sent_ms, answer.frames,
		answer.is_waiting ? "true" : "false");
	exchange_answer_text(exchange, "application/json", text);
}
