/* SPDX-License-Identifier: MIT */
/*
 * Is the session locked?  Two things say so, and they come apart:
 *
 *     Lock (a signal: "lock yourself")  ──► locked at once, for SESSION_LOCK_FOLLOW_NS at most
 *     LockedHint (the lock program's own word) ──► locked for as long as it holds
 *     Unlock ──► the signal is taken back; a hint still holds
 *
 * A lock program takes a moment to cover the screen and to say so; until then the signal has to be
 * enough.  A desktop that has none never says so: there the screen is open again to whoever sits
 * before it, and so it is shown again, rather than hidden until somebody thinks of
 * `loginctl unlock-session`.  Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SESSION_LOCK_FOLLOW_NS 5000000000u

struct session_lock {
	bool hint;
	uint64_t signal_until_ns; /* 0: no signal is waiting for its hint */
};

void session_lock_hint(struct session_lock *lock, bool hint);
void session_lock_signal(struct session_lock *lock, bool locked, uint64_t now_ns);
bool session_lock_is_locked(const struct session_lock *lock, uint64_t now_ns);
/* When it may be another without anything having been said; UINT64_MAX: never. */
uint64_t session_lock_due_ns(const struct session_lock *lock, uint64_t now_ns);
