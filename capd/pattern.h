/* SPDX-License-Identifier: MIT */
/*
 * Pictures that we draw ourselves: the moving test picture, and a source's state in words.
 * A small bitmap font, no libraries but libjpeg.  Pure computing; any thread.
 */
#pragma once

#include "capd/picture.h"
#include "common/stream.h"

/*
 * Draws the test picture as it is at `time_ns` (CLOCK_MONOTONIC): colour bars, a grey ramp, a
 * moving bar that shows dropped frames, a clock; and `reason`, if not NULL, in large letters.
 * `changed` (may be NULL) gets what differs from the picture drawn into the same memory before;
 * pass `first` when the memory holds no earlier test picture, or one with another `reason`.
 */
void pattern_draw(struct picture *picture, uint64_t time_ns, const char *reason, bool first,
	struct box *changed);

/*
 * A calm still picture (1280×720) of a state: the words in large letters, wrapped, and below them
 * the state's code and the source's name.  At most CAPSOCK_PICTURE_MAX bytes of JPEG.  0 and an
 * allocated *jpeg (free()), or -ENOMEM.
 */
int pattern_state_jpeg(enum source_id source, enum source_state state, const char *words,
	uint8_t **jpeg, size_t *len);

/* Draws text (ASCII; anything else as a box) with its top left at x, y, `scale` times 8×16,
 * clipped. */
void pattern_text(struct picture *picture, int32_t x, int32_t y, unsigned scale, uint32_t rgb,
	const char *text);
