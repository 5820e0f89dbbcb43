/* SPDX-License-Identifier: MIT */
/* A film: photographic pictures, made in advance, in which every pixel differs from one to the
 * next. */
#pragma once

#include "capd/picture.h"

/*
 * Draws frame `index` of a loop of `n_frames` (at least 3): clouds of several sizes that drift,
 * with a little grain.  Every pixel differs from that of `previous` (NULL for the first).
 */
void film_draw(
	struct picture *picture, const struct picture *previous, unsigned index, unsigned n_frames);
