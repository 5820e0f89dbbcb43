/* SPDX-License-Identifier: MIT */
/*
 * The canvas: what the viewers of the delta stream have before them, as far as the encoder knows.
 *
 *     operations ──► canvas ◄──compare── the newest picture (tiles)
 *
 * Its pixels are what the screen showed at the last record.  A viewer's canvas has the same, but
 * where a JPEG lies: there it has something like it, and how it was decoded nobody here knows.  So
 * for every tile it is kept whether it is approximate, and that goes along with what is copied.
 *
 *   approximate  for everybody: a step painted it with a JPEG
 *   owed         for some: a catch-up painted it for them with a JPEG, or left a refinement out
 *
 * What changed, and what was refined, is kept by the sequence of the record that did it: a catch-up
 * since s paints what changed after s.  Pure computing; one thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "capd/picture.h"

enum canvas_flags { CANVAS_IS_APPROXIMATE = 1, CANVAS_IS_OWED = 2 };

/* All of it may be read; it is changed by the functions below, but for the three times. */
struct canvas {
	struct picture picture; /* the fourth byte of each pixel is 0 */
	uint32_t columns, rows; /* of tiles */
	uint8_t *flags;         /* columns × rows, as all below */
	uint64_t *changed_at;   /* sequence of the record that last changed what it shows */
	uint64_t *refined_at;   /* … that last made it exact, or what it is a copy of: whoever did
				   not get that record may have it less exact */
	uint64_t *changed_ns;   /* pts of its last change; what is newly approximate counts too */
	/* scratch: as they were before a copy */
	uint8_t *flags_before;
	uint64_t *refined_before;
};

/* 0, -EINVAL, -ENOMEM.  Black and exact. */
int canvas_init(struct canvas *canvas, uint32_t width, uint32_t height);
void canvas_fini(struct canvas *canvas);

/* The pixels of a tile, clipped to the picture. */
struct box canvas_tile_box(const struct canvas *canvas, uint32_t column, uint32_t row);
/* The tiles that a box of pixels touches: a box of columns and rows. */
struct box canvas_tiles_of(const struct box *box);

/*
 * Does the canvas, at `box` moved by −dx, −dy, show what `picture` shows in `box`?  False too if it
 * would be outside.
 */
bool canvas_shows(const struct canvas *canvas, const struct picture *picture, const struct box *box,
	int32_t dx, int32_t dy);
/* Takes away from the box's sides what is the same in both; it is empty if all is. */
void canvas_tighten(const struct canvas *canvas, const struct picture *picture, struct box *box);

/* When an operation is done: the record that it is part of. */
struct canvas_time {
	uint64_t sequence, pts_ns;
};

/* What a copy to `box` from dx, dy pixels before it does. */
void canvas_copy(struct canvas *canvas, const struct box *box, int32_t dx, int32_t dy,
	const struct canvas_time *time);
/* What a png of `box` does. */
void canvas_paint(struct canvas *canvas, const struct picture *picture, const struct box *box,
	const struct canvas_time *time);
/* What a jpeg of `box`, which is made of whole tiles, does. */
void canvas_paint_roughly(struct canvas *canvas, const struct picture *picture,
	const struct box *box, const struct canvas_time *time);
