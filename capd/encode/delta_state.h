/* SPDX-License-Identifier: MIT */
/* What delta.c (steps), delta_catch_up.c and delta_refine.c share: the encoder itself. */
#pragma once

#include "capd/encode/canvas.h"
#include "capd/encode/delta.h"
#include "capd/encode/delta_pointer.h"
#include "capd/encode/move.h"
#include "capd/encode/paint.h"
#include "capd/encode/payload.h"
#include "capd/encode/shift.h"

struct encoder {
	struct canvas canvas;
	struct delta_pointer pointer;
	struct shift_finder *shifts;
	struct move_finder *moves;
	struct painter *painter;
	struct payload payload;
	struct iovec piece;
	uint8_t *is_dirty; /* columns × rows: scratch of one call */

	uint64_t sequence;      /* of the newest record; 0: none */
	uint64_t seen_sequence; /* of the frame that the canvas shows, by the input's count */
	bool is_lost;           /* the viewers' canvas is not ours: a whole picture is due */
	/* moves */
	struct shift last_shifts[SHIFTS_MAX]; /* those that copied something in the last frame */
	unsigned n_last_shifts;
	unsigned search_rest; /* large changes that are not searched, after searches in vain */
	unsigned search_rest_next;
	uint64_t large_ns; /* when so much changed last that a search may be left out */
	/* exactness */
	bool has_approximate; /* any tile, perhaps */
	uint64_t refined_ns;  /* when the last refinement was made */
	uint32_t tile_bytes;  /* what a tile of the next PNG of a piece is likely to take */
};

/* Hands the payload over as a record of this kind. */
void delta_result(struct encoder *delta, enum record_kind kind, unsigned flags, uint64_t base,
	struct encoder_result *result);

/*
 * Puts tiles with the flag (and all of them changed at or before until_ns) into the payload as PNG,
 * the newest first, until DELTA_PIECE_MAX; takes the flag from them, and notes `refined_at` if it
 * is not 0.  True in *is_all: none is left.  0 or -ENOMEM.
 */
int delta_fill_piece(struct encoder *delta, enum canvas_flags flag, uint64_t until_ns,
	uint64_t refined_at, size_t len_max, bool *is_all);

#define DELTA_PIECE_MAX (64u * 1024u) /* bytes of a refinement, and of an exact catch-up */
