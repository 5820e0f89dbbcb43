/* SPDX-License-Identifier: MIT */
/*
 * `screenshare status`: what is being shared, for a person: since when, where to look, what each
 * source does, the files, and who watches how well.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/page.h"
#include "cli/text.h"
#include "common/stream.h"

#define LABEL_COLUMNS 16u
#define STATE_COLUMNS 16u
#define WORDS_MAX     200 /* characters */
#define LABEL_MAX     24
#define ADDRESS_MAX   46
#define BROWSER_MAX   60

static const char help[] =
	"Usage: screenshare status [--json] [--port PORT]\n"
	"Says what is being shared, since when and where, how fast, and who watches how well.\n"
	"\n"
	"  --json       the answer as the server gave it, one line of JSON\n"
	"  --port PORT  ask your `screenshare run` on that port, not the service\n"
	"\n"
	"Exit status: 0 if something is being shared, 3 if not, 1 if it could not be found out.\n";

/* printf() pads by bytes, people by characters. */
static void print_padded(
	const struct page *page, enum page_colour colour, const char *text, size_t columns)
{
	size_t width = text_width(text);

	page_print(page, colour, text);
	fprintf(page->out, "%*s", width < columns ? (int)(columns - width) : 1, "");
}

/* "2 h 5 min"; what comes from the server may be anything. */
static const char *duration_of(uint64_t seconds, char out[TEXT_FIGURE_MAX])
{
	return text_duration(seconds < UINT64_MAX / 1000 ? seconds * 1000 : 0, out);
}

/* --- the head --- */

/* Who has paused, and when, where the server says so. */
static void print_pause(const struct page *page, const json_t *pause)
{
	char name[TEXT_SIZE(LABEL_MAX)], when[48] = "";
	time_t since = (time_t)ask_number(pause, "since");
	struct tm tm;

	text_clean(ask_text(pause, "by"), LABEL_MAX, name, sizeof(name));
	if (since > 0 && localtime_r(&since, &tm))
		strftime(when, sizeof(when), " since %Y-%m-%d %H:%M", &tm);
	page_print(page, PAGE_YELLOW, "Paused");
	fprintf(page->out, "%s%s%s; `screenshare resume` goes on\n", *name ? " by " : "", name,
		when);
}

static void print_head(const struct page *page, const json_t *status)
{
	char version[TEXT_SIZE(LABEL_MAX)], uptime[TEXT_FIGURE_MAX];

	if (json_is_true(json_object_get(status, "paused")))
		print_pause(page, json_object_get(status, "pause"));
	page_print(page, PAGE_GREEN, "Sharing");
	fprintf(page->out, " for %s, version %s\n",
		duration_of(ask_number(status, "uptime_s"), uptime),
		text_clean(ask_text(status, "version"), LABEL_MAX, version, sizeof(version)));
}

static void print_urls(const struct page *page, const json_t *urls)
{
	char url[TEXT_SIZE(WORDS_MAX)];
	const json_t *item;
	size_t i;

	fputc('\n', page->out);
	json_array_foreach(urls, i, item)
	{
		text_clean(json_string_value(item), WORDS_MAX, url, sizeof(url));
		fputs("  ", page->out);
		page_print(page, i == 0 ? PAGE_BOLD : PAGE_PLAIN, url);
		fputc('\n', page->out);
	}
	fputc('\n', page->out);
}

/* --- sources --- */

static bool is_idle(const json_t *stream)
{
	return strcmp(ask_text(stream, "state"), "idle") == 0;
}

static bool is_of(const json_t *stream, const char *source)
{
	return strcmp(ask_text(stream, "source"), source) == 0;
}

/* Nothing is told of an encoding that nobody wants while another of its source is wanted, and of
 * several that nobody wants the first stands for all. */
static bool is_told(const json_t *streams, size_t index)
{
	const json_t *stream = json_array_get(streams, index), *other;
	size_t i;

	if (!is_idle(stream))
		return true;
	json_array_foreach(streams, i, other)
	{
		if (i != index && is_of(other, ask_text(stream, "source")) &&
			(!is_idle(other) || i < index))
			return false;
	}
	return true;
}

/* The source, and the encoding where it is not the usual one: "screen (delta)". */
static void print_stream_label(const struct page *page, const json_t *stream)
{
	char source[LABEL_MAX * 4], encoding[LABEL_MAX * 4], label[sizeof(source) * 2 + 4];

	text_clean(ask_text(stream, "source"), LABEL_MAX, source, sizeof(source));
	text_clean(ask_text(stream, "stream"), LABEL_MAX, encoding, sizeof(encoding));
	if (is_idle(stream) || strcmp(encoding, "jpeg") == 0)
		snprintf(label, sizeof(label), "%s", source);
	else
		snprintf(label, sizeof(label), "%s (%s)", source, encoding);
	print_padded(page, PAGE_BOLD, label, LABEL_COLUMNS);
}

/* Sound has no size, and comes at the one rate that it has, which tells nobody anything. */
static void describe_figures(const json_t *stream, char *out, size_t size)
{
	uint64_t width = ask_number(stream, "width"), height = ask_number(stream, "height");
	uint64_t dropped = ask_number(stream, "dropped"), received = ask_number(stream, "bytes");
	bool is_sound = is_of(stream, source_name(SOURCE_AUDIO));
	char bytes[TEXT_FIGURE_MAX], picture[96] = "", lost[64] = "";

	if (!is_sound && width > 0 && height > 0)
		snprintf(picture, sizeof(picture),
			"%" PRIu64 " × %" PRIu64 ", %.1f pictures a second, ", width, height,
			ask_real(stream, "rate"));
	if (dropped > 0)
		snprintf(lost, sizeof(lost), ", %" PRIu64 " lost at the source", dropped);
	snprintf(out, size, "%s%s so far%s", picture, text_bytes(received, bytes), lost);
}

