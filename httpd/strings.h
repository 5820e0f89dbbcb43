/* SPDX-License-Identifier: MIT */
/*
 * Every string that a person reads in a browser, in every language: one table.  Pages name them as
 * {{name}}; a string may itself name values ({{host}}).  Plain text, escaped where it is inserted.
 * States in words, pictures and the journal speak English and are not here.  Pure.
 */
#pragma once

#include <stddef.h>

enum language { LANGUAGE_EN, LANGUAGE_ZH, LANGUAGE_COUNT };

/* The string of that name; NULL: there is none. */
const char *string_find(enum language language, const char *name, size_t name_len);
/* For tests: the name of the n-th string; NULL behind the last. */
const char *string_name(size_t n);

/*
 * The language of a reader: the one asked for by ?lang= if it is one of ours, else the best of
 * Accept-Language, else English.  Either may be NULL.
 */
enum language language_choose(const char *asked, const char *accept_language);
const char *language_tag(enum language language); /* "en", "zh": what ?lang= takes */
