/* SPDX-License-Identifier: MIT */
#include "httpd/routes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <event2/buffer.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/messages.h"
#include "common/parse.h"
#include "httpd/access.h"
#include "httpd/feeds.h"
#include "httpd/files/entry.h"
#include "httpd/files/files.h"
#include "httpd/pages.h"
#include "httpd/presence.h"
#include "httpd/site.h"
#include "httpd/snapshot.h"
#include "httpd/status.h"
#include "httpd/viewer.h"
#include "httpd/visitor.h"
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

/* --- handlers of a few lines --- */

static void answer_text(struct exchange *exchange, const char *type, const char *text)
{
	struct response response = {.status = 200, .type = type, .body = evbuffer_new()};

	if (response.body && evbuffer_add(response.body, text, strlen(text)) == 0)
		exchange_answer(exchange, &response);
	else
		exchange_fail(exchange);
	if (response.body)
		evbuffer_free(response.body);
}

static void healthz(struct site *site, struct exchange *exchange)
{
	(void)site;
	answer_text(exchange, "text/plain; charset=utf-8", "ok\n");
}

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

static void alive(struct site *site, struct exchange *exchange)
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
	answer_text(exchange, "application/json", text);
}

/* What the viewer calls itself; "" where that is nothing, or too long. */
static void query_name(const struct request *request, char name[ENTRY_SENDER_SIZE])
{
	char text[3 * ENTRY_SENDER_SIZE];

	name[0] = '\0';
	if (request_query(request, "name", text, sizeof(text)) > 0)
		entry_clean_sender(text, name);
}

static void video(struct site *site, struct exchange *exchange, enum source_id source)
{
	const struct request *request = exchange_request(exchange);
	char headers[8], name[ENTRY_SENDER_SIZE];
	int len = request_query(request, "headers", headers, sizeof(headers));
	bool full_headers = len > 0 && strcmp(headers, "full") == 0;
	struct viewer_who who = {.user_agent = request_header(request, "User-Agent"), .name = name};
	struct feed *feed;

	query_name(request, name);
	if (query_id(request, &who.id) == -EINVAL || (len != -ENOENT && !full_headers)) {
		pages_error(exchange, &BAD_QUERY);
		return;
	}
	if (request->method == REQUEST_HEAD) {
		/* Nothing is captured for somebody who does not want to see it. */
		const struct response head = {
			.status = 200, .type = VIEWER_MJPEG_TYPE, .is_endless = true};

		exchange_answer(exchange, &head);
		return;
	}
	feed = feeds_get(site->feeds, source, STREAM_JPEG);
	if (!feed || viewer_mjpeg_start(
			     site->viewers, exchange_conn(exchange), feed, full_headers, &who) < 0)
		pages_error(exchange, &NO_MEMORY);
}

static void screen_video(struct site *site, struct exchange *exchange)
{
	video(site, exchange, SOURCE_SCREEN);
}

static void camera_video(struct site *site, struct exchange *exchange)
{
	video(site, exchange, SOURCE_CAMERA);
}

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

static void screen_picture(struct site *site, struct exchange *exchange)
{
	picture(site, exchange, SOURCE_SCREEN);
}

static void camera_picture(struct site *site, struct exchange *exchange)
{
	picture(site, exchange, SOURCE_CAMERA);
}

