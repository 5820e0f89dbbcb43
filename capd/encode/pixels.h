/* SPDX-License-Identifier: MIT */
/* How the pixels of a whole picture lie in memory, as cameras give them.  Pure computing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pixels_layout {
	PIXELS_BGRX = 0, /* blue, green, red, ignored (capd/picture.h) */
	PIXELS_YUYV = 1, /* Y Cb Y Cr: two pixels share one colour */
	PIXELS_NV12 = 2, /* all Y, then rows of Cb Cr for four pixels each */
	PIXELS_YU12 = 3, /* all Y, then all Cb, then all Cr, for four pixels each */
};

struct pixels_format {
	enum pixels_layout layout;
	uint32_t width, height; /* pixels */
	/* Bytes from one row to the next; of the first plane.  NV12's second has the same, YU12's
	 * others the half. */
	size_t stride;
	/* Black is 16 and white 235, as television has it; JPEG has 0 and 255. */
	bool is_limited;
};

/* How many bytes such a picture has, the last row's padding left out.  0: the stride is too short
 * for the width. */
static inline size_t pixels_len(const struct pixels_format *format)
{
	size_t width = format->width, stride = format->stride;
	size_t half_width = (width + 1) / 2, half_height = ((size_t)format->height + 1) / 2;
	size_t first = stride * format->height;

	switch (format->layout) {
	case PIXELS_BGRX:
		return stride < width * 4 ? 0 : first - stride + width * 4;
	case PIXELS_YUYV:
		return stride < half_width * 4 ? 0 : first - stride + half_width * 4;
	case PIXELS_NV12:
		return stride < half_width * 2
			       ? 0
			       : first + stride * (half_height - 1) + half_width * 2;
	case PIXELS_YU12:
		return stride < width || stride / 2 < half_width
			       ? 0
			       : first + stride / 2 * (2 * half_height - 1) + half_width;
	}
	return 0;
}
