/* SPDX-License-Identifier: MIT */
/*
 * Presence tells the screen daemon, which is the user who sits at this computer, who watches and
 * listens, so that this user is told (capd/screen/notification.h).
 *
 *     viewers ──► a change, settled ──► list of who, and what ──VIEWERS──► screen daemon
 *     single pictures ──► looked at within the last LOOK_S ──┘
 *
 * While there is anybody it holds a subscription to the stream `presence`, by which nothing is
 * captured; it goes with the last.  A screen daemon that is not there is asked again, ever more
 * rarely, and nothing is said of it: a camera can be watched without one.  At most one message a
 * second.  Event-loop thread only.
 */
#pragma once

#include <stdbool.h>

struct config;
struct event_base;
struct feeds;
struct presence; /* opaque */
struct viewers;

#define PRESENCE_LINES_MAX 12u /* who is named; the others are counted */

/* Listens to `viewers`; all are borrowed for life.  0 or -ENOMEM. */
int presence_create(struct event_base *base, const struct config *config, struct feeds *feeds,
	struct viewers *viewers, struct presence **out);
/* The configuration was read again: [session] notify says whether anybody is told anything. */
void presence_configured(struct presence *presence);
/* Before the feeds and the viewers are.  Accepts NULL. */
void presence_destroy(struct presence *presence);

/*
 * Somebody has fetched a single picture: who does that again and again watches, too.  `name` is
 * clean, or "".  Accepts NULL.
 */
void presence_looked(
	struct presence *presence, const char *address, const char *name, unsigned sources);
/* Viewers see and hear nothing, or do again.  Accepts NULL. */
void presence_set_paused(struct presence *presence, bool is_paused);
