/* SPDX-License-Identifier: MIT */
/*
 * What to type into a browser: a list of addresses, and a QR code of the first where there is a
 * terminal to show it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/listen.h"

#define URL_LIST_MAX  32
#define URL_TEXT_SIZE 256 /* bytes, NUL included */

struct url_list {
	size_t n;
	char urls[URL_LIST_MAX][URL_TEXT_SIZE];
};

/* Those at which people reach what listens on these, best first; there is at least one if there is
 * a listener. */
void url_list_of(const struct listen_address *listening, size_t n, struct url_list *out);
/* One line each, indented; then the code of the first, if `out` is a terminal that can show one. */
void url_list_print(FILE *out, const struct url_list *list);

/* "http://127.0.0.1:8001/": where a program on this computer reaches what listens there. */
void url_of_listener(const struct listen_address *listening, char *out, size_t len);
