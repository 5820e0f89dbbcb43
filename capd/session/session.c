/* SPDX-License-Identifier: MIT */
#include "capd/session/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capd/session/consent_watch.h"
#include "capd/session/seat.h"
#include "capd/session/session_record.h"
#include "capd/session/session_user.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/messages.h"

#define FIRST_LOOK_NS (4000 * NS_PER_MS)
#define RETRY_US      1000000u /* a record that cannot be written, an account that cannot be read */
#define RETRY_MAX_US  60000000u /* a user who cannot be become: asked less often each time */

struct session {
	const struct config *config;
	enum source_id source;
	const char *record_folder;

	/* decided once, by session_begin() */
	bool is_fixed;    /* always shown: logind is not asked */
	bool is_machines; /* nobody's, and held only while it is locked: session_follow_lock() */
	bool is_someones; /* `user` is whom we have become */
	struct session_user user;
	char id[LOGIND_WORD_MAX];
	bool is_permitted; /* by the configuration */
	enum session_refusal refusal;
	struct logind_view refused;
	struct logind_view first_view; /* as the seat was then … */
	struct session_lock first_lock;

	/* followed by session_follow() */
	const struct session_ops *ops;
	void *arg;
	struct seat *seat;      /* … and as it is; NULL: is_fixed */
	sd_event_source *retry; /* of what was refused */
	uint64_t retry_us;
	bool is_retry_due;
	struct consent_watch *consent;
	bool has_verdict;
	struct session_verdict verdict;
};

/* --- the verdict --- */

static void judge(const struct session *session, struct session_verdict *verdict)
{
	const struct logind_view *view = seat_view(session->seat);
	bool is_locked = seat_is_locked(session->seat);
	const struct session_facts facts = {
		.view = view,
		.source = session->source,
		.is_locked = is_locked,
		.shows_locked = session->config->session.show_locked,
		.is_someones = session->is_someones,
		.uid = session->user.uid,
		.id = session->id,
		.is_permitted = session->is_permitted,
		.consent = session->consent ? consent_watch_word(session->consent) : CONSENT_NONE,
		.refusal = session->refusal,
		.refused = &session->refused,
	};

	if (session->is_machines)
		session_policy_judge_machine(view, is_locked, verdict);
	else
		session_policy_judge(&facts, verdict);
	if (session->is_retry_due)
		verdict->kind = SESSION_END;
}

static void tell(struct session *session, const struct session_verdict *verdict)
{
	if (session->has_verdict && verdict->kind == session->verdict.kind &&
		verdict->state == session->verdict.state &&
		strcmp(verdict->words, session->verdict.words) == 0 &&
		strcmp(verdict->display, session->verdict.display) == 0)
		return;
	session->has_verdict = true;
	session->verdict = *verdict;
	session->ops->on_verdict(session->arg, verdict);
}

static void update(void *arg)
{
	struct session *session = arg;
	struct session_verdict verdict;

	judge(session, &verdict);
	tell(session, &verdict);
}

/* --- what is followed --- */

static int learn_permission(struct session *session);

/* We are root still: what was refused can be tried from here.  True: the successor gets further. */
static bool is_cured(struct session *session)
{
	switch (session->refusal) {
	case SESSION_HAS_NO_ACCOUNT:
		return session_user_find(session->refused.uid, &session->user) == 0;
	case SESSION_CANNOT_BECOME:
		return session_user_prepare(&session->user) == 0;
	default:
		return learn_permission(session) == 0;
	}
}

static int on_retry(sd_event_source *timer, uint64_t now_us, void *arg)
{
	struct session *session = arg;
	(void)now_us;

	if (!is_cured(session)) {
		if (session->refusal == SESSION_CANNOT_BECOME)
			session->retry_us *= 2;
		if (session->retry_us > RETRY_MAX_US)
			session->retry_us = RETRY_MAX_US;
		sd_event_source_set_time_relative(timer, session->retry_us);
		return sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
	}
	session->is_retry_due = true;
	update(session);
	return 0;
}

static bool can_be_cured(const struct session *session)
{
	return session->refusal == SESSION_HAS_NO_RECORD ||
	       session->refusal == SESSION_HAS_NO_ACCOUNT ||
	       session->refusal == SESSION_CANNOT_BECOME;
}

int session_follow(
	struct session *session, sd_event *event, const struct session_ops *ops, void *arg)
{
	const struct session_verdict always = {.kind = SESSION_SHOW, .state = STATE_LIVE};
	int r = 0;

	session->ops = ops;
	session->arg = arg;
	if (session->is_fixed) {
		tell(session, &always);
		return 0;
	}
	if (session->is_someones) {
		r = consent_watch_create(
			event, session->user.home, update, session, &session->consent);
	} else if (can_be_cured(session)) {
		session->retry_us = RETRY_US;
		r = sd_event_add_time_relative(
			event, &session->retry, CLOCK_MONOTONIC, RETRY_US, 0, on_retry, session);
	}
	/* Whoever was seen before is seen again before anything is shown; a lock still counts. */
	return r < 0 ? r
		     : seat_create(event, &session->first_lock, update, session, &session->seat);
}

/* --- who we are to be --- */

/*
 * A bus of its own that is closed before we become anybody: a connection is forever that of the
 * user who made it.
 */
