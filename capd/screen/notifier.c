/* SPDX-License-Identifier: MIT */
#include "capd/screen/notifier.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-id128.h>

#include "capd/screen/notification_record.h"
#include "common/clock.h"
#include "common/fd.h"

#define TIMEOUT_US 5000000u /* of a call */
#define SETTLE_US  500000u  /* … that is under way when the daemon ends */
#define NAME       "org.freedesktop.Notifications"
#define PATH       "/org/freedesktop/Notifications"
#define BUS_NAME   "org.freedesktop.DBus"
#define BUS_PATH   "/org/freedesktop/DBus"
#define APP_NAME   "screenshare"
#define APP_ICON   "video-display"
#define OWNER_MATCH                                                                                \
	"type='signal',sender='" BUS_NAME "',interface='" BUS_NAME "',member='NameOwnerChanged',"  \
	"arg0='" NAME "'"
#define CLOSED_BY_US 3u /* the specification's reason "closed by a call to CloseNotification" */

struct notifier {
	sd_event *event; /* borrowed */
	const struct notifier_ops *ops;
	void *arg;

	sd_bus *bus; /* NULL: not connected */
	sd_bus_slot *call;
	struct notification_mark shown; /* and by whom */
	struct notification_mark left;  /* by one of us that was killed: to be taken away */
	int record_fd;                  /* of the mark of what is shown; -1: none */
};

/* --- what is shown --- */

static void set_shown(struct notifier *notifier, const struct notification_mark *mark)
{
	struct notification_mark *shown = &notifier->shown;

	if (shown->id == mark->id && strcmp(shown->owner, mark->owner) == 0)
		return;
	*shown = *mark;
	notification_record_write(notifier->record_fd, mark);
}

static void set_nothing_shown(struct notifier *notifier)
{
	set_shown(notifier, &(const struct notification_mark){.id = 0});
}

/* Which bus it is; one that has not answered yet would be waited for. */
static int read_bus(const struct notifier *notifier, char out[NOTIFICATION_BUS_SIZE])
{
	sd_id128_t id;
	int r = sd_bus_is_ready(notifier->bus);

	if (r > 0)
		r = sd_bus_get_bus_id(notifier->bus, &id);
	else if (r == 0)
		r = -ENOTCONN;
	if (r >= 0)
		sd_id128_to_string(id, out);
	return r < 0 ? r : 0;
}

/* The server, who has its number from its answer `m`. */
static int take_shown(struct notifier *notifier, sd_bus_message *m)
{
	struct notification_mark mark = {.id = 0};
	const char *owner = sd_bus_message_get_sender(m);
	int r = sd_bus_message_read(m, "u", &mark.id);

	if (r >= 0 && mark.id == 0)
		r = -EBADMSG;
	if (r >= 0)
		r = read_bus(notifier, mark.bus);
	if (r < 0)
		return r;
	snprintf(mark.owner, sizeof(mark.owner), "%s", owner ? owner : "");
	set_shown(notifier, &mark);
	return 0;
}

/* Whoever is on the bus can send us a signal by our own name: only that of the server which shows
 * it is about ours. */
static bool is_of_shown(const struct notifier *notifier, sd_bus_message *m, uint32_t id)
{
	const char *sender = sd_bus_message_get_sender(m);

	return id != 0 && id == notifier->shown.id && sender &&
	       strcmp(sender, notifier->shown.owner) == 0;
}

/* Of the server that shows it, and of no other; who has gone is not started for it. */
static void close_it(struct notifier *notifier, const struct notification_mark *mark)
{
	sd_bus_call_method_async(notifier->bus, NULL, mark->owner, PATH, NAME, "CloseNotification",
		NULL, NULL, "u", mark->id);
}

/* --- the bus --- */

static void bus_close(struct notifier *notifier)
{
	notifier->call = sd_bus_slot_unref(notifier->call);
	if (notifier->bus)
		sd_bus_detach_event(notifier->bus);
	notifier->bus = sd_bus_close_unref(notifier->bus);
}

static int on_disconnected(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct notifier *notifier = arg;
	bool was_busy = notifier->call;
	(void)m, (void)error;

	bus_close(notifier);
	set_nothing_shown(notifier);
	notifier->ops->on_lost(notifier->arg, was_busy);
	return 0;
}

static int on_action(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct notifier *notifier = arg;
	const char *key;
	uint32_t id;
	(void)error;

	if (sd_bus_message_read(m, "us", &id, &key) >= 0 && is_of_shown(notifier, m, id))
		notifier->ops->on_action(notifier->arg, key);
	return 0;
}

static int on_closed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct notifier *notifier = arg;
	uint32_t id, reason;
	(void)error;

	if (sd_bus_message_read(m, "uu", &id, &reason) < 0 || !is_of_shown(notifier, m, id))
		return 0;
	set_nothing_shown(notifier);
	if (reason != CLOSED_BY_US)
		notifier->ops->on_closed(notifier->arg);
	return 0;
}

/* The server has begun, or ended: what the one before has shown is gone, and its numbers mean
 * something else. */
static int on_owner(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct notifier *notifier = arg;
	const char *sender = sd_bus_message_get_sender(m), *name, *before, *now;
	(void)error;

	if (!sender || strcmp(sender, BUS_NAME) != 0 ||
		sd_bus_message_read(m, "sss", &name, &before, &now) < 0 || strcmp(name, NAME) != 0)
		return 0;
	if (strcmp(now, notifier->shown.owner) != 0)
		set_nothing_shown(notifier);
	if (*now && !notifier->call) /* else its answer says more */
		notifier->ops->on_begun(notifier->arg);
	return 0;
}

