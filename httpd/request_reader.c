/* SPDX-License-Identifier: MIT */
#include "httpd/request_reader.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <llhttp.h>

#include "common/utf8.h"

#define BUFFER_FIRST    1024u /* most browsers' heads fit into it */
#define BLANK_LINES_MAX 2u    /* before a request line: old clients send one after a body */

/* A stretch of the buffer: it may move, so no pointers while it still grows. */
struct stretch {
	uint32_t at, len;
};

/* What the bytes so far have been, in terms of lines alone. */
enum line_state {
	LINE_START, /* the next byte is the first of a line */
	LINE_INSIDE,
	LINE_CR, /* after a CR: only LF may follow */
};

struct request_reader {
	struct request request;
	struct request_refusal refusal;
	llhttp_t parser;
	char *buffer;
	size_t capacity, capacity_max;
	size_t len;     /* bytes in the buffer */
	size_t scanned; /* … of which the line discipline and llhttp have seen */
	size_t line_begin;
	unsigned n_lines;  /* whole non-blank lines so far */
	unsigned n_blank;  /* … and blank ones before the first of them */
	unsigned n_spaces; /* in the request line: llhttp takes any number of them */
	enum line_state line;
	bool is_whole; /* the blank line after the head was seen */
	bool saw_headers_complete;
	bool name_is_whole;
	struct stretch target;
	struct stretch names[REQUEST_HEADERS_MAX], values[REQUEST_HEADERS_MAX];
};

/* --- llhttp's callbacks: they only note where things lie --- */

static struct request_reader *reader_of(llhttp_t *parser)
{
	return parser->data;
}

/* A span may come in pieces, one per feed, but always of one stretch of the buffer. */
static void stretch_add(
	const struct request_reader *reader, struct stretch *s, const char *at, size_t len)
{
	if (s->len == 0)
		s->at = (uint32_t)(at - reader->buffer);
	s->len += (uint32_t)len;
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
	struct request_reader *reader = reader_of(parser);

	stretch_add(reader, &reader->target, at, len);
	return HPE_OK;
}

/* Returns false, for `return refuse(…)` in what says whether a head is acceptable. */
static bool refuse(struct request_reader *reader, unsigned status, const char *cause)
{
	if (reader->refusal.status == 0) { /* the first reason is the one to tell */
		reader->refusal.status = status;
		reader->refusal.cause = cause;
	}
	return false;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
	struct request_reader *reader = reader_of(parser);
	struct request *request = &reader->request;

	if (reader->name_is_whole) {
		if (request->n_headers == REQUEST_HEADERS_MAX) {
			refuse(reader, 431, "The request has too many headers");
			return HPE_USER;
		}
		reader->name_is_whole = false;
		request->n_headers++;
	}
	stretch_add(reader, &reader->names[request->n_headers - 1], at, len);
	return HPE_OK;
}

static int on_header_field_complete(llhttp_t *parser)
{
	reader_of(parser)->name_is_whole = true;
	return HPE_OK;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
	struct request_reader *reader = reader_of(parser);

	stretch_add(reader, &reader->values[reader->request.n_headers - 1], at, len);
	return HPE_OK;
}

static int on_headers_complete(llhttp_t *parser)
{
	struct request_reader *reader = reader_of(parser);
	struct request *request = &reader->request;

	reader->saw_headers_complete = true;
	if (parser->http_major != 1 || parser->http_minor > 1) {
		refuse(reader, 505, "Only HTTP/1.0 and HTTP/1.1 are spoken here");
		return HPE_USER;
	}
	request->is_http10 = parser->http_minor == 0;
	request->keep_alive = llhttp_should_keep_alive(parser) != 0;
	request->is_chunked = (parser->flags & F_TRANSFER_ENCODING) != 0;
	request->content_length = parser->flags & F_CONTENT_LENGTH ? parser->content_length : 0;
	switch (parser->method) {
	case HTTP_GET:
		request->method = REQUEST_GET;
		break;
	case HTTP_HEAD:
		request->method = REQUEST_HEAD;
		break;
	case HTTP_POST:
		request->method = REQUEST_POST;
		break;
	case HTTP_PUT:
		request->method = REQUEST_PUT;
		break;
	case HTTP_PATCH:
		request->method = REQUEST_PATCH;
		break;
	case HTTP_DELETE:
		request->method = REQUEST_DELETE;
		break;
	case HTTP_OPTIONS:
		request->method = REQUEST_OPTIONS;
		break;
	default:
		request->method = REQUEST_OTHER;
		break;
	}
	return HPE_OK;
}

