/* SPDX-License-Identifier: MIT */
#include "capd/output.h"

#include <errno.h>
#include <stdlib.h>

#include "common/ring_writer.h"

/* A ring of a sixteenth still takes pictures of a sixteenth of their pixels' bytes: poor, but
 * pictures. */
#define HALVINGS_MAX 16

struct output {
	enum stream_id stream;
	struct output_listener listener;
	const struct encoder_ops *ops; /* with `encoder`: both or neither */
	struct encoder *encoder;
	struct ring_writer *ring;
	uint32_t width, height;   /* of the encoder's pictures */
	uint64_t capacity_wanted; /* for that size; a fuller /dev/shm may give less */
	uint64_t capacity_tried;  /* what `ring` was made for */
};

int output_create(
	enum stream_id stream, const struct output_listener *listener, struct output **out)
{
	struct output *output = calloc(1, sizeof(*output));

	if (!output)
		return -ENOMEM;
	output->stream = stream;
	output->listener = *listener;
	*out = output;
	return 0;
}

void output_destroy(struct output *output)
{
	if (!output)
		return;
	output_reset(output);
	free(output);
}

enum stream_id output_stream(const struct output *output)
{
	return output->stream;
}

struct ring_writer *output_ring(const struct output *output)
{
	return output->ring;
}

static bool output_is_sound(const struct output *output)
{
	return output->stream == STREAM_PCM || output->stream == STREAM_OPUS;
}

/* Readers of the old ring learn that nothing follows in it. */
static void end_ring(struct output *output)
{
	struct ring_record last = {.kind = output_is_sound(output) ? RECORD_SOUND : RECORD_FRAME,
		.flags = RECORD_IS_END};

	if (output->ring)
		ring_writer_publish(output->ring, &last, NULL, 0);
	ring_writer_destroy(output->ring);
	output->ring = NULL;
}

void output_set_encoder(struct output *output, const struct encoder_ops *ops,
	struct encoder *encoder, uint32_t width, uint32_t height)
{
	if (output->encoder)
		output->ops->destroy(output->encoder);
	if (ops->counts_for_itself)
		end_ring(output);
	output->ops = ops;
	output->encoder = encoder;
	output->width = width;
	output->height = height;
	output->capacity_wanted = ring_capacity_for(width, height);
}

struct encoder *output_encoder(const struct output *output)
{
	return output->encoder;
}

void output_request_key(struct output *output)
{
	if (output->encoder)
		output->ops->request_key(output->encoder);
}

void output_reset(struct output *output)
{
	if (output->encoder)
		output->ops->destroy(output->encoder);
	output->encoder = NULL;
	output->ops = NULL;
	ring_writer_destroy(output->ring);
	output->ring = NULL;
	output->capacity_tried = 0;
	output->capacity_wanted = 0;
}

/*
 * A ring large enough for the encoder's pictures.  When /dev/shm is full a ring of half the size,
 * and so on, is better than none: pictures then lower their quality.  A larger picture's new ring
 * is made before the old one is given up.
 */
static int ensure_ring(struct output *output)
{
	struct ring_writer *ring = NULL;
	int r = -ENOSPC;

	if (output->ring && output->capacity_tried >= output->capacity_wanted)
		return 0;
	for (uint64_t capacity = output->capacity_wanted;
		r == -ENOSPC && capacity >= RING_CAPACITY_MIN &&
		capacity >= output->capacity_wanted / HALVINGS_MAX;
		capacity /= 2)
		r = ring_writer_create(capacity, &ring);
	if (r < 0)
		return output->ring ? 0 : r;
	end_ring(output);
	output->ring = ring;
	output->capacity_tried = output->capacity_wanted;
	output_request_key(output);
	output->listener.on_ring(output->listener.arg, output);
	return 0;
}

int output_record(struct output *output, uint64_t capacity, struct ring_record *record,
	const struct iovec *pieces, size_t n_pieces)
{
	int r;

	if (capacity > output->capacity_wanted)
		output->capacity_wanted = capacity;
	r = ensure_ring(output);
	return r < 0 ? r : ring_writer_publish(output->ring, record, pieces, n_pieces);
}

int output_encode(struct output *output, const struct encoder_input *input,
	output_encode_fn *encode, const void *arg)
{
	struct encoder_input bounded = *input;
	struct encoder_result result;
	struct ring_record record = {0};
	int r;

	r = ensure_ring(output);
	if (r < 0)
		return r;
	bounded.payload_max = ring_writer_payload_max(output->ring);
	r = encode(output->encoder, &bounded, arg, &result);
	if (r < 0)
		return r;
	record.kind = (uint16_t)result.kind;
	record.flags = (uint16_t)result.flags;
	record.sequence = result.sequence;
	record.base = result.base;
	record.pts_ns = input->pts_ns;
	record.width = output->width;
	record.height = output->height;
	return ring_writer_publish(output->ring, &record, result.pieces, result.n_pieces);
}

static int encode_frame(struct encoder *encoder, const struct encoder_input *input, const void *arg,
	struct encoder_result *result)
{
	const struct encoder_ops *ops = arg;

	return ops->encode(encoder, input, result);
}

int output_frame(struct output *output, const struct encoder_input *input)
{
	return output_encode(output, input, encode_frame, output->ops);
}
