/* SPDX-License-Identifier: MIT */
#include "capd/screen/pipeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capd/encode/delta.h"
#include "capd/encode/strip_cache.h"
#include "capd/screen/tiles.h"
#include "common/clock.h"

#define ENCODER_THREADS 2
/* Exact pieces are small and asked for one by one: only whoever asks without end waits. */
#define EXACT_PACE_NS (4 * NS_PER_MS)

/* What has been asked for of the delta stream, by however many. */
struct requests {
	bool catch_up, exact, exact_anew;
	uint64_t since;                 /* of the catch-up: the oldest */
	uint64_t catch_up_ns, exact_ns; /* not before */
};

struct pipeline {
	const struct config *config;
	struct output *jpeg, *delta; /* borrowed */
	unsigned streams;            /* wanted */
	struct requests requests;

	struct tiles *tiles; /* NULL: no picture yet */
	uint32_t width, height;
	uint64_t sequence; /* of the newest frame; counts on through resizes and restarts */
	uint64_t pts_ns;
	struct cursor cursor;
	uint32_t *cursor_argb; /* our copy: the source's is only valid within on_frame */
	uint64_t cursor_shape_id;
};

int pipeline_create(const struct config *config, struct output *jpeg, struct output *delta,
	struct pipeline **out)
{
	struct pipeline *pipeline = calloc(1, sizeof(*pipeline));

	if (!pipeline)
		return -ENOMEM;
	pipeline->config = config;
	pipeline->jpeg = jpeg;
	pipeline->delta = delta;
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
	pipeline->requests = (struct requests){0};
	pipeline->cursor = (struct cursor){0};
}

