/* SPDX-License-Identifier: MIT */
/* The files of httpd/www, embedded at build time (rules.mk), in read-only memory. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct www_file {
	const char *name; /* "style.css" */
	const char *tag;  /* changes with the content */
	const char *type; /* Content-Type; NULL: a template, not served as it lies */
	const char *data;
	size_t len;
};

/* True, and `*out`, if there is a file of that name. */
bool www_find(const char *name, size_t name_len, struct www_file *out);
