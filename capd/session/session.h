/* SPDX-License-Identifier: MIT */
/*
 * Whose desktop a capture daemon shows, as a service of the system (doc/architecture.md, section
 * 8).
 *
 *     root ── session_begin: logind, [session] users, the record ──► that user, for good
 *                                                               └──► root still: waiting, in words
 *     loop ── session_follow: logind, lock, the user's own word ──► verdict: show, hold, end
 *
 * Who a process is is decided once, before it has threads, subscribers, rings or devices, and never
 * again: when somebody else has come it ends, and its successor, which the next subscription
 * starts, looks anew.  A process that is still root opens nothing and serves a state alone
 * (waiting.h).
 *
 * The camera is the machine's and nobody's: of all that, only a lock concerns it.
 *
 * Everything is skipped by `screenshare run`, which is its user's already.  Loop only.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "capd/session/session_policy.h"
#include "common/config.h"

struct session; /* opaque */

struct session_ops {
	/* The first, and each that is another.  After END the caller ends its loop. */
	void (*on_verdict)(void *arg, const struct session_verdict *verdict);
};

/*
 * Finds out who it is to be (asks logind, for 4 s at most) and becomes that user.  `record_folder`
 * is that of session_record.h; `config` is borrowed for life.  0; or -errno after having said why
 * no restart can cure it: we are not root, or the configured user cannot be become.
 */
int session_begin(const struct config *config, enum source_id source, const char *record_folder,
	struct session **out);
/* Accepts NULL. */
void session_destroy(struct session *session);

/* True: it is root still, and may serve nothing but its state. */
bool session_is_waiting(const struct session *session);

/* The first verdict comes from within where the user is configured, else from the loop; until then
 * nothing may be shown.  0 or -errno. */
int session_follow(
	struct session *session, sd_event *event, const struct session_ops *ops, void *arg);

/*
 * For a source that becomes nobody: held while the session that is active is locked, and until
 * logind has answered; shown where nobody is logged in, or there is no logind.  Where the
 * configuration knows of no lock (show_locked, fixed_user) nothing is followed.  `config` is
 * borrowed for life. The first verdict comes as session_follow()'s does.  0 or -errno.
 */
int session_follow_lock(const struct config *config, sd_event *event, const struct session_ops *ops,
	void *arg, struct session **out);
