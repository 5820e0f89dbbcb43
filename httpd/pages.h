/* SPDX-License-Identifier: MIT */
/*
 * What a person sees: the start page, the viewer's page, errors; and the files that they need.
 * Style, scripts and icons lie under /static/ with a tag of their content in the URL, so that a
 * browser keeps each version for ever.
 */
#pragma once

#include "httpd/exchange.h"

struct site;

void pages_start(struct site *site, struct exchange *exchange);   /* / */
void pages_screen(struct site *site, struct exchange *exchange);  /* /d */
void pages_camera(struct site *site, struct exchange *exchange);  /* /c */
void pages_static(struct site *site, struct exchange *exchange);  /* /static/… */
void pages_favicon(struct site *site, struct exchange *exchange); /* /favicon.ico */

/* What went wrong, in words. */
struct pages_error {
	unsigned status;
	const char *title, *text; /* names of strings */
	const char *detail;       /* an English sentence for whoever wrote the client; NULL: none */
	const char *headers;      /* as of struct response */
};

/* As a page to who asks for HTML, as a line of text to anybody else. */
void pages_error(struct exchange *exchange, const struct pages_error *error);