static void audio_feed(struct site *site, struct exchange *exchange)
{
	const struct request *request = exchange_request(exchange);
	char name[ENTRY_SENDER_SIZE];
	struct viewer_who who = {.user_agent = request_header(request, "User-Agent"), .name = name};
	struct feed *feed;

	query_name(request, name);
	if (query_id(request, &who.id) == -EINVAL) {
		pages_error(exchange, &BAD_QUERY);
		return;
	}
	if (request->method == REQUEST_HEAD) {
		const struct response head = {
			.status = 200, .type = VIEWER_WAV_TYPE, .is_endless = true};

		exchange_answer(exchange, &head);
		return;
	}
	feed = feeds_get(site->feeds, SOURCE_AUDIO, STREAM_PCM);
	if (!feed || viewer_wav_start(site->viewers, exchange_conn(exchange), feed, &who) < 0)
		pages_error(exchange, &NO_MEMORY);
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

static void websocket(struct site *site, struct exchange *exchange)
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
	struct viewer_who who = {.user_agent = request_header(request, "User-Agent"), .name = name};
	struct viewer *viewer;
	int r;

	query_name(request, name);
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
		query_id(request, &who.id) == -EINVAL) {
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

/* --- the table --- */

#define READ (REQUEST_GET | REQUEST_HEAD)
#define BODY (1u << 16) /* beside methods: the request may have one */

struct route {
	unsigned methods;
	const char *path; /* one that ends in "/" + '*' stands for all that begin with it */
	enum access_right right;
	void (*handler)(struct site *site, struct exchange *exchange);
};

static const struct route ROUTES[] = {
	{READ, "/", ACCESS_VIEW, pages_start},
	{READ, "/d", ACCESS_VIEW, pages_screen},
	{READ, "/d_video", ACCESS_VIEW, screen_video},
	{READ, "/d.jpg", ACCESS_VIEW, screen_picture},
	{READ, "/c", ACCESS_VIEW, pages_camera},
	{READ, "/c_video", ACCESS_VIEW, camera_video},
	{READ, "/c.jpg", ACCESS_VIEW, camera_picture},
	{READ, "/audio_feed", ACCESS_VIEW, audio_feed},
	/* Never for another site's page: a WebSocket is not kept from reading by its origin. */
	{REQUEST_GET, "/ws", ACCESS_CHANGE, websocket},
	{READ, "/alive", ACCESS_VIEW, alive},
	{READ, "/status", ACCESS_VIEW, status_answer},
	{READ, "/metrics", ACCESS_VIEW, status_metrics},
	{READ, "/healthz", ACCESS_VIEW, healthz},
	{REQUEST_POST | BODY, "/", ACCESS_CHANGE, files_form},
	{READ, "/files", ACCESS_VIEW, files_list},
	{READ, "/files.zip", ACCESS_VIEW, files_zip},
	{READ, "/download/*", ACCESS_VIEW, files_download},
	{READ, "/uploads/*", ACCESS_VIEW, files_show},
	{REQUEST_PUT | BODY, "/uploads/*", ACCESS_CHANGE, files_put},
	{REQUEST_POST, "/uploads/*", ACCESS_CHANGE, files_rename},
	{REQUEST_DELETE, "/uploads/*", ACCESS_CHANGE, files_delete},
	{REQUEST_POST | BODY, "/tus/", ACCESS_CHANGE, files_tus_create},
	{REQUEST_POST | BODY, "/tus/*", ACCESS_CHANGE, files_tus_post},
	{REQUEST_OPTIONS, "/tus/*", ACCESS_VIEW, files_tus_options},
	{REQUEST_HEAD, "/tus/*", ACCESS_CHANGE, files_tus_head},
	{REQUEST_PATCH | BODY, "/tus/*", ACCESS_CHANGE, files_tus_patch},
	{REQUEST_DELETE, "/tus/*", ACCESS_CHANGE, files_tus_delete},
	{READ, "/static/*", ACCESS_VIEW, pages_static},
	{READ, "/favicon.ico", ACCESS_VIEW, pages_favicon},
};

static bool path_matches(const char *pattern, const char *path)
{
	size_t len = strlen(pattern);

	if (pattern[len - 1] == '*')
		return strncmp(pattern, path, len - 1) == 0;
	return strcmp(pattern, path) == 0;
}

/* The route of path and method; else NULL, and the methods that the path takes. */
static const struct route *route_find(const struct request *request, unsigned *methods)
{
	*methods = 0;
	for (size_t i = 0; i < sizeof(ROUTES) / sizeof(ROUTES[0]); i++) {
		if (!path_matches(ROUTES[i].path, request->path))
			continue;
		if (ROUTES[i].methods & request->method)
			return &ROUTES[i];
		*methods |= ROUTES[i].methods;
	}
	return NULL;
}

/* --- refusals --- */

static void method_not_allowed(struct exchange *exchange, unsigned methods)
{
	static const struct {
		enum request_method method;
		const char *name;
	} names[] = {{REQUEST_GET, "GET"}, {REQUEST_HEAD, "HEAD"}, {REQUEST_POST, "POST"},
		{REQUEST_PUT, "PUT"}, {REQUEST_PATCH, "PATCH"}, {REQUEST_DELETE, "DELETE"},
		{REQUEST_OPTIONS, "OPTIONS"}};
	char allow[80] = "Allow: ";
	struct pages_error error = {.status = 405,
		.title = "error_method_title",
		.text = "error_method_text",
		.headers = allow};
	const char *comma = "";

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(methods & names[i].method))
			continue;
		strcat(allow, comma); /* all of them fit */
		strcat(allow, names[i].name);
		comma = ", ";
	}
	strcat(allow, "\r\n");
	pages_error(exchange, &error);
}

