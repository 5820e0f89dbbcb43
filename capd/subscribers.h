/* SPDX-License-Identifier: MIT */
/*
 * The subscribers of a daemon: who is let in at the capture socket, how many, and that the daemon
 * ends when there are none.
 *
 *     capture socket ──► may it, is there room ──► subscriber ──► list, which the daemon reads
 *                              └─► refused: in the journal, a spurt whole, a flood counted
 *     nobody left, or nobody came for some seconds ──► the loop ends with 0
 *
 * What a subscriber says goes from there to whoever has made us, by the same subscriber_ops.
 * Event-loop thread only.
 */
#pragma once

#include <systemd/sd-event.h>

#include "capd/subscriber.h"

#define SUBSCRIBERS_MAX        16
#define SUBSCRIBERS_OF_PROCESS 8

struct subscribers; /* opaque */

/*
 * `listen_fd` is taken over, in every case; `event`, `ops` and `arg` are borrowed for life. on_gone
 * calls subscribers_remove(), on_refused calls subscribers_refused().  Those who wait already are
 * accepted in the loop's first turn.  0 or -errno.
 */
int subscribers_create(sd_event *event, int listen_fd, const struct subscriber_ops *ops, void *arg,
	struct subscribers **out);
/* Closes every connection, without a call of on_gone.  Accepts NULL. */
void subscribers_destroy(struct subscribers *subscribers);

/* The first of them, greeted or not; the others by subscriber::next.  NULL: there are none. */
struct subscriber *subscribers_first(struct subscribers *subscribers);
/* Takes it off the list and frees it. */
void subscribers_remove(struct subscribers *subscribers, struct subscriber *subscriber);
/* One has been removed, and what that meant is done: if it was the last, ends the loop, unless
 * somebody waits to be accepted: whoever does is served by us, whoever comes later by the next. */
void subscribers_end_if_none(struct subscribers *subscribers);
/* Logs that one has been refused, and why, in words. */
void subscribers_refused(struct subscribers *subscribers, const char *words);