static const llhttp_settings_t SETTINGS = {
	.on_url = on_url,
	.on_header_field = on_header_field,
	.on_header_field_complete = on_header_field_complete,
	.on_header_value = on_header_value,
	.on_headers_complete = on_headers_complete,
};

/* --- the reader --- */

static void begin(struct request_reader *reader)
{
	memset(&reader->request, 0, sizeof(reader->request));
	memset(&reader->refusal, 0, sizeof(reader->refusal));
	memset(&reader->target, 0, sizeof(reader->target));
	memset(reader->names, 0, sizeof(reader->names));
	memset(reader->values, 0, sizeof(reader->values));
	llhttp_init(&reader->parser, HTTP_REQUEST, &SETTINGS);
	reader->parser.data = reader;
	reader->scanned = 0;
	reader->line_begin = 0;
	reader->n_lines = 0;
	reader->n_blank = 0;
	reader->n_spaces = 0;
	reader->line = LINE_START;
	reader->is_whole = false;
	reader->saw_headers_complete = false;
	reader->name_is_whole = true;
}

int request_reader_create(size_t head_size_max, struct request_reader **out)
{
	struct request_reader *reader = calloc(1, sizeof(*reader));

	if (reader == NULL)
		return -ENOMEM;
	assert(head_size_max > 0 && head_size_max < UINT32_MAX);
	reader->capacity_max = head_size_max;
	begin(reader);
	*out = reader;
	return 0;
}

void request_reader_destroy(struct request_reader *reader)
{
	if (reader == NULL)
		return;
	free(reader->buffer);
	free(reader);
}

int request_reader_room(struct request_reader *reader, char **room, size_t *len)
{
	/* feed() refuses a head that has filled the largest buffer, so there is always some. */
	assert(reader->len < reader->capacity_max && !reader->is_whole);
	if (reader->len == reader->capacity) {
		size_t capacity = reader->capacity == 0 ? BUFFER_FIRST : 2 * reader->capacity;
		char *buffer;

		if (capacity > reader->capacity_max)
			capacity = reader->capacity_max;
		buffer = realloc(reader->buffer, capacity);
		if (buffer == NULL)
			return -ENOMEM;
		reader->buffer = buffer;
		reader->capacity = capacity;
	}
	*room = reader->buffer + reader->len;
	*len = reader->capacity - reader->len;
	return 0;
}

/* At the end of a line of `len` bytes. */
static bool end_line(struct request_reader *reader, size_t len)
{
	if (len == 0 && reader->n_lines > 0)
		reader->is_whole = true;
	else if (len == 0 && ++reader->n_blank > BLANK_LINES_MAX)
		return refuse(reader, 400, "Blank lines precede the request");
	else if (len > 0 && ++reader->n_lines == 1 && reader->n_spaces != 2)
		return refuse(reader, 400, "The request line is not METHOD TARGET VERSION");
	return true;
}

/*
 * The line discipline, apart from llhttp so that it does not depend on what a version of it
 * tolerates.  Moves reader->scanned on, to behind the head's blank line at most.  False: refused.
 */
static bool scan_lines(struct request_reader *reader)
{
	size_t i;

	for (i = reader->scanned; i < reader->len && !reader->is_whole; i++) {
		unsigned char c = (unsigned char)reader->buffer[i];

		if (reader->line == LINE_CR) {
			if (c != '\n')
				return refuse(reader, 400, "A line ends in CR alone");
			reader->line = LINE_START;
			if (!end_line(reader, i - 1 - reader->line_begin))
				return false;
			reader->line_begin = i + 1;
			continue;
		}
		if (c == '\r') {
			reader->line = LINE_CR;
			continue;
		}
		if (c == '\n')
			return refuse(reader, 400, "A line ends in LF alone");
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return refuse(reader, 400, "A control character is in the request's head");
		if (reader->line == LINE_START && (c == ' ' || c == '\t'))
			return refuse(reader, 400, "A header line is folded");
		if (reader->n_lines == 0 && i - reader->line_begin > REQUEST_TARGET_MAX + 64)
			return refuse(reader, 414, "The request's target is too long");
		if (reader->n_lines == 0 && c == ' ' && ++reader->n_spaces > 2)
			return refuse(reader, 400, "The request line is not METHOD TARGET VERSION");
		reader->line = LINE_INSIDE;
	}
	reader->scanned = i;
	return true;
}

