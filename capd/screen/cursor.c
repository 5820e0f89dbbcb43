/* SPDX-License-Identifier: MIT */
#include "capd/screen/cursor.h"

#include <stdlib.h>
#include <string.h>
#include <xcb/xfixes.h>

/* No pointer is larger; a server that says so is not believed. */
#define CURSOR_SIDE_MAX 1024u

void cursor_tracker_init(
	struct cursor_tracker *tracker, struct x11 *x11, const struct x11_area *area)
{
	*tracker = (struct cursor_tracker){.x11 = x11, .area = *area, .shape_is_stale = true};
	if (x11->has_fixes)
		xcb_xfixes_select_cursor_input(
			x11->connection, x11->root, XCB_XFIXES_CURSOR_NOTIFY_MASK_DISPLAY_CURSOR);
}

void cursor_tracker_fini(struct cursor_tracker *tracker)
{
	/* A reply that nobody collects would stay with xcb for as long as the connection. */
	if (tracker->query)
		xcb_discard_reply(tracker->x11->connection, tracker->query);
	free(tracker->argb);
	*tracker = (struct cursor_tracker){0};
}

void cursor_tracker_shape_changed(struct cursor_tracker *tracker)
{
	tracker->shape_is_stale = true;
}

void cursor_tracker_ask(struct cursor_tracker *tracker)
{
	if (tracker->x11 && tracker->x11->has_fixes && !tracker->query)
		tracker->query =
			xcb_query_pointer(tracker->x11->connection, tracker->x11->root).sequence;
}

static void fetch_shape(struct cursor_tracker *tracker)
{
	xcb_xfixes_get_cursor_image_reply_t *reply = x11_reply(
		tracker->x11, xcb_xfixes_get_cursor_image(tracker->x11->connection).sequence, NULL);

	if (!reply)
		return;
	size_t n = (size_t)reply->width * reply->height;
	if (reply->width <= CURSOR_SIDE_MAX && reply->height <= CURSOR_SIDE_MAX &&
		(size_t)xcb_xfixes_get_cursor_image_cursor_image_length(reply) >= n) {
		uint32_t *argb = malloc(n ? n * sizeof(*argb) : 1);

		if (argb) {
			memcpy(argb, xcb_xfixes_get_cursor_image_cursor_image(reply),
				n * sizeof(*argb));
			free(tracker->argb);
			tracker->argb = argb;
			tracker->cursor.argb = argb;
			tracker->cursor.width = reply->width;
			tracker->cursor.height = reply->height;
			tracker->cursor.shape_id++;
			tracker->hot_x = reply->xhot;
			tracker->hot_y = reply->yhot;
			tracker->shape_is_stale = false;
		}
	}
	free(reply);
}

bool cursor_tracker_poll(struct cursor_tracker *tracker)
{
	struct cursor before = tracker->cursor;

	cursor_tracker_ask(tracker);
	if (!tracker->query)
		return false;
	xcb_query_pointer_reply_t *reply = x11_reply(tracker->x11, tracker->query, NULL);
	tracker->query = 0;
	if (!reply)
		return false;
	if (tracker->shape_is_stale)
		fetch_shape(tracker);
	struct cursor *cursor = &tracker->cursor;
	cursor->x = reply->root_x - tracker->area.x - tracker->hot_x;
	cursor->y = reply->root_y - tracker->area.y - tracker->hot_y;
	cursor->is_visible = reply->same_screen && cursor->argb &&
			     cursor->x < tracker->area.width && cursor->y < tracker->area.height &&
			     cursor->x + (int32_t)cursor->width > 0 &&
			     cursor->y + (int32_t)cursor->height > 0;
	free(reply);
	if (!cursor->is_visible && !before.is_visible)
		return false;
	return cursor->is_visible != before.is_visible || cursor->x != before.x ||
	       cursor->y != before.y || cursor->shape_id != before.shape_id;
}
