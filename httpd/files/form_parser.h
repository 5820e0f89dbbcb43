/* SPDX-License-Identifier: MIT */
/*
 * Reads a form of multipart/form-data (RFC 7578) as it comes, in pieces of any length.
 *
 *     bytes ──► boundary? ──► part's head ──► on_part ──► on_data … ──► on_part_end
 *
 * A part's head is bounded, and so is the number of parts; what is nested, encoded or not a part of
 * a form is malformed.  Nothing is kept but the head and, between two pieces, how much of a
 * boundary has been seen: the data goes on as it lies.  Pure; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define FORM_BOUNDARY_MAX 70u   /* characters (RFC 2046) */
#define FORM_HEAD_MAX     8192u /* bytes of one part's head */
#define FORM_PARTS_MAX    2000u

struct form_part {
	char name[256];      /* of the field; "" where it is longer */
	char filename[2048]; /* as the browser gave it, decoded; not NUL-terminated */
	size_t filename_len;
	bool has_filename; /* it is a file */
};

struct form_parser_ops {
	/* Each answers 0, or -errno, which form_parser_feed() gives on. */
	int (*on_part)(void *arg, const struct form_part *part);
	int (*on_data)(void *arg, const char *bytes, size_t len);
	int (*on_part_end)(void *arg);
};

struct form_parser; /* opaque */

/* The boundary of a Content-Type into `out`, NUL-terminated.  0; -EINVAL: it is no
 * multipart/form-data, or has no valid boundary. */
int form_boundary(const char *content_type, char out[FORM_BOUNDARY_MAX + 1]);

/* 0 or -ENOMEM. */
int form_parser_create(const char *boundary, const struct form_parser_ops *ops, void *arg,
	struct form_parser **out);
void form_parser_destroy(struct form_parser *parser); /* accepts NULL */

/* 0; -EBADMSG: malformed, form_parser_why(); else what a callback answered.  After a failure the
 * parser must not be fed again. */
int form_parser_feed(struct form_parser *parser, const char *bytes, size_t len);
/* True once the last boundary was there. */
bool form_parser_is_whole(const struct form_parser *parser);
/* An English sentence without a full stop. */
const char *form_parser_why(const struct form_parser *parser);
