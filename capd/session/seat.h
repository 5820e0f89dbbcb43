/* SPDX-License-Identifier: MIT */
/*
 * The seat as a capture daemon follows it: whose session is active there, and whether it is locked.
 *
 *     logind ──► view
 *       └─ LockedHint, Lock, Unlock ──► session_lock ──► locked, or not; by a timer, too
 *
 * What was locked when logind fell silent stays locked: it may only be starting anew.  Loop only.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "capd/session/logind.h"
#include "capd/session/session_lock.h"

struct seat; /* opaque */

/*
 * `before` is seat_lock() of a seat that was looked at just before, or NULL.  `on_change` is told
 * of the first answer, and whenever view or lock may be another; NULL: nobody wants to know. 0 or
 * -ENOMEM; whatever else is wrong is an answer.
 */
int seat_create(sd_event *event, const struct session_lock *before, void (*on_change)(void *arg),
	void *arg, struct seat **out);
/* Accepts NULL. */
void seat_destroy(struct seat *seat);

/* LOGIND_UNKNOWN before the first answer.  The seat's own. */
const struct logind_view *seat_view(const struct seat *seat);
bool seat_is_locked(const struct seat *seat);
struct session_lock seat_lock(const struct seat *seat);