/* The bus answers, so that which one it is is known: now what was left can be taken away. */
static int on_bus(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct notifier *notifier = arg;
	struct notification_mark *left = &notifier->left;
	char bus[NOTIFICATION_BUS_SIZE];
	(void)m, (void)error;

	notifier->call = sd_bus_slot_unref(notifier->call);
	if (read_bus(notifier, bus) == 0 && strcmp(bus, left->bus) == 0)
		close_it(notifier, left);
	left->id = 0;
	notification_record_write(notifier->record_fd, left);
	notifier->ops->on_free(notifier->arg);
	return 0;
}

/* … before anything else. */
static int ask_bus(struct notifier *notifier)
{
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(
		notifier->bus, &m, BUS_NAME, BUS_PATH, BUS_NAME, "GetId");

	if (r >= 0)
		r = sd_bus_call_async(
			notifier->bus, &notifier->call, m, on_bus, notifier, TIMEOUT_US);
	sd_bus_message_unref(m);
	return r;
}

/* Everything is queued until the bus has answered; nothing waits for it. */
static int bus_open(struct notifier *notifier)
{
	sd_bus *bus = NULL;
	int r = sd_bus_open_user(&bus);

	if (r < 0)
		return r;
	notifier->bus = bus;
	r = sd_bus_attach_event(bus, notifier->event, SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_bus_match_signal(bus, NULL, NULL, "/org/freedesktop/DBus/Local",
			"org.freedesktop.DBus.Local", "Disconnected", on_disconnected, notifier);
	if (r >= 0)
		r = sd_bus_match_signal_async(
			bus, NULL, NAME, PATH, NAME, "ActionInvoked", on_action, NULL, notifier);
	if (r >= 0)
		r = sd_bus_match_signal_async(bus, NULL, NAME, PATH, NAME, "NotificationClosed",
			on_closed, NULL, notifier);
	if (r >= 0)
		r = sd_bus_add_match_async(bus, NULL, OWNER_MATCH, on_owner, NULL, notifier);
	if (r >= 0 && notifier->left.id != 0)
		r = ask_bus(notifier);
	if (r < 0)
		bus_close(notifier);
	return r;
}

/* --- calls --- */

static int on_answer(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct notifier *notifier = arg;
	const sd_bus_error *failure = sd_bus_message_get_error(m);
	const char *reason = NULL;
	(void)error;

	notifier->call = sd_bus_slot_unref(notifier->call);
	if (failure)
		reason = failure->message ? failure->message : failure->name;
	else if (take_shown(notifier, m) < 0)
		reason = "an answer without a number";
	if (reason)
		set_nothing_shown(notifier);
	notifier->ops->on_answer(notifier->arg, reason);
	return 0;
}

static int append(
	sd_bus_message *m, const struct notifier *notifier, const struct notifier_text *text)
{
	int r = sd_bus_message_append(
		m, "susss", APP_NAME, notifier->shown.id, APP_ICON, text->summary, text->body);

	if (r >= 0)
		r = sd_bus_message_append(m, "as", 2, text->key, text->label);
	/* It stays when its button is pressed: what it says is then changed. */
	if (r >= 0)
		r = sd_bus_message_append(m, "a{sv}", 3, "resident", "b", 1, "urgency", "y", 1,
			"desktop-entry", "s", APP_NAME);
	return r < 0 ? r : sd_bus_message_append(m, "i", -1); /* for as long as usual */
}

bool notifier_is_busy(const struct notifier *notifier)
{
	return notifier->call;
}

int notifier_show(struct notifier *notifier, const struct notifier_text *text)
{
	const char *server = notifier->shown.id ? notifier->shown.owner : NAME;
	sd_bus_message *m = NULL;
	int r = notifier->bus ? 0 : bus_open(notifier);

	if (notifier->call)
		return -EBUSY;
	if (r >= 0)
		r = sd_bus_message_new_method_call(notifier->bus, &m, server, PATH, NAME, "Notify");
	if (r >= 0)
		r = append(m, notifier, text);
	if (r >= 0)
		r = sd_bus_call_async(
			notifier->bus, &notifier->call, m, on_answer, notifier, TIMEOUT_US);
	sd_bus_message_unref(m);
	return r < 0 ? r : 0;
}

void notifier_take_back(struct notifier *notifier)
{
	if (notifier->bus && notifier->shown.id != 0)
		close_it(notifier, &notifier->shown);
	set_nothing_shown(notifier);
}

void notifier_settle(struct notifier *notifier)
{
	uint64_t now_us = clock_monotonic_ns() / NS_PER_US, end_us = now_us + SETTLE_US;

	for (; notifier->call && now_us < end_us; now_us = clock_monotonic_ns() / NS_PER_US) {
		int r = sd_bus_process(notifier->bus, NULL);

		if (r == 0)
			r = sd_bus_wait(notifier->bus, end_us - now_us);
		if (r < 0)
			return;
	}
}

/* --- life --- */

int notifier_create(sd_event *event, int record_fd, const struct notifier_ops *ops, void *arg,
	struct notifier **out)
{
	struct notifier *notifier = calloc(1, sizeof(*notifier));

	if (!notifier) {
		fd_close(&record_fd);
		return -ENOMEM;
	}
	notifier->event = event;
	notifier->ops = ops;
	notifier->arg = arg;
	notifier->record_fd = record_fd;
	notification_record_read(record_fd, &notifier->left);
	if (notifier->left.id != 0)
		(void)bus_open(notifier); /* where it cannot be, notifier_show() tries again */
	*out = notifier;
	return 0;
}

void notifier_destroy(struct notifier *notifier)
{
	if (!notifier)
		return;
	bus_close(notifier);
	fd_close(&notifier->record_fd);
	free(notifier);
}
