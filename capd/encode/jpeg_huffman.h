/* SPDX-License-Identifier: MIT */
/*
 * Huffman tables that fit what is shown.  libjpeg's default ones (ITU T.81, K.3) were made from
 * other pictures; tables of a picture's own make it a tenth shorter or so, but want two passes.  A
 * film goes on to look as it does, so tables from a sample of one frame serve for a while:
 *
 *     rows of a few strips ──► jpeg_strip_fit(): what libjpeg finds best ──► widened ──► strips
 *
 * libjpeg gives codes only to what occurred in the sample.  Widening gives one to all that may come
 * in any baseline picture, the longer the rarer.  Pure computing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* As in a DHT segment: how many codes of each length, and the symbols in the order of their codes.
 */
struct jpeg_huffman_table {
	uint8_t n_of[17]; /* [0] is not used */
	uint8_t symbols[256];
};

#define JPEG_HUFFMAN_PAIRS 2u /* brightness, colour */

struct jpeg_huffman {
	struct jpeg_huffman_table dc[JPEG_HUFFMAN_PAIRS], ac[JPEG_HUFFMAN_PAIRS];
};

/* From a table that is right for itself to one with a code for every symbol of its kind, of at most
 * 16 bits; none is all ones (T.81, C.2). */
void jpeg_huffman_widen(struct jpeg_huffman_table *table, bool is_dc);
