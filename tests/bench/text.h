/* SPDX-License-Identifier: MIT */
/* Anti-aliased text, as a desktop shows it: what the page, scrolling and typing workloads paint. */
#pragma once

#include <stdint.h>

#include "capd/picture.h"

struct font; /* opaque */

/* A proportional font, `px` pixels high, rendered once.  Ends the program without one. */
struct font *font_open(unsigned px);
void font_close(struct font *font);
int32_t font_line_height(const struct font *font);
int32_t font_advance(const struct font *font, char c);
/* Draws one character over what is there, clipped, from the line's top left (x, y).  Returns its
 * advance. */
int32_t font_draw(const struct font *font, struct picture *picture, int32_t x, int32_t y, char c,
	uint32_t rgb);

/*
 * Fills `picture` with a page: white, paragraphs of made-up prose in black with a heading in colour
 * now and then.  The same `seed` gives the same page.
 */
void page_draw(const struct font *font, struct picture *picture, uint32_t seed);
