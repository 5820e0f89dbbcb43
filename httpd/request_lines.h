/* SPDX-License-Identifier: MIT */
/*
 * The line discipline of a request's head, apart from llhttp so that it does not depend on what a
 * version of it tolerates: every line ends in CR LF, none is folded, none has control characters,
 * and the request line is METHOD TARGET VERSION.  Embedded; begin with zeroes.  Any one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "httpd/request_refusal.h"

/* What the bytes so far have been, in terms of lines alone. */
enum line_state {
	LINE_START, /* the next byte is the first of a line */
	LINE_INSIDE,
	LINE_CR, /* after a CR: only LF may follow */
};

struct request_lines {
	size_t scanned; /* bytes of the buffer that have been seen */
	size_t line_begin;
	unsigned n_lines;  /* whole non-blank lines so far */
	unsigned n_blank;  /* … and blank ones before the first of them */
	unsigned n_spaces; /* in the request line: llhttp takes any number of them */
	enum line_state line;
	bool is_whole; /* the blank line after the head was seen */
};

/*
 * Moves lines->scanned on, over the `len` bytes that are in `buffer` from the head's first one on,
 * to behind the head's blank line at most.  False: refused.
 */
bool request_lines_scan(struct request_lines *lines, const char *buffer, size_t len,
	struct request_refusal *refusal);
