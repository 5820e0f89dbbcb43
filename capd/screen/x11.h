/* SPDX-License-Identifier: MIT */
/*
 * The connection to an X server, once there is one: what it can do, which rectangle of its root is
 * captured, and waiting for a reply without ever waiting for ever.
 *
 *     x11_connector ──► x11_init ──► x11_find_area ──► grab, cursor: x11_reply
 *
 * Every reply has a deadline, and a server that misses it counts as lost.  Event-loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <xcb/xcb.h>

#include "common/stream.h"

#define X11_REPLY_TIMEOUT_MS 2000
#define X11_WORDS_MAX        200

struct x11 {
	xcb_connection_t *connection; /* owned */
	const xcb_setup_t *setup;     /* the connection's */
	const xcb_screen_t *screen;   /* the connection's */
	xcb_window_t root;
	uint8_t depth;   /* 24 or 30 */
	bool has_shm_fd; /* MIT-SHM 1.2 over a local socket */
	bool has_damage, has_fixes, has_randr;
	bool is_xwayland;
	uint8_t damage_event, fixes_event, randr_event; /* first event codes */
	bool timed_out; /* a reply missed its deadline: the connection is of no more use */
};

/* The captured rectangle, in root coordinates. */
struct x11_area {
	int16_t x, y;
	uint16_t width, height;
};

/*
 * Takes `connection` over in every case and asks what the server can do.  STATE_LIVE, or why not,
 * in `words` (X11_WORDS_MAX).  `display` is only for the words.
 */
enum source_state x11_init(
	struct x11 *x11, xcb_connection_t *connection, const char *display, char *words);
void x11_fini(struct x11 *x11);

/*
 * The reply to the request `sequence`, to be freed; NULL: an error (freed; *error_code gets its
 * code if not NULL), a lost connection or a missed deadline (x11_is_lost()).
 */
void *x11_reply(struct x11 *x11, unsigned sequence, uint8_t *error_code);
bool x11_is_lost(const struct x11 *x11);

/*
 * Finds the rectangle of `monitor` ("all", a RandR monitor's name, or its number from 1).
 * STATE_LIVE, STATE_NO_MONITOR, STATE_UNSUPPORTED or STATE_DISPLAY_LOST, with words.
 */
enum source_state x11_find_area(
	struct x11 *x11, const char *monitor, struct x11_area *area, char *words);

/* Asks for the events that say that the area may be another: RandR's and the root's own. */
void x11_watch_area(struct x11 *x11);
