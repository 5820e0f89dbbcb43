/* SPDX-License-Identifier: MIT */
#include "capd/session/logind.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "capd/session/kept_signals.h"
#include "capd/session/logind_background.h"
#include "capd/session/logind_question.h"
#include "capd/session/logind_session.h"

#define DRIVER      "org.freedesktop.DBus"
#define SENDER_SIZE 256 /* the bus has no longer names */

struct logind {
	sd_event *event;
	const struct logind_ops *ops;
	void *arg;
	sd_bus *bus;            /* NULL: none, until the next try */
	sd_event_source *retry; /* while bus or logind are away without having said so */
	sd_bus_slot *question;  /* the one that is under way */
	bool is_stale;          /* something changed while it was */
	char session_path[LOGIND_PATH_SIZE];  /* "": none */
	char owner[SENDER_SIZE];              /* who is logind: its unique name; "": not known */
	struct kept_signals kept;             /* until it is known which session is active */
	struct logind_background *background; /* being looked at, to complete … */
	struct logind_view found;             /* … this */
	struct logind_view view;              /* as it was told */
};

static void ask(struct logind *logind);

/* --- who speaks --- */

/*
 * Whoever may send us a message may send us a signal, past all match rules; but nobody chooses the
 * sender that the bus writes onto it.
 */
static bool is_name(const char *sender, const char *name)
{
	return sender && *name && strcmp(sender, name) == 0;
}

static bool is_from(sd_bus_message *message, const char *name)
{
	return is_name(sd_bus_message_get_sender(message), name);
}

static void set_owner(struct logind *logind, const char *name)
{
	logind->owner[0] = '\0';
	if (strlen(name) < SENDER_SIZE)
		strcpy(logind->owner, name);
}

/* Who answers a question to logind is logind, unless it is the bus that knows of none. */
static void learn_owner(struct logind *logind, sd_bus_message *reply)
{
	const char *sender = sd_bus_message_get_sender(reply);

	if (sender && sender[0] == ':')
		set_owner(logind, sender);
}

/* --- what is told --- */

static void tell(struct logind *logind, const struct logind_view *view)
{
	if (memcmp(view, &logind->view, sizeof(*view)) == 0)
		return;
	memcpy(&logind->view, view, sizeof(*view));
	logind->ops->on_view(logind->arg, view);
}

static void forget_session(struct logind *logind)
{
	logind->session_path[0] = '\0';
	logind->kept.n = 0;
}

static void tell_answer(struct logind *logind, enum logind_answer answer)
{
	struct logind_view view;

	memset(&view, 0, sizeof(view)); /* its padding, too: views are compared whole */
	view.answer = answer;
	forget_session(logind);
	tell(logind, &view);
}

static void try_again_later(struct logind *logind)
{
	sd_event_source_set_time_relative(logind->retry, LOGIND_RETRY_US);
	sd_event_source_set_enabled(logind->retry, SD_EVENT_ONESHOT);
}

/* --- Lock and Unlock --- */

/*
 * While it is being asked which session is active, or is about to be, a signal to any may be one to
 * that: at our start, or when another has just become the active one.
 */
static bool is_asking(const struct logind *logind)
{
	int retry = SD_EVENT_OFF;

	sd_event_source_get_enabled(logind->retry, &retry);
	return logind->question || retry != SD_EVENT_OFF;
}

static void take_signal(struct logind *logind, const char *sender, const char *path, bool is_lock)
{
	if (is_name(sender, logind->owner) && strcmp(path, logind->session_path) == 0)
		logind->ops->on_lock(logind->arg, is_lock);
}

/* The active session is known: what was said to it meanwhile counts from now on. */
static void take_kept(struct logind *logind)
{
	for (size_t i = 0; i < logind->kept.n; i++) {
		const struct kept_signal *kept = &logind->kept.list[i];

		take_signal(logind, kept->sender, kept->path, kept->is_lock);
	}
	logind->kept.n = 0;
}

static int on_lock(sd_bus_message *message, void *arg, sd_bus_error *ret_error)
{
	struct logind *logind = arg;
	const char *sender = sd_bus_message_get_sender(message);
	const char *path = sd_bus_message_get_path(message);
	bool is_lock = sd_bus_message_is_signal(message, LOGIND_SESSION_INTERFACE, "Lock");
	(void)ret_error;

	if (!path || !sender)
		return 0;
	if (is_asking(logind) && strcmp(path, logind->session_path) != 0)
		kept_signals_add(&logind->kept, sender, path, is_lock);
	else
		take_signal(logind, sender, path, is_lock);
	return 0;
}

/* --- questions --- */

/* The question is over.  True: what it has brought is out of date already, and it is asked anew. */
static bool end_question(struct logind *logind)
{
	logind->question = sd_bus_slot_unref(logind->question);
	if (!logind->is_stale)
		return false;
	ask(logind);
	return true;
}

