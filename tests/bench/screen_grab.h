/* SPDX-License-Identifier: MIT */
/* Rows of an X screen in shared memory, and when they change: the bare minimum, for the yardsticks.
 */
#pragma once

#include <stdbool.h>

#include <xcb/damage.h>
#include <xcb/xcb.h>

#include "capd/picture.h"

struct screen_grab {
	xcb_connection_t *x;
	xcb_window_t root;
	struct picture picture; /* filled by grab_rows() */
	size_t size;
	uint32_t segment;
	xcb_damage_damage_t damage; /* 0: not watched */
	uint8_t damage_event;
};

/* Ends the program when there is no such display (NULL: $DISPLAY), or not one of 32 bits a pixel.
 */
void grab_open(struct screen_grab *grab, const char *display, bool watch_damage);
void grab_close(struct screen_grab *grab);

/* Widens *extent by the damage that has arrived; true if any has.  Does not block. */
bool grab_poll_damage(struct screen_grab *grab, struct box *extent);
/* From here on damage is new damage.  Goes out with the next request. */
void grab_forget_damage(struct screen_grab *grab);
/* Fills rows y0 to y1 (exclusive) of the picture. */
void grab_rows(struct screen_grab *grab, uint32_t y0, uint32_t y1);
