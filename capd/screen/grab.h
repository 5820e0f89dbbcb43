/* SPDX-License-Identifier: MIT */
/*
 * Getting pixels out of the X server: rows of the captured rectangle into memory of ours.
 *
 * By MIT-SHM through a passed memfd where the server can (a strip costs 0.02–0.05 ms, all of 1080p
 * 0.3–3 ms and as much again in the server), else by GetImage over the socket.  Depth 30 is turned
 * into 8 bits a channel in place.  Event-loop thread only.
 */
#pragma once

#include "capd/picture.h"
#include "capd/screen/x11.h"

struct grab {
	struct x11 *x11; /* borrowed */
	struct x11_area area;
	struct picture picture; /* the last grab: only rows that were asked for are fresh */
	uint32_t segment;       /* MIT-SHM id; 0: GetImage */
	size_t map_len;
};

/* Makes the memory.  0, -ENOMEM, or -EIO (the server refused; x11_is_lost() tells more). */
int grab_init(struct grab *grab, struct x11 *x11, const struct x11_area *area);
void grab_fini(struct grab *grab);

/*
 * Fetches rows y0 ≤ y < y1 of the area, whole rows.  0; -ESTALE: the rectangle is no longer within
 * the root (look for the area again); -EIO: the connection is lost; other errors of the server:
 * -EPROTO.
 */
int grab_rows(struct grab *grab, int32_t y0, int32_t y1);

/* Is every pixel of the last whole grab black?  (What rootless XWayland shows.) */
bool grab_is_black(const struct grab *grab);