static void forbid(struct site *site, struct exchange *exchange, enum access_verdict verdict)
{
	static const struct pages_error errors[] = {
		[ACCESS_NOT_FROM_THERE] = {.status = 403,
			.title = "error_peer_title",
			.text = "error_peer_text"},
		[ACCESS_NOT_THIS_HOST] = {.status = 421,
			.title = "error_host_title",
			.text = "error_host_text"},
		[ACCESS_NOT_FROM_THAT_PAGE] = {.status = 403,
			.title = "error_page_title",
			.text = "error_page_text"},
	};
	static const char *const why[] = {
		[ACCESS_NOT_FROM_THERE] = "its address is outside of the networks that may watch; "
					  "[http] allow adds ranges",
		[ACCESS_NOT_THIS_HOST] =
			"that is no name of this computer; [http] hosts adds names",
		[ACCESS_NOT_FROM_THAT_PAGE] = "another site's page asked",
	};
	const char *peer = conn_peer_text(exchange_conn(exchange));
	const struct request *request = exchange_request(exchange);
	const struct log_fields fields = {
		.message = MESSAGE_FORBIDDEN, .viewer = peer, .route = request->path};
	char more[RATELIMIT_MORE_SIZE];
	unsigned suppressed;

	site->forbidden_total++;
	if (ratelimit_allow(&site->forbidden_log, clock_monotonic_ns(), &suppressed))
		log_at(LOG_WARNING, &fields, "Refused %s, which asked for %.100s: %s%s", peer,
			request->host, why[verdict], ratelimit_more(suppressed, more));
	pages_error(exchange, &errors[verdict]);
}

static enum access_verdict decide(
	struct site *site, struct exchange *exchange, enum access_right right)
{
	const struct request *request = exchange_request(exchange);
	const struct access_question question = {
		.peer = conn_peer(exchange_conn(exchange)),
		.local = conn_local(exchange_conn(exchange)),
		.host = request->host,
		.origin = request_header(request, "Origin"),
		.sec_fetch_site = request_header(request, "Sec-Fetch-Site"),
		.referer = request_header(request, "Referer"),
		.right = right,
	};

	return access_decide(site->access, &question);
}

void routes_answer(struct site *site, struct exchange *exchange)
{
	static const struct pages_error missing = {
		.status = 404, .title = "error_missing_title", .text = "error_missing_text"};
	static const struct pages_error too_large = {
		.status = 413, .title = "error_large_title", .text = "error_large_text"};
	static const struct pages_error expectation = {.status = 417,
		.title = "error_bad_title",
		.text = "error_bad_text",
		.detail = "Only 100-continue may be expected"};
	const struct request *request = exchange_request(exchange);
	const char *expect = request_header(request, "Expect");
	unsigned methods;
	const struct route *route = route_find(request, &methods);
	enum access_verdict verdict = decide(site, exchange, route ? route->right : ACCESS_VIEW);

	site->requests_total++;
	if (verdict == ACCESS_GRANTED)
		visitor_note(site->visitor, conn_peer(exchange_conn(exchange)),
			conn_local(exchange_conn(exchange)));
	if (verdict != ACCESS_GRANTED)
		forbid(site, exchange, verdict);
	else if (!route && methods != 0)
		method_not_allowed(exchange, methods);
	else if (!route)
		pages_error(exchange, &missing);
	else if (exchange_has_body(exchange) && !(route->methods & BODY))
		pages_error(exchange, &too_large);
	else if (expect && strcasecmp(expect, "100-continue") != 0)
		pages_error(exchange, &expectation);
	else
		route->handler(site, exchange);
}

void routes_refuse(
	struct site *site, struct exchange *exchange, const struct request_refusal *refusal)
{
	struct pages_error error = {.status = refusal->status,
		.title = "error_bad_title",
		.text = "error_bad_text",
		.detail = refusal->cause};

	site->malformed_total++;
	if (refusal->status == 408) {
		error.title = "error_slow_title";
		error.text = "error_slow_text";
	} else if (refusal->status == 414 || refusal->status == 431) {
		error.title = "error_large_title";
		error.text = "error_large_text";
	}
	pages_error(exchange, &error);
}
