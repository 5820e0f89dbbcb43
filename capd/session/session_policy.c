/* SPDX-License-Identifier: MIT */
#include "capd/session/session_policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- [session] users --- */

static bool has_word(const char *text, const char *word)
{
	for (size_t len; *(text += strspn(text, " \t,")); text += len) {
		len = strcspn(text, " \t,");
		if (strlen(word) == len && memcmp(text, word, len) == 0)
			return true;
	}
	return false;
}

bool session_policy_wants_first(const char *users)
{
	return has_word(users, "first");
}

bool session_policy_permits(const char *users, const char *name, const char *first)
{
	if (has_word(users, "all") || has_word(users, name))
		return true;
	return session_policy_wants_first(users) && *first && strcmp(first, name) == 0;
}

/* --- the verdict --- */

__attribute__((format(printf, 3, 4))) static void hold(
	struct session_verdict *verdict, enum source_state state, const char *format, ...)
{
	va_list args;

	verdict->kind = SESSION_HOLD;
	verdict->state = state;
	va_start(args, format);
	vsnprintf(verdict->words, sizeof(verdict->words), format, args);
	va_end(args);
}

static void hold_plainly(struct session_verdict *verdict, enum source_state state)
{
	hold(verdict, state, "%s", state_words(state));
}

static bool is_type(const struct logind_view *view, const char *type)
{
	return strcmp(view->type, type) == 0;
}

bool session_policy_is_desktop(const struct logind_view *view)
{
	return view->answer == LOGIND_SESSION && strcmp(view->class, "user") == 0 &&
	       strcmp(view->state, "closing") != 0 &&
	       (is_type(view, "x11") || is_type(view, "wayland"));
}

/* Nobody's desktop is there.  The words say what is. */
static void judge_no_desktop(const struct logind_view *view, struct session_verdict *verdict)
{
	if (view->answer == LOGIND_UNKNOWN)
		hold_plainly(verdict, STATE_STARTING);
	else if (view->answer == LOGIND_SILENT)
		hold(verdict, STATE_NO_SESSION,
			"Nobody knows who is logged in, systemd-logind does not answer");
	else if (view->answer == LOGIND_SESSION && strcmp(view->class, "greeter") == 0)
		hold(verdict, STATE_NO_SESSION, "The log-in screen is on, and nobody's desktop");
	else if (view->answer == LOGIND_SESSION && strcmp(view->class, "user") == 0 &&
		 strcmp(view->state, "closing") != 0)
		hold(verdict, STATE_NO_SESSION, "A text console is on, and no desktop");
	else
		hold_plainly(verdict, STATE_NO_SESSION);
}

static void judge_refused(const struct session_facts *facts, struct session_verdict *verdict)
{
	const struct logind_view *view = facts->view;

	switch (facts->refusal) {
	case SESSION_IS_ROOT:
		hold(verdict, STATE_NOT_ALLOWED, "The desktop of root is never shared");
		return;
	case SESSION_HAS_NO_ACCOUNT:
		hold(verdict, STATE_MISCONFIGURED,
			"The account of %.32s cannot be read, see the journal", view->name);
		return;
	case SESSION_HAS_NO_RECORD:
		hold(verdict, STATE_MISCONFIGURED,
			"It cannot be recorded whose desktop may be shared, see the journal");
		return;
	case SESSION_CANNOT_BECOME:
		hold(verdict, STATE_MISCONFIGURED,
			"The rights of %.32s cannot be had, see the journal", view->name);
		return;
	case SESSION_NOT_REFUSED:
		break;
	}
	hold_plainly(verdict, STATE_NO_SESSION);
}

/* A process that is nobody's meets a desktop. */
static void judge_waiting(const struct session_facts *facts, struct session_verdict *verdict)
{
	const struct logind_view *view = facts->view, *refused = facts->refused;

	if (facts->refusal != SESSION_NOT_REFUSED && refused->uid == view->uid &&
		strcmp(refused->id, view->id) == 0) {
		judge_refused(facts, verdict);
		return;
	}
	hold_plainly(verdict, STATE_STARTING);
	verdict->kind = SESSION_END;
}

void session_policy_judge(const struct session_facts *facts, struct session_verdict *verdict)
{
	const struct logind_view *view = facts->view;

	memset(verdict, 0, sizeof(*verdict));
	if (!session_policy_is_desktop(view)) {
		judge_no_desktop(view, verdict);
	} else if (!facts->is_someones) {
		judge_waiting(facts, verdict);
	} else if (view->uid != facts->uid || strcmp(view->id, facts->id) != 0) {
		hold(verdict, STATE_NO_SESSION, "Somebody has logged in, one moment please");
		verdict->kind = SESSION_END;
	} else if (facts->consent == CONSENT_DENY) {
		hold(verdict, STATE_NOT_ALLOWED,
			"%.32s does not share this desktop, screenshare allow changes that",
			view->name);
	} else if (!facts->is_permitted && facts->consent != CONSENT_ALLOW) {
		hold(verdict, STATE_NOT_ALLOWED,
			"%.32s has not shared this desktop yet, the command is screenshare allow",
			view->name);
	} else if (facts->is_locked && !facts->shows_locked) {
		hold_plainly(verdict, STATE_LOCKED);
	} else if (facts->source == SOURCE_SCREEN && is_type(view, "wayland")) {
		hold_plainly(verdict, STATE_WAYLAND);
	} else {
		verdict->kind = SESSION_SHOW;
		verdict->state = STATE_LIVE;
		memcpy(verdict->display, view->display, sizeof(verdict->display));
	}
}

void session_policy_judge_machine(
	const struct logind_view *view, bool is_locked, struct session_verdict *verdict)
{
	memset(verdict, 0, sizeof(*verdict));
	if (view->answer == LOGIND_UNKNOWN) {
		hold_plainly(verdict, STATE_STARTING);
	} else if (is_locked || view->has_background) {
		hold_plainly(verdict, STATE_LOCKED);
	} else {
		verdict->kind = SESSION_SHOW;
		verdict->state = STATE_LIVE;
	}
}
