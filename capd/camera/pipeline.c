/* SPDX-License-Identifier: MIT */
#include "capd/camera/pipeline.h"

#include <errno.h>
#include <stdlib.h>

#include "capd/encode/jpeg_picture.h"
#include "capd/encode/jpeg_splice.h"
#include "capd/encode/quality.h"
#include "common/clock.h"
#include "common/ring_writer.h"

#define MARKER_SOF0 0xc0
/* A camera's own JPEG may take so many times the ring that its pixels ask for.  That ring takes a
 * byte a pixel; a camera at its best sends a third of one. */
#define RING_GROWTH_MAX 4u

struct pipeline {
	struct output *output;
	uint64_t sequence; /* of the last record */

	struct jpeg_picture *encoder; /* for `format`; NULL before the first picture */
	struct pixels_format format;
	struct quality quality;
};

int pipeline_create(const struct config *config, struct output *output, struct pipeline **out)
{
	struct pipeline *pipeline = calloc(1, sizeof(*pipeline));

	if (!pipeline)
		return -ENOMEM;
	pipeline->output = output;
	quality_init(&pipeline->quality, config->camera.quality);
	*out = pipeline;
	return 0;
}

void pipeline_destroy(struct pipeline *pipeline)
{
	if (!pipeline)
		return;
	jpeg_picture_destroy(pipeline->encoder);
	free(pipeline);
}

void pipeline_reset(struct pipeline *pipeline)
{
	jpeg_picture_destroy(pipeline->encoder);
	pipeline->encoder = NULL;
	output_reset(pipeline->output);
}

static void stamp(uint8_t segment[JPEG_STAMP_LEN], uint64_t pts_ns)
{
	uint64_t age_ns = clock_monotonic_ns() - pts_ns; /* never in the future */

	jpeg_stamp_write(segment, pts_ns, clock_realtime_ns() - age_ns);
}

static int publish(struct pipeline *pipeline, uint64_t capacity, const struct pixels_format *format,
	uint64_t pts_ns, const struct iovec *pieces, size_t n_pieces)
{
	struct ring_record record = {
		.kind = RECORD_FRAME,
		.flags = RECORD_IS_KEY,
		.sequence = pipeline->sequence + 1,
		.pts_ns = pts_ns,
		.width = format->width,
		.height = format->height,
	};
	int r = output_record(pipeline->output, capacity, &record, pieces, n_pieces);

	if (r == 0)
		pipeline->sequence++;
	return r;
}

/* What a record of the ring may hold; of the ring to be made, where there is none yet. */
static size_t payload_max(const struct pipeline *pipeline, const struct pixels_format *format)
{
	const struct ring_writer *ring = output_ring(pipeline->output);

	return ring ? ring_writer_payload_max(ring)
		    : (size_t)(ring_capacity_for(format->width, format->height) /
			       RING_RECORD_DIVISOR);
}

static int publish_jpeg(struct pipeline *pipeline, const struct camera_frame *frame)
{
	const struct pixels_format *format = &frame->mode->pixels;
	uint64_t capacity = ring_capacity_for(format->width, format->height);
	uint64_t capacity_max = capacity * RING_GROWTH_MAX;
	struct iovec pieces[MJPEG_PIECES_MAX];
	uint8_t segment[JPEG_STAMP_LEN];
	size_t n, len = sizeof(struct ring_record);

	stamp(segment, frame->pts_ns);
	n = mjpeg_pieces(&frame->jpeg, frame->bytes, segment, sizeof(segment), pieces);
	for (size_t i = 0; i < n; i++)
		len += pieces[i].iov_len;
	while (len > capacity / RING_RECORD_DIVISOR && capacity < capacity_max &&
		capacity < RING_CAPACITY_MAX)
		capacity *= 2;
	int r = publish(pipeline, capacity, format, frame->pts_ns, pieces, n);
	/* Too long only because /dev/shm gave a smaller ring: that is what is wrong. */
	return r == -EMSGSIZE && ring_writer_capacity(output_ring(pipeline->output)) < capacity
		       ? -ENOSPC
		       : r;
}

/* One try at the quality of now; *len is what became of it, 0 if that is not known. */
static int encode_and_publish(
	struct pipeline *pipeline, const uint8_t *bytes, uint64_t pts_ns, size_t *len)
{
	const struct pixels_format *format = &pipeline->format;
	uint8_t segment[JPEG_STAMP_LEN];
	const uint8_t *jpeg;
	int r = jpeg_picture_encode(pipeline->encoder, bytes, &jpeg, len);

	if (r < 0) {
		*len = 0;
		return r;
	}
	size_t sof = jpeg_find_segment(jpeg, *len, MARKER_SOF0);
	stamp(segment, pts_ns);
	const struct iovec pieces[] = {
		{(void *)(uintptr_t)jpeg, sof},
		{segment, sizeof(segment)},
		{(void *)(uintptr_t)(jpeg + sof), *len - sof},
	};
	return publish(pipeline, ring_capacity_for(format->width, format->height), format, pts_ns,
		pieces, sizeof(pieces) / sizeof(pieces[0]));
}

static bool is_same_format(const struct pixels_format *a, const struct pixels_format *b)
{
	return a->layout == b->layout && a->width == b->width && a->height == b->height &&
	       a->stride == b->stride && a->is_limited == b->is_limited;
}

static int publish_pixels(struct pipeline *pipeline, const struct pixels_format *format,
	const uint8_t *bytes, uint64_t pts_ns)
{
	struct quality *quality = &pipeline->quality;
	size_t len, len_max;
	int r = 0;

	if (!pipeline->encoder || !is_same_format(&pipeline->format, format)) {
		jpeg_picture_destroy(pipeline->encoder);
		pipeline->encoder = NULL;
		quality_init(quality, quality->configured);
		pipeline->format = *format;
		r = jpeg_picture_create(format, quality->now, &pipeline->encoder);
		if (r < 0)
			return r;
	}
	while ((r = encode_and_publish(pipeline, bytes, pts_ns, &len)) == -EMSGSIZE) {
		len_max = payload_max(pipeline, format);
		if (!quality_lower(quality, pts_ns, len ? len : len_max, len_max))
			return r;
		r = jpeg_picture_set_quality(pipeline->encoder, quality->now);
		if (r < 0)
			return r;
	}
	if (r == 0 && quality_raise(quality, pts_ns, len, payload_max(pipeline, format)))
		r = jpeg_picture_set_quality(pipeline->encoder, quality->now);
	return r;
}

int pipeline_frame(struct pipeline *pipeline, const struct camera_frame *frame)
{
	if (frame->mode->is_jpeg)
		return publish_jpeg(pipeline, frame);
	return publish_pixels(pipeline, &frame->mode->pixels, frame->bytes, frame->pts_ns);
}

int pipeline_picture(struct pipeline *pipeline, const struct picture *picture, uint64_t pts_ns)
{
	const struct pixels_format format = {
		.layout = PIXELS_BGRX,
		.width = picture->width,
		.height = picture->height,
		.stride = picture->stride,
	};

	return publish_pixels(pipeline, &format, picture->pixels, pts_ns);
}
