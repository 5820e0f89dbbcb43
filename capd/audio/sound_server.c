/* SPDX-License-Identifier: MIT */
#include "capd/audio/sound_server.h"

#include <errno.h>
#include <pulse/context.h>
#include <pulse/error.h>
#include <pulse/introspect.h>
#include <pulse/mainloop.h>
#include <stdint.h>
#include <stdio.h>

#include "common/clock.h"

struct question {
	struct sound_server_defaults *defaults;
	char sink[SOUND_SERVER_NAME_MAX];
	pa_mainloop *loop;
	pa_context *context;
	bool is_answered;
	unsigned n_open; /* answers that are still to come */
};

static void copy(char to[SOUND_SERVER_NAME_MAX], const char *from)
{
	snprintf(to, SOUND_SERVER_NAME_MAX, "%s", from ? from : "");
}

static void answered(struct question *question)
{
	question->is_answered = --question->n_open == 0;
}

static void ask(struct question *question, pa_operation *operation)
{
	if (!operation)
		return;
	question->n_open++;
	pa_operation_unref(operation);
}

static void on_sink(pa_context *context, const pa_sink_info *info, int end, void *arg)
{
	struct question *question = arg;
	(void)context;

	if (end)
		answered(question); /* its end, or that there is none */
	else
		copy(question->defaults->monitor, info->monitor_source_name);
}

static void on_source(pa_context *context, const pa_source_info *info, int end, void *arg)
{
	struct question *question = arg;
	(void)context;

	if (end)
		answered(question);
	else
		question->defaults->source_is_monitor = info->monitor_of_sink != PA_INVALID_INDEX;
}

static void on_server(pa_context *context, const pa_server_info *info, void *arg)
{
	struct question *question = arg;

	if (info) {
		copy(question->sink, info->default_sink_name);
		copy(question->defaults->source, info->default_source_name);
	}
	if (question->sink[0])
		ask(question, pa_context_get_sink_info_by_name(
				      context, question->sink, on_sink, question));
	if (question->defaults->source[0])
		ask(question, pa_context_get_source_info_by_name(
				      context, question->defaults->source, on_source, question));
	answered(question);
}

static void on_state(pa_context *context, void *arg)
{
	struct question *question = arg;

	if (pa_context_get_state(context) == PA_CONTEXT_READY)
		ask(question, pa_context_get_server_info(context, on_server, question));
}

/* 0 or -errno, once answered or past the deadline. */
static int converse(struct question *question, uint64_t deadline_ns)
{
	while (!question->is_answered) {
		uint64_t now_ns = clock_monotonic_ns();

		if (!PA_CONTEXT_IS_GOOD(pa_context_get_state(question->context)))
			return -ECONNREFUSED;
		if (now_ns >= deadline_ns)
			return -ETIMEDOUT;
		if (pa_mainloop_prepare(
			    question->loop, (int)((deadline_ns - now_ns) / NS_PER_US) + 1) < 0 ||
			pa_mainloop_poll(question->loop) < 0 ||
			pa_mainloop_dispatch(question->loop) < 0)
			return -ECONNREFUSED;
	}
	return 0;
}

int sound_server_ask(struct sound_server_defaults *defaults, unsigned timeout_ms)
{
	struct question question = {.defaults = defaults};
	uint64_t deadline_ns = clock_monotonic_ns() + timeout_ms * NS_PER_MS;
	int r = -ENOMEM;

	*defaults = (struct sound_server_defaults){0};
	question.loop = pa_mainloop_new();
	if (!question.loop)
		return -ENOMEM;
	question.context = pa_context_new(pa_mainloop_get_api(question.loop), "Screenshare");
	if (!question.context)
		goto out;
	pa_context_set_state_callback(question.context, on_state, &question);
	r = -ECONNREFUSED;
	if (pa_context_connect(question.context, NULL, PA_CONTEXT_NOAUTOSPAWN, NULL) >= 0)
		r = converse(&question, deadline_ns);
	pa_context_set_state_callback(question.context, NULL, NULL);
	pa_context_disconnect(question.context);
	pa_context_unref(question.context);
out:
	pa_mainloop_free(question.loop);
	return r;
}
