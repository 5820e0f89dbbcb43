/* SPDX-License-Identifier: MIT */
/*
 * The floor program's own strips: as little code as makes a JPEG from what changed.  It shares
 * nothing with capd's strip cache, so that a slip there shows as a ratio here.
 */
#pragma once

#include <stdbool.h>

#include "capd/picture.h"

#define STRIP_ROWS 16u /* 4:2:0 */

struct jpeg_strips; /* opaque */

struct jpeg_strips *jpeg_strips_open(uint32_t width, uint32_t height, int quality);
void jpeg_strips_close(struct jpeg_strips *strips);
uint32_t jpeg_strips_count(const struct jpeg_strips *strips);
/* Encodes one strip of the picture anew. */
void jpeg_strips_encode(struct jpeg_strips *strips, const struct picture *picture, uint32_t strip);
/* How long the whole JPEG now is, and the JPEG itself. */
size_t jpeg_strips_len(const struct jpeg_strips *strips);
void jpeg_strips_splice(const struct jpeg_strips *strips, uint8_t *out);
