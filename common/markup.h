/* SPDX-License-Identifier: MIT */
/* What of a text must be written otherwise where it stands in markup: HTML, a notification's body.
 */
#pragma once

#include <stddef.h>

/* What to write for this character of a text between tags; NULL: itself. */
static inline const char *markup_escape(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	default:
		return NULL;
	}
}

/* The same of a text that may also stand between quotes, as an attribute. */
static inline const char *markup_escape_quoted(char c)
{
	switch (c) {
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return markup_escape(c);
	}
}
