/* SPDX-License-Identifier: MIT */
/* links: httpd/request.c httpd/request_reader.c httpd/request_lines.c httpd/request_check.c common/utf8.c llhttp */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "httpd/request_reader.h"

#define HEAD_MAX 8192u

/* Feeds `text` in pieces of `piece` bytes; the progress after the last of them that was taken. */
static enum request_progress feed_in_pieces(
	struct request_reader *reader, const char *text, size_t len, size_t piece)
{
	enum request_progress progress = REQUEST_MORE;

	while (len > 0 && progress == REQUEST_MORE) {
		char *room;
		size_t n;

		assert_int_equal(request_reader_room(reader, &room, &n), 0);
		assert_true(n > 0);
		if (n > piece)
			n = piece;
		if (n > len)
			n = len;
		memcpy(room, text, n);
		text += n;
		len -= n;
		progress = request_reader_feed(reader, n);
	}
	return progress;
}

static struct request_reader *read_all(const char *text, enum request_progress expected)
{
	struct request_reader *reader = NULL;

	assert_int_equal(request_reader_create(HEAD_MAX, &reader), 0);
	assert_int_equal(feed_in_pieces(reader, text, strlen(text), SIZE_MAX), expected);
	return reader;
}

/* The head is refused with this status, whole and byte by byte. */
static void assert_refused(const char *text, size_t len, unsigned status)
{
	static const size_t pieces[] = {SIZE_MAX, 1, 7};

	for (size_t i = 0; i < 3; i++) {
		struct request_reader *reader = NULL;
		enum request_progress progress;

		assert_int_equal(request_reader_create(HEAD_MAX, &reader), 0);
		progress = feed_in_pieces(reader, text, len, pieces[i]);
		if (progress != REQUEST_REFUSED || request_reader_refusal(reader)->status != status)
			fail_msg("\"%.60s\" in pieces of %zu: progress %d, status %u, not %u", text,
				pieces[i], (int)progress, request_reader_refusal(reader)->status,
				status);
		assert_non_null(request_reader_refusal(reader)->cause);
		request_reader_destroy(reader);
	}
}
#define REFUSED(status, text) assert_refused(text, sizeof(text) - 1, status)
#define GET_WITH(headers)     "GET / HTTP/1.1\r\nHost: a\r\n" headers "\r\n"

static void parses_what_a_browser_sends(void **state)
{
	static const char text[] =
		"GET /d_video?id=17&headers=full HTTP/1.1\r\n"
		"Host: 192.168.1.5:8001\r\n"
		"User-Agent: Mozilla/5.0 (Web0S; Linux/SmartTV) Gr\xc3\xbc\xc3\x9f\r\n"
		"Accept-Language:   zh-CN,zh;q=0.9 \t\r\n"
		"X-Empty:\r\n"
		"Connection: keep-alive\r\n\r\n";

	(void)state;
	for (size_t piece = 1; piece < sizeof(text); piece++) {
		struct request_reader *reader = NULL;
		const struct request *request;
		char id[8];

		assert_int_equal(request_reader_create(HEAD_MAX, &reader), 0);
		assert_int_equal(
			feed_in_pieces(reader, text, sizeof(text) - 1, piece), REQUEST_COMPLETE);
		request = request_reader_request(reader);
		assert_int_equal(request->method, REQUEST_GET);
		assert_false(request->is_http10);
		assert_true(request->keep_alive);
		assert_false(request->is_chunked);
		assert_int_equal(request->content_length, 0);
		assert_string_equal(request->path, "/d_video");
		assert_string_equal(request->query, "id=17&headers=full");
		assert_string_equal(request->host, "192.168.1.5:8001");
		assert_int_equal(request->n_headers, 5);
		assert_string_equal(request_header(request, "accept-language"), "zh-CN,zh;q=0.9");
		assert_string_equal(request_header(request, "X-EMPTY"), "");
		assert_null(request_header(request, "Cookie"));
		assert_int_equal(request_query(request, "id", id, sizeof(id)), 2);
		assert_string_equal(id, "17");
		assert_int_equal(request_reader_pending(reader), 0);
		request_reader_destroy(reader);
	}
}

static void takes_pipelined_requests_one_at_a_time(void **state)
{
	struct request_reader *reader = read_all(
		"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /2 HTTP/1.0\r\nHost: b\r\n\r\nGET /3 H",
		REQUEST_COMPLETE);
	char *room;
	size_t n;

	(void)state;
	assert_string_equal(request_reader_request(reader)->path, "/1");
	assert_true(request_reader_request(reader)->keep_alive);
	request_reader_next(reader);
	assert_int_equal(request_reader_feed(reader, 0), REQUEST_COMPLETE);
	assert_string_equal(request_reader_request(reader)->path, "/2");
	assert_string_equal(request_reader_request(reader)->host, "b");
	assert_int_equal(request_reader_request(reader)->method, REQUEST_HEAD);
	assert_true(request_reader_request(reader)->is_http10);
	assert_false(request_reader_request(reader)->keep_alive);
	assert_int_equal(request_reader_pending(reader), 8);
	request_reader_next(reader);
	assert_int_equal(request_reader_feed(reader, 0), REQUEST_MORE);
	assert_int_equal(request_reader_pending(reader), 8);
	assert_int_equal(request_reader_room(reader, &room, &n), 0);
	memcpy(room, "TTP/1.1\r\nHost: c\r\n\r\n", 20);
	assert_int_equal(request_reader_feed(reader, 20), REQUEST_COMPLETE);
	assert_string_equal(request_reader_request(reader)->path, "/3");
	request_reader_destroy(reader);
}

