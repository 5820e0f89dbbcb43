/* SPDX-License-Identifier: MIT */
#include "cli/page.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/text.h"
#include "common/parse.h"

#define COLUMNS_MIN 40u
#define LINE_SIZE   1024u

void page_init(struct page *page, FILE *out)
{
	const char *columns = getenv("COLUMNS"), *terminal = getenv("TERM");
	struct winsize window = {0};
	uint64_t number;

	*page = (struct page){.out = out, .columns = SIZE_MAX, .is_terminal = isatty(fileno(out))};
	page->has_colour = page->is_terminal && !getenv("NO_COLOR") && terminal &&
			   strcmp(terminal, "dumb") != 0;
	if (columns && parse_number(columns, strlen(columns), 1, 10000, &number) == 0)
		page->columns = number;
	else if (page->is_terminal && ioctl(fileno(out), TIOCGWINSZ, &window) == 0 &&
		 window.ws_col > 0)
		page->columns = window.ws_col;
	if (page->columns < COLUMNS_MIN)
		page->columns = COLUMNS_MIN;
}

void page_print(const struct page *page, enum page_colour colour, const char *text)
{
	static const char *const codes[] = {[PAGE_PLAIN] = "",
		[PAGE_BOLD] = "\033[1m",
		[PAGE_DIM] = "\033[2m",
		[PAGE_GREEN] = "\033[32m",
		[PAGE_YELLOW] = "\033[33m",
		[PAGE_RED] = "\033[1;31m"};
	bool is_coloured = page->has_colour && colour != PAGE_PLAIN;

	fprintf(page->out, "%s%s%s", is_coloured ? codes[colour] : "", text,
		is_coloured ? "\033[0m" : "");
}

static void begin_line(const struct page *page, size_t indent)
{
	fprintf(page->out, "\n%*s", (int)indent, "");
}

/* One line of the text, without a break in it. */
static void wrap_line(const struct page *page, size_t at, size_t indent, char *line)
{
	size_t column = at;
	char *rest = NULL;

	for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		size_t width = text_width(word);

		if (column > at && column + 1 + width > page->columns) {
			begin_line(page, indent);
			at = column = indent;
		}
		fprintf(page->out, "%s%s", column > at ? " " : "", word);
		column += width + (column > at);
	}
}

void page_wrap(const struct page *page, size_t at, size_t indent, const char *text)
{
	char line[LINE_SIZE], clean[LINE_SIZE];

	for (const char *end;; text = end + 1, at = indent) {
		end = strchrnul(text, '\n');
		snprintf(line, sizeof(line), "%.*s", (int)(end - text), text);
		text_clean(line, LINE_SIZE, clean, sizeof(clean));
		if (clean[0] == ' ')
			fputs(clean, page->out);
		else
			wrap_line(page, at, indent, clean);
		if (!*end)
			break;
		begin_line(page, indent);
	}
	fputc('\n', page->out);
}
