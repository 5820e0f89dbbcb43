/* SPDX-License-Identifier: MIT */
#include "capd/screen/x11_capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <xcb/randr.h>
#include <xcb/xfixes.h>

#include "common/clock.h"

#define STALE_MAX 20 /* grabs in a row outside the root, while it is being resized */

static bool fail(struct x11_capture *capture, enum source_state state, const char *words)
{
	capture->fault = state;
	capture->words = words;
	return false;
}

static bool lost(struct x11_capture *capture)
{
	return fail(capture, STATE_DISPLAY_LOST,
		capture->x11.timed_out ? "The display does not answer" : NULL);
}

/* (Re)makes what depends on the captured rectangle.  False: failed. */
static bool prepare_area(struct x11_capture *capture)
{
	struct x11_area area;
	enum source_state state = x11_find_area(
		&capture->x11, capture->config->screen.monitor, &area, capture->words_room);

	capture->area_is_stale = false;
	if (state != STATE_LIVE)
		return fail(capture, state, capture->words_room);
	const struct x11_area *old = &capture->grab.area;
	if (capture->grab.picture.pixels && old->x == area.x && old->y == area.y &&
		old->width == area.width && old->height == area.height)
		return true;
	cursor_tracker_fini(&capture->pointer);
	grab_fini(&capture->grab);
	int r = grab_init(&capture->grab, &capture->x11, &area);
	if (r < 0)
		return fail(capture, r == -ENOMEM ? STATE_NO_MEMORY : STATE_DISPLAY_LOST, NULL);
	look_resize(&capture->look, area.width, area.height, capture->rate_millihertz);
	cursor_tracker_init(&capture->pointer, &capture->x11, &area);
	capture->is_live = false; /* until the first whole grab */
	return true;
}

static void take_event(
	struct x11_capture *capture, const xcb_generic_event_t *event, uint64_t now_ns)
{
	const struct x11 *x11 = &capture->x11;
	uint8_t type = event->response_type & 0x7f;

	if (x11->has_damage && type == x11->damage_event + XCB_DAMAGE_NOTIFY) {
		const xcb_damage_notify_event_t *notify = (const void *)event;
		const xcb_rectangle_t *a = &notify->area;
		struct box box = {
			.x0 = a->x - capture->grab.area.x, .y0 = a->y - capture->grab.area.y};

		box.x1 = box.x0 + a->width;
		box.y1 = box.y0 + a->height;
		box = box_clip(&box, capture->grab.area.width, capture->grab.area.height);
		damage_note(&capture->look.damage, &box, now_ns);
	} else if (x11->has_fixes && type == x11->fixes_event + XCB_XFIXES_CURSOR_NOTIFY) {
		cursor_tracker_shape_changed(&capture->pointer);
	} else if (type == XCB_CONFIGURE_NOTIFY) {
		capture->area_is_stale |=
			((const xcb_configure_notify_event_t *)event)->window == x11->root;
	} else if (x11->has_randr && (type == x11->randr_event + XCB_RANDR_SCREEN_CHANGE_NOTIFY ||
					     type == x11->randr_event + XCB_RANDR_NOTIFY)) {
		capture->area_is_stale = true;
	}
}

bool x11_capture_take_events(struct x11_capture *capture)
{
	xcb_generic_event_t *event;
	uint64_t now = clock_monotonic_ns();

	while ((event = xcb_poll_for_event(capture->x11.connection))) {
		take_event(capture, event, now);
		free(event);
	}
	if (x11_is_lost(&capture->x11))
		return lost(capture);
	return !capture->area_is_stale || prepare_area(capture);
}

static void go_live(struct x11_capture *capture)
{
	char words[X11_WORDS_MAX];

	snprintf(words, sizeof(words), "Display %.64s, %ux%u", capture->display,
		capture->grab.area.width, capture->grab.area.height);
	capture->is_live = true;
	capture->listener.on_state(capture->listener.arg, STATE_LIVE, words);
}

/* A grab failed: the display is gone, or its size is on the move.  False: the display failed. */
static bool grab_failed(struct x11_capture *capture, int r)
{
	if (r == -ESTALE && capture->n_stale++ < STALE_MAX) {
		if (!prepare_area(capture))
			return false;
		look_note_whole(&capture->look, clock_monotonic_ns());
		return true;
	}
	return lost(capture);
}

