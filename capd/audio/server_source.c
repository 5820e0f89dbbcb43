/* SPDX-License-Identifier: MIT */
#include "capd/audio/server_source.h"

#include <errno.h>
#include <pulse/context.h>
#include <pulse/error.h>
#include <pulse/mainloop.h>
#include <pulse/stream.h>
#include <pulse/subscribe.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/stream.h"

#define FRAME_BYTES    (SOUND_CHANNELS * sizeof(int16_t))
#define BUFFER_MS      500 /* so long the loop may be away */
#define DISPATCHES_MAX 64  /* a tick: the rest is for the next one */

struct server_source {
	pa_mainloop *loop;
	pa_context *context;
	pa_stream *stream;
	bool has_news;
};

/* 0 or -errno: what a context or stream that is not good died of. */
static int failure(const struct server_source *source)
{
	switch (pa_context_errno(source->context)) {
	case PA_ERR_NOENTITY:
		return -ENOENT;
	case PA_ERR_ACCESS:
		return -EACCES;
	default:
		return -ECONNREFUSED;
	}
}

/* Dispatches until it is so, or the deadline. */
static int wait_until(struct server_source *source, bool (*is_so)(const struct server_source *),
	uint64_t deadline_ns)
{
	while (!is_so(source)) {
		uint64_t now_ns = clock_monotonic_ns();

		if (!PA_CONTEXT_IS_GOOD(pa_context_get_state(source->context)) ||
			(source->stream && !PA_STREAM_IS_GOOD(pa_stream_get_state(source->stream))))
			return failure(source);
		if (now_ns >= deadline_ns)
			return -ETIMEDOUT;
		if (pa_mainloop_prepare(
			    source->loop, (int)((deadline_ns - now_ns) / NS_PER_US) + 1) < 0 ||
			pa_mainloop_poll(source->loop) < 0 ||
			pa_mainloop_dispatch(source->loop) < 0)
			return -ECONNREFUSED;
	}
	return 0;
}

static bool is_connected(const struct server_source *source)
{
	return pa_context_get_state(source->context) == PA_CONTEXT_READY;
}

static bool is_running(const struct server_source *source)
{
	return pa_stream_get_state(source->stream) == PA_STREAM_READY;
}

static int connect_stream(struct server_source *source, const char *name)
{
	const pa_sample_spec spec = {
		.format = PA_SAMPLE_S16NE, .rate = SOUND_RATE, .channels = SOUND_CHANNELS};
	const pa_buffer_attr buffer = {
		.maxlength = (uint32_t)(SOUND_RATE * BUFFER_MS / 1000 * FRAME_BYTES),
		.tlength = UINT32_MAX,
		.prebuf = UINT32_MAX,
		.minreq = UINT32_MAX,
		.fragsize = SOUND_RECORD_BYTES,
	};
	const pa_stream_flags_t flags = PA_STREAM_DONT_MOVE | PA_STREAM_ADJUST_LATENCY |
					PA_STREAM_INTERPOLATE_TIMING | PA_STREAM_NOT_MONOTONIC |
					PA_STREAM_AUTO_TIMING_UPDATE;

	source->stream = pa_stream_new(source->context, "Sharing the sound", &spec, NULL);
	if (!source->stream)
		return -ENOMEM;
	return pa_stream_connect_record(source->stream, name, &buffer, flags) < 0 ? failure(source)
										  : 0;
}

static void on_event(
	pa_context *context, pa_subscription_event_type_t type, uint32_t index, void *arg)
{
	struct server_source *source = arg;
	(void)context, (void)index;

	if ((type & PA_SUBSCRIPTION_EVENT_FACILITY_MASK) == PA_SUBSCRIPTION_EVENT_SERVER)
		source->has_news = true;
}

/* Without it a new default is found by the old one's silence, as before. */
static void ask_for_news(struct server_source *source)
{
	pa_operation *operation;

	pa_context_set_subscribe_callback(source->context, on_event, source);
	operation = pa_context_subscribe(source->context, PA_SUBSCRIPTION_MASK_SERVER, NULL, NULL);
	if (operation)
		pa_operation_unref(operation);
}

int server_source_open(const char *name, unsigned timeout_ms, struct server_source **out)
{
	struct server_source *source = calloc(1, sizeof(*source));
	uint64_t deadline_ns = clock_monotonic_ns() + timeout_ms * NS_PER_MS;
	int r = -ENOMEM;

	if (!source)
		return -ENOMEM;
	source->loop = pa_mainloop_new();
	if (!source->loop)
		goto fail;
	source->context = pa_context_new(pa_mainloop_get_api(source->loop), "Screenshare");
	if (!source->context)
		goto fail;
	r = -ECONNREFUSED;
	if (pa_context_connect(source->context, NULL, PA_CONTEXT_NOAUTOSPAWN, NULL) < 0)
		goto fail;
	if ((r = wait_until(source, is_connected, deadline_ns)) < 0 ||
		(r = connect_stream(source, name)) < 0 ||
		(r = wait_until(source, is_running, deadline_ns)) < 0)
		goto fail;
	ask_for_news(source);
	*out = source;
	return 0;
fail:
	server_source_close(source);
	return r;
}

void server_source_close(struct server_source *source)
{
	if (!source)
		return;
	if (source->stream) {
		pa_stream_disconnect(source->stream);
		pa_stream_unref(source->stream);
	}
	if (source->context) {
		pa_context_disconnect(source->context);
		pa_context_unref(source->context);
	}
	if (source->loop)
		pa_mainloop_free(source->loop);
	free(source);
}

bool server_source_has_news(struct server_source *source)
{
	bool has_news = source->has_news;

	source->has_news = false;
	return has_news;
}

ssize_t server_source_look(struct server_source *source, int64_t *delay)
{
	pa_usec_t latency_us;
	int is_negative = 0;

	for (unsigned i = 0; i < DISPATCHES_MAX && pa_mainloop_iterate(source->loop, 0, NULL) > 0;
		i++)
		;
	if (pa_stream_get_state(source->stream) != PA_STREAM_READY)
		return -ENODEV;
	size_t bytes = pa_stream_readable_size(source->stream);
	if (bytes == (size_t)-1)
		return -ENODEV;
	ssize_t avail = (ssize_t)(bytes / FRAME_BYTES);
	*delay = avail; /* until the server has said it once */
	if (pa_stream_get_latency(source->stream, &latency_us, &is_negative) == 0) {
		*delay = (int64_t)(latency_us * SOUND_RATE / 1000000);
		if (is_negative)
			*delay = -*delay;
	}
	return avail;
}

/*
 * A piece that was looked at is always taken: libpulse waits for ever, for us, when the server dies
 * while we hold one (pa_memimport_free(), seen).
 */
size_t server_source_read(struct server_source *source, int16_t *frames, size_t max)
{
	size_t n = 0;

	while (n < max) {
		const void *piece = NULL;
		size_t bytes = 0;

		if (pa_stream_peek(source->stream, &piece, &bytes) < 0 || bytes == 0)
			break;
		size_t count = bytes / FRAME_BYTES;
		if (count > max - n)
			count = max - n;
		if (piece)
			memcpy(frames + n * SOUND_CHANNELS, piece, count * FRAME_BYTES);
		else /* a hole */
			memset(frames + n * SOUND_CHANNELS, 0, count * FRAME_BYTES);
		n += count;
		if (pa_stream_drop(source->stream) < 0)
			break;
	}
	return n;
}
