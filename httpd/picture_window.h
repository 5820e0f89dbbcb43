/* SPDX-License-Identifier: MIT */
/*
 * How many pictures may be under way to a viewer: sent, and not yet said to be drawn
 * (doc/protocol.md).
 *
 *     sent ──► [ oldest | newest ] ──► drawn: that one, and those before it
 *
 * Two, so that the next is there when one has been drawn; one to whom takes long over a picture (a
 * television): the second would grow old while the first is decoded.  Embedded; begin with zeroes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PICTURE_WINDOW_MAX     2u
#define PICTURE_WINDOW_SLOW_MS 50.0 /* who takes so long over a picture has one under way */

struct picture_window {
	struct {
		uint32_t sequence;
		uint64_t sent_ns;
	} under_way[PICTURE_WINDOW_MAX]; /* the oldest first */
	unsigned n;
	double took_ms; /* over its last pictures; 0: not known */
};

/* May one more picture be under way? */
bool picture_window_has_room(const struct picture_window *window);
/* There was room, and a picture has been written. */
void picture_window_sent(struct picture_window *window, uint32_t sequence, uint64_t now_ns);
/*
 * The viewer says that it has drawn a picture, and so those before it, or never will.  `took_ms`:
 * how long that took; negative: it does not say, and the way there and back counts.  False: none
 * such is under way.
 */
bool picture_window_drawn(
	struct picture_window *window, uint32_t sequence, double took_ms, uint64_t now_ns);
/* Nothing of what was sent matters any more; how fast the viewer is does. */
void picture_window_clear(struct picture_window *window);
