/* SPDX-License-Identifier: MIT */
/*
 * A response is a status, some headers and a body, written as HTTP/1.1.  Every one carries what
 * keeps it from being framed, sniffed, cached or read by another site's page.  Knows no connection.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct evbuffer;

/* Whole header lines of every response, whoever writes it. */
#define RESPONSE_HEADERS_ALWAYS                                                                    \
	"X-Content-Type-Options: nosniff\r\n"                                                      \
	"X-Frame-Options: DENY\r\n"                                                                \
	"Referrer-Policy: same-origin\r\n"                                                         \
	"Cross-Origin-Resource-Policy: same-origin\r\n"

struct response {
	unsigned status;
	const char *type;      /* Content-Type; NULL without a body */
	const char *cache;     /* Cache-Control; NULL: no-store */
	const char *policy;    /* Content-Security-Policy; NULL: nothing may be loaded or run */
	const char *headers;   /* further whole lines, each with its CRLF; NULL: none */
	struct evbuffer *body; /* its bytes are moved out of it; NULL: none */
	bool has_length;       /* Content-Length is `length`, whatever the body here holds */
	uint64_t length;
	bool is_chunked; /* Transfer-Encoding instead of a Content-Length */
	bool is_endless; /* neither: the end of the connection, or an answer to HEAD */
};

/* How the request wants it. */
struct response_form {
	bool is_head; /* Content-Length as for GET, but no body */
	bool is_http10;
	bool keep_alive;
};

/* Appends head and body to `out`.  0; -ENOMEM: something may have been appended; close. */
int response_write(
	struct evbuffer *out, const struct response *response, const struct response_form *form);

/* "Not Found"; "Error" for a status that is never sent. */
const char *response_reason(unsigned status);
