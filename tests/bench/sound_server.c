/* SPDX-License-Identifier: MIT */
#include "tests/bench/sound_server.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "tests/bench/die.h"

#define LOOK_US 20000u

static void on_context(pa_context *context, void *arg)
{
	struct sound_server *server = arg;
	(void)context;
	pa_threaded_mainloop_signal(server->loop, 0);
}

void sound_server_open(struct sound_server *server, const char *name)
{
	server->loop = pa_threaded_mainloop_new();
	server->context = server->loop
				  ? pa_context_new(pa_threaded_mainloop_get_api(server->loop), name)
				  : NULL;
	if (!server->context)
		die("Out of memory");
	pa_context_set_state_callback(server->context, on_context, server);
	if (pa_context_connect(server->context, NULL, PA_CONTEXT_NOAUTOSPAWN, NULL) < 0 ||
		pa_threaded_mainloop_start(server->loop) < 0)
		die("Could not reach the sound server");
	pa_threaded_mainloop_lock(server->loop);
	for (pa_context_state_t state;
		(state = pa_context_get_state(server->context)) != PA_CONTEXT_READY;) {
		if (!PA_CONTEXT_IS_GOOD(state))
			die("Could not reach the sound server: %s",
				pa_strerror(pa_context_errno(server->context)));
		pa_threaded_mainloop_wait(server->loop);
	}
}

void sound_server_close(struct sound_server *server)
{
	pa_context_disconnect(server->context);
	pa_context_unref(server->context);
	pa_threaded_mainloop_unlock(server->loop);
	pa_threaded_mainloop_stop(server->loop);
	pa_threaded_mainloop_free(server->loop);
}

static void on_timing(pa_stream *pa, int success, void *arg)
{
	struct sound_stream *stream = arg;
	pa_usec_t position_us;

	/* The position that the answer gives is brought to now by half of its way there and back.
	 */
	if (success && pa_stream_get_time(pa, &position_us) >= 0 && position_us > 0)
		stream->looks_us[stream->n_looks++ % CLOCK_LOOKS] =
			(int64_t)(clock_monotonic_ns() / NS_PER_US) - (int64_t)position_us;
	pa_threaded_mainloop_signal(stream->server->loop, 0);
}

static void on_timer(
	pa_mainloop_api *api, pa_time_event *event, const struct timeval *now, void *arg)
{
	struct sound_stream *stream = arg;
	(void)api, (void)event, (void)now;

	pa_operation *asked = pa_stream_update_timing_info(stream->pa, on_timing, stream);
	if (asked)
		pa_operation_unref(asked);
	pa_context_rttime_restart(
		stream->server->context, stream->timer, pa_rtclock_now() + LOOK_US);
}

static void on_stream(pa_stream *pa, void *arg)
{
	struct sound_stream *stream = arg;

	if (pa_stream_get_state(pa) == PA_STREAM_FAILED)
		die("The sound server closed the stream: %s",
			pa_strerror(pa_context_errno(stream->server->context)));
	pa_threaded_mainloop_signal(stream->server->loop, 0);
}

void sound_stream_open(struct sound_stream *stream, struct sound_server *server, unsigned channels)
{
	pa_sample_spec spec = {
		.format = PA_SAMPLE_S16LE, .rate = SOUND_HZ, .channels = (uint8_t)channels};

	*stream = (struct sound_stream){.server = server, .channels = channels};
	stream->pa = pa_stream_new(server->context, "bench", &spec, NULL);
	if (!stream->pa)
		die("Out of memory");
	pa_stream_set_state_callback(stream->pa, on_stream, stream);
}

void sound_stream_wait(struct sound_stream *stream)
{
	while (pa_stream_get_state(stream->pa) != PA_STREAM_READY)
		pa_threaded_mainloop_wait(stream->server->loop);
	stream->timer = pa_context_rttime_new(
		stream->server->context, pa_rtclock_now() + LOOK_US, on_timer, stream);
	/* The first few are from before the device had begun. */
	while (stream->n_looks < CLOCK_LOOKS)
		pa_threaded_mainloop_wait(stream->server->loop);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

int64_t sound_stream_offset_us(const struct sound_stream *stream)
{
	int64_t sorted[CLOCK_LOOKS];

	memcpy(sorted, stream->looks_us, sizeof(sorted));
	qsort(sorted, CLOCK_LOOKS, sizeof(*sorted), compare);
	return sorted[CLOCK_LOOKS / 2];
}
