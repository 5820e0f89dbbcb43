/* SPDX-License-Identifier: MIT */
/*
 * One frame of a camera that speaks JPEG: is it whole, and where do our own pieces go?
 *
 *     SOI … DQT … │ SOF0 … │ SOS │ entropy-coded data, RST0 … │ EOI │ padding
 *                 ▲        ▲                                        ▲
 *                sof      sos                                      end
 *             our COM   the tables, where                     cut off here
 *              goes     there are none: DHT
 *              here     goes here
 *
 * Cameras leave out what everybody knows (the Huffman tables of ITU T.81, K.3: AVI's MJPEG says so,
 * and no browser knows them), pad frames to a multiple of something, and lose parts of frames on
 * the bus.  What passes here, a baseline decoder reads to its end: every segment lies in the frame,
 * every table that is used is there, the restart markers follow each other, and every block of
 * the picture is there, between the markers where it belongs (mjpeg_scan.h).  Anything else is
 * broken, and is never shown.
 *
 * The bytes are those of a device and may be anything.  Pure computing; nothing is copied.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define MJPEG_PIECES_MAX 5u

struct mjpeg {
	size_t sof, sos, end; /* offsets, as drawn above */
	uint32_t width, height;
	bool has_tables; /* Huffman tables of its own */
};

/*
 * Reads one frame.  0; -EBADMSG: it is broken, and *why says how in a few words ("it is cut off"),
 * static.
 */
int mjpeg_read(const uint8_t *bytes, size_t len, struct mjpeg *out, const char **why);

/*
 * The whole picture as pieces: the camera's bytes, `stamp` (a COM segment) right before SOF, and
 * the standard tables where it has none.  `bytes` and `stamp` are borrowed by the pieces.  How
 * many.
 */
size_t mjpeg_pieces(const struct mjpeg *mjpeg, const uint8_t *bytes, const uint8_t *stamp,
	size_t stamp_len, struct iovec pieces[MJPEG_PIECES_MAX]);
