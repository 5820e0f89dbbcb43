/* SPDX-License-Identifier: MIT */
/*
 * The moving test picture as a source (capd/source.h): by configuration, or in place of a display
 * that cannot be reached, with the reason written in it.
 */
#pragma once

#include "capd/source.h"

/* Its create() takes size and rate from [screen]. */
extern const struct source_ops pattern_source_ops;

/* The same with a size (pixels) and a rate (frames per 1000 s) of one's own.  0 or -errno. */
int pattern_source_create(sd_event *event, uint32_t width, uint32_t height, uint32_t millihertz,
	const struct source_listener *listener, struct source **out);

/* What is written in the picture from the next frame on (copied); NULL: nothing. */
void pattern_source_set_reason(struct source *source, const char *reason);
