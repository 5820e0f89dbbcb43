/* SPDX-License-Identifier: MIT */
#include "capd/session/session_lock.h"

void session_lock_hint(struct session_lock *lock, bool hint)
{
	lock->hint = hint;
	if (hint)
		lock->signal_until_ns = 0; /* it has followed: from here on it alone counts */
}

void session_lock_signal(struct session_lock *lock, bool locked, uint64_t now_ns)
{
	lock->signal_until_ns = locked ? now_ns + SESSION_LOCK_FOLLOW_NS : 0;
}

bool session_lock_is_locked(const struct session_lock *lock, uint64_t now_ns)
{
	return lock->hint || now_ns < lock->signal_until_ns;
}

uint64_t session_lock_due_ns(const struct session_lock *lock, uint64_t now_ns)
{
	return !lock->hint && now_ns < lock->signal_until_ns ? lock->signal_until_ns : UINT64_MAX;
}