static int look_once(struct session *session)
{
	uint64_t end_ns = clock_monotonic_ns() + FIRST_LOOK_NS, now_ns;
	struct seat *seat = NULL;
	sd_event *event = NULL;
	int r = sd_event_new(&event);

	if (r >= 0)
		r = seat_create(event, NULL, NULL, NULL, &seat);
	while (r >= 0 && seat_view(seat)->answer == LOGIND_UNKNOWN &&
		(now_ns = clock_monotonic_ns()) < end_ns)
		r = sd_event_run(event, (end_ns - now_ns) / NS_PER_US + 1);
	if (seat) {
		session->first_view = *seat_view(seat);
		session->first_lock = seat_lock(seat);
	}
	seat_destroy(seat);
	sd_event_unref(event);
	return r < 0 ? r : 0;
}

static void refuse(struct session *session, enum session_refusal refusal)
{
	session->refusal = refusal;
	session->refused = session->first_view;
}

/* What [session] users says, and who was first.  0; -errno: nobody can say. */
static int learn_permission(struct session *session)
{
	const char *users = session->config->session.users;
	char first[SESSION_NAME_MAX] = "";
	int r = 0;

	if (session_policy_wants_first(users))
		r = session_record_first(session->record_folder, session->user.name, first);
	session->is_permitted = session_policy_permits(users, session->user.name, first);
	return session->is_permitted ? 0 : r;
}

static const char *reason(const struct session *session)
{
	enum consent consent = consent_read(session->user.home);

	if (consent == CONSENT_DENY)
		return "not shared, by screenshare deny";
	if (session->is_permitted)
		return "shared, by [session] users";
	return consent == CONSENT_ALLOW ? "shared, by screenshare allow"
					: "not shared before screenshare allow";
}

/* The session that there is: becomes its user, or notes why not. */
static void take_session(struct session *session)
{
	const struct logind_view *view = &session->first_view;
	int r = session_user_find(view->uid, &session->user);

	log_set_session(view->name, view->id);
	if (view->uid == 0 || (r == 0 && session_user_is_root(&session->user))) {
		refuse(session, SESSION_IS_ROOT);
		return;
	}
	if (r < 0) {
		log_err("Could not read the account of user %u (%s): %s; trying again",
			(unsigned)view->uid, view->name, strerror(-r));
		refuse(session, SESSION_HAS_NO_ACCOUNT);
		return;
	}
	r = learn_permission(session);
	if (r < 0) {
		log_err("Could not record in %s whose desktop may be shared: %s; trying again",
			session->record_folder, strerror(-r));
		refuse(session, SESSION_HAS_NO_RECORD);
		return;
	}
	r = session_user_become(&session->user);
	if (r < 0) {
		log_err("Could not become the user %s: %s; trying again", session->user.name,
			strerror(-r));
		refuse(session, SESSION_CANNOT_BECOME);
		return;
	}
	session->is_someones = true;
	memcpy(session->id, view->id, sizeof(session->id));
	log_message(LOG_INFO, MESSAGE_SESSION, "The desktop of %s (session %s, %s%s%s): %s",
		session->user.name, view->id, view->type, *view->display ? ", display " : "",
		view->display, reason(session));
}

static int take_fixed_user(struct session *session)
{
	const char *name = session->config->session.fixed_user;
	int r = session_user_find_name(name, &session->user);
	bool is_root = r == 0 && session_user_is_root(&session->user);

	if (r == 0)
		r = is_root ? -EPERM : session_user_become(&session->user);
	if (r < 0) {
		log_err("Could not become [session] fixed_user %s: %s", name,
			r == -ENOENT ? "there is no such user"
			: is_root    ? "root's desktop is never shared"
				     : strerror(-r));
		return r;
	}
	session->is_fixed = session->is_someones = true;
	log_set_session(name, NULL);
	log_message(LOG_INFO, MESSAGE_SESSION, "Always as %s: [session] fixed_user", name);
	return 0;
}

int session_begin(const struct config *config, enum source_id source, const char *record_folder,
	struct session **out)
{
	struct session *session;
	int r;

	if (geteuid() != 0) {
		log_err("Could not follow the session: started as user %u, not as root; leave out "
			"--session",
			(unsigned)geteuid());
		return -EPERM;
	}
	session = calloc(1, sizeof(*session));
	if (!session) {
		log_err("Could not start: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	session->config = config;
	session->source = source;
	session->record_folder = record_folder;
	if (*config->session.fixed_user)
		r = take_fixed_user(session);
	else if ((r = look_once(session)) == 0 && session_policy_is_desktop(&session->first_view))
		take_session(session);
	else if (r < 0)
		log_err("Could not follow the session: %s", strerror(-r));
	if (r < 0) {
		session_destroy(session);
		return r;
	}
	*out = session;
	return 0;
}

int session_follow_lock(const struct config *config, sd_event *event, const struct session_ops *ops,
	void *arg, struct session **out)
{
	struct session *session = calloc(1, sizeof(*session));
	int r;

	if (!session)
		return -ENOMEM;
	session->config = config;
	session->is_machines = true;
	session->is_fixed = config->session.show_locked || *config->session.fixed_user;
	r = session_follow(session, event, ops, arg);
	if (r < 0) {
		session_destroy(session);
		return r;
	}
	*out = session;
	return 0;
}

void session_destroy(struct session *session)
{
	if (!session)
		return;
	seat_destroy(session->seat);
	consent_watch_destroy(session->consent);
	sd_event_source_disable_unref(session->retry);
	free(session);
}

bool session_is_waiting(const struct session *session)
{
	return !session->is_someones;
}