/* logind says that there is no such seat, or session: not a fault of its. */
static bool is_nothing(const sd_bus_error *error)
{
	return sd_bus_error_has_names(error, SD_BUS_ERROR_UNKNOWN_OBJECT,
		"org.freedesktop.login1.NoSuchSeat", "org.freedesktop.login1.NoSuchSession");
}

static void question_failed(struct logind *logind, const sd_bus_error *error)
{
	if (error && is_nothing(error)) {
		tell_answer(logind, LOGIND_NO_SESSION);
		return;
	}
	tell_answer(logind, LOGIND_SILENT);
	/* A name without an owner is heard of when it has one; a logind that hangs is not. */
	if (!error || !sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN))
		try_again_later(logind);
}

static void on_background(void *arg, bool somebody)
{
	struct logind *logind = arg;

	logind_background_destroy(logind->background);
	logind->background = NULL;
	logind->found.has_background = somebody;
	tell(logind, &logind->found);
}

static void on_background_failure(void *arg, const sd_bus_error *error)
{
	struct logind *logind = arg;

	logind_background_destroy(logind->background);
	logind->background = NULL;
	question_failed(logind, error);
}

/* Nobody's session is what is on: is anybody's there all the same? */
static void ask_background(struct logind *logind, const struct logind_view *found)
{
	static const struct logind_background_ops ops = {
		.on_answer = on_background, .on_failure = on_background_failure};

	memcpy(&logind->found, found, sizeof(*found));
	if (logind_background_ask(
		    logind->bus, logind->session_path, &ops, logind, &logind->background) < 0)
		question_failed(logind, NULL);
}

static int on_session(sd_bus_message *reply, void *arg, sd_bus_error *ret_error)
{
	struct logind *logind = arg;
	struct logind_view view;
	(void)ret_error;

	if (end_question(logind))
		return 0;
	if (sd_bus_message_is_method_error(reply, NULL))
		question_failed(logind, sd_bus_message_get_error(reply));
	else if (logind_session_read(reply, &view) < 0)
		question_failed(logind, NULL);
	else if (strcmp(view.class, "user") != 0)
		ask_background(logind, &view);
	else
		tell(logind, &view);
	return 0;
}

static int ask_session(struct logind *logind)
{
	return logind_question_send(logind->bus, logind->session_path, LOGIND_SESSION_INTERFACE,
		NULL, on_session, logind, &logind->question);
}

static int on_seat(sd_bus_message *reply, void *arg, sd_bus_error *ret_error)
{
	struct logind *logind = arg;
	struct logind_view view;
	const char *id, *path;
	(void)ret_error;

	learn_owner(logind, reply);
	if (end_question(logind))
		return 0;
	if (sd_bus_message_is_method_error(reply, NULL)) {
		question_failed(logind, sd_bus_message_get_error(reply));
		return 0;
	}
	if (sd_bus_message_read(reply, "v", "(so)", &id, &path) < 0 ||
		strlen(path) >= LOGIND_PATH_SIZE) {
		question_failed(logind, NULL);
		return 0;
	}
	if (!*id) {
		forget_session(logind);
		memset(&view, 0, sizeof(view));
		view.answer = LOGIND_NO_SESSION;
		ask_background(logind, &view);
		return 0;
	}
	strcpy(logind->session_path, path);
	take_kept(logind);
	if (ask_session(logind) < 0)
		question_failed(logind, NULL);
	return 0;
}

/* Of whatever changes while a question is under way its answer may know nothing: asked again. */
static void ask(struct logind *logind)
{
	logind_background_destroy(logind->background);
	logind->background = NULL;
	logind->is_stale = logind->question != NULL;
	if (logind->is_stale || !logind->bus)
		return;
	if (logind_question_send(logind->bus, LOGIND_SEAT_PATH, LOGIND_SEAT_INTERFACE,
		    "ActiveSession", on_seat, logind, &logind->question) < 0)
		question_failed(logind, NULL);
}

/* --- signals --- */

static int on_changed(sd_bus_message *message, void *arg, sd_bus_error *ret_error)
{
	struct logind *logind = arg;
	const char *path = sd_bus_message_get_path(message);
	(void)ret_error;

	/* Sessions at other seats, and those that are not active, change too. */
	if (is_from(message, logind->owner) && path &&
		(strcmp(path, LOGIND_SEAT_PATH) == 0 || strcmp(path, logind->session_path) == 0))
		ask(logind);
	return 0;
}

static int on_sessions(sd_bus_message *message, void *arg, sd_bus_error *ret_error)
{
	struct logind *logind = arg;
	(void)ret_error;

	if (is_from(message, logind->owner))
		ask(logind);
	return 0;
}

