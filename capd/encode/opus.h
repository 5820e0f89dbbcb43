/* SPDX-License-Identifier: MIT */
/*
 * Sound as Opus: records of 10 ms in, packets of 20 ms out, each decodable by itself as far as Opus
 * allows that (a decoder that joins is right after two of them).
 *
 *     480 frames, 480 frames ──► libopus (CELT, low delay) ──► packet, pts
 *
 * The encoder looks ahead by 2.5 ms, and a decoder's output is late by as much.  The packet's pts
 * is therefore earlier by that than the date of the first frame that went in: it is the date of the
 * first frame that comes out.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/stream.h"

struct opus_stream; /* opaque */

struct opus_packet {
	uint8_t bytes[OPUS_PACKET_MAX];
	size_t len;
	uint64_t pts_ns;
};

/* `bitrate` in bits a second.  0, -ENOMEM, or -EINVAL. */
int opus_stream_create(unsigned bitrate, struct opus_stream **out);
/* Accepts NULL. */
void opus_stream_destroy(struct opus_stream *stream);
/*
 * Takes one record of sound, whose first frame is of `pts_ns`.  1: `packet` is filled in; 0: it
 * waits for its other half; -EIO: the encoder refused (counted as nothing; it may go on).
 */
int opus_stream_encode(struct opus_stream *stream, const int16_t *frames, uint64_t pts_ns,
	struct opus_packet *packet);
