/* SPDX-License-Identifier: MIT */
/*
 * The pointer: its picture (XFixes tells when that changes) and where it is (its motion makes no
 * damage, so it is asked for at every tick while somebody watches: 0.03 ms).  Event-loop thread
 * only.
 */
#pragma once

#include "capd/picture.h"
#include "capd/screen/x11.h"

struct cursor_tracker {
	struct x11 *x11; /* borrowed */
	struct x11_area area;
	struct cursor cursor; /* as of the last poll; argb is ours */
	uint32_t *argb;
	int32_t hot_x, hot_y;
	bool shape_is_stale;
	unsigned query; /* sequence of the position request on its way; 0: none */
};

/* Without XFixes the pointer stays invisible. */
void cursor_tracker_init(
	struct cursor_tracker *tracker, struct x11 *x11, const struct x11_area *area);
void cursor_tracker_fini(struct cursor_tracker *tracker);
/* XFixes said so: fetch the picture with the next poll. */
void cursor_tracker_shape_changed(struct cursor_tracker *tracker);
/* Sends the position request, so that it travels with others; cursor_tracker_poll() collects it. */
void cursor_tracker_ask(struct cursor_tracker *tracker);
/* Brings `cursor` up to date.  True if it differs from before; false also when the server is lost.
 */
bool cursor_tracker_poll(struct cursor_tracker *tracker);
