/* SPDX-License-Identifier: MIT */
/*
 *      ┌────────── retry, once a second ──────────┐
 *      ▼                                          │
 *   connecting ──► connected ──► area, memory ──► live ──► (server gone, area gone) ──┘
 *   (thread)        X_REPLY_TIMEOUT for each answer
 *
 * Live, the loop wakes when there is something to look at (capd/screen/x11_capture.h).
 */
#include "capd/screen/x11_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "capd/screen/x11.h"
#include "capd/screen/x11_capture.h"
#include "capd/screen/x11_connector.h"
#include "capd/session/xauthority.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/service.h"

#define RETRY_NS   (1000 * NS_PER_MS)
#define REFUSED_NS (150 * NS_PER_MS)

struct source {
	sd_event *event;
	const struct config *config;
	struct source_listener listener;
	bool is_started;
	unsigned n_refused; /* in a row, by a server that listens */
	bool was_reached; /* since the daemon runs: a display that fails now is lost, not missing */

	struct x11_connector *connector;
	char found_display[XAUTHORITY_DISPLAY_SIZE]; /* by the connector, where none was given */
	sd_event_source *connector_io;
	sd_event_source *timer; /* retry while not connected, else the next thing due */

	bool is_connected;
	sd_event_source *x11_io;
	struct x11_capture capture; /* of what is connected */
};

/* The one that we were told; "": none. */
static const char *given_display(const struct source *source)
{
	const char *name = source->config->screen.display;

	if (!*name)
		name = getenv("DISPLAY");
	return name ? name : "";
}

static const char *display_name(const struct source *source)
{
	const char *name = given_display(source);

	return *name ? name : source->found_display;
}

static void set_timer(struct source *source, uint64_t at_ns)
{
	/* Rounded up: waking before it is due would mean waking twice. */
	sd_event_source_set_time(source->timer, at_ns / NS_PER_US + 1);
	sd_event_source_set_enabled(source->timer, SD_EVENT_ONESHOT);
}

/* Everything of one connection, in reverse order. */
static void disconnect_display(struct source *source)
{
	source->connector_io = sd_event_source_disable_unref(source->connector_io);
	x11_connector_abandon(source->connector);
	source->connector = NULL;
	source->x11_io = sd_event_source_disable_unref(source->x11_io);
	x11_capture_end(&source->capture);
	source->is_connected = false;
}

/* Says what is wrong and tries again in a second. */
static void fail(struct source *source, enum source_state state, const char *words)
{
	disconnect_display(source);
	source->listener.on_state(source->listener.arg, state, words);
	set_timer(source, clock_monotonic_ns() + RETRY_NS);
}

static void capture_failed(struct source *source)
{
	fail(source, source->capture.fault, source->capture.words);
}

static void take_events(struct source *source)
{
	if (x11_capture_take_events(&source->capture))
		set_timer(source, x11_capture_due_ns(&source->capture));
	else
		capture_failed(source);
}

/* --- live --- */

static void look_again(struct source *source)
{
	if (!x11_capture_look(&source->capture))
		capture_failed(source);
	/* The listener may have stopped us; and replies bring events along that wake no fd. */
	else if (source->is_started && source->is_connected)
		take_events(source);
}

static int on_x11_readable(sd_event_source *io, int fd, uint32_t events, void *arg)
{
	(void)io, (void)fd, (void)events;
	take_events(arg);
	return 0;
}

/* --- connecting --- */

static void connect_failed(struct source *source)
{
	const char *display = display_name(source);
	char words[X11_WORDS_MAX];

	bool is_refused = x11_listens_here(display);
	/* A server that is just starting, or resets after its last client, drops whoever comes
	 * then: one refusal is none. */
	if (is_refused && source->n_refused++ == 0) {
		set_timer(source, clock_monotonic_ns() + REFUSED_NS);
		return;
	}
	if (!is_refused)
		source->n_refused = 0;
	if (is_refused) {
		snprintf(words, sizeof(words),
			"The display %.64s refuses this user: set XAUTHORITY, or permit the user "
			"with xhost",
			display);
		fail(source, STATE_NOT_ALLOWED, words);
	} else if (source->was_reached) {
		fail(source, STATE_DISPLAY_LOST, NULL);
	} else if (!*display && getenv("WAYLAND_DISPLAY")) {
		fail(source, STATE_WAYLAND, NULL);
	} else if (!*display) {
		fail(source, STATE_NO_DISPLAY,
			"No display is set: DISPLAY is empty, and so is [screen] display");
	} else {
		snprintf(words, sizeof(words), "The display %.64s cannot be reached", display);
		fail(source, STATE_NO_DISPLAY, words);
	}
}