/*
 * Takes one frame: what has been damaged (or nothing but the pointer) as it is now.  The damage is
 * subtracted before the pixels are read, so that what is drawn meanwhile counts again.
 */
static bool take_frame(struct x11_capture *capture)
{
	uint64_t now = clock_monotonic_ns();
	struct box box = look_take(&capture->look, now);
	bool with_pointer = capture->config->screen.cursor;
	int r;

	if (with_pointer)
		cursor_tracker_ask(&capture->pointer);
	if (!box_is_empty(&box)) {
		if (capture->damage_id)
			xcb_damage_subtract(
				capture->x11.connection, capture->damage_id, XCB_NONE, XCB_NONE);
		r = grab_rows(&capture->grab, box.y0, box.y1);
		if (r < 0)
			return grab_failed(capture, r);
		capture->n_stale = 0;
		/* whole rows came: all of them may be compared */
		box.x0 = 0;
		box.x1 = capture->grab.area.width;
	}
	if (with_pointer)
		cursor_tracker_poll(&capture->pointer);
	if (!capture->is_live) {
		if (capture->x11.is_xwayland && grab_is_black(&capture->grab)) {
			capture->listener.on_state(capture->listener.arg, STATE_WAYLAND, NULL);
			return true; /* looked at again with the next whole grab */
		}
		go_live(capture);
	}
	look_taken(&capture->look, now, !box_is_empty(&box));
	const struct source_frame frame = {
		.picture = capture->grab.picture,
		.damage = box,
		.cursor = capture->pointer.cursor,
		.pts_ns = now,
	};
	look_spend(&capture->look, now, capture->listener.on_frame(capture->listener.arg, &frame));
	return true;
}

bool x11_capture_look(struct x11_capture *capture)
{
	uint64_t now = clock_monotonic_ns();

	look_wake(&capture->look, now, capture->is_live);
	if (capture->is_live && look_wants_pointer(&capture->look, now))
		look_pointer(&capture->look, now, cursor_tracker_poll(&capture->pointer));
	return !look_is_due(&capture->look, now) || take_frame(capture);
}

uint64_t x11_capture_due_ns(const struct x11_capture *capture)
{
	return look_due_ns(&capture->look);
}

void x11_capture_init(struct x11_capture *capture, const struct config *config,
	const struct source_listener *listener)
{
	*capture = (struct x11_capture){.config = config,
		.listener = *listener,
		.rate_millihertz = config->screen.rate * 1000};
}

void x11_capture_set_rate(struct x11_capture *capture, uint32_t millihertz)
{
	capture->rate_millihertz = millihertz;
	damage_set_rate(&capture->look.damage, millihertz);
}

bool x11_capture_connect(
	struct x11_capture *capture, xcb_connection_t *connection, const char *display)
{
	capture->display = display;
	enum source_state state = x11_init(&capture->x11, connection, display, capture->words_room);
	return state == STATE_LIVE || fail(capture, state, capture->words_room);
}

bool x11_capture_start(struct x11_capture *capture)
{
	xcb_connection_t *connection = capture->x11.connection;

	x11_watch_area(&capture->x11);
	if (capture->x11.has_damage) {
		capture->damage_id = xcb_generate_id(connection);
		xcb_damage_create(connection, capture->damage_id, capture->x11.root,
			XCB_DAMAGE_REPORT_LEVEL_BOUNDING_BOX);
	}
	capture->n_stale = 0;
	look_init(&capture->look, capture->damage_id != 0,
		capture->config->screen.cursor && capture->x11.has_fixes);
	return prepare_area(capture);
}

void x11_capture_end(struct x11_capture *capture)
{
	cursor_tracker_fini(&capture->pointer);
	grab_fini(&capture->grab);
	x11_fini(&capture->x11);
	capture->damage_id = 0;
	capture->is_live = false;
}

int x11_capture_fd(const struct x11_capture *capture)
{
	return xcb_get_file_descriptor(capture->x11.connection);
}
