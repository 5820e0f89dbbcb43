/* SPDX-License-Identifier: MIT */
/*
 * `screenshare status`: what is being shared, in words.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/text.h"
#include "common/stream.h"

#define LABEL_COLUMNS  15
#define WORDS_MAX      200 /* characters */
#define LABEL_MAX      24
#define NAME_MAX_SHOWN 64
#define TEXT_SIZE      (WORDS_MAX * 4 + 4)

static const char help[] =
	"Usage: screenshare status [--json] [--port PORT]\n"
	"Says what is being shared, how fast, and with how many viewers.\n"
	"\n"
	"  --json       the answer as the server gave it, one line of JSON\n"
	"  --port PORT  ask your `screenshare run` on that port, not the service\n"
	"\n"
	"Exit status: 0 if something is being shared, 3 if not, 1 if it could not be found out.\n";

static void print_label(const char *label)
{
	printf("%-*s", LABEL_COLUMNS, label);
}

/* The source, and the encoding where it is not the usual one: "screen (delta)". */
static void print_stream_label(const json_t *stream)
{
	char source[LABEL_MAX * 4], encoding[LABEL_MAX * 4], label[sizeof(source) * 2 + 4];

	text_clean(ask_text(stream, "source"), LABEL_MAX, source, sizeof(source));
	text_clean(ask_text(stream, "stream"), LABEL_MAX, encoding, sizeof(encoding));
	if (strcmp(encoding, "jpeg") == 0)
		snprintf(label, sizeof(label), "%s ", source);
	else
		snprintf(label, sizeof(label), "%s (%s) ", source, encoding);
	print_label(label);
}

/* Sound has no size, and comes at the one rate that it has, which tells nobody anything. */
static void print_figures(const json_t *stream)
{
	char bytes[TEXT_FIGURE_MAX];
	uint64_t width = ask_number(stream, "width"), height = ask_number(stream, "height");
	uint64_t dropped = ask_number(stream, "dropped"), received = ask_number(stream, "bytes");
	bool is_watched = ask_number(stream, "viewers") > 0 && received > 0;
	bool is_sound = strcmp(ask_text(stream, "source"), source_name(SOURCE_AUDIO)) == 0;

	if (!is_watched && dropped == 0)
		return;
	print_label("");
	if (is_watched && !is_sound && width > 0 && height > 0)
		printf("%" PRIu64 " × %" PRIu64 ", %.1f pictures a second, ", width, height,
			ask_real(stream, "rate"));
	if (is_watched)
		printf("%s so far%s", text_bytes(received, bytes), dropped > 0 ? ", " : "");
	if (dropped > 0)
		printf("%" PRIu64 " lost at the source", dropped);
	putchar('\n');
}

static void print_stream(const json_t *stream)
{
	char state[LABEL_MAX * 4 + 4], words[TEXT_SIZE];

	print_stream_label(stream);
	printf("%s: %s\n", text_clean(ask_text(stream, "state"), LABEL_MAX, state, sizeof(state)),
		text_clean(ask_text(stream, "words"), WORDS_MAX, words, sizeof(words)));
	print_figures(stream);
}

static void print_urls(const json_t *urls)
{
	char url[TEXT_SIZE];
	const json_t *item;
	size_t i;

	json_array_foreach(urls, i, item)
	{
		print_label(i == 0 ? "addresses" : "");
		printf("%s\n", text_clean(json_string_value(item), WORDS_MAX, url, sizeof(url)));
	}
}

static void print_pause(const json_t *pause)
{
	char name[NAME_MAX_SHOWN * 4 + 4], when[32] = "";
	time_t since = (time_t)ask_number(pause, "since");
	struct tm tm;

	if (since > 0 && localtime_r(&since, &tm))
		strftime(when, sizeof(when), " since %Y-%m-%d %H:%M", &tm);
	text_clean(ask_text(pause, "by"), NAME_MAX_SHOWN, name, sizeof(name));
	print_label("paused");
	printf("%s%s%s; `screenshare resume` goes on\n", *name ? "by " : "by somebody", name, when);
}

static void print(const json_t *answer)
{
	const json_t *status = json_object_get(answer, "status"), *stream;
	char version[LABEL_MAX * 4 + 4], uptime[TEXT_FIGURE_MAX];
	uint64_t uptime_s = ask_number(status, "uptime_s");
	size_t i;

	print_label("version");
	printf("%s, running for %s\n",
		text_clean(ask_text(status, "version"), LABEL_MAX, version, sizeof(version)),
		text_duration(uptime_s < UINT64_MAX / 1000 ? uptime_s * 1000 : 0, uptime));
	if (json_is_true(json_object_get(status, "paused")))
		print_pause(json_object_get(status, "pause"));
	print_label("viewers");
	printf("%" PRIu64 " now, %" PRIu64 " since the start\n", ask_number(status, "viewers"),
		ask_number(status, "viewers_total"));
	json_array_foreach(json_object_get(status, "streams"), i, stream)
	{
		print_stream(stream);
	}
	print_urls(json_object_get(status, "urls"));
}

int status_main(int argc, char **argv)
{
	static const struct ask ask = {.request = "status",
		.help = help,
		.member = "status",
		.type = JSON_OBJECT,
		.print = print};

	return ask_main(&ask, argc, argv);
}
