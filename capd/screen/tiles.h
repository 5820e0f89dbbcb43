/* SPDX-License-Identifier: MIT */
/*
 * What changed, and when: the last picture, and for every 16×16 tile of it the sequence of the
 * frame that last changed it.  Damage is only a hint: compositors over-report and drivers
 * under-report, so what counts is the comparison with the last picture.
 *
 *     grab ──► tiles_update() ──► last picture + changed_at[] ──► every encoder, at its own pace
 *
 * An encoder that last looked at sequence s finds what it must do by changed_at > s, whenever it
 * comes: one comparison serves JPEG strips, delta steps and catch-ups alike.  Pure computing; one
 * thread at a time.
 */
#pragma once

#include "capd/picture.h"

#define TILE_SIDE 16u

struct tiles; /* opaque; owns a copy of the picture */

/* All tiles are "changed at 0" and the picture is black until the first update.  0, -ENOMEM,
 * -EINVAL. */
int tiles_create(uint32_t width, uint32_t height, struct tiles **out);
void tiles_destroy(struct tiles *tiles);

/*
 * Compares `picture` (of the size given at creation) with the last one inside `hint`, widened to
 * whole tile rows where that is cheaper but never to rows outside the hint; copies what differs;
 * notes `sequence` for each tile that differs.  Returns how many tiles differ.  With `everything`
 * all tiles inside the hint are copied and noted without comparing (the first picture).
 */
size_t tiles_update(struct tiles *tiles, const struct picture *picture, const struct box *hint,
	uint64_t sequence, bool everything);

/* The last picture: valid until destroyed, changed only by tiles_update().  Rows are 64-byte
 * aligned. */
const struct picture *tiles_picture(const struct tiles *tiles);
uint32_t tiles_columns(const struct tiles *tiles);
uint32_t tiles_rows(const struct tiles *tiles);
/* columns × rows, row by row. */
const uint64_t *tiles_changed_at(const struct tiles *tiles);
/* The newest changed_at of one tile row (what the strip cache asks); row < tiles_rows(). */
uint64_t tiles_row_changed_at(const struct tiles *tiles, uint32_t row);
