/* SPDX-License-Identifier: MIT */
/*
 * The notification by which the person at this computer knows that somebody watches
 * (org.freedesktop.Notifications on the session bus), with a button to pause, or to go on.
 *
 *     show, hide ──► what is wanted ──one call at a time, SPACING apart──► desktop
 *     button ◄── ActionInvoked                                              │
 *        └──► "pause" or "resume", to the control socket as this user       │
 *     closed by hand ◄── NotificationClosed ────────────────────────────────┘
 *
 * One notification, updated as viewers come and go, also over a daemon's death
 * (notification_record.h), and shown again by a server of notifications that begins.  Whoever has
 * closed it sees it again when somebody new comes, or all is paused.  Nothing here ever waits:
 * where there is no bus, or nobody who shows notifications, or they hang, one line for debugging
 * says so, and it is tried again: with the next change, and after 1 s, 2 s … 60 s: a desktop that
 * starts shows it when it is ready. Event-loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

struct notification; /* opaque */

/*
 * `runtime_dir`, where the control socket is, is borrowed for life; `record_fd` (-1: none), of
 * notification_record_open(), is taken over in every case.  What a daemon that was killed has left
 * on the desktop is taken away.  0 or -ENOMEM.
 */
int notification_create(
	sd_event *event, const char *runtime_dir, int record_fd, struct notification **out);
/* Takes it back if it is shown; what the desktop is just showing it waits for, for half a second at
 * most.  Accepts NULL. */
void notification_destroy(struct notification *notification);

/* These watch: a line each, copied; `sources` are bits 1 << enum source_id. */
void notification_show(
	struct notification *notification, unsigned sources, bool is_paused, const char *lines);
/* While it is held nobody is shown anything of this screen, whoever watches: nothing is said. */
void notification_hold(struct notification *notification, bool is_held);
/* Nobody does. */
void notification_hide(struct notification *notification);
