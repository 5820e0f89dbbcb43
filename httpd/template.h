/* SPDX-License-Identifier: MIT */
/*
 * A template is text with names in it, which are filled in.
 *
 *     "… {{name}} …" ──► value given with it | URL of an embedded file | string of the language
 *
 * Strings may themselves name values.  In HTML everything that is filled in is escaped, but for
 * {{content FILE}}: an embedded file as it lies.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "httpd/strings.h"

struct evbuffer;

#define TEMPLATE_STATIC "/static/" /* where embedded files are served: /static/style.css?v=TAG */

struct template_value {
	const char *name, *text;
	bool is_string; /* `text` is the name of a string, which is filled in */
	bool is_markup; /* … is HTML already, and not escaped */
};

struct template
{
	enum language language;
	bool is_html;
	const struct template_value *values;
	size_t n_values;
};

/* Appends the filled text.  0 or -ENOMEM.  A name that means nothing is our bug. */
int template_fill(
	const struct template *template, const char *text, size_t len, struct evbuffer *out);