void pipeline_set_streams(struct pipeline *pipeline, unsigned streams)
{
	pipeline->streams = streams;
	if (!(streams & 1u << STREAM_JPEG))
		output_reset(pipeline->jpeg);
	if (!(streams & 1u << STREAM_DELTA)) {
		output_reset(pipeline->delta);
		pipeline->requests = (struct requests){0};
	}
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

static int ensure_encoder(struct pipeline *pipeline, struct output *output, bool is_new_size)
{
	const struct strip_cache_options options = {
		.quality = pipeline->config->screen.quality,
		.subsampling = pipeline->config->screen.subsampling,
		.n_threads = ENCODER_THREADS,
	};
	bool is_delta = output_stream(output) == STREAM_DELTA;
	struct encoder *encoder;
	int r;

	if (output_encoder(output) && !is_new_size)
		return 0;
	r = (is_delta ? delta_create : strip_cache_create)(
		&options, pipeline->width, pipeline->height, &encoder);
	if (r == 0)
		output_set_encoder(output, is_delta ? &delta_ops : &strip_cache_ops, encoder,
			pipeline->width, pipeline->height);
	return r;
}

static struct encoder_input input_at(const struct pipeline *pipeline, uint64_t pts_ns)
{
	return (struct encoder_input){
		.tiles = pipeline->tiles,
		.cursor = &pipeline->cursor,
		.sequence = pipeline->sequence,
		.pts_ns = pts_ns,
	};
}

/* 1: published; 0: there was nothing. */
static int outcome(struct output *output, int r)
{
	if (r == -EAGAIN)
		return 0;
	if (r < 0)
		output_request_key(output);
	return r < 0 ? r : 1;
}

static int feed_output(struct pipeline *pipeline, struct output *output, bool is_new_size)
{
	const struct encoder_input input = input_at(pipeline, pipeline->pts_ns);
	int r;

	if (!(pipeline->streams & 1u << output_stream(output)))
		return 0;
	r = ensure_encoder(pipeline, output, is_new_size);
	if (r == 0)
		r = output_frame(output, &input);
	return outcome(output, r);
}

/* --- catch-ups and refinements --- */

static bool has_delta(const struct pipeline *pipeline)
{
	return pipeline->tiles && pipeline->streams & 1u << STREAM_DELTA &&
	       output_encoder(pipeline->delta);
}

static int encode_catch_up(struct encoder *encoder, const struct encoder_input *input,
	const void *arg, struct encoder_result *result)
{
	const struct requests *requests = arg;

	return delta_catch_up(encoder, input, requests->since, false, result);
}

static int encode_exact(struct encoder *encoder, const struct encoder_input *input, const void *arg,
	struct encoder_result *result)
{
	const struct requests *requests = arg;

	return delta_catch_up(encoder, input, requests->exact_anew ? 0 : 1, true, result);
}

static int encode_refinement(struct encoder *encoder, const struct encoder_input *input,
	const void *arg, struct encoder_result *result)
{
	(void)arg;
	return delta_refine(encoder, input, result);
}

static int make_catch_up(struct pipeline *pipeline, const struct encoder_input *input)
{
	struct requests *requests = &pipeline->requests;
	int r = output_encode(pipeline->delta, input, encode_catch_up, requests);

	requests->catch_up = false;
	requests->catch_up_ns = input->pts_ns + NS_PER_S / pipeline->config->screen.rate;
	return outcome(pipeline->delta, r);
}

static int make_exact(struct pipeline *pipeline, const struct encoder_input *input)
{
	struct requests *requests = &pipeline->requests;
	int r = output_encode(pipeline->delta, input, encode_exact, requests);

	requests->exact = requests->exact_anew = false;
	requests->exact_ns = input->pts_ns + EXACT_PACE_NS;
	return outcome(pipeline->delta, r);
}

/* The worse of two outcomes: any failure, else whether anything was published. */
static int both(int a, int b)
{
	if (a < 0 || b < 0)
		return a < 0 ? a : b;
	return a > b ? a : b;
}

/* `is_frame`: a step has just been made, and whoever lags may be led to it at once. */
static int serve_requests(struct pipeline *pipeline, bool is_frame)
{
	struct requests *requests = &pipeline->requests;
	uint64_t now = clock_monotonic_ns();
	struct encoder_input input = input_at(pipeline, now);
	int r = 0;

	if (!has_delta(pipeline))
		return 0;
	if (requests->catch_up && (is_frame || now >= requests->catch_up_ns))
		r = make_catch_up(pipeline, &input);
	if (requests->exact && now >= requests->exact_ns)
		r = both(r, make_exact(pipeline, &input));
	return r;
}

/* The delta stream first; see pipeline.h. */
static int feed_outputs(struct pipeline *pipeline, bool is_new_size)
{
	int r = feed_output(pipeline, pipeline->delta, is_new_size);

	if (r >= 0)
		r = both(r, serve_requests(pipeline, r > 0));
	return both(r, feed_output(pipeline, pipeline->jpeg, is_new_size));
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

int pipeline_refresh(struct pipeline *pipeline, unsigned streams)
{
	if (!pipeline->tiles)
		return 0;
	if (streams & 1u << STREAM_JPEG)
		output_request_key(pipeline->jpeg);
	/* Those who have the newest picture need nothing; where there is no encoder yet, its first
	 * record is a whole picture. */
	if (streams & 1u << STREAM_DELTA && has_delta(pipeline)) {
		pipeline->requests.catch_up = true;
		pipeline->requests.since = 0;
	}
	return feed_outputs(pipeline, false);
}

int pipeline_catch_up(struct pipeline *pipeline, uint64_t since, bool exact)
{
	struct requests *requests = &pipeline->requests;

	if (!has_delta(pipeline))
		return 0;
	if (exact) {
		requests->exact = true;
		requests->exact_anew |= since == 0;
	} else {
		if (!requests->catch_up || since < requests->since)
			requests->since = since;
		requests->catch_up = true;
	}
	return serve_requests(pipeline, false);
}

uint64_t pipeline_due_ns(const struct pipeline *pipeline)
{
	const struct requests *requests = &pipeline->requests;
	uint64_t due_ns;

	if (!has_delta(pipeline))
		return UINT64_MAX;
	due_ns = delta_refine_due_ns(output_encoder(pipeline->delta));
	if (requests->catch_up && requests->catch_up_ns < due_ns)
		due_ns = requests->catch_up_ns;
	if (requests->exact && requests->exact_ns < due_ns)
		due_ns = requests->exact_ns;
	return due_ns;
}

int pipeline_tick(struct pipeline *pipeline)
{
	struct encoder_input input = input_at(pipeline, clock_monotonic_ns());
	int r;

	if (!has_delta(pipeline))
		return 0;
	r = serve_requests(pipeline, false);
	if (delta_refine_due_ns(output_encoder(pipeline->delta)) <= input.pts_ns)
		r = both(r, outcome(pipeline->delta, output_encode(pipeline->delta, &input,
							     encode_refinement, NULL)));
	return r;
}
