/* SPDX-License-Identifier: MIT */
#include "capd/encode/opus.h"

#include <errno.h>
#include <opus/opus.h>
#include <stdlib.h>
#include <string.h>

#define PACKET_FRAMES (SOUND_RATE * OPUS_RECORD_MS / 1000)
/* Measured at 96 kbit/s: 0.29 % of a core; the highest, 10, takes 0.41 %. */
#define COMPLEXITY 5

struct opus_stream {
	OpusEncoder *encoder;
	uint64_t lookahead_ns;
	int16_t frames[PACKET_FRAMES * SOUND_CHANNELS];
	size_t n; /* frames of them that wait */
	uint64_t pts_ns;
};

int opus_stream_create(unsigned bitrate, struct opus_stream **out)
{
	struct opus_stream *stream = calloc(1, sizeof(*stream));
	int error = OPUS_ALLOC_FAIL;
	opus_int32 lookahead = 0;

	if (!stream)
		return -ENOMEM;
	stream->encoder = opus_encoder_create(
		SOUND_RATE, SOUND_CHANNELS, OPUS_APPLICATION_RESTRICTED_LOWDELAY, &error);
	if (!stream->encoder) {
		opus_stream_destroy(stream);
		return error == OPUS_ALLOC_FAIL ? -ENOMEM : -EINVAL;
	}
	if (opus_encoder_ctl(stream->encoder, OPUS_SET_BITRATE((opus_int32)bitrate)) != OPUS_OK ||
		opus_encoder_ctl(stream->encoder, OPUS_SET_COMPLEXITY(COMPLEXITY)) != OPUS_OK ||
		opus_encoder_ctl(stream->encoder, OPUS_GET_LOOKAHEAD(&lookahead)) != OPUS_OK) {
		opus_stream_destroy(stream);
		return -EINVAL;
	}
	stream->lookahead_ns = (uint64_t)lookahead * 1000000000u / SOUND_RATE;
	*out = stream;
	return 0;
}

void opus_stream_destroy(struct opus_stream *stream)
{
	if (!stream)
		return;
	if (stream->encoder)
		opus_encoder_destroy(stream->encoder);
	free(stream);
}

int opus_stream_encode(struct opus_stream *stream, const int16_t *frames, uint64_t pts_ns,
	struct opus_packet *packet)
{
	if (stream->n == 0)
		stream->pts_ns = pts_ns - stream->lookahead_ns;
	memcpy(stream->frames + stream->n * SOUND_CHANNELS, frames, SOUND_RECORD_BYTES);
	stream->n += SOUND_RECORD_FRAMES;
	if (stream->n < PACKET_FRAMES)
		return 0;
	stream->n = 0;
	opus_int32 len = opus_encode(stream->encoder, stream->frames, PACKET_FRAMES, packet->bytes,
		sizeof(packet->bytes));
	if (len <= 0)
		return -EIO;
	packet->len = (size_t)len;
	packet->pts_ns = stream->pts_ns;
	return 1;
}
