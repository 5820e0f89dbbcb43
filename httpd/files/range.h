/* SPDX-License-Identifier: MIT */
/*
 * Which part of a file a request wants (RFC 9110, sections 13 and 14): Range, If-Range and the
 * conditions.  Pure.
 */
#pragma once

#include <stdint.h>

#include "httpd/request.h"

#define RANGE_ETAG_SIZE 48u
#define RANGE_DATE_SIZE 32u

/* What the file is. */
struct range_file {
	uint64_t size;
	char etag[RANGE_ETAG_SIZE];     /* with its quotation marks; strong */
	char modified[RANGE_DATE_SIZE]; /* as of an HTTP header */
	int64_t modified_s;             /* since 1970 */
};

enum range_verdict {
	RANGE_WHOLE,         /* 200 */
	RANGE_PART,          /* 206, from `first` to `last` */
	RANGE_NOT_MODIFIED,  /* 304 */
	RANGE_UNSATISFIABLE, /* 416 */
	RANGE_PRECONDITION,  /* 412 */
};

void range_file_init(struct range_file *file, uint64_t size, int64_t mtime_ns);
enum range_verdict range_decide(const struct request *request, const struct range_file *file,
	uint64_t *first, uint64_t *last);
