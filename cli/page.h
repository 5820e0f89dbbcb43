/* SPDX-License-Identifier: MIT */
/*
 * A page for a person: text that keeps to a terminal's width, with a little colour where there is a
 * terminal, and neither where there is none, so that grep finds whole sentences.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct page {
	FILE *out;
	bool is_terminal;
	bool has_colour;
	size_t columns; /* SIZE_MAX: of no width */
};

enum page_colour { PAGE_PLAIN, PAGE_BOLD, PAGE_DIM, PAGE_GREEN, PAGE_YELLOW, PAGE_RED };

/* COLUMNS in the environment goes before the terminal's own width; NO_COLOR is heeded. */
void page_init(struct page *page, FILE *out);

/* Prints `text` in that colour, where there are colours. */
void page_print(const struct page *page, enum page_colour colour, const char *text);
/*
 * Prints `text` and ends the line.  The line has been written up to column `at`; what does not fit
 * goes on at column `indent` of the next, broken at spaces.  Line breaks inside are kept; a line of
 * its own that begins with spaces is left whole, to be copied.
 */
void page_wrap(const struct page *page, size_t at, size_t indent, const char *text);
