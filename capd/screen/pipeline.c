/* SPDX-License-Identifier: MIT */
#include "capd/screen/pipeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capd/encode/strip_cache.h"
#include "capd/screen/tiles.h"

#define ENCODER_THREADS 2

struct pipeline {
	const struct config *config;
	struct output *jpeg; /* borrowed */
	unsigned streams;    /* wanted */

	struct tiles *tiles; /* NULL: no picture yet */
	uint32_t width, height;
	uint64_t sequence; /* of the newest frame; counts on through resizes and restarts */
	uint64_t pts_ns;
	struct cursor cursor;
	uint32_t *cursor_argb; /* our copy: the source's is only valid within on_frame */
	uint64_t cursor_shape_id;
};

int pipeline_create(const struct config *config, struct output *jpeg, struct pipeline **out)
{
	struct pipeline *pipeline = calloc(1, sizeof(*pipeline));

	if (!pipeline)
		return -ENOMEM;
	pipeline->config = config;
	pipeline->jpeg = jpeg;
	*out = pipeline;
	return 0;
}

void pipeline_destroy(struct pipeline *pipeline)
{
	if (!pipeline)
		return;
	tiles_destroy(pipeline->tiles);
	free(pipeline->cursor_argb);
	free(pipeline);
}

void pipeline_reset(struct pipeline *pipeline)
{
	tiles_destroy(pipeline->tiles);
	pipeline->tiles = NULL;
	pipeline->cursor = (struct cursor){0};
}

void pipeline_set_streams(struct pipeline *pipeline, unsigned streams)
{
	pipeline->streams = streams;
	if (!(streams & 1u << STREAM_JPEG))
		output_reset(pipeline->jpeg);
}

static int take_size(struct pipeline *pipeline, const struct picture *picture)
{
	struct tiles *tiles;
	int r = tiles_create(picture->width, picture->height, &tiles);

	if (r < 0)
		return r;
	tiles_destroy(pipeline->tiles);
	pipeline->tiles = tiles;
	pipeline->width = picture->width;
	pipeline->height = picture->height;
	return 0;
}

static int take_cursor(struct pipeline *pipeline, const struct cursor *cursor)
{
	if (cursor->argb && cursor->shape_id != pipeline->cursor_shape_id) {
		size_t len = (size_t)cursor->width * cursor->height * sizeof(uint32_t);
		uint32_t *argb = malloc(len ? len : 1);

		if (!argb)
			return -ENOMEM;
		memcpy(argb, cursor->argb, len);
		free(pipeline->cursor_argb);
		pipeline->cursor_argb = argb;
		pipeline->cursor_shape_id = cursor->shape_id;
	}
	pipeline->cursor = *cursor;
	pipeline->cursor.argb = cursor->argb ? pipeline->cursor_argb : NULL;
	return 0;
}

static int ensure_jpeg_encoder(struct pipeline *pipeline, bool is_new_size)
{
	const struct strip_cache_options options = {
		.quality = pipeline->config->screen.quality,
		.subsampling = pipeline->config->screen.subsampling,
		.n_threads = ENCODER_THREADS,
	};
	struct encoder *encoder;

	if (output_has_encoder(pipeline->jpeg) && !is_new_size)
		return 0;
	int r = strip_cache_create(&options, pipeline->width, pipeline->height, &encoder);
	if (r == 0)
		output_set_encoder(pipeline->jpeg, &strip_cache_ops, encoder, pipeline->width,
			pipeline->height);
	return r;
}

static int feed_outputs(struct pipeline *pipeline, bool is_new_size)
{
	const struct encoder_input input = {
		.tiles = pipeline->tiles,
		.cursor = &pipeline->cursor,
		.sequence = pipeline->sequence,
		.pts_ns = pipeline->pts_ns,
	};
	int r;

	if (!(pipeline->streams & 1u << STREAM_JPEG))
		return 0;
	r = ensure_jpeg_encoder(pipeline, is_new_size);
	if (r == 0)
		r = output_frame(pipeline->jpeg, &input);
	if (r == -EAGAIN)
		return 0;
	if (r < 0)
		output_request_key(pipeline->jpeg);
	return r < 0 ? r : 1;
}

int pipeline_frame(struct pipeline *pipeline, const struct source_frame *frame)
{
	const struct picture *picture = &frame->picture;
	bool is_new_size = !pipeline->tiles || picture->width != pipeline->width ||
			   picture->height != pipeline->height;
	int r = 0;

	if (is_new_size)
		r = take_size(pipeline, picture);
	if (r == 0)
		r = take_cursor(pipeline, &frame->cursor);
	if (r < 0)
		return r;
	struct box whole = {0, 0, (int32_t)picture->width, (int32_t)picture->height};
	pipeline->sequence++;
	pipeline->pts_ns = frame->pts_ns;
	tiles_update(pipeline->tiles, picture, is_new_size ? &whole : &frame->damage,
		pipeline->sequence, is_new_size);
	return feed_outputs(pipeline, is_new_size);
}

int pipeline_refresh(struct pipeline *pipeline)
{
	if (!pipeline->tiles)
		return 0;
	output_request_key(pipeline->jpeg);
	return feed_outputs(pipeline, false);
}
