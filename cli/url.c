/* SPDX-License-Identifier: MIT */
#include "cli/url.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/qr.h"
#include "cli/text.h"
#include "common/addresses.h"
#include "common/fd.h"
#include "common/urls.h"

#define URL_CHARACTERS_MAX 120

static const char help[] =
	"Usage: screenshare url [--json] [--port PORT]\n"
	"Prints the addresses to type into a browser, best first, and on a terminal a code of the\n"
	"first to scan.\n"
	"\n"
	"  --json       the answer as the server gave it, one line of JSON\n"
	"  --port PORT  ask your `screenshare run` on that port, not the service\n";

/* --- making lists --- */

static void add(struct url_list *list, const char *url)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->urls[i], url) == 0)
			return;
	if (list->n < URL_LIST_MAX)
		snprintf(list->urls[list->n++], URL_TEXT_SIZE, "%s", url);
}

void url_of_listener(const struct listen_address *listening, char *out, size_t len)
{
	char text[LISTEN_TEXT_MAX];

	if (listen_is_wildcard(listening))
		snprintf(out, len, "http://127.0.0.1:%u/", listen_port(listening));
	else
		snprintf(out, len, "http://%s/", listen_format(listening, text, sizeof(text)));
}

static void add_those_of(
	const struct listen_address *listening, const struct addresses *all, struct url_list *out)
{
	char urls[URL_LIST_MAX][URL_SIZE], local[URL_TEXT_SIZE];
	size_t n = 0;

	/* [::] is made to take both families (listen_tcp()). */
	if (listen_is_wildcard(listening))
		n = urls_of_address(&listening->sockaddr, true, all, urls, URL_LIST_MAX);
	for (size_t i = 0; i < n; i++)
		add(out, urls[i]);
	if (n > 0)
		return;
	url_of_listener(listening, local, sizeof(local));
	add(out, local);
}

void url_list_of(const struct listen_address *listening, size_t n, struct url_list *out)
{
	struct addresses all = {.n = 0};
	int fd = addresses_open();

	out->n = 0;
	if (fd >= 0 && addresses_read(fd, &all) < 0)
		all.n = 0;
	for (size_t i = 0; i < n; i++)
		add_those_of(&listening[i], &all, out);
	fd_close(&fd);
}

/* --- printing --- */

static bool shows_codes(FILE *out)
{
	const char *terminal = getenv("TERM");

	return isatty(fileno(out)) && terminal && strcmp(terminal, "dumb") != 0;
}

void url_list_print(FILE *out, const struct url_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		fprintf(out, "    %s\n", list->urls[i]);
	if (list->n == 0 || !shows_codes(out))
		return;
	fputc('\n', out);
	qr_print(out, list->urls[0]); /* what cannot be shown can be typed */
}

static void print(const json_t *answer)
{
	struct url_list list = {.n = 0};
	char url[URL_TEXT_SIZE];
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(answer, "urls"), i, item)
	{
		add(&list,
			text_clean(json_string_value(item), URL_CHARACTERS_MAX, url, sizeof(url)));
	}
	if (isatty(STDOUT_FILENO)) {
		url_list_print(stdout, &list);
		return;
	}
	for (i = 0; i < list.n; i++) /* for programs */
		puts(list.urls[i]);
}

int url_main(int argc, char **argv)
{
	static const struct ask ask = {.request = "url",
		.help = help,
		.member = "urls",
		.type = JSON_ARRAY,
		.print = print};

	return ask_main(&ask, argc, argv);
}
