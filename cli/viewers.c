/* SPDX-License-Identifier: MIT */
/*
 * `screenshare viewers`: who is watching, which nobody but the presenter is told.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/text.h"

/* characters */
#define ADDRESS_MAX  48
#define NAME_LONGEST 20
#define NAME_SIZE    TEXT_SIZE(NAME_LONGEST)
#define WORD_MAX     10
#define BROWSER_MAX  72
#define CELL_SIZE    TEXT_SIZE(BROWSER_MAX)

static const char help[] =
	"Usage: screenshare viewers [--json] [--port PORT]\n"
	"Lists who is watching: from where, what, for how long, how well, and with which browser.\n"
	"\n"
	"  --json       the answer as the server gave it, one line of JSON\n"
	"  --port PORT  ask your `screenshare run` on that port, not the service\n"
	"\n"
	"BEHIND is the age of the newest picture that a viewer does not have yet; SKIPPED counts "
	"those\n"
	"that were left out because its connection was still busy with an older one.\n";

enum column { ADDRESS, WATCHES, DURATION, RATE, BEHIND, SKIPPED, BROWSER, COLUMNS };

static const char *const heads[COLUMNS] = {
	"ADDRESS", "WATCHES", "FOR", "RATE", "BEHIND", "SKIPPED", "BROWSER"};

struct row {
	char cells[COLUMNS][CELL_SIZE];
};

static void fill(const json_t *viewer, struct row *row)
{
	char source[TEXT_SIZE(WORD_MAX)], kind[TEXT_SIZE(WORD_MAX)], figure[TEXT_FIGURE_MAX];
	char name[NAME_SIZE], address[TEXT_SIZE(ADDRESS_MAX)];

	/* What it calls itself is never without where it is. */
	text_clean(ask_text(viewer, "name"), NAME_LONGEST, name, sizeof(name));
	text_clean(ask_text(viewer, "address"), ADDRESS_MAX, address, sizeof(address));
	snprintf(row->cells[ADDRESS], CELL_SIZE, "%s%s%s", name, *name ? ", " : "", address);
	text_clean(ask_text(viewer, "source"), WORD_MAX, source, sizeof(source));
	text_clean(ask_text(viewer, "kind"), WORD_MAX, kind, sizeof(kind));
	snprintf(row->cells[WATCHES], CELL_SIZE, "%s (%s)", source, kind);
	snprintf(row->cells[DURATION], CELL_SIZE, "%s",
		text_duration(ask_number(viewer, "watching_ms"), figure));
	snprintf(row->cells[RATE], CELL_SIZE, "%.1f/s", ask_real(viewer, "rate"));
	snprintf(row->cells[BEHIND], CELL_SIZE, "%" PRIu64 " ms", ask_number(viewer, "lag_ms"));
	snprintf(row->cells[SKIPPED], CELL_SIZE, "%" PRIu64, ask_number(viewer, "skipped"));
	text_clean(ask_text(viewer, "user_agent"), BROWSER_MAX, row->cells[BROWSER], CELL_SIZE);
}

static void widen(size_t *widths, const struct row *row)
{
	for (size_t c = 0; c < COLUMNS; c++) {
		size_t width = text_width(row->cells[c]);

		if (width > widths[c])
			widths[c] = width;
	}
}

/* printf() pads by bytes, people by characters. */
static void print_row(const size_t *widths, const struct row *row)
{
	for (size_t c = 0; c < COLUMNS; c++) {
		bool is_last = c + 1 == COLUMNS;
		size_t padding = is_last ? 0 : widths[c] - text_width(row->cells[c]) + 2;

		printf("%s%*s", row->cells[c], (int)padding, "");
	}
	putchar('\n');
}

static void print(const json_t *answer)
{
	const json_t *viewers = json_object_get(answer, "viewers"), *viewer;
	size_t widths[COLUMNS] = {0}, i, n = json_array_size(viewers);
	struct row row;

	if (n == 0) {
		puts("Nobody is watching");
		return;
	}
	for (size_t c = 0; c < COLUMNS; c++)
		widths[c] = text_width(heads[c]);
	json_array_foreach(viewers, i, viewer)
	{
		fill(viewer, &row);
		widen(widths, &row);
	}
	for (size_t c = 0; c < COLUMNS; c++)
		snprintf(row.cells[c], CELL_SIZE, "%s", heads[c]);
	print_row(widths, &row);
	json_array_foreach(viewers, i, viewer)
	{
		fill(viewer, &row);
		print_row(widths, &row);
	}
}

int viewers_main(int argc, char **argv)
{
	static const struct ask ask = {.request = "viewers",
		.help = help,
		.member = "viewers",
		.type = JSON_ARRAY,
		.print = print};

	return ask_main(&ask, argc, argv);
}
