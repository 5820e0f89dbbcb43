/* SPDX-License-Identifier: MIT */
#include "httpd/request_reader.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <llhttp.h>

#include "httpd/request_check.h"
#include "httpd/request_lines.h"

#define BUFFER_FIRST 1024u /* most browsers' heads fit into it */

/* A stretch of the buffer: it may move, so no pointers while it still grows. */
struct stretch {
	uint32_t at, len;
};

struct request_reader {
	struct request request;
	struct request_refusal refusal;
	llhttp_t parser;
	char *buffer;
	size_t capacity, capacity_max;
	size_t len; /* bytes in the buffer */
	struct request_lines lines;
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

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
	struct request_reader *reader = reader_of(parser);
	struct request *request = &reader->request;

	if (reader->name_is_whole) {
		if (request->n_headers == REQUEST_HEADERS_MAX) {
			request_refuse(&reader->refusal, 431, "The request has too many headers");
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
		request_refuse(&reader->refusal, 505, "Only HTTP/1.0 and HTTP/1.1 are spoken here");
		return HPE_USER;
	}
	request->is_http10 = parser->http_minor == 0;
	request->keep_alive = llhttp_should_keep_alive(parser) != 0;
	request->is_chunked = (parser->flags & F_TRANSFER_ENCODING) != 0;
	request->has_length = parser->flags & F_CONTENT_LENGTH;
	request->content_length = request->has_length ? parser->content_length : 0;
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
	memset(&reader->lines, 0, sizeof(reader->lines));
	memset(&reader->target, 0, sizeof(reader->target));
	memset(reader->names, 0, sizeof(reader->names));
	memset(reader->values, 0, sizeof(reader->values));
	llhttp_init(&reader->parser, HTTP_REQUEST, &SETTINGS);
	reader->parser.data = reader;
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
	assert(reader->len < reader->capacity_max && !reader->lines.is_whole);
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

static bool is_token_char(unsigned char c)
{
	return isalnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* An unknown method is 501, something that is no method at all is 400. */
static void refuse_method(struct request_reader *reader)
{
	size_t begin_at = 2u * reader->lines.n_blank, i = begin_at;

	while (i < reader->len && is_token_char((unsigned char)reader->buffer[i]))
		i++;
	if (i > begin_at && (i == reader->len || reader->buffer[i] == ' '))
		request_refuse(&reader->refusal, 501, "The method is not known here");
	else
		request_refuse(&reader->refusal, 400, "This is not an HTTP request");
}

static void refuse_by_parser(struct request_reader *reader, llhttp_errno_t error)
{
	switch (error) {
	case HPE_INVALID_METHOD:
		refuse_method(reader);
		break;
	case HPE_INVALID_VERSION:
		request_refuse(&reader->refusal, 505, "Only HTTP/1.0 and HTTP/1.1 are spoken here");
		break;
	case HPE_INVALID_URL:
		request_refuse(&reader->refusal, 400, "The request's target is malformed");
		break;
	case HPE_UNEXPECTED_CONTENT_LENGTH:
	case HPE_INVALID_CONTENT_LENGTH:
	case HPE_INVALID_TRANSFER_ENCODING:
		request_refuse(
			&reader->refusal, 400, "The headers that tell the body's length are wrong");
		break;
	case HPE_INVALID_HEADER_TOKEN:
		request_refuse(&reader->refusal, 400, "A header is malformed");
		break;
	default:
		request_refuse(&reader->refusal, 400, "The request is malformed");
		break;
	}
}

/* --- a whole head --- */

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
			return request_refuse(&reader->refusal, 400, "A header is malformed");
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

static bool accept(struct request_reader *reader)
{
	struct request_refusal *refusal = &reader->refusal;

	return terminate_headers(reader) && request_check_headers(&reader->request, refusal) &&
	       request_check_target(&reader->request, reader->buffer + reader->target.at,
		       reader->target.len, refusal);
}

enum request_progress request_reader_feed(struct request_reader *reader, size_t n)
{
	size_t from = reader->lines.scanned;
	llhttp_errno_t error;

	assert(n <= reader->capacity - reader->len && !reader->lines.is_whole);
	reader->len += n;
	if (!request_lines_scan(&reader->lines, reader->buffer, reader->len, &reader->refusal))
		return REQUEST_REFUSED;
	if (reader->lines.scanned == from)
		return REQUEST_MORE;
	error = llhttp_execute(
		&reader->parser, reader->buffer + from, reader->lines.scanned - from);
	if (error != HPE_OK && !(error == HPE_PAUSED_UPGRADE && reader->saw_headers_complete))
		refuse_by_parser(reader, error);
	if (reader->refusal.status != 0)
		return REQUEST_REFUSED;
	if (reader->lines.is_whole) {
		if (!reader->saw_headers_complete)
			request_refuse(&reader->refusal, 400, "The request is malformed");
		else if (accept(reader))
			return REQUEST_COMPLETE;
		return REQUEST_REFUSED;
	}
	if (reader->len < reader->capacity_max)
		return REQUEST_MORE;
	if (reader->lines.n_lines == 0)
		request_refuse(&reader->refusal, 414, "The request's target is too long");
	else
		request_refuse(&reader->refusal, 431, "The request's head is too large");
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

	assert(reader->lines.is_whole);
	if (n > max)
		n = max;
	memcpy(out, reader->buffer + reader->lines.scanned, n);
	reader->len -= n;
	memmove(reader->buffer + reader->lines.scanned, reader->buffer + reader->lines.scanned + n,
		reader->len - reader->lines.scanned);
	return n;
}

void request_reader_next(struct request_reader *reader)
{
	assert(reader->lines.is_whole);
	reader->len -= reader->lines.scanned;
	memmove(reader->buffer, reader->buffer + reader->lines.scanned, reader->len);
	begin(reader);
}

size_t request_reader_pending(const struct request_reader *reader)
{
	return reader->lines.is_whole ? reader->len - reader->lines.scanned : reader->len;
}
