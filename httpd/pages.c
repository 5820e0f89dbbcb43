/* SPDX-License-Identifier: MIT */
#include "httpd/pages.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "common/parse.h"
#include "httpd/files/entry.h"
#include "httpd/files/files.h"
#include "httpd/files/list_text.h"
#include "httpd/files/lister.h"
#include "httpd/pause.h"
#include "httpd/site.h"
#include "httpd/template.h"
#include "httpd/www.h"

/* An error's page brings its style along: whoever is refused is refused every file, too. */
#define POLICY_ERROR                                                                               \
	"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "     \
	"frame-ancestors 'none'"
/*
 * The viewer's page draws blob: URLs, plays sound, and runs WebAssembly, to decode it.  In browsers
 * of before 2022 (Safari 15.3, Chrome 64) 'self' does not stand for the WebSocket of the same host.
 */
#define POLICY_VIEWER                                                                              \
	"default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "             \
	"img-src 'self' blob:; media-src 'self'; connect-src 'self' %s%s; base-uri 'none'; "       \
	"form-action 'none'; frame-ancestors 'none'"
/* The start page sends forms, and has a worker that runs WebAssembly, to hash what is sent. */
#define POLICY_START                                                                               \
	"default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "            \
	"style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "                  \
	"form-action 'self'; frame-ancestors 'none'"
/* A script that is a worker has the policy that it came with. */
#define POLICY_SCRIPT                                                                              \
	"default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; frame-ancestors 'none'"
#define POLICY_MAX (sizeof(POLICY_VIEWER) + HOST_MAX + 8)
#define VALUES_MAX 20
#define HOST_MAX   256 /* what is shown of a Host header; a name has 253 characters at most */
#define PORT_MAX   8   /* ":65535" */

/* --- a page --- */

/* What all pages may name, beside what each adds. */
struct page {
	struct template template;
	struct template_value values[VALUES_MAX];
	char computer[HOST_NAME_MAX + 1];
};

static void add(struct page *page, const char *name, const char *text)
{
	assert(page->template.n_values < VALUES_MAX);
	page->values[page->template.n_values++] =
		(struct template_value){.name = name, .text = text};
}

static void add_string(struct page *page, const char *name, const char *string)
{
	add(page, name, string);
	page->values[page->template.n_values - 1].is_string = true;
}

static enum language language_of(const struct request *request)
{
	char asked[16];

	if (!request)
		return LANGUAGE_EN;
	return language_choose(
		request_query(request, "lang", asked, sizeof(asked)) > 0 ? asked : NULL,
		request_header(request, "Accept-Language"));
}

static void page_init(struct page *page, const struct request *request)
{
	enum language language = language_of(request);

	memset(page, 0, sizeof(*page));
	page->template.values = page->values;
	page->template.language = language;
	page->template.is_html = true;
	if (gethostname(page->computer, HOST_NAME_MAX) < 0)
		page->computer[0] = '\0';
	page->computer[strcspn(page->computer, ".")] = '\0'; /* people do not need the domain */
	add(page, "computer", page->computer[0] != '\0' ? page->computer : "screenshare");
	add(page, "lang", language_tag(language));
	add(page, "other_lang", language_tag(language == LANGUAGE_EN ? LANGUAGE_ZH : LANGUAGE_EN));
}

static void answer(struct exchange *exchange, const struct page *page, const char *text, size_t len,
	struct response *response)
{
	response->body = evbuffer_new();
	if (response->body && template_fill(&page->template, text, len, response->body) == 0)
		exchange_answer(exchange, response);
	else
		exchange_fail(exchange);
	if (response->body)
		evbuffer_free(response->body);
}

static void answer_page(struct exchange *exchange, const struct page *page, const char *name,
	struct response *response)
{
	struct www_file file;

	response->type = "text/html; charset=utf-8";
	if (!www_find(name, strlen(name), &file))
		assert(false && "a page that is not embedded");
	else
		answer(exchange, page, file.data, file.len, response);
}

/* --- the start page --- */

/* What it shows of the files where no script lists them. */
struct start {
	const struct files *files;
	const char *rows;
	size_t page, n_pages; /* counted from 1 */
};

/* ?page=N, or the nearest that there is. */
static size_t page_asked(const struct request *request, size_t n_pages)
{
	char text[16];
	uint64_t page = 1;
	int len = request_query(request, "page", text, sizeof(text));

	if (len > 0)
		parse_number(text, (size_t)len, 1, UINT32_MAX, &page);
	return page < n_pages ? (size_t)page : n_pages;
}

