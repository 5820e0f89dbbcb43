/* SPDX-License-Identifier: MIT */
/*
 * One attempt to connect to an X server.
 *
 *     start ──► thread: display? ──► libxcb's rights, else other files' ──► fd readable ──► finish
 *                                                   └──► abandon: the thread cleans up by itself
 *
 * xcb_connect() blocks for as long as a server that accepted does not answer, so it runs on a
 * thread of its own that may be abandoned.  The functions are the event loop's.
 */
#pragma once

#include <stdbool.h>
#include <xcb/xcb.h>

struct x11_connector; /* one attempt, on its own thread */

/* Begins to connect to `display` (copied; "": to the one that the user's service manager knows).  0
 * or -errno. */
int x11_connector_start(const char *display, struct x11_connector **out);
/* Becomes readable when the attempt is over. */
int x11_connector_fd(const struct x11_connector *connector);
/* After that: which display it was; "": none is known.  Valid until finish. */
const char *x11_connector_display(const struct x11_connector *connector);
/* After that: the connection (owned by the caller, to be checked by x11_init), or NULL. */
xcb_connection_t *x11_connector_finish(struct x11_connector *connector);
/* Gives an attempt up that is still going on; its thread cleans up behind itself.  Accepts NULL. */
void x11_connector_abandon(struct x11_connector *connector);
/*
 * Does a server of this machine accept connections as `display`?  If it then did not want us, it is
 * a matter of rights.  Does not wait.
 */
bool x11_listens_here(const char *display);
