/* SPDX-License-Identifier: MIT */
#include "httpd/routes.h"

#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/messages.h"
#include "httpd/access.h"
#include "httpd/files/files.h"
#include "httpd/pages.h"
#include "httpd/site.h"
#include "httpd/status.h"
#include "httpd/visitor.h"
#include "httpd/watch.h"

static void healthz(struct site *site, struct exchange *exchange)
{
	(void)site;
	exchange_answer_text(exchange, "text/plain; charset=utf-8", "ok\n");
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
	{READ, "/d_video", ACCESS_VIEW, watch_screen},
	{READ, "/d.jpg", ACCESS_VIEW, watch_screen_picture},
	{READ, "/c", ACCESS_VIEW, pages_camera},
	{READ, "/c_video", ACCESS_VIEW, watch_camera},
	{READ, "/c.jpg", ACCESS_VIEW, watch_camera_picture},
	{READ, "/audio_feed", ACCESS_VIEW, watch_audio},
	/* Never for another site's page: a WebSocket is not kept from reading by its origin. */
	{REQUEST_GET, "/ws", ACCESS_CHANGE, watch_socket},
	{READ, "/alive", ACCESS_VIEW, watch_alive},
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

/* Nothing that is sent here is decoded: it would be kept, and fetched, as what it is not. */
static bool is_encoded(const struct request *request)
{
	const char *encoding = request_header(request, "Content-Encoding");

	return encoding && strcasecmp(encoding, "identity") != 0;
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
	static const struct pages_error encoded = {.status = 415,
		.title = "error_bad_title",
		.text = "error_bad_text",
		.detail = "A file is kept as it is sent: send it without Content-Encoding",
		.headers = "Accept-Encoding: identity\r\n"};
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
	else if ((route->methods & BODY) && is_encoded(request))
		pages_error(exchange, &encoded);
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
