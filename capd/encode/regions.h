/* SPDX-License-Identifier: MIT */
/*
 * From dirty tiles to few rectangles: two become one where the tiles in between cost less than a
 * second PNG would.  Pure computing.
 */
#pragma once

#include <stdint.h>

#include "capd/picture.h"

#define REGIONS_MAX 64u

/*
 * Covers every tile whose byte in `is_dirty` (columns × rows) is set.  The boxes, in columns and
 * rows of tiles, do not overlap.  Returns how many they are.
 */
unsigned regions_find(
	const uint8_t *is_dirty, uint32_t columns, uint32_t rows, struct box regions[REGIONS_MAX]);
