/* SPDX-License-Identifier: MIT */
/*
 * libjpeg-turbo, for one strip of a picture, and for the head that all strips share.
 *
 *     rows of pixels ──► jpeg_strip (a compress object that lives on) ──► entropy-coded bytes
 *
 * A strip is compressed as a picture of its own, as wide as the whole and as high as the strip; its
 * tables are suppressed, so that little more than the entropy-coded data comes out (2 µs of
 * overhead a strip).  The accurate integer DCT is used: with SIMD the fast one is no faster
 * (measured at 1080p: text 3.85 and 3.77, film 2.95 and 2.94 ms), and its pictures are worse.
 *
 * An error inside libjpeg ends the call with -errno and leaves the object usable; it never ends the
 * process and never prints.  One thread at a time for each object.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "capd/encode/jpeg_huffman.h"
#include "capd/picture.h"
#include "common/config.h"

/* Bytes that libjpeg writes: grows, never shrinks.  Begin with zeroes; end with jpeg_buffer_fini().
 */
struct jpeg_buffer {
	uint8_t *bytes;
	size_t capacity;
	size_t len;
	size_t scan; /* where the entropy-coded data begins: right behind the SOS segment */
};

/* Frees the bytes; zeroes are left. */
void jpeg_buffer_fini(struct jpeg_buffer *buffer);

struct jpeg_strip_format {
	uint32_t width;   /* pixels */
	unsigned quality; /* 1–100 */
	enum config_subsampling subsampling;
};

struct jpeg_strip; /* opaque: one libjpeg compress object */

/* Pixels in the height of one MCU row, which is that of a strip: 16 for 4:2:0, 8 for 4:4:4. */
uint32_t jpeg_strip_height(enum config_subsampling subsampling);

/* 0 or -ENOMEM.  To be configured before it is used. */
int jpeg_strip_create(struct jpeg_strip **out);
/* Accepts NULL. */
void jpeg_strip_destroy(struct jpeg_strip *strip);

/* Makes the tables.  0; -EINVAL: out of range; -ENOMEM. */
int jpeg_strip_configure(struct jpeg_strip *strip, const struct jpeg_strip_format *format);

/*
 * Finds Huffman tables for pictures that look like these rows (BGRX, as wide as the format says; a
 * multiple of a strip's).  It takes three times as long as to compress them.  0, -ENOMEM, -EINVAL.
 */
int jpeg_strip_fit(const struct jpeg_strip_format *format, uint8_t *const *rows, uint32_t n_rows,
	struct jpeg_huffman *tables);
/* Strips and heads are made with these tables from now on; after jpeg_strip_configure(). */
void jpeg_strip_use(struct jpeg_strip *strip, const struct jpeg_huffman *tables);

/*
 * Compresses `n_rows` rows (BGRX; at most jpeg_strip_height()): the bytes from out->scan on are the
 * strip's entropy-coded data and, as the last two, an EOI.  0, -ENOMEM, -EINVAL.  On failure `out`
 * holds nothing of use, but is still the caller's.
 */
int jpeg_strip_encode(
	struct jpeg_strip *strip, uint8_t *const *rows, uint32_t n_rows, struct jpeg_buffer *out);

/*
 * Writes the head (SOI … SOS) of a whole picture of this height with a restart interval of one MCU
 * row.  0, -ENOMEM, -EINVAL.
 */
int jpeg_strip_head(struct jpeg_strip *strip, uint32_t height, struct jpeg_buffer *out);

/*
 * Compresses a whole picture for itself, as small as baseline goes (without restarts, with Huffman
 * tables of its own): what a state's picture needs.  0, -ENOMEM, -EINVAL.
 */
int jpeg_strip_picture(const struct picture *picture, unsigned quality,
	enum config_subsampling subsampling, struct jpeg_buffer *out);