static void reads_the_connection_header(void **state)
{
	static const struct {
		const char *text;
		bool keep_alive;
	} cases[] = {
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: Keep-Alive, Close\r\n\r\n", false},
		{"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", true},
		{"GET / HTTP/1.0\r\nHost: a\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", true},
		{"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct request_reader *reader = read_all(cases[i].text, REQUEST_COMPLETE);

		assert_int_equal(request_reader_request(reader)->keep_alive, cases[i].keep_alive);
		request_reader_destroy(reader);
	}
}

static void refuses_broken_lines(void **state)
{
	(void)state;
	REFUSED(400, "GET / HTTP/1.1\nHost: a\n\n");
	REFUSED(400, "GET / HTTP/1.1\r\nHost: a\n\r\n");
	REFUSED(400, "GET / HTTP/1.1\r\nHost: a\r\rX: y\r\n\r\n");
	REFUSED(400, "GET / HTTP/1.1\r\nHost: a\r\n\rX");
	REFUSED(400, GET_WITH("X: a\0b\r\n"));
	REFUSED(400, GET_WITH("X: a\x01\r\n"));
	REFUSED(400, GET_WITH("X: a\x7f\r\n"));
	REFUSED(400, GET_WITH("X: a\r\n b\r\n"));
	REFUSED(400, GET_WITH("X: a\r\n\tb\r\n"));
	REFUSED(400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n");
	REFUSED(400, GET_WITH("X : a\r\n"));
	REFUSED(400, GET_WITH("X\r\n"));
	REFUSED(400, GET_WITH(": a\r\n"));
	REFUSED(400, GET_WITH("X\xc3: a\r\n"));
	REFUSED(400, "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "\x16\x03\x01\x02\x00\x01\x00"); /* TLS */
}

static void refuses_ambiguous_bodies(void **state)
{
	(void)state;
	REFUSED(400, GET_WITH("Content-Length: 1\r\nContent-Length: 1\r\n"));
	REFUSED(400, GET_WITH("Content-Length: 1\r\nContent-Length: 2\r\n"));
	REFUSED(400, GET_WITH("Content-Length: 0\r\nContent-Length: 0\r\n"));
	REFUSED(400, GET_WITH("Content-Length: 1, 1\r\n"));
	REFUSED(400, GET_WITH("Content-Length: -1\r\n"));
	REFUSED(400, GET_WITH("Content-Length: +1\r\n"));
	REFUSED(400, GET_WITH("Content-Length: 0x10\r\n"));
	REFUSED(400, GET_WITH("Content-Length: 99999999999999999999\r\n"));
	REFUSED(400, GET_WITH("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"));
	REFUSED(400, GET_WITH("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"));
	REFUSED(400, GET_WITH("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"));
	REFUSED(400, GET_WITH("Transfer-Encoding: identity\r\n"));
	REFUSED(501, GET_WITH("Transfer-Encoding: gzip, chunked\r\n"));
	REFUSED(400, "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
}

static void refuses_wrong_hosts(void **state)
{
	(void)state;
	REFUSED(400, "GET / HTTP/1.1\r\n\r\n");
	REFUSED(400, "GET / HTTP/1.0\r\n\r\n");
	REFUSED(400, "GET / HTTP/1.1\r\nHost:\r\n\r\n");
	REFUSED(400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n");
	REFUSED(400, "GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n");
	REFUSED(400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n");
	REFUSED(400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n");
	REFUSED(400, "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n");
	REFUSED(400, "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n");
	REFUSED(400, "GET / HTTP/1.1\r\nHost: <a>\r\n\r\n");
}

static void refuses_wrong_request_lines(void **state)
{
	(void)state;
	REFUSED(501, "BREW / HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "{} / HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(501, "get / HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n");
	REFUSED(505, "GET / HTTP/1.2\r\nHost: a\r\n\r\n");
	REFUSED(400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	REFUSED(400, "GET / HTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n");
	REFUSED(400, "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "GET a HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "GET /\xc3\xbc HTTP/1.1\r\nHost: a\r\n\r\n");
}

static void refuses_paths_that_lie(void **state)
{
	(void)state;
	REFUSED(400, "GET /% HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "GET /%4g HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "GET /a%0ab HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "GET /a%5cb HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "GET /.. HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "GET /a/. HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "GET /%2e%2E/etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "GET /a%2f..%2fb HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "GET /%c3 HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "GET /%c0%ae%c0%ae HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(400, "GET /%ed%a0%80 HTTP/1.1\r\nHost: a\r\n\r\n");
}

static void decodes_paths(void **state)
{
	static const struct {
		const char *sent, *path;
	} cases[] = {
		{"/a%20b+c", "/a b+c"},
		{"/%E6%8A%95%E5%B1%8F", "/\xe6\x8a\x95\xe5\xb1\x8f"},
		{"/..a/b../...", "/..a/b../..."},
		{"/a?b=/../", "/a"},
		{"//", "//"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[128];
		struct request_reader *reader;

		snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", cases[i].sent);
		reader = read_all(text, REQUEST_COMPLETE);
		assert_string_equal(request_reader_request(reader)->path, cases[i].path);
		request_reader_destroy(reader);
	}
}

static void refuses_what_is_too_large(void **state)
{
	static char text[4 * HEAD_MAX];
	size_t n;

	(void)state;
	/* A target without end: 414, well before the buffer is full. */
	n = (size_t)snprintf(text, sizeof(text), "GET /");
	memset(text + n, 'a', HEAD_MAX);
	assert_refused(text, n + HEAD_MAX, 414);
	/* A target just too long, in a whole head. */
	memset(text + n, 'a', REQUEST_TARGET_MAX);
	strcpy(text + n + REQUEST_TARGET_MAX, " HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_refused(text, strlen(text), 414);
	/* One header too large. */
	n = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\nCookie: ");
	memset(text + n, 'a', HEAD_MAX);
	assert_refused(text, n + HEAD_MAX, 431);
	/* Too many headers. */
	n = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n");
	for (unsigned i = 0; i < REQUEST_HEADERS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "X-%u: %u\r\n", i, i);
	assert_refused(text, n, 431);
}

static void takes_as_many_headers_as_it_says(void **state)
{
	char text[4096];
	size_t n = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n");
	struct request_reader *reader;

	(void)state;
	for (unsigned i = 1; i < REQUEST_HEADERS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "X-%u: %u\r\n", i, i);
	snprintf(text + n, sizeof(text) - n, "\r\n");
	reader = read_all(text, REQUEST_COMPLETE);
	assert_string_equal(request_header(request_reader_request(reader), "x-63"), "63");
	request_reader_destroy(reader);
}

static void finds_query_keys(void **state)
{
	static const struct {
		const char *query, *key;
		int result;
		const char *value;
	} cases[] = {
		{"id=5", "id", 1, "5"},
		{"a=1&id=5&b", "id", 1, "5"},
		{"a=1&id=5&b", "b", 0, ""},
		{"b=&id=5", "b", 0, ""},
		{"xid=5&idx=6", "id", -ENOENT, NULL},
		{"", "id", -ENOENT, NULL},
		{"id=1&id=2", "id", -EINVAL, NULL},
		{"id=%4", "id", -EINVAL, NULL},
		{"id=%00", "id", -EINVAL, NULL},
		{"id=a+b%2b", "id", 4, "a b+"},
		{"id=12345678", "id", -EMSGSIZE, NULL},
		{"&&id=5&&", "id", 1, "5"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct request request = {.query = cases[i].query};
		char out[8];

		assert_int_equal(
			request_query(&request, cases[i].key, out, sizeof(out)), cases[i].result);
		if (cases[i].value != NULL)
			assert_string_equal(out, cases[i].value);
	}
}

static void tells_of_bodies(void **state)
{
	struct request_reader *reader =
		read_all("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12345678901\r\n\r\nabc",
			REQUEST_COMPLETE);

	(void)state;
	assert_int_equal(request_reader_request(reader)->content_length, 12345678901ull);
	assert_int_equal(request_reader_pending(reader), 3);
	request_reader_destroy(reader);
	reader = read_all("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n",
		REQUEST_COMPLETE);
	assert_true(request_reader_request(reader)->is_chunked);
	request_reader_destroy(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_what_a_browser_sends),
		cmocka_unit_test(takes_pipelined_requests_one_at_a_time),
		cmocka_unit_test(reads_the_connection_header),
		cmocka_unit_test(refuses_broken_lines),
		cmocka_unit_test(refuses_ambiguous_bodies),
		cmocka_unit_test(refuses_wrong_hosts),
		cmocka_unit_test(refuses_wrong_request_lines),
		cmocka_unit_test(refuses_paths_that_lie),
		cmocka_unit_test(decodes_paths),
		cmocka_unit_test(refuses_what_is_too_large),
		cmocka_unit_test(takes_as_many_headers_as_it_says),
		cmocka_unit_test(finds_query_keys),
		cmocka_unit_test(tells_of_bodies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
