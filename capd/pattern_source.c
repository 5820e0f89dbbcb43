/* SPDX-License-Identifier: MIT */
#include "capd/pattern_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capd/pattern.h"
#include "common/capsock.h"
#include "common/clock.h"

struct source {
	uint32_t width, height;
	struct source_listener listener;
	sd_event_source *timer;
	uint64_t interval_ns, due_ns;
	struct picture picture; /* memory only while started */
	bool is_first;
	char reason[CAPSOCK_WORDS_MAX + 1];
};

void pattern_source_set_reason(struct source *source, const char *reason)
{
	snprintf(source->reason, sizeof(source->reason), "%s", reason ? reason : "");
	source->is_first = true;
}

static void set_timer(struct source *source)
{
	sd_event_source_set_time(source->timer, source->due_ns / NS_PER_US + 1);
	sd_event_source_set_enabled(source->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *timer, uint64_t now_us, void *arg)
{
	struct source *source = arg;
	uint64_t now = clock_monotonic_ns();
	struct source_frame frame = {.picture = source->picture, .pts_ns = now};
	(void)timer, (void)now_us;

	pattern_draw(&source->picture, now, *source->reason ? source->reason : NULL,
		source->is_first, &frame.damage);
	if (source->is_first)
		frame.damage = (struct box){
			0, 0, (int32_t)source->picture.width, (int32_t)source->picture.height};
	source->is_first = false;
	/* On the beat, but never in a rush to catch up with what was missed. */
	source->due_ns += source->interval_ns;
	if (source->due_ns < now)
		source->due_ns = now + source->interval_ns;
	set_timer(source);
	source->listener.on_frame(source->listener.arg, &frame);
	return 0;
}

int pattern_source_create(sd_event *event, uint32_t width, uint32_t height, uint32_t millihertz,
	const struct source_listener *listener, struct source **out)
{
	struct source *source = calloc(1, sizeof(*source));
	int r;

	if (!source)
		return -ENOMEM;
	source->width = width;
	source->height = height;
	source->listener = *listener;
	source->interval_ns = 1000 * NS_PER_S / millihertz;
	r = sd_event_add_time(event, &source->timer, CLOCK_MONOTONIC, 0, 1, on_timer, source);
	if (r >= 0)
		r = sd_event_source_set_enabled(source->timer, SD_EVENT_OFF);
	if (r < 0) {
		pattern_source_ops.destroy(source);
		return r;
	}
	*out = source;
	return 0;
}

static int create(sd_event *event, const struct config *config,
	const struct source_listener *listener, struct source **out)
{
	return pattern_source_create(event, config->screen.pattern_width,
		config->screen.pattern_height, config->screen.rate * 1000, listener, out);
}

static void start(struct source *source)
{
	struct picture *picture = &source->picture;
	char words[CAPSOCK_WORDS_MAX];

	if (picture->pixels)
		return;
	picture->width = source->width;
	picture->height = source->height;
	picture->stride = (size_t)picture->width * 4;
	picture->pixels = calloc(picture->height, picture->stride);
	if (!picture->pixels) {
		source->listener.on_state(source->listener.arg, STATE_NO_MEMORY, NULL);
		return;
	}
	snprintf(words, sizeof(words), "Test picture, %ux%u", picture->width, picture->height);
	source->listener.on_state(source->listener.arg, STATE_LIVE, words);
	source->is_first = true;
	source->due_ns = clock_monotonic_ns();
	set_timer(source);
}

static void stop(struct source *source)
{
	sd_event_source_set_enabled(source->timer, SD_EVENT_OFF);
	free(source->picture.pixels);
	source->picture.pixels = NULL;
}

static void set_rate(struct source *source, uint32_t millihertz)
{
	source->interval_ns = 1000 * NS_PER_S / (millihertz ? millihertz : 1);
}

static void destroy(struct source *source)
{
	if (!source)
		return;
	sd_event_source_disable_unref(source->timer);
	free(source->picture.pixels);
	free(source);
}

const struct source_ops pattern_source_ops = {
	.name = "pattern",
	.create = create,
	.start = start,
	.stop = stop,
	.set_rate = set_rate,
	.destroy = destroy,
};
