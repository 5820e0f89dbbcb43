/* SPDX-License-Identifier: MIT */
/*
 *      ┌────────── retry, once a second ──────────┐
 *      ▼                                          │
 *   connecting ──► connected ──► area, memory ──► live ──► (server gone, area gone) ──┘
 *   (thread)        X_REPLY_TIMEOUT for each answer
 *
 * Live, the loop wakes when there is something to look at (capd/screen/look.h).
 */
#include "capd/screen/x11_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <xcb/damage.h>
#include <xcb/randr.h>
#include <xcb/xfixes.h>

#include "capd/screen/cursor.h"
#include "capd/screen/grab.h"
#include "capd/screen/look.h"
#include "capd/screen/x11.h"
#include "capd/screen/x11_connector.h"
#include "capd/session/xauthority.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/service.h"

#define RETRY_NS   (1000 * NS_PER_MS)
#define REFUSED_NS (150 * NS_PER_MS)
#define STALE_MAX  20 /* grabs in a row outside the root, while it is being resized */

struct source {
	sd_event *event;
	const struct config *config;
	struct source_listener listener;
	bool is_started;
	unsigned n_refused; /* in a row, by a server that listens */
	bool was_reached; /* since the daemon runs: a display that fails now is lost, not missing */
	uint32_t rate_millihertz;

	struct x11_connector *connector;
	char found_display[XAUTHORITY_DISPLAY_SIZE]; /* by the connector, where none was given */
	sd_event_source *connector_io;
	sd_event_source *timer; /* retry while not connected, else the next thing due */

	bool is_connected, is_live;
	struct x11 x11;
	sd_event_source *x11_io;
	xcb_damage_damage_t damage_id;
	struct grab grab;
	struct cursor_tracker pointer;
	struct look look;
	bool area_is_stale;
	unsigned n_stale;
};

static void connect_display(struct source *source);

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
	cursor_tracker_fini(&source->pointer);
	grab_fini(&source->grab);
	x11_fini(&source->x11);
	source->damage_id = 0;
	source->is_connected = source->is_live = false;
}

/* Says what is wrong and tries again in a second. */
static void fail(struct source *source, enum source_state state, const char *words)
{
	disconnect_display(source);
	source->listener.on_state(source->listener.arg, state, words);
	set_timer(source, clock_monotonic_ns() + RETRY_NS);
}

static void lost(struct source *source)
{
	bool was_silent = source->is_connected && source->x11.timed_out;

	fail(source, STATE_DISPLAY_LOST, was_silent ? "The display does not answer" : NULL);
}

/* --- live --- */

/* (Re)makes what depends on the captured rectangle.  False: failed, and said so. */
static bool prepare_area(struct source *source)
{
	char words[X11_WORDS_MAX];
	struct x11_area area;
	enum source_state state =
		x11_find_area(&source->x11, source->config->screen.monitor, &area, words);

	source->area_is_stale = false;
	if (state != STATE_LIVE) {
		fail(source, state, words);
		return false;
	}
	const struct x11_area *old = &source->grab.area;
	if (source->grab.picture.pixels && old->x == area.x && old->y == area.y &&
		old->width == area.width && old->height == area.height)
		return true;
	cursor_tracker_fini(&source->pointer);
	grab_fini(&source->grab);
	int r = grab_init(&source->grab, &source->x11, &area);
	if (r < 0) {
		fail(source, r == -ENOMEM ? STATE_NO_MEMORY : STATE_DISPLAY_LOST, NULL);
		return false;
	}
	look_resize(&source->look, area.width, area.height, source->rate_millihertz);
	cursor_tracker_init(&source->pointer, &source->x11, &area);
	source->is_live = false; /* until the first whole grab */
	return true;
}

static void take_event(struct source *source, const xcb_generic_event_t *event, uint64_t now_ns)
{
	const struct x11 *x11 = &source->x11;
	uint8_t type = event->response_type & 0x7f;

	if (x11->has_damage && type == x11->damage_event + XCB_DAMAGE_NOTIFY) {
		const xcb_damage_notify_event_t *notify = (const void *)event;
		const xcb_rectangle_t *a = &notify->area;
		struct box box = {
			.x0 = a->x - source->grab.area.x, .y0 = a->y - source->grab.area.y};

		box.x1 = box.x0 + a->width;
		box.y1 = box.y0 + a->height;
		box = box_clip(&box, source->grab.area.width, source->grab.area.height);
		damage_note(&source->look.damage, &box, now_ns);
	} else if (x11->has_fixes && type == x11->fixes_event + XCB_XFIXES_CURSOR_NOTIFY) {
		cursor_tracker_shape_changed(&source->pointer);
	} else if (type == XCB_CONFIGURE_NOTIFY) {
		source->area_is_stale |=
			((const xcb_configure_notify_event_t *)event)->window == x11->root;
	} else if (x11->has_randr && (type == x11->randr_event + XCB_RANDR_SCREEN_CHANGE_NOTIFY ||
					     type == x11->randr_event + XCB_RANDR_NOTIFY)) {
		source->area_is_stale = true;
	}
}

