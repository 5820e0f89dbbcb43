/* SPDX-License-Identifier: MIT */
/* What a source hands to the encoders: pixels, rectangles, the pointer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PICTURE_SIDE_MAX 16384u /* pixels; JPEG itself ends at 65,535 */

#define PIXEL_BYTES 4u
#define PIXEL_MASK  0x00ffffffu /* the fourth byte means nothing */

/* Half-open: x0 <= x < x1.  Empty if x0 >= x1 or y0 >= y1. */
struct box {
	int32_t x0, y0, x1, y1;
};

/* 32 bits a pixel: blue, green, red, ignored, in this order in memory (DRM XRGB8888, little
 * endian). */
struct picture {
	uint8_t *pixels;
	size_t stride; /* bytes a row, a multiple of 4, at least 4 × width */
	uint32_t width, height;
};

/*
 * The pointer, apart from the pixels: comparison and delta never see it in them; only the JPEG
 * encoder blends it into a copy of the rows under it.
 */
struct cursor {
	uint64_t shape_id; /* changes with the image; 0: no image yet */
	bool is_visible;
	int32_t x, y; /* of the image's top left, in the picture; may lie outside */
	uint32_t width, height;
	const uint32_t
		*argb; /* premultiplied, width × height, host order; valid until the next frame */
};