static void answer_start(
	const struct site *site, struct exchange *exchange, const struct start *start)
{
	const struct request *request = exchange_request(exchange);
	const char *why_not = files_why_not(start->files);
	struct response response = {
		.status = 200, .policy = POLICY_START, .headers = "Vary: Accept-Language\r\n"};
	char number[24], n_pages[24], newer[24], older[24];
	struct page page;

	snprintf(number, sizeof(number), "%zu", start->page);
	snprintf(n_pages, sizeof(n_pages), "%zu", start->n_pages);
	snprintf(newer, sizeof(newer), "%zu", start->page - 1);
	snprintf(older, sizeof(older), "%zu", start->page + 1);
	page_init(&page, request);
	add(&page, "host", request->host);
	add(&page, "rows", start->rows);
	page.values[page.template.n_values - 1].is_markup = true;
	add(&page, "page", number);
	add(&page, "n_pages", n_pages);
	add(&page, "newer", newer);
	add(&page, "older", older);
	add(&page, "pages_class", start->n_pages > 1 ? "" : "hidden");
	add(&page, "newer_class", start->page > 1 ? "" : "hidden");
	add(&page, "older_class", start->page < start->n_pages ? "" : "hidden");
	add(&page, "files_class", why_not ? "off" : "");
	add(&page, "files_why", why_not ? why_not : "");
	add(&page, "send_class", !why_not && start->files->config->files.uploads ? "" : "hidden");
	if (pause_is_on(site->pause))
		add_string(&page, "paused", "start_paused");
	else
		add(&page, "paused", "");
	answer_page(exchange, &page, "start.html", &response);
}

static void answer_rows(void *arg, struct exchange *exchange, struct list_text *text)
{
	const struct site *site = arg;
	struct start start = {.files = site->files, .n_pages = list_text_pages(text)};

	start.page = page_asked(exchange_request(exchange), start.n_pages);
	start.rows = list_text_rows(text, start.page - 1);
	if (start.rows)
		answer_start(site, exchange, &start);
	else
		exchange_fail(exchange);
}

void pages_start(struct site *site, struct exchange *exchange)
{
	const struct start none = {.files = site->files, .rows = "", .page = 1, .n_pages = 1};

	if (site->files->store)
		lister_rows(site->files->lister, exchange, answer_rows, site);
	else
		answer_start(site, exchange, &none);
}

/* --- the viewer's page --- */

/* The page of a source: the same for all, but for where its pictures come from. */
struct viewer_page {
	const char *source, *video, *still; /* ?source= of /ws, and the routes without one */
	const char *title, *alt;            /* names of strings */
};

static void answer_viewer(struct exchange *exchange, const struct viewer_page *viewer)
{
	const struct request *request = exchange_request(exchange);
	char policy[POLICY_MAX];
	struct response response = {
		.status = 200, .policy = policy, .headers = "Vary: Accept-Language\r\n"};
	/* A policy's grammar has no IPv6 address; nor does one that is too long fit. */
	bool is_plain = !strchr(request->host, '[') && strlen(request->host) <= HOST_MAX;
	struct page page;
	char name[ENTRY_SENDER_SIZE] = "", asked[3 * ENTRY_SENDER_SIZE];

	if (request_query(request, "name", asked, sizeof(asked)) > 0)
		entry_clean_sender(asked, name);
	snprintf(policy, sizeof(policy), POLICY_VIEWER,
		is_plain ? "ws://" : "ws:", is_plain ? request->host : "");
	page_init(&page, request);
	add(&page, "source", viewer->source);
	add(&page, "video", viewer->video);
	add(&page, "still", viewer->still);
	add(&page, "name", name);
	add_string(&page, "viewer_title", viewer->title);
	add_string(&page, "viewer_alt", viewer->alt);
	answer_page(exchange, &page, "viewer.html", &response);
}

void pages_screen(struct site *site, struct exchange *exchange)
{
	static const struct viewer_page screen = {
		"screen", "/d_video", "/d.jpg", "screen_title", "screen_alt"};

	(void)site;
	answer_viewer(exchange, &screen);
}