static void set_up_display(struct source *source, xcb_connection_t *connection)
{
	bool is_fit = x11_capture_connect(&source->capture, connection, display_name(source));

	source->is_connected = true;
	if (!is_fit) {
		capture_failed(source);
		return;
	}
	int r = sd_event_add_io(source->event, &source->x11_io, x11_capture_fd(&source->capture),
		EPOLLIN, on_x11_readable, source);
	if (r < 0) {
		log_err("Could not watch the display: %s", strerror(-r));
		fail(source, STATE_NO_MEMORY, NULL);
		return;
	}
	if (!source->was_reached)
		service_notify_display_reached();
	source->was_reached = true;
	source->n_refused = 0;
	if (x11_capture_start(&source->capture))
		look_again(source);
	else
		capture_failed(source);
}

static int on_connector(sd_event_source *io, int fd, uint32_t events, void *arg)
{
	struct source *source = arg;
	struct x11_connector *connector = source->connector;
	(void)io, (void)fd, (void)events;

	source->connector = NULL;
	source->connector_io = sd_event_source_disable_unref(source->connector_io);
	snprintf(source->found_display, sizeof(source->found_display), "%s",
		x11_connector_display(connector));
	xcb_connection_t *connection = x11_connector_finish(connector);
	if (connection)
		set_up_display(source, connection);
	else
		connect_failed(source);
	return 0;
}

static void connect_display(struct source *source)
{
	int r;

	source->found_display[0] = '\0';
	if (!*given_display(source) && getenv("WAYLAND_DISPLAY")) {
		connect_failed(source);
		return;
	}
	r = x11_connector_start(given_display(source), &source->connector);
	if (r == 0)
		r = sd_event_add_io(source->event, &source->connector_io,
			x11_connector_fd(source->connector), EPOLLIN, on_connector, source);
	if (r < 0) {
		log_err("Could not connect to the display: %s", strerror(-r));
		fail(source, STATE_NO_MEMORY, NULL);
		return;
	}
	set_timer(source, clock_monotonic_ns() + X11_REPLY_TIMEOUT_MS * NS_PER_MS);
}

static int on_timer(sd_event_source *timer, uint64_t now_us, void *arg)
{
	struct source *source = arg;
	(void)timer, (void)now_us;

	if (source->is_connected) {
		look_again(source);
	} else if (source->connector) {
		/* It accepted and says nothing.  The attempt goes on: it is over when the server
		 * speaks. */
		source->listener.on_state(
			source->listener.arg, STATE_DISPLAY_LOST, "The display does not answer");
	} else {
		connect_display(source);
	}
	return 0;
}

/* --- the interface --- */

static int create(sd_event *event, const struct config *config,
	const struct source_listener *listener, struct source **out)
{
	struct source *source = calloc(1, sizeof(*source));
	int r;

	if (!source)
		return -ENOMEM;
	source->event = event;
	source->config = config;
	source->listener = *listener;
	x11_capture_init(&source->capture, config, listener);
	r = sd_event_add_time(event, &source->timer, CLOCK_MONOTONIC, 0, 1, on_timer, source);
	if (r >= 0)
		r = sd_event_source_set_enabled(source->timer, SD_EVENT_OFF);
	if (r < 0) {
		x11_source_ops.destroy(source);
		return r;
	}
	*out = source;
	return 0;
}

static void start(struct source *source)
{
	if (source->is_started)
		return;
	source->is_started = true;
	connect_display(source);
}

static void stop(struct source *source)
{
	source->is_started = false;
	disconnect_display(source);
	sd_event_source_set_enabled(source->timer, SD_EVENT_OFF);
}

static void set_rate(struct source *source, uint32_t millihertz)
{
	x11_capture_set_rate(&source->capture, millihertz);
}

static void destroy(struct source *source)
{
	if (!source)
		return;
	disconnect_display(source);
	sd_event_source_disable_unref(source->timer);
	free(source);
}

const struct source_ops x11_source_ops = {
	.name = "x11",
	.create = create,
	.start = start,
	.stop = stop,
	.set_rate = set_rate,
	.destroy = destroy,
};