/* logind was started or has ended. */
static int on_owner(sd_bus_message *message, void *arg, sd_bus_error *ret_error)
{
	struct logind *logind = arg;
	const char *name, *before, *after;
	(void)ret_error;

	if (!is_from(message, DRIVER) ||
		sd_bus_message_read(message, "sss", &name, &before, &after) < 0 ||
		strcmp(name, LOGIND_NAME) != 0)
		return 0;
	set_owner(logind, after);
	if (!*after)
		tell_answer(logind, LOGIND_SILENT);
	else
		ask(logind);
	return 0;
}

/* --- the bus --- */

static void close_bus(struct logind *logind)
{
	logind_background_destroy(logind->background);
	logind->background = NULL;
	logind->question = sd_bus_slot_unref(logind->question);
	sd_bus_close(logind->bus);
	logind->bus = sd_bus_unref(logind->bus);
	logind->owner[0] = '\0';
}

static int on_disconnected(sd_bus_message *message, void *arg, sd_bus_error *ret_error)
{
	struct logind *logind = arg;
	(void)message, (void)ret_error;

	/* Not closed from within its own callback: the next try does. */
	tell_answer(logind, LOGIND_SILENT);
	try_again_later(logind);
	return 0;
}

static int add_matches(struct logind *logind)
{
	static const struct {
		const char *rule;
		sd_bus_message_handler_t callback;
	} matches[] = {
		{"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
		 "arg0='" LOGIND_NAME "'",
			on_owner},
		{"type='signal',sender='" LOGIND_NAME "',interface='" LOGIND_PROPERTIES
		 "',member='PropertiesChanged',path='" LOGIND_SEAT_PATH "'",
			on_changed},
		{"type='signal',sender='" LOGIND_NAME "',interface='" LOGIND_PROPERTIES
		 "',member='PropertiesChanged',path_namespace='/org/freedesktop/login1/session'",
			on_changed},
		{"type='signal',sender='" LOGIND_NAME "',interface='" LOGIND_SESSION_INTERFACE
		 "',path_namespace='/org/freedesktop/login1/session',member='Lock'",
			on_lock},
		{"type='signal',sender='" LOGIND_NAME "',interface='" LOGIND_SESSION_INTERFACE
		 "',path_namespace='/org/freedesktop/login1/session',member='Unlock'",
			on_lock},
		/* A session that is closing stays active for a moment, and says so here alone. */
		{"type='signal',sender='" LOGIND_NAME "',interface='" LOGIND_NAME
		 ".Manager',member='SessionRemoved'",
			on_sessions},
		{"type='signal',sender='org.freedesktop.DBus.Local',"
		 "path='/org/freedesktop/DBus/Local',"
		 "interface='org.freedesktop.DBus.Local',member='Disconnected'",
			on_disconnected},
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]) && r >= 0; i++)
		r = sd_bus_add_match_async(
			logind->bus, NULL, matches[i].rule, matches[i].callback, NULL, logind);
	return r;
}

static void open_bus(struct logind *logind)
{
	int r = sd_bus_open_system(&logind->bus);

	/* A lock comes before the next frame. */
	if (r >= 0)
		r = sd_bus_attach_event(logind->bus, logind->event, SD_EVENT_PRIORITY_IMPORTANT);
	if (r >= 0)
		r = add_matches(logind);
	if (r < 0) {
		close_bus(logind);
		tell_answer(logind, LOGIND_SILENT);
		try_again_later(logind);
		return;
	}
	ask(logind);
}

static int on_retry(sd_event_source *source, uint64_t now_us, void *arg)
{
	struct logind *logind = arg;
	(void)source, (void)now_us;

	if (logind->bus && sd_bus_is_open(logind->bus) > 0) {
		ask(logind);
		return 0;
	}
	close_bus(logind);
	open_bus(logind);
	return 0;
}

/* --- life --- */

int logind_create(sd_event *event, const struct logind_ops *ops, void *arg, struct logind **out)
{
	struct logind *logind = calloc(1, sizeof(*logind));
	int r;

	if (!logind)
		return -ENOMEM;
	logind->event = sd_event_ref(event);
	logind->ops = ops;
	logind->arg = arg;
	/* The first try is the loop's, too: whoever made us has us by then. */
	r = sd_event_add_time_relative(
		event, &logind->retry, CLOCK_MONOTONIC, 0, 1, on_retry, logind);
	if (r < 0) {
		logind_destroy(logind);
		return r;
	}
	*out = logind;
	return 0;
}

void logind_destroy(struct logind *logind)
{
	if (!logind)
		return;
	close_bus(logind);
	sd_event_source_disable_unref(logind->retry);
	sd_event_unref(logind->event);
	free(logind);
}