void pages_camera(struct site *site, struct exchange *exchange)
{
	static const struct viewer_page camera = {
		"camera", "/c_video", "/c.jpg", "camera_title", "camera_alt"};

	(void)site;
	answer_viewer(exchange, &camera);
}

/* --- errors --- */

/* Where the port begins in a Host header: at its colon, or at its end. */
static const char *port_of(const char *host)
{
	const char *colon = strrchr(host, ':');

	return colon && !strchr(colon, ']') ? colon : host + strlen(host);
}

static bool wants_html(const struct request *request)
{
	const char *accept = request ? request_header(request, "Accept") : NULL;

	return accept && strstr(accept, "text/html");
}

void pages_error(struct exchange *exchange, const struct pages_error *error)
{
	static const char line[] = "{{status}} {{error_title}}. {{error_text}} {{detail}}\n";
	const struct request *request = exchange_request(exchange);
	const char *host = request ? request->host : "", *port = port_of(host);
	char status[16], name[HOST_MAX], ip[INET6_ADDRSTRLEN + 2];
	char address[sizeof(ip) + PORT_MAX], home[sizeof(address) + 8];
	struct response response = {.status = error->status, .headers = error->headers};
	struct page page;

	page_init(&page, request);
	snprintf(status, sizeof(status), "%u", error->status);
	snprintf(name, sizeof(name), "%.*s", (int)(port - host), host);
	/* The address that was reached, with the port that was asked for: ports are forwarded. */
	address_format(conn_local(exchange_conn(exchange)), ip, sizeof(ip));
	snprintf(address, sizeof(address), "%s%.6s", ip, port);
	/* Not back to the name that was just refused. */
	snprintf(home, sizeof(home), "http://%s/", address);
	add(&page, "home", error->status == 421 ? home : "/");
	add(&page, "status", status);
	add(&page, "peer", conn_peer_text(exchange_conn(exchange)));
	add(&page, "host", name);
	add(&page, "address", address);
	add(&page, "detail", error->detail ? error->detail : "");
	add_string(&page, "error_title", error->title);
	add_string(&page, "error_text", error->text);
	if (wants_html(request)) {
		response.policy = POLICY_ERROR;
		answer_page(exchange, &page, "error.html", &response);
		return;
	}
	page.template.is_html = false;
	response.type = "text/plain; charset=utf-8";
	answer(exchange, &page, line, sizeof(line) - 1, &response);
}

/* --- files --- */

static void answer_file(struct exchange *exchange, const struct www_file *file, bool is_for_ever)
{
	const struct request *request = exchange_request(exchange);
	const char *known = request_header(request, "If-None-Match");
	char headers[64];
	struct response response = {.status = 200,
		.type = file->type,
		.cache = is_for_ever ? "public, max-age=31536000, immutable" : "no-cache",
		.policy = strstr(file->type, "javascript") ? POLICY_SCRIPT : NULL,
		.headers = headers};

	snprintf(headers, sizeof(headers), "ETag: \"%s\"\r\n", file->tag);
	if (known && strstr(known, file->tag)) {
		response.status = 304;
		response.type = NULL;
		exchange_answer(exchange, &response);
		return;
	}
	response.body = evbuffer_new();
	if (response.body &&
		evbuffer_add_reference(response.body, file->data, file->len, NULL, NULL) == 0)
		exchange_answer(exchange, &response);
	else
		exchange_fail(exchange);
	if (response.body)
		evbuffer_free(response.body);
}

void pages_static(struct site *site, struct exchange *exchange)
{
	static const struct pages_error missing = {
		.status = 404, .title = "error_missing_title", .text = "error_missing_text"};
	const struct request *request = exchange_request(exchange);
	const char *name = request->path + sizeof(TEMPLATE_STATIC) - 1;
	struct www_file file;
	char tag[32];

	(void)site;
	if (!www_find(name, strlen(name), &file) || !file.type) {
		pages_error(exchange, &missing);
		return;
	}
	/* A page of another version names another tag: what is here must not be kept under it. */
	answer_file(exchange, &file,
		request_query(request, "v", tag, sizeof(tag)) > 0 && strcmp(tag, file.tag) == 0);
}

void pages_favicon(struct site *site, struct exchange *exchange)
{
	struct www_file file;

	(void)site;
	if (www_find("icon.png", 8, &file))
		answer_file(exchange, &file, false);
	else
		assert(false && "the icon is not embedded");
}