static enum page_colour colour_of(const char *state)
{
	return strcmp(state, "live") == 0   ? PAGE_GREEN
	       : strcmp(state, "idle") == 0 ? PAGE_DIM
					    : PAGE_YELLOW;
}

static void print_stream(const struct page *page, const json_t *stream)
{
	size_t indent = LABEL_COLUMNS + STATE_COLUMNS;
	char state[TEXT_SIZE(LABEL_MAX)], words[TEXT_SIZE(WORDS_MAX)], figures[256];

	print_stream_label(page, stream);
	text_clean(ask_text(stream, "state"), LABEL_MAX, state, sizeof(state));
	print_padded(page, colour_of(state), state, STATE_COLUMNS);
	page_wrap(page, indent, indent,
		text_clean(ask_text(stream, "words"), WORDS_MAX, words, sizeof(words)));
	if (ask_number(stream, "bytes") == 0 || is_idle(stream))
		return;
	describe_figures(stream, figures, sizeof(figures));
	fprintf(page->out, "%*s", (int)indent, "");
	page_wrap(page, indent, indent, figures);
}

/* --- files --- */

static void append_number(
	char *out, size_t size, const json_t *files, const char *key, const char *what)
{
	uint64_t n = ask_number(files, key);
	size_t len = strlen(out);

	if (n > 0)
		snprintf(out + len, size - len, ", %" PRIu64 " %s", n, what);
}

static void print_files(const struct page *page, const json_t *files)
{
	char text[TEXT_SIZE(WORDS_MAX)], bytes[TEXT_FIGURE_MAX];
	uint64_t n = ask_number(files, "count");

	if (!files) /* a server of another version */
		return;
	print_padded(page, PAGE_BOLD, "files", LABEL_COLUMNS);
	if (n > 0)
		snprintf(text, sizeof(text), "%" PRIu64 " file%s, %s", n, n == 1 ? "" : "s",
			text_bytes(ask_number(files, "bytes"), bytes));
	else
		text_clean(ask_text(files, "words"), WORDS_MAX, text, sizeof(text));
	append_number(text, sizeof(text), files, "uploading", "being received");
	append_number(text, sizeof(text), files, "downloading", "being fetched");
	append_number(text, sizeof(text), files, "zipping", "ZIP being made");
	page_wrap(page, LABEL_COLUMNS, LABEL_COLUMNS, text);
}

/* --- who watches --- */

static void print_viewer(const struct page *page, const json_t *viewer)
{
	char address[TEXT_SIZE(ADDRESS_MAX)], source[TEXT_SIZE(LABEL_MAX)],
		browser[TEXT_SIZE(BROWSER_MAX)];
	char duration[TEXT_FIGURE_MAX], text[sizeof(source) + sizeof(browser) + 200];
	uint64_t lag_ms = ask_number(viewer, "lag_ms");
	char behind[48] = "up to date", rate[48] = "";

	text_clean(ask_text(viewer, "address"), ADDRESS_MAX, address, sizeof(address));
	text_clean(ask_text(viewer, "source"), LABEL_MAX, source, sizeof(source));
	text_clean(ask_text(viewer, "user_agent"), BROWSER_MAX, browser, sizeof(browser));
	if (lag_ms > 0)
		snprintf(behind, sizeof(behind), "%" PRIu64 " ms behind", lag_ms);
	if (!is_of(viewer, source_name(SOURCE_AUDIO)))
		snprintf(rate, sizeof(rate), "%.1f pictures a second, ", ask_real(viewer, "rate"));
	snprintf(text, sizeof(text), "%s for %s, %s%s; %s", source,
		text_duration(ask_number(viewer, "watching_ms"), duration), rate, behind,
		*browser ? browser : "of no name");
	fputs("  ", page->out);
	print_padded(page, PAGE_BOLD, address, LABEL_COLUMNS - 2);
	page_wrap(page, LABEL_COLUMNS, LABEL_COLUMNS, text);
}

static void print_viewers(const struct page *page, const json_t *status)
{
	uint64_t n = ask_number(status, "viewers");
	const json_t *visitor = json_object_get(status, "visitor"), *viewer;
	char sum[128], duration[TEXT_FIGURE_MAX], last[96] = "";
	size_t i;

	if (n == 0 && json_is_object(visitor))
		snprintf(last, sizeof(last), "; from another computer somebody came %s ago",
			duration_of(ask_number(visitor, "ago_s"), duration));
	snprintf(
		sum, sizeof(sum), n == 1 ? "%" PRIu64 " viewer now" : "%" PRIu64 " viewers now", n);
	fputc('\n', page->out);
	page_print(page, PAGE_BOLD, n > 0 ? sum : "Nobody watches");
	fprintf(page->out, ", %" PRIu64 " since the start%s\n", ask_number(status, "viewers_total"),
		last);
	json_array_foreach(json_object_get(status, "watching"), i, viewer)
	{
		print_viewer(page, viewer);
	}
}

static void print(const json_t *answer)
{
	const json_t *status = json_object_get(answer, "status"), *stream;
	const json_t *streams = json_object_get(status, "streams");
	struct page page;
	size_t i;

	page_init(&page, stdout);
	print_head(&page, status);
	print_urls(&page, json_object_get(status, "urls"));
	json_array_foreach(streams, i, stream)
	{
		if (is_told(streams, i))
			print_stream(&page, stream);
	}
	print_files(&page, json_object_get(status, "files"));
	print_viewers(&page, status);
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
