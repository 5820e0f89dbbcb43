/* SPDX-License-Identifier: MIT */
/*
 * The pointer in the delta stream: its shape once, then positions of 12 bytes.
 *
 *     cursor ──► a shape that the viewers do not have? ──► pointer shape ─┐
 *           └──► elsewhere, another shape, shown or hidden? ──► pointer ◄─┘
 *
 * Pointers go back and forth between a few shapes (arrow, hand, text), each time with a new id from
 * the X server: DELTA_SHAPES of them are remembered here as by the viewers, and known by what they
 * look like.  A viewer that a catch-up has brought in knows only the shape in it; so a catch-up
 * since s makes the others that were sent after s unknown again.
 *
 * Of a pointer that is too large, for the stream or for the records of this ring, the top left is
 * shown, where most have their tip.
 *
 * Pure computing; one thread at a time.
 */
#pragma once

#include <stdbool.h>

#include "capd/encode/payload.h"
#include "capd/encode/png.h"
#include "capd/picture.h"

struct delta_shape {
	uint32_t *argb; /* ours; NULL: none */
	uint32_t width, height;
	uint32_t whole_width, whole_height; /* of the cursor's image; larger where it is cropped */
	uint64_t sent_at; /* sequence of the record that brought it; 0: not sent */
	bool is_too_long; /* for the records of this ring, however cropped: it stays hidden */
	uint64_t used_at; /* the least recently used one is replaced */
};

/* Begin with zeroes; end with delta_pointer_fini(). */
struct delta_pointer {
	struct delta_shape shapes[DELTA_SHAPES];
	uint64_t n_uses;          /* what used_at counts */
	uint64_t source_shape_id; /* the source's id of `shape` */
	uint32_t shape;           /* index of the one in use */
	bool has_shape, is_visible;
	bool is_told; /* what follows is what the viewers know */
	uint32_t told_shape;
	bool told_visible;
	int32_t x, y, told_x, told_y;
};

/* Frees the shapes; zeroes are left. */
void delta_pointer_fini(struct delta_pointer *pointer);

/* Brings it to `cursor` (NULL: none).  0; -ENOMEM leaves it hidden. */
int delta_pointer_move(struct delta_pointer *pointer, const struct cursor *cursor);
/* Must the viewers be told? */
bool delta_pointer_is_due(const struct delta_pointer *pointer);

/* What of a record is kept for the pointer: the rest is for the picture. */
static inline size_t delta_pointer_share(size_t payload_max)
{
	return payload_max / 8;
}

/*
 * Appends what the viewers of a step do not know, in at most `len_max` bytes: a shape that is
 * longer is cropped.  0 or -ENOMEM.
 */
int delta_pointer_step(struct delta_pointer *pointer, struct png_writer *png, uint64_t sequence,
	size_t len_max, struct payload *out);
/* Appends where it is, as the viewers have been told already.  0 or -ENOMEM. */
int delta_pointer_repeat(struct delta_pointer *pointer, struct payload *out);
/* As a step, with all that viewers who hold `since` need. */
int delta_pointer_catch_up(struct delta_pointer *pointer, struct png_writer *png, uint64_t since,
	uint64_t sequence, size_t len_max, struct payload *out);
