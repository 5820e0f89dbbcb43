/* SPDX-License-Identifier: MIT */
/*
 * A wish of the presenter, sent to the control socket (common/control.h) by the event loop of a
 * capture daemon, which is that user: "pause", "resume".
 *
 *     connect ──► {"request":…} ──► one line, in time ──► on_done
 *
 * One at a time; nothing waits.  Event-loop thread only.
 */
#pragma once

#include <systemd/sd-event.h>

struct control_wish; /* opaque */

/*
 * `request` is a name without anything to be quoted.  on_done() comes once, from the loop: 0, or
 * -errno (-EPERM: refused; -ETIMEDOUT); from within it the wish may be destroyed.  0 or -errno:
 * nobody there.
 */
int control_wish_send(sd_event *event, const char *runtime_dir, const char *request,
	void (*on_done)(void *arg, int r), void *arg, struct control_wish **out);
/* Accepts NULL. */
void control_wish_destroy(struct control_wish *wish);
