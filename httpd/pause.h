/* SPDX-License-Identifier: MIT */
/*
 * The pause: the presenter takes picture and sound back, for as long as he likes, and viewers wait.
 *
 *     pause  ──► feeds paused at once ──► written down (a worker) ─────────┬──► answered
 *                                    └──► what others had been given       │
 *                                         has left, or was cut off ────────┘
 *     resume ──► unwritten ──► feeds resumed ──► answered
 *
 * After the answer nothing of picture or sound leaves this computer, nothing is captured, and no
 * crash or start anew undoes it.  If it cannot be written it is paused anyway, and the answer says
 * so.  Who asks has been checked (httpd/access.h).  Files go on.  Event-loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "httpd/pause_file.h"

struct disk_workers;
struct event_base;
struct feeds;
struct pause; /* opaque */
struct presence;
struct viewers;

/* What a pause acts upon; all borrowed for life, `presence` may be NULL. */
struct pause_parts {
	struct event_base *base;
	struct feeds *feeds;
	struct viewers *viewers;
	struct presence *presence;
	struct disk_workers *workers;
	const char *state_dir;
	/* How many connections still hold what was marked (conn_mark()), and closing those by a
	 * reset.  Given by who knows all connections. */
	unsigned (*n_behind_mark)(void *arg);
	void (*cut)(void *arg);
	void *arg;
};

/* Whoever asked; embedded, and must stay until on_answer(), which comes once. */
struct pause_waiter {
	/* How it is now; `error` is 0, or -errno: it could not be written, or unwritten. */
	void (*on_answer)(struct pause_waiter *waiter, bool is_paused, int error);
	LIST_ENTRY(pause_waiter) entry; /* in pause::waiters */
};

/* Looks whether it was paused, and then is so at once: before the first viewer.  0 or -ENOMEM. */
int pause_create(const struct pause_parts *parts, struct pause **out);
/* When the workers have ended.  Waiters are answered.  Accepts NULL. */
void pause_destroy(struct pause *pause);

/* The user `uid` pauses, or resumes.  on_answer() comes later, not from within. */
void pause_ask(struct pause *pause, bool is_paused, uid_t uid, struct pause_waiter *waiter);

/* Does nothing of this computer go out just now? */
bool pause_is_on(const struct pause *pause);
/* By whom and since when; NULL while it is not paused. */
const struct pause_record *pause_get(const struct pause *pause);
