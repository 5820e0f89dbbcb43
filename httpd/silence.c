/* SPDX-License-Identifier: MIT */
#include "httpd/silence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event_struct.h>

#include "common/clock.h"

#define LOOK_MS     20u /* while there is silence, so often some of it is due */
#define HOLE_MAX_NS NS_PER_S

/*
 * Opus for 20 ms of stereo silence: what libopus makes of zeroes, a packet of the TOC 0xfc (CELT,
 * full band, 20 ms, stereo, one frame: RFC 6716, 3.1) whose first bit says "silence" (4.3.1).
 */
static const uint8_t opus_silence[] = {0xfc, 0xff, 0xfe};

struct silence {
	enum stream_id stream;
	void (*on_silence)(void *arg, struct frame *frame);
	void *arg;
	struct event timer;
	uint64_t record_ns; /* length of one record */
	uint64_t next_ns;   /* pts of what follows the newest; 0: nothing has come yet */
	uint64_t heard_ns;  /* when the newest came, or somebody began to listen */
	bool is_started;
};

static void arm(struct silence *silence, uint64_t in_ns)
{
	const struct timeval delay = {.tv_sec = (time_t)(in_ns / NS_PER_S),
		.tv_usec = (suseconds_t)(in_ns % NS_PER_S / NS_PER_US) + 1};

	event_add(&silence->timer, &delay);
}

static struct frame *make_frame(const struct silence *silence, uint64_t pts_ns)
{
	bool is_opus = silence->stream == STREAM_OPUS;
	struct frame *frame = frame_create(is_opus ? sizeof(opus_silence) : SOUND_RECORD_BYTES);

	if (!frame)
		return NULL;
	if (is_opus)
		memcpy(frame->data, opus_silence, sizeof(opus_silence));
	else
		memset(frame->data, 0, frame->len);
	frame->kind = RECORD_SOUND;
	frame->is_state = true;
	frame->pts_ns = pts_ns;
	frame->width = SOUND_RATE;
	frame->height = SOUND_CHANNELS;
	return frame;
}

/* From the newest record's end up to `until_ns`, whole records only. */
static void fill(struct silence *silence, uint64_t until_ns)
{
	while (silence->is_started && silence->next_ns + silence->record_ns <= until_ns) {
		struct frame *frame = make_frame(silence, silence->next_ns);

		if (!frame)
			return;
		silence->next_ns += silence->record_ns;
		silence->on_silence(silence->arg, frame);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct silence *silence = arg;
	uint64_t now = clock_monotonic_ns(), after = SILENCE_AFTER_MS * NS_PER_MS;
	uint64_t until = now - SILENCE_BEHIND_MS * NS_PER_MS;

	(void)fd, (void)what;
	if (now - silence->heard_ns < after) { /* left to fire early, rather than moved by each */
		arm(silence, silence->heard_ns + after - now);
		return;
	}
	/* Whoever slept for long (a suspended machine) is not buried in silence. */
	if (silence->next_ns == 0 || silence->next_ns + HOLE_MAX_NS < until)
		silence->next_ns = until - silence->record_ns;
	fill(silence, until);
	if (silence->is_started)
		arm(silence, LOOK_MS * NS_PER_MS);
}

bool silence_heard(struct silence *silence, uint64_t pts_ns)
{
	uint64_t now = clock_monotonic_ns();

	if (pts_ns + silence->record_ns / 2 < silence->next_ns)
		return false;
	/* A hole before it, such as the last bit of its daemon's absence. */
	if (silence->next_ns != 0 && pts_ns < now && pts_ns - silence->next_ns < HOLE_MAX_NS)
		fill(silence, pts_ns + silence->record_ns / 2);
	/* Who dates sound in the future must not silence what others say in the present. */
	silence->next_ns = (pts_ns < now ? pts_ns : now) + silence->record_ns;
	silence->heard_ns = now;
	return true;
}

void silence_start(struct silence *silence)
{
	silence->is_started = true;
	silence->next_ns = 0;
	silence->heard_ns = clock_monotonic_ns();
	arm(silence, SILENCE_AFTER_MS * NS_PER_MS);
}

void silence_stop(struct silence *silence)
{
	silence->is_started = false;
	event_del(&silence->timer);
}

int silence_create(struct event_base *base, enum stream_id stream,
	void (*on_silence)(void *arg, struct frame *frame), void *arg, struct silence **out)
{
	struct silence *silence = calloc(1, sizeof(*silence));

	if (!silence)
		return -ENOMEM;
	silence->stream = stream;
	silence->on_silence = on_silence;
	silence->arg = arg;
	silence->record_ns = (stream == STREAM_OPUS ? OPUS_RECORD_MS : SOUND_RECORD_MS) * NS_PER_MS;
	evtimer_assign(&silence->timer, base, on_timer, silence);
	*out = silence;
	return 0;
}

void silence_destroy(struct silence *silence)
{
	if (!silence)
		return;
	event_del(&silence->timer);
	free(silence);
}