/* Events that came, also those that came together with a reply.  False: the display failed. */
static bool take_events(struct source *source)
{
	xcb_generic_event_t *event;
	uint64_t now = clock_monotonic_ns();

	while ((event = xcb_poll_for_event(source->x11.connection))) {
		take_event(source, event, now);
		free(event);
	}
	if (x11_is_lost(&source->x11)) {
		lost(source);
		return false;
	}
	return !source->area_is_stale || prepare_area(source);
}

static void go_live(struct source *source)
{
	char words[X11_WORDS_MAX];

	snprintf(words, sizeof(words), "Display %.64s, %ux%u", display_name(source),
		source->grab.area.width, source->grab.area.height);
	source->is_live = true;
	source->listener.on_state(source->listener.arg, STATE_LIVE, words);
}

/* A grab failed: the display is gone, or its size is on the move.  False: the display failed. */
static bool grab_failed(struct source *source, int r)
{
	if (r == -ESTALE && source->n_stale++ < STALE_MAX) {
		if (!prepare_area(source))
			return false;
		look_note_whole(&source->look, clock_monotonic_ns());
		return true;
	}
	lost(source);
	return false;
}

/*
 * Takes one frame: what has been damaged (or nothing but the pointer) as it is now.  The damage is
 * subtracted before the pixels are read, so that what is drawn meanwhile counts again.
 */
static bool take_frame(struct source *source)
{
	uint64_t now = clock_monotonic_ns();
	struct box box = look_take(&source->look, now);
	bool with_pointer = source->config->screen.cursor;
	int r;

	if (with_pointer)
		cursor_tracker_ask(&source->pointer);
	if (!box_is_empty(&box)) {
		if (source->damage_id)
			xcb_damage_subtract(
				source->x11.connection, source->damage_id, XCB_NONE, XCB_NONE);
		r = grab_rows(&source->grab, box.y0, box.y1);
		if (r < 0)
			return grab_failed(source, r);
		source->n_stale = 0;
		/* whole rows came: all of them may be compared */
		box.x0 = 0;
		box.x1 = source->grab.area.width;
	}
	if (with_pointer)
		cursor_tracker_poll(&source->pointer);
	if (!source->is_live) {
		if (source->x11.is_xwayland && grab_is_black(&source->grab)) {
			source->listener.on_state(source->listener.arg, STATE_WAYLAND, NULL);
			return true; /* looked at again with the next whole grab */
		}
		go_live(source);
	}
	look_taken(&source->look, now, !box_is_empty(&box));
	const struct source_frame frame = {
		.picture = source->grab.picture,
		.damage = box,
		.cursor = source->pointer.cursor,
		.pts_ns = now,
	};
	look_spend(&source->look, now, source->listener.on_frame(source->listener.arg, &frame));
	return true;
}

static void look_again(struct source *source)
{
	uint64_t now = clock_monotonic_ns();

	look_wake(&source->look, now, source->is_live);
	if (source->is_live && look_wants_pointer(&source->look, now))
		look_pointer(&source->look, now, cursor_tracker_poll(&source->pointer));
	if (look_is_due(&source->look, now) && !take_frame(source))
		return;
	/* The listener may have stopped us; and replies bring events along that wake no fd. */
	if (source->is_started && source->is_connected && take_events(source))
		set_timer(source, look_due_ns(&source->look));
}

static int on_x11_readable(sd_event_source *io, int fd, uint32_t events, void *arg)
{
	struct source *source = arg;
	(void)io, (void)fd, (void)events;

	if (take_events(source))
		set_timer(source, look_due_ns(&source->look));
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
	char words[X11_WORDS_MAX];
	enum source_state state = x11_init(&source->x11, connection, display_name(source), words);

	source->is_connected = true;
	if (state != STATE_LIVE) {
		fail(source, state, words);
		return;
	}
	int r = sd_event_add_io(source->event, &source->x11_io, xcb_get_file_descriptor(connection),
		EPOLLIN, on_x11_readable, source);
	if (r < 0) {
		log_err("Could not watch the display: %s", strerror(-r));
		fail(source, STATE_NO_MEMORY, NULL);
		return;
	}
	if (!source->was_reached)
		service_notify_display_reached();
	source->was_reached = true;
	x11_watch_area(&source->x11);
	if (source->x11.has_damage) {
		source->damage_id = xcb_generate_id(connection);
		xcb_damage_create(connection, source->damage_id, source->x11.root,
			XCB_DAMAGE_REPORT_LEVEL_BOUNDING_BOX);
	}
	source->n_refused = 0;
	source->n_stale = 0;
	look_init(&source->look, source->damage_id != 0,
		source->config->screen.cursor && source->x11.has_fixes);
	if (prepare_area(source))
		look_again(source);
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
	source->rate_millihertz = config->screen.rate * 1000;
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
	source->rate_millihertz = millihertz;
	damage_set_rate(&source->look.damage, millihertz);
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
