/* SPDX-License-Identifier: MIT */
/*
 * A list text is the listing of one generation, written down: as JSON for scripts, as pages of HTML
 * rows for browsers that run none.
 *
 *     worker: list_text_write ──► JSON, first rows      loop: list_text_rows ──► the rows of a page
 *
 * Ten thousand entries are 2 MB of JSON, written in 20 ms: not on the event loop, and once for all
 * who ask.  The rows of a page are few; those behind the first page are written when somebody turns
 * to them, and kept.  Shared by reference: the references, and the rows, are the event loop's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "httpd/files/listing.h"

#define LIST_TEXT_ROWS 200u /* of a page */

struct list_text; /* opaque */

/* With one reference, the caller's.  NULL: no memory.  Worker. */
struct list_text *list_text_write(struct listing *listing);
struct list_text *list_text_ref(struct list_text *text);
void list_text_unref(struct list_text *text); /* accepts NULL */

uint64_t list_text_generation(const struct list_text *text);
/* The array, "]}" and a new line; stays as long as the text. */
const char *list_text_json(const struct list_text *text, size_t *len);
size_t list_text_pages(const struct list_text *text); /* at least one, which may be empty */
/* The <li>s of a page, counted from 0; stay as long as the text.  NULL: no memory. */
const char *list_text_rows(struct list_text *text, size_t page);
