/* SPDX-License-Identifier: MIT */
/*
 * What may be shown, of what logind says, the configuration permits and the user allows.
 *
 *     facts ──judge──► SHOW | HOLD (nothing is shown, in words) | END (another process must)
 *
 * A process is nobody's (root, waiting) or one session's for good; END is how whose it is changes:
 * it exits, and its successor looks anew.  Pure.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "capd/session/logind.h"
#include "common/consent.h"
#include "common/stream.h"

#define SESSION_WORDS_MAX 200

/* Why the one who was found may not, or could not, be become: how a waiting process knows. */
enum session_refusal {
	SESSION_NOT_REFUSED = 0,
	SESSION_IS_ROOT,
	SESSION_HAS_NO_ACCOUNT,
	SESSION_HAS_NO_RECORD, /* it cannot be recorded, or read, who was first */
	SESSION_CANNOT_BECOME  /* the user's groups cannot be had */
};

struct session_facts {
	const struct logind_view *view;
	enum source_id source;
	bool is_locked;
	bool shows_locked; /* [session] show_locked */
	/* a process of one session */
	bool is_someones;
	uid_t uid;
	const char *id;
	bool is_permitted; /* by [session] users */
	enum consent consent;
	/* a waiting process: whom it was refused to become; `refused` as logind said it then */
	enum session_refusal refusal;
	const struct logind_view *refused;
};

enum session_kind { SESSION_HOLD = 0, SESSION_SHOW, SESSION_END };

struct session_verdict {
	enum session_kind kind;
	enum source_state state; /* of HOLD and END */
	char words[SESSION_WORDS_MAX];
	char display[LOGIND_WORD_MAX]; /* of SHOW; "": logind knows none */
};

void session_policy_judge(const struct session_facts *facts, struct session_verdict *verdict);

/*
 * Of a source that is the machine's and nobody's: SHOW, or HOLD while it is locked, or while a
 * log-in screen or a terminal without a log-in lies over somebody's session, which is as good as
 * locked.
 */
void session_policy_judge_machine(
	const struct logind_view *view, bool is_locked, struct session_verdict *verdict);

/* Is it a desktop that somebody has logged in to? */
bool session_policy_is_desktop(const struct logind_view *view);

/*
 * Is `name` one of [session] users?  `first` is who was recorded, "" for nobody: needed where
 * `users` says so (session_policy_wants_first).
 */
bool session_policy_permits(const char *users, const char *name, const char *first);
bool session_policy_wants_first(const char *users);
