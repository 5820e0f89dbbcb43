/* SPDX-License-Identifier: MIT */
/*
 * The little that our own pictures are drawn with: boxes, panels with round corners, and strokes
 * with smooth edges.  All is clipped to the picture; colours are 0xRRGGBB.  Pure computing; any
 * thread; no memory but the stack.
 */
#pragma once

#include "capd/picture.h"

/* One colour. */
void draw_fill(struct picture *picture, const struct box *box, uint32_t rgb);

/* From one colour at the top to another at the bottom. */
void draw_gradient(struct picture *picture, const struct box *box, uint32_t top, uint32_t bottom);

/* A box with round corners, let through by `alpha` (255: nothing shines through). */
void draw_panel(struct picture *picture, const struct box *box, uint32_t radius, uint32_t rgb,
	uint8_t alpha);

/*
 * Draws `path` with its origin at x, y (pixels), `unit` pixels to a unit, in round strokes of
 * `width` units.  A path is a list of:
 *
 *     M x y   begin here            O cx cy rx ry          an ellipse
 *     L x y   a line to there       A cx cy rx ry from to  a part of one, in degrees (multiples of
 *     D x y   a dot, half as thick again                   5), clockwise: 0 right, 90 down
 */
void draw_path(struct picture *picture, float x, float y, float unit, float width, uint32_t rgb,
	const char *path);
