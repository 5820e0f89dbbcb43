/* SPDX-License-Identifier: MIT */
/*
 * A request is the head that a browser sent, in texts that can be used as they are: the path
 * decoded, the query as sent, the headers without white space around them.  Made by request_reader,
 * which refuses whatever could be read in two ways.  Knows no connection.  Any one thread.
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
	bool has_length;         /* … else there is no body, unless it comes in chunks */
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
