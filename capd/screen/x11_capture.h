/* SPDX-License-Identifier: MIT */
/*
 * A capture is what is done with one connection to an X server: the rectangle that is shown, what
 * has changed of it, and frames.
 *
 *     connection ──► x11_capture_connect ──► x11_capture_start: rectangle, memory
 *     events ──────► x11_capture_take_events ──► damage; another rectangle
 *     due ─────────► x11_capture_look ──► grab, pointer ──► on_frame, on_state of the listener
 *
 * When to look is decided in capd/screen/look.h.  Whatever fails ends the connection: the function
 * says false, and `fault` and `words` why; telling that, and connecting anew, is the source's.
 * The listener may end the capture from within a callback.  Embedded.  Event-loop thread only.
 */
#pragma once

#include <xcb/damage.h>

#include "capd/screen/cursor.h"
#include "capd/screen/grab.h"
#include "capd/screen/look.h"
#include "capd/screen/x11.h"
#include "capd/source.h"

struct x11_capture {
	/* valid when a function has said false */
	enum source_state fault;
	const char *words; /* NULL: the state's own */

	/* the capture's own */
	const struct config *config;
	struct source_listener listener;
	uint32_t rate_millihertz;

	const char *display; /* its name, for words */
	struct x11 x11;
	xcb_damage_damage_t damage_id; /* 0: the display does not report it */
	struct grab grab;
	struct cursor_tracker pointer;
	struct look look;
	bool is_live; /* a whole grab has been taken of this rectangle */
	bool area_is_stale;
	unsigned n_stale;
	char words_room[X11_WORDS_MAX];
};

/* `config` is borrowed for life, `listener` copied. */
void x11_capture_init(struct x11_capture *capture, const struct config *config,
	const struct source_listener *listener);
/* Ceiling in frames per 1000 s, of this connection and later ones. */
void x11_capture_set_rate(struct x11_capture *capture, uint32_t millihertz);

/*
 * Takes `connection` over in every case, and asks what the server can do.  `display`, its name, is
 * borrowed until x11_capture_end().  False: it is none to capture from.
 */
bool x11_capture_connect(
	struct x11_capture *capture, xcb_connection_t *connection, const char *display);
/* Finds the rectangle and makes memory for it; everything is due to be looked at.  False: failed.
 */
bool x11_capture_start(struct x11_capture *capture);
/* Ends the connection, if there is one. */
void x11_capture_end(struct x11_capture *capture);

/* Readable when events have come; replies bring some along that wake nobody.  The capture's. */
int x11_capture_fd(const struct x11_capture *capture);
/* Takes events that have come.  False: the display failed. */
bool x11_capture_take_events(struct x11_capture *capture);
/* Looks at what is due, and may take a frame of it.  False: the display failed. */
bool x11_capture_look(struct x11_capture *capture);
/* When there is something to look at next (CLOCK_MONOTONIC). */
uint64_t x11_capture_due_ns(const struct x11_capture *capture);
