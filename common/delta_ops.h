/* SPDX-License-Identifier: MIT */
/*
 * The operations of a delta record: what a viewer does to its canvas to see what the screen shows.
 *
 *     screenshare-screen ──put──► payload of a step or catch-up ──ring──► httpd ──check──► viewers
 *
 * A payload is a list of operations, to be done in order.  It is what a WebSocket viewer gets
 * behind the head of a message of kind 4 (step) or 5 (catch-up), unchanged; doc/protocol.md, "The
 * delta stream", is made from this.  All numbers are little-endian.
 *
 *     0      1      2          4            8
 *     ┌──────┬──────┬──────────┬────────────┬──────────────┬─────────┐
 *     │ kind │flags │ shape id │ length     │ fields       │ data    │ 0–3 zero bytes
 *     └──────┴──────┴──────────┴────────────┴──────────────┴─────────┘
 *
 * `length` counts from the operation's first byte to the end of its data; the next operation begins
 * at the next multiple of 4.  Flags and shape id are 0 where nothing else is said.
 *
 *   kind               fields (u16, in this order)           bytes  data
 *   1  copy            src x, src y, x, y, width, height     20     none
 *   2  png             x, y, width, height                   16     a PNG of that size, opaque
 *   3  jpeg            x, y, width, height                   16     a JPEG of that size
 *   4  pointer shape   width, height                         12     a PNG of that size, with alpha
 *   5  pointer         x, y (i16: of the shape's top left)   12     none; flag 1: it is visible
 *   6  fill            x, y, width, height, colour           20     none
 *   7  glyphs          x, y, width, height                   16     6 bytes for each glyph
 *
 * A png with flag 1 is turned: its image is `height` wide and `width` high, and its pixel (i, k)
 * belongs at (x + k, y + i).  Lines of text are a third shorter so, because equal letters are equal
 * runs of bytes then.
 *
 * A fill's colour takes two fields: 0x00RRGGBB, the lower half first.
 *
 * Glyphs are pieces of a line of text that stand elsewhere on the canvas, each as high as the
 * rectangle: src x, src y (u16), how many pixels of the line are left out before it, its width (u8
 * each).  They follow each other from the left, and what is left out stays as it is.
 *
 * A copy reads its whole source before it writes (source and target may overlap); so do
 * glyphs, all of them.  Rectangles lie
 * inside the picture; a pointer may lie anywhere.  A pointer's move alone is a record of 12 bytes.
 * Shapes have the ids 0 to DELTA_SHAPES − 1; a new one replaces that which had its id.
 *
 * Records.  A viewer holds the picture of a sequence s, or nothing (0).
 *   step        leads from sequence − 1 to sequence.
 *     …, refinement (RECORD_IS_REFINEMENT): changes only how exact the picture is: png operations
 *               alone, over what earlier went as jpeg.  Whoever leaves it out is not wrong.
 *   catch-up    leads from any s with base ≤ s < sequence to sequence; without copies.
 *               RECORD_IS_KEY: base is 0, the whole picture.
 *     …, exact (RECORD_IS_EXACT): base = sequence: png operations (and the pointer, where there are
 *               none: a payload is never empty), for those whose picture a
 *               catch-up has left less exact than that of the others.  RECORD_IS_LAST: there is no
 *               more of it.
 *
 * Pure computing on bytes: no allocation, no state.  Any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/ring.h"

#define DELTA_OP_ALIGN         4u
#define DELTA_OP_HEAD          8u
#define DELTA_OP_LENGTH_AT     4u     /* where its length lies in it */
#define DELTA_OP_HEAD_MAX      20u    /* the longest head with its fields: a copy's, a fill's */
#define DELTA_OPS_MAX          1024u  /* operations in a record */
#define DELTA_SHAPES           16u    /* pointer shapes that a viewer remembers */
#define DELTA_SHAPE_SIDE_MAX   256u   /* pixels */
#define DELTA_PICTURE_SIDE_MAX 16384u /* pixels */

enum delta_op_kind {
	DELTA_COPY = 1,
	DELTA_PNG = 2,
	DELTA_JPEG = 3,
	DELTA_POINTER_SHAPE = 4,
	DELTA_POINTER = 5,
	DELTA_FILL = 6,
	DELTA_GLYPHS = 7,
};

enum delta_op_flags {
	DELTA_POINTER_IS_VISIBLE = 1, /* of a pointer */
	DELTA_PNG_IS_TURNED = 1,      /* of a png */
};

/* One operation, decoded.  Which fields count depends on `kind`. */
struct delta_op {
	enum delta_op_kind kind;
	unsigned flags;
	uint32_t shape_id;
	uint32_t src_x, src_y;  /* copy */
	int32_t x, y;           /* negative only for a pointer */
	uint32_t width, height; /* not for a pointer's position */
	uint32_t colour;        /* fill: 0x00RRGGBB */
	const uint8_t *data;    /* png, jpeg, shape, glyphs: in the payload */
	size_t data_len;
};

/* One of the glyphs of a line. */
struct delta_glyph {
	uint32_t src_x, src_y, gap, width;
};
#define DELTA_GLYPH_LEN 6u /* bytes */

/* --- writing (capd) --- */

/*
 * Writes the head and fields of an operation whose `data_len` bytes of data follow; `out` has room
 * for DELTA_OP_HEAD_MAX.  Returns how many bytes that is.
 */
size_t delta_op_put(uint8_t *out, const struct delta_op *op);
/* Writes DELTA_GLYPH_LEN bytes. */
void delta_glyph_put(uint8_t *out, const struct delta_glyph *glyph);
/* How many zero bytes go behind an operation of `len` bytes. */
static inline size_t delta_op_padding(size_t len)
{
	return (DELTA_OP_ALIGN - len % DELTA_OP_ALIGN) % DELTA_OP_ALIGN;
}

/* --- reading --- */

struct delta_reader {
	const uint8_t *bytes;
	size_t len, at;
	uint32_t width, height; /* of the picture */
};

/*
 * The next operation.  0; -EAGAIN: that was the last; -EPROTO: it is no operation, reaches out of
 * the payload or the picture, or its image is not of the size that it says (of an image only the
 * head is looked at).
 */
int delta_reader_next(struct delta_reader *reader, struct delta_op *op);

/* The glyph at `at`, from the data of an operation. */
struct delta_glyph delta_glyph_get(const uint8_t *at);

/*
 * Is this a record of the delta stream that any viewer can be given?  0 or -EPROTO: its kind,
 * flags, base and size do not belong together, or one of its operations is none, or has no place in
 * such a record, or there are too many.  RECORD_IS_END is not looked at here.
 */
int delta_ops_check(const struct ring_record *record, const uint8_t *payload, size_t len);
