/* SPDX-License-Identifier: MIT */
/*
 * The reader takes one request after another from the bytes of one connection: llhttp parses,
 * strictly, and in front of it and behind it come our own refusals, so that no two programs on the
 * way can read one head in two ways.
 *
 *     bytes ──► line discipline ──► llhttp ──► checks of the whole head ──► request
 *
 * Refused, with the status that says why: bare CR or LF, NUL and other control characters, folded
 * header lines, Content-Length twice or beside Transfer-Encoding, a missing or second Host, targets
 * that are not "/…", bad percent-encoding, ".." (also when encoded), heads over the limit.
 * Bytes after a head stay here until they are asked for.  Knows no connection.  Any one thread.
 */
#pragma once

#include "httpd/request.h"
#include "httpd/request_refusal.h"

enum request_progress {
	REQUEST_MORE,     /* not yet whole */
	REQUEST_COMPLETE, /* request_reader_request() */
	REQUEST_REFUSED,  /* request_reader_refusal(); the connection must be closed */
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

/* What the last answer, COMPLETE or REFUSED, was about; the reader's, until request_reader_next().
 */
const struct request *request_reader_request(const struct request_reader *reader);
const struct request_refusal *request_reader_refusal(const struct request_reader *reader);

/* Takes up to `max` of the bytes behind the request's head, which are of its body.  How many. */
size_t request_reader_take(struct request_reader *reader, char *out, size_t max);

/* Done with the request: its head is dropped, bytes after it move up.  Then feed(0). */
void request_reader_next(struct request_reader *reader);
/* Bytes that are there and belong to no completed request. */
size_t request_reader_pending(const struct request_reader *reader);
