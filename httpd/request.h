/* SPDX-License-Identifier: MIT */
/*
 * A request is the head that a browser sent: llhttp parses it, strictly, and on top of that come
 * our own refusals, so that no two programs on the way can read one head in two ways.
 *
 *     bytes ──► reader: line discipline ──► llhttp ──► request (decoded path, query, headers)
 *
 * Refused, with the status that says why: bare CR or LF, NUL and other control characters, folded
 * header lines, Content-Length twice or beside Transfer-Encoding, a missing or second Host, targets
 * that are not "/…", bad percent-encoding, ".." (also when encoded), heads over the limit.
 * A reader takes one request after another from the bytes of one connection; bytes after the head
 * stay in it until they are asked for.  Knows no connection.  Any one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_HEADERS_MAX 64u
#define REQUEST_TARGET_MAX  4096u /* bytes of path and query, as sent */

/* Bits, so that a route can say which it takes. */
enum request_method {
	REQUEST_GET = 1,
	REQUEST_HEAD = 2,
	REQUEST_POST = 4,
	REQUEST_PUT = 8,
	REQUEST_PATCH = 16,
	REQUEST_DELETE = 32,
	REQUEST_OPTIONS = 64,
	REQUEST_OTHER = 128, /* a method that HTTP knows and we never use */
};

struct request_header {
	const char *name, *value; /* NUL-terminated, no white space around the value */
};

/* All texts lie in the reader's buffer: valid until request_reader_next() or _destroy(). */
struct request {
	enum request_method method;
	bool is_http10;
	bool keep_alive; /* what the client wants: version and Connection header */
	bool is_chunked;
	uint64_t content_length; /* 0 without one */
	const char *path;        /* percent-decoded, valid UTF-8, begins with '/', has no ".." */
	const char *query;       /* as sent, without the '?'; "" if there is none */
	const char *host; /* the Host header: there is always exactly one, of valid characters */
	size_t n_headers;
	struct request_header headers[REQUEST_HEADERS_MAX];
};

/* The value of the first header of that name (in any case of letters), or NULL. */
const char *request_header(const struct request *request, const char *name);

/*
 * The value of a query key, percent-decoded ('+' is a space) into `out`, NUL-terminated.  Its
 * length; -ENOENT: no such key; -EINVAL: twice, badly encoded, or with a NUL; -EMSGSIZE: longer
 * than `out_size` - 1.
 */
int request_query(const struct request *request, const char *key, char *out, size_t out_size);

/* Decodes `len` bytes of percent-encoding in place; the new length, or -EINVAL. */
int request_percent_decode(char *text, size_t len, bool plus_is_space);

enum request_progress {
	REQUEST_MORE,     /* not yet whole */
	REQUEST_COMPLETE, /* request_reader_request() */
	REQUEST_REFUSED,  /* request_reader_refusal(); the connection must be closed */
};

/* Why a head was refused. */
struct request_refusal {
	unsigned status; /* of HTTP: 400, 414, 431, 501, 505 */
	const char
	        *cause; /* an English sentence without a full stop, for whoever wrote the client */
};

struct request_reader; /* opaque */

/* `head_size_max` in bytes, request line and blank line included.  0 or -ENOMEM. */
int request_reader_create(size_t head_size_max, struct request_reader **out);
void request_reader_destroy(struct request_reader *reader); /* accepts NULL */

/*
 * Where to put what the connection brings: *room has space for *len (≥ 1) bytes.  Only to be called
 * while the last answer was REQUEST_MORE.  0 or -ENOMEM.
 */
int request_reader_room(struct request_reader *reader, char **room, size_t *len);
/* `n` bytes were put there (0: look again at what was left over by the request before). */
enum request_progress request_reader_feed(struct request_reader *reader, size_t n);

const struct request *request_reader_request(const struct request_reader *reader);
const struct request_refusal *request_reader_refusal(const struct request_reader *reader);

/* Done with the request: its head is dropped, bytes after it move up.  Then feed(0). */
void request_reader_next(struct request_reader *reader);
/* Bytes that are there and belong to no completed request. */
size_t request_reader_pending(const struct request_reader *reader);
