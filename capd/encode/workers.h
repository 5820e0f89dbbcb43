/* SPDX-License-Identifier: MIT */
/*
 * One more thread, for work that the caller shares out while it works itself.
 *
 *     workers_run() ──► work(arg, 0) on the calling thread ─┐
 *                 └──► work(arg, 1) on the helper, if it wakes in time ─┴──► returns when both are
 * done
 *
 * The work divides itself (an atomic counter in `arg`), so a helper that comes late costs nothing:
 * when the caller has finished before the helper has begun, the call is withdrawn from it.
 *
 * One futex word carries the state; the helper sleeps in it, at no cost, and blocks all signals:
 *
 *     IDLE ──run──► POSTED ──helper──► RUNNING ──helper──► IDLE
 *       ▲             │
 *       └──withdrawn──┘                QUIT: destroy
 */
#pragma once

struct workers; /* opaque */

/* Called on one or on two threads at once; `index` is 0 on the caller's. */
typedef void workers_fn(void *arg, unsigned index);

/* The helper is started by the first workers_run().  0 or -ENOMEM. */
int workers_create(struct workers **out);
/* Ends the helper.  Accepts NULL. */
void workers_destroy(struct workers *workers);

/*
 * Runs `work` as drawn above.  What either thread wrote is visible to the caller afterwards. Cannot
 * fail: if no thread or no second CPU can be had, the caller works alone.  One caller at a time.
 */
void workers_run(struct workers *workers, workers_fn *work, void *arg);
