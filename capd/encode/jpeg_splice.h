/* SPDX-License-Identifier: MIT */
/*
 * Joining strips to one JPEG:
 *
 *     head (SOI … COM SOF0 … SOS) │ strip 0, RST0 │ strip 1, RST1 │ … │ last strip, EOI
 *
 * The head is libjpeg's own, with a COM segment of fixed length put right before SOF0; only its
 * digits are written for each picture.  The marker behind a strip is kept with the strip's bytes,
 * so that a picture is one piece for the head and one for each strip, and nothing is moved.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capd/encode/jpeg_strip.h"

#define JPEG_HEAD_MAX 1024u /* bytes; libjpeg's baseline head has 629, the COM segment 51 */

#define JPEG_STAMP_LEN 51u /* bytes of the COM segment, marker and all */

/*
 * Writes the whole COM segment (JPEG_STAMP_LEN bytes), for pictures that are not made of strips.
 * Its text is that of jpeg_head_stamp().
 */
void jpeg_stamp_write(uint8_t *segment, uint64_t pts_ns, uint64_t realtime_ns);

/* Where the first segment with this marker begins (0xc0: SOF0), in a head that is known to be
 * right; 0: there is none. */
size_t jpeg_find_segment(const uint8_t *bytes, size_t len, uint8_t marker);

struct jpeg_head {
	uint8_t bytes[JPEG_HEAD_MAX];
	size_t len;
	size_t stamp; /* where the COM segment's text begins */
};

/* From what jpeg_strip_head() wrote.  0; -EINVAL: it has no SOF0, or is too long. */
int jpeg_head_init(struct jpeg_head *head, const struct jpeg_buffer *source);

/*
 * Writes "pts=<ns, 20 digits> time=<s, 10 digits>.<µs, 6 digits>" into the COM segment: when the
 * pixels were taken, in CLOCK_MONOTONIC and in CLOCK_REALTIME.
 */
void jpeg_head_stamp(struct jpeg_head *head, uint64_t pts_ns, uint64_t realtime_ns);

/* Puts the marker that follows strip `index` in the place of the EOI which libjpeg ended it with.
 */
void jpeg_strip_mark(struct jpeg_buffer *strip, uint32_t index, bool is_last);
