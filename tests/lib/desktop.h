/* SPDX-License-Identifier: MIT */
/*
 * A desktop that does what desktops do, at random, and the same every time: text, windows that
 * move, panes that scroll, films, noise.  What the tests of the delta stream look at.
 */
#pragma once

#include <stdint.h>

#include "capd/picture.h"

struct desktop {
	struct picture picture; /* ours; the fourth byte of a pixel is anything */
	uint64_t random;
	const char *last_act; /* for messages */
};

void desktop_init(struct desktop *desktop, uint32_t width, uint32_t height, uint64_t seed);
void desktop_fini(struct desktop *desktop);

/* 0 … n − 1. */
uint32_t desktop_random(struct desktop *desktop, uint32_t n);

/* One of the following, or a few, anywhere. */
void desktop_act(struct desktop *desktop);

/* All boxes are clipped to the picture. */
void desktop_fill(struct desktop *desktop, const struct box *box, uint32_t rgb);
/* Lines of made-up, anti-aliased letters on white. */
void desktop_text(struct desktop *desktop, const struct box *box);
void desktop_noise(struct desktop *desktop, const struct box *box);
/* A soft gradient with grain: a photograph. */
void desktop_photo(struct desktop *desktop, const struct box *box);
/* What is in the box moves within it; text comes after it. */
void desktop_scroll(struct desktop *desktop, const struct box *box, int32_t dx, int32_t dy);
/* A window moves; what it leaves is filled. */
void desktop_move(struct desktop *desktop, const struct box *box, int32_t dx, int32_t dy);
