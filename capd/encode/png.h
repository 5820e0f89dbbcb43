/* SPDX-License-Identifier: MIT */
/*
 * A small PNG writer for rectangles of the screen, fast before small.
 *
 *     pixels ──► at most 256 colours? ──► palette or grey, 1 to 8 bits ─┐
 *                   └ no ──► RGB, filtered where it is a photograph ─────┴──► libdeflate ──► IDAT
 *
 * libdeflate at level 1, straight into the payload.  Measured beside zlib's level 1 under the same
 * writer, 1080p, text of a palette / anti-aliased text / film: see doc/performance.md; libpng adds
 * a copy and its row functions to zlib's time.  Pure computing; one thread at a time for each
 * object.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "capd/encode/payload.h"
#include "capd/picture.h"

struct png_writer; /* opaque: a compressor and its scratch */

/* 0 or -ENOMEM. */
int png_writer_create(struct png_writer **out);
/* Accepts NULL. */
void png_writer_destroy(struct png_writer *writer);

/*
 * Appends the PNG of `box` of the picture (inside it, not empty) to the payload.  `is_photo`: worth
 * a filter when it is no palette.  0 or -ENOMEM; the payload is as before then.
 */
int png_write(struct png_writer *writer, const struct picture *picture, const struct box *box,
	bool is_photo, struct payload *out);

/* The same for a pointer's shape: width × height pixels, premultiplied ARGB. */
int png_write_argb(struct png_writer *writer, const uint32_t *argb, uint32_t width, uint32_t height,
	struct payload *out);
