/* SPDX-License-Identifier: MIT */
/*
 * The body of a request, as it comes from the wire: a known number of bytes, or chunks.
 *
 *     bytes of the connection ──► body_decode (in place) ──► bytes of the body
 *
 * Chunk extensions and trailers are read and forgotten, within bounds; whatever is not exactly a
 * chunk is malformed, so that no two programs on the way see two bodies.  Knows no connection.
 */
#pragma once

#include <sys/types.h>

#include "httpd/request.h"

#define BODY_CHUNK_LINE_MAX 256u  /* bytes of a chunk's line, extensions included */
#define BODY_TRAILER_MAX    4096u /* bytes of all trailers */

/* Fields are body.c's own. */
struct body {
	bool is_chunked, is_whole;
	uint64_t left; /* of the body, or of the chunk */
	unsigned state, n_digits, line_len;
};

/* Of a request whose head is whole: none of it has been decoded; is_whole where it has none. */
void body_begin(struct body *body, const struct request *request);

/*
 * Decodes `len` bytes at `data` in place: the body's own are moved to the front, *n_body of them.
 * How many were consumed: fewer than `len` only when the body has become whole.  -EINVAL:
 * malformed.
 */
ssize_t body_decode(struct body *body, char *data, size_t len, size_t *n_body);

/* The most bytes to read next so that none of the next request is among them; 0 for chunks, whose
 * end cannot be known before it is there. */
uint64_t body_left(const struct body *body);