static bool is_token_char(unsigned char c)
{
	return isalnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* An unknown method is 501, something that is no method at all is 400. */
static void refuse_method(struct request_reader *reader)
{
	size_t begin_at = 2u * reader->n_blank, i = begin_at;

	while (i < reader->len && is_token_char((unsigned char)reader->buffer[i]))
		i++;
	if (i > begin_at && (i == reader->len || reader->buffer[i] == ' '))
		refuse(reader, 501, "The method is not known here");
	else
		refuse(reader, 400, "This is not an HTTP request");
}

static void refuse_by_parser(struct request_reader *reader, llhttp_errno_t error)
{
	switch (error) {
	case HPE_INVALID_METHOD:
		refuse_method(reader);
		break;
	case HPE_INVALID_VERSION:
		refuse(reader, 505, "Only HTTP/1.0 and HTTP/1.1 are spoken here");
		break;
	case HPE_INVALID_URL:
		refuse(reader, 400, "The request's target is malformed");
		break;
	case HPE_UNEXPECTED_CONTENT_LENGTH:
	case HPE_INVALID_CONTENT_LENGTH:
	case HPE_INVALID_TRANSFER_ENCODING:
		refuse(reader, 400, "The headers that tell the body's length are wrong");
		break;
	case HPE_INVALID_HEADER_TOKEN:
		refuse(reader, 400, "A header is malformed");
		break;
	default:
		refuse(reader, 400, "The request is malformed");
		break;
	}
}

/* --- what is checked of a whole head --- */

static bool has_dot_segment(const char *path)
{
	for (const char *s = path; s != NULL; s = strchr(s + 1, '/')) {
		size_t len = strcspn(s + 1, "/");

		if ((len == 1 && s[1] == '.') || (len == 2 && s[1] == '.' && s[2] == '.'))
			return true;
	}
	return false;
}

/* Printable ASCII without what RFC 3986 never allows; browsers do send ^ ` { | } in queries. */
static bool is_target_char(unsigned char c)
{
	return c > 0x20 && c < 0x7f && strchr("\"<>\\#", c) == NULL;
}

/* Splits the target and decodes its path in place; the byte behind it is the space before "HTTP".
 */
static bool accept_target(struct request_reader *reader)
{
	char *target = reader->buffer + reader->target.at;
	size_t len = reader->target.len;
	size_t raw_path_len;
	int path_len;

	if (len > REQUEST_TARGET_MAX)
		return refuse(reader, 414, "The request's target is too long");
	if (len == 0 || target[0] != '/')
		return refuse(reader, 400, "The request's target must begin with /");
	for (size_t i = 0; i < len; i++)
		if (!is_target_char((unsigned char)target[i]))
			return refuse(reader, 400, "The request's target is malformed");
	target[len] = '\0';
	raw_path_len = strcspn(target, "?");
	reader->request.query = target[raw_path_len] == '?' ? target + raw_path_len + 1 : "";
	path_len = request_percent_decode(target, raw_path_len, false);
	if (path_len < 0)
		return refuse(reader, 400, "The path's percent-encoding is wrong");
	for (int i = 0; i < path_len; i++) {
		unsigned char c = (unsigned char)target[i];

		if (c < 0x20 || c == 0x7f || c == '\\')
			return refuse(reader, 400, "The path has a character that it may not");
	}
	if (!utf8_is_valid(target, (size_t)path_len))
		return refuse(reader, 400, "The path is not UTF-8");
	target[path_len] = '\0';
	if (has_dot_segment(target))
		return refuse(reader, 400, "The path has a . or .. in it");
	reader->request.path = target;
	return true;
}

static bool is_ows(char c)
{
	return c == ' ' || c == '\t';
}

/* Turns stretches into texts: the byte behind each (colon, CR or white space) becomes its NUL. */
static bool terminate_headers(struct request_reader *reader)
{
	for (size_t i = 0; i < reader->request.n_headers; i++) {
		struct request_header *header = &reader->request.headers[i];
		char *name = reader->buffer + reader->names[i].at;
		char *value = reader->buffer + reader->values[i].at;
		size_t len = reader->values[i].len;

		if (reader->names[i].len == 0) /* llhttp 8.1 takes ": value" */
			return refuse(reader, 400, "A header is malformed");
		name[reader->names[i].len] = '\0';
		header->name = name;
		header->value = "";
		if (len == 0)
			continue;
		while (len > 0 && is_ows(value[len - 1]))
			len--;
		value[len] = '\0';
		header->value = value;
	}
	return true;
}

/* Two of one of these are two meanings of one request. */
static const char *const SINGLE_HEADERS[] = {"Host", "Content-Length", "Transfer-Encoding",
	"Origin", "Sec-Fetch-Site", "Content-Type", "Range", "Authorization", "Cookie",
	"Tus-Resumable", "Upload-Length", "Upload-Offset", "Upload-Metadata"};

static bool accept_headers(struct request_reader *reader)
{
	struct request *request = &reader->request;
	const char *encoding;

	if (!terminate_headers(reader))
		return false;
	for (size_t s = 0; s < sizeof(SINGLE_HEADERS) / sizeof(SINGLE_HEADERS[0]); s++) {
		unsigned n = 0;

		for (size_t i = 0; i < request->n_headers; i++)
			n += strcasecmp(request->headers[i].name, SINGLE_HEADERS[s]) == 0;
		if (n > 1)
			return refuse(
				reader, 400, "A header is there twice that may be there only once");
	}
	request->host = request_header(request, "Host");
	if (request->host == NULL || request->host[0] == '\0')
		return refuse(reader, 400, "The Host header is missing");
	for (const char *c = request->host; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && strchr("-._~:[]%", *c) == NULL)
			return refuse(reader, 400, "The Host header is malformed");

	encoding = request_header(request, "Transfer-Encoding");
	if (encoding == NULL)
		return true;
	if (request->is_http10 || request_header(request, "Content-Length") != NULL)
		return refuse(reader, 400, "The headers that tell the body's length are wrong");
	if (strcasecmp(encoding, "chunked") != 0)
		return refuse(reader, 501, "The transfer encoding is not known here");
	return true;
}

enum request_progress request_reader_feed(struct request_reader *reader, size_t n)
{
	size_t from = reader->scanned;
	llhttp_errno_t error;

	assert(n <= reader->capacity - reader->len && !reader->is_whole);
	reader->len += n;
	if (!scan_lines(reader))
		return REQUEST_REFUSED;
	if (reader->scanned == from)
		return REQUEST_MORE;
	error = llhttp_execute(&reader->parser, reader->buffer + from, reader->scanned - from);
	if (error != HPE_OK && !(error == HPE_PAUSED_UPGRADE && reader->saw_headers_complete))
		refuse_by_parser(reader, error);
	if (reader->refusal.status != 0)
		return REQUEST_REFUSED;
	if (reader->is_whole) {
		if (!reader->saw_headers_complete)
			refuse(reader, 400, "The request is malformed");
		else if (accept_headers(reader) && accept_target(reader))
			return REQUEST_COMPLETE;
		return REQUEST_REFUSED;
	}
	if (reader->len < reader->capacity_max)
		return REQUEST_MORE;
	if (reader->n_lines == 0)
		refuse(reader, 414, "The request's target is too long");
	else
		refuse(reader, 431, "The request's head is too large");
	return REQUEST_REFUSED;
}

const struct request *request_reader_request(const struct request_reader *reader)
{
	return &reader->request;
}

const struct request_refusal *request_reader_refusal(const struct request_reader *reader)
{
	return &reader->refusal;
}

size_t request_reader_take(struct request_reader *reader, char *out, size_t max)
{
	size_t n = request_reader_pending(reader);

	assert(reader->is_whole);
	if (n > max)
		n = max;
	memcpy(out, reader->buffer + reader->scanned, n);
	reader->len -= n;
	memmove(reader->buffer + reader->scanned, reader->buffer + reader->scanned + n,
		reader->len - reader->scanned);
	return n;
}

void request_reader_next(struct request_reader *reader)
{
	assert(reader->is_whole);
	reader->len -= reader->scanned;
	memmove(reader->buffer, reader->buffer + reader->scanned, reader->len);
	begin(reader);
}

size_t request_reader_pending(const struct request_reader *reader)
{
	return reader->is_whole ? reader->len - reader->scanned : reader->len;
}
