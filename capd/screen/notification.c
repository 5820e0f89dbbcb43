/* SPDX-License-Identifier: MIT */
#include "capd/screen/notification.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-id128.h>

#include "capd/screen/control_wish.h"
#include "capd/screen/notification_record.h"
#include "capd/screen/notification_text.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"

#define SPACING_US  1000000u  /* between two calls; after one that failed: twice as long, … */
#define WAIT_MAX_US 60000000u /* … and so on, up to this */
#define TIMEOUT_US  5000000u  /* of a call */
#define END_WAIT_US 500000u   /* … that is under way when the daemon ends */
#define NAME        "org.freedesktop.Notifications"
#define PATH        "/org/freedesktop/Notifications"
#define BUS_NAME    "org.freedesktop.DBus"
#define BUS_PATH    "/org/freedesktop/DBus"
#define APP_NAME    "screenshare"
#define APP_ICON    "video-display"
#define OWNER_MATCH                                                                                \
	"type='signal',sender='" BUS_NAME "',interface='" BUS_NAME "',member='NameOwnerChanged',"  \
	"arg0='" NAME "'"
#define CLOSED_BY_US 3u /* the specification's reason "closed by a call to CloseNotification" */

/* What a notification says. */
struct message {
	char *lines; /* owned; NULL: there is none */
	unsigned sources;
	bool is_paused;
};

struct notification {
	sd_event *event; /* borrowed */
	const char *runtime_dir;
	bool is_held; /* nobody sees anything of this screen */
	struct message wanted;
	struct message tried;           /* what was said last, or is being said: not said again */
	struct notification_mark shown; /* and by whom */
	bool is_closed;                 /* by its reader */
	struct notification_mark left;  /* by one of us that was killed: to be taken away */
	int record_fd;                  /* of the mark of what is shown; -1: none */

	sd_bus *bus; /* NULL: not connected */
	sd_bus_slot *call;
	uint64_t next_us; /* CLOCK_MONOTONIC: no call before that */
	uint64_t wait_us; /* after a call that fails */
	sd_event_source *timer, *at_exit;
	struct control_wish *wish;
};

static void advance(struct notification *notification);

/* --- messages --- */

static void message_clear(struct message *message)
{
	free(message->lines);
	*message = (struct message){.lines = NULL};
}

/* Without memory it is none. */
static void message_set(
	struct message *message, const char *lines, unsigned sources, bool is_paused)
{
	char *copy = lines ? strdup(lines) : NULL;

	message_clear(message);
	*message = (struct message){.lines = copy, .sources = sources, .is_paused = is_paused};
}

static bool is_same(const struct message *a, const struct message *b)
{
	return a->lines && b->lines && strcmp(a->lines, b->lines) == 0 &&
	       a->sources == b->sources && a->is_paused == b->is_paused;
}

/* Is there anything that whoever has closed it does not know? */
static bool is_news(const struct notification *notification)
{
	const struct message *wanted = &notification->wanted, *tried = &notification->tried;

	return !tried->lines || wanted->is_paused != tried->is_paused ||
	       notification_has_new(tried->lines, wanted->lines);
}

/* --- what is shown --- */

static void set_shown(struct notification *notification, const struct notification_mark *mark)
{
	struct notification_mark *shown = &notification->shown;

	if (shown->id == mark->id && strcmp(shown->owner, mark->owner) == 0)
		return;
	*shown = *mark;
	notification_record_write(notification->record_fd, mark);
}

static void set_nothing_shown(struct notification *notification)
{
	set_shown(notification, &(const struct notification_mark){.id = 0});
}

/* Which bus it is; one that has not answered yet would be waited for. */
static int read_bus(const struct notification *notification, char out[NOTIFICATION_BUS_SIZE])
{
	sd_id128_t id;
	int r = sd_bus_is_ready(notification->bus);

	if (r > 0)
		r = sd_bus_get_bus_id(notification->bus, &id);
	else if (r == 0)
		r = -ENOTCONN;
	if (r >= 0)
		sd_id128_to_string(id, out);
	return r < 0 ? r : 0;
}

/* The server, who has its number from its answer `m`. */
static int take_shown(struct notification *notification, sd_bus_message *m)
{
	struct notification_mark mark = {.id = 0};
	const char *owner = sd_bus_message_get_sender(m);
	int r = sd_bus_message_read(m, "u", &mark.id);

	if (r >= 0 && mark.id == 0)
		r = -EBADMSG;
	if (r >= 0)
		r = read_bus(notification, mark.bus);
	if (r < 0)
		return r;
	snprintf(mark.owner, sizeof(mark.owner), "%s", owner ? owner : "");
	set_shown(notification, &mark);
	return 0;
}

/* Whoever is on the bus can send us a signal by our own name: only that of the server which shows
 * it is about ours. */
static bool is_of_shown(const struct notification *notification, sd_bus_message *m, uint32_t id)
{
	const char *sender = sd_bus_message_get_sender(m);

	return id != 0 && id == notification->shown.id && sender &&
	       strcmp(sender, notification->shown.owner) == 0;
}

/* --- the bus --- */

static uint64_t now_us(void)
{
	return clock_monotonic_ns() / NS_PER_US;
}

/* It has not been said: advance() says it again, after a while that grows. */
static void say_failed(struct notification *notification, const char *reason)
{
	if (notification->wait_us == SPACING_US)
		log_debug("Could not say on the desktop who watches: %s; trying again", reason);
	message_clear(&notification->tried);
	notification->next_us = now_us() + notification->wait_us;
	notification->wait_us *= 2;
	if (notification->wait_us > WAIT_MAX_US)
		notification->wait_us = WAIT_MAX_US;
}

/* A change need not wait for as long as what could not be said. */
static void hurry(struct notification *notification)
{
	if (notification->wait_us == SPACING_US)
		return;
	notification->wait_us = SPACING_US;
	if (notification->next_us > now_us() + SPACING_US)
		notification->next_us = now_us() + SPACING_US;
}

/* Of the server that shows it, and of no other; who has gone is not started for it. */
static void close_it(struct notification *notification, const struct notification_mark *mark)
{
	sd_bus_call_method_async(notification->bus, NULL, mark->owner, PATH, NAME,
		"CloseNotification", NULL, NULL, "u", mark->id);
}

static void bus_close(struct notification *notification)
{
	notification->call = sd_bus_slot_unref(notification->call);
	if (notification->bus)
		sd_bus_detach_event(notification->bus);
	notification->bus = sd_bus_close_unref(notification->bus);
	set_nothing_shown(notification);
}

static int on_disconnected(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct notification *notification = arg;
	(void)m, (void)error;

	/* What its reader has closed need not be said again. */
	if (notification->call || !notification->is_closed)
		say_failed(notification, "the session bus has gone");
	bus_close(notification);
	advance(notification);
	return 0;
}

static void on_wish_done(void *arg, int r)
{
	struct notification *notification = arg;

	control_wish_destroy(notification->wish);
	notification->wish = NULL;
	if (r < 0)
		log_warn("Could not do what was asked for on the desktop: %s; use `screenshare "
			 "pause` "
			 "or `screenshare resume`",
			r == -EPERM ? "the server refused" : strerror(-r));
}

static int on_action(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct notification *notification = arg;
	const char *key;
	uint32_t id;
	int r = sd_bus_message_read(m, "us", &id, &key);
	(void)error;

	if (r < 0 || !is_of_shown(notification, m, id) || notification->wish)
		return 0;
	if (strcmp(key, "pause") != 0 && strcmp(key, "resume") != 0)
		return 0;
	r = control_wish_send(notification->event, notification->runtime_dir, key, on_wish_done,
		notification, &notification->wish);
	if (r < 0)
		on_wish_done(notification, r);
	return 0;
}

static int on_closed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct notification *notification = arg;
	uint32_t id, reason;
	(void)error;

	if (sd_bus_message_read(m, "uu", &id, &reason) < 0 || !is_of_shown(notification, m, id))
		return 0;
	set_nothing_shown(notification);
	notification->is_closed = reason != CLOSED_BY_US;
	return 0;
}

/* The server has begun, or ended: what the one before has shown is gone, and its numbers mean
 * something else.  One that begins is told at once; nobody is started for it. */
static int on_owner(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct notification *notification = arg;
	const char *sender = sd_bus_message_get_sender(m), *name, *before, *now;
	(void)error;

	if (!sender || strcmp(sender, BUS_NAME) != 0 ||
		sd_bus_message_read(m, "sss", &name, &before, &now) < 0 || strcmp(name, NAME) != 0)
		return 0;
	if (strcmp(now, notification->shown.owner) != 0)
		set_nothing_shown(notification);
	if (!*now || notification->call || notification->is_closed)
		return 0;
	message_clear(&notification->tried);
	hurry(notification);
	advance(notification);
	return 0;
}

/* The bus answers, so that which one it is is known: now what was left can be taken away. */
static int on_bus(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct notification *notification = arg;
	struct notification_mark *left = &notification->left;
	char bus[NOTIFICATION_BUS_SIZE];
	(void)m, (void)error;

	notification->call = sd_bus_slot_unref(notification->call);
	if (read_bus(notification, bus) == 0 && strcmp(bus, left->bus) == 0)
		close_it(notification, left);
	left->id = 0;
	notification_record_write(notification->record_fd, left);
	advance(notification);
	return 0;
}

/* … before anything else. */
static int ask_bus(struct notification *notification)
{
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(
		notification->bus, &m, BUS_NAME, BUS_PATH, BUS_NAME, "GetId");

	if (r >= 0)
		r = sd_bus_call_async(notification->bus, &notification->call, m, on_bus,
			notification, TIMEOUT_US);
	sd_bus_message_unref(m);
	return r;
}

/* Everything is queued until the bus has answered; nothing waits for it. */
static int bus_open(struct notification *notification)
{
	sd_bus *bus = NULL;
	int r = sd_bus_open_user(&bus);

	if (r < 0)
		return r;
	notification->bus = bus;
	r = sd_bus_attach_event(bus, notification->event, SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_bus_match_signal(bus, NULL, NULL, "/org/freedesktop/DBus/Local",
			"org.freedesktop.DBus.Local", "Disconnected", on_disconnected,
			notification);
	if (r >= 0)
		r = sd_bus_match_signal_async(bus, NULL, NAME, PATH, NAME, "ActionInvoked",
			on_action, NULL, notification);
	if (r >= 0)
		r = sd_bus_match_signal_async(bus, NULL, NAME, PATH, NAME, "NotificationClosed",
			on_closed, NULL, notification);
	if (r >= 0)
		r = sd_bus_add_match_async(bus, NULL, OWNER_MATCH, on_owner, NULL, notification);
	if (r >= 0 && notification->left.id != 0)
		r = ask_bus(notification);
	if (r < 0)
		bus_close(notification);
	return r;
}

/* --- calls --- */

static int on_answer(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct notification *notification = arg;
	const sd_bus_error *failure = sd_bus_message_get_error(m);
	(void)error;

	notification->call = sd_bus_slot_unref(notification->call);
	notification->is_closed = false;
	if (failure || take_shown(notification, m) < 0) {
		set_nothing_shown(notification);
		say_failed(notification, !failure           ? "an answer without a number"
					 : failure->message ? failure->message
							    : failure->name);
	} else {
		notification->wait_us = SPACING_US;
	}
	advance(notification);
	return 0;
}

static int append(sd_bus_message *m, const struct notification *notification, const char *body)
{
	const struct message *wanted = &notification->wanted;
	int r = sd_bus_message_append(m, "susss", APP_NAME, notification->shown.id, APP_ICON,
		notification_summary(wanted->sources, wanted->is_paused), body);

	if (r >= 0)
		r = wanted->is_paused ? sd_bus_message_append(m, "as", 2, "resume", "Resume")
				      : sd_bus_message_append(m, "as", 2, "pause", "Pause");
	/* It stays when its button is pressed: what it says is then changed. */
	if (r >= 0)
		r = sd_bus_message_append(m, "a{sv}", 3, "resident", "b", 1, "urgency", "y", 1,
			"desktop-entry", "s", APP_NAME);
	return r < 0 ? r : sd_bus_message_append(m, "i", -1); /* for as long as usual */
}

static int notify(struct notification *notification)
{
	char *body = notification_body(notification->wanted.lines);
	/* The number of what is replaced is that of one server alone. */
	const char *server = notification->shown.id ? notification->shown.owner : NAME;
	sd_bus_message *m = NULL;
	int r = -ENOMEM;

	if (body)
		r = sd_bus_message_new_method_call(
			notification->bus, &m, server, PATH, NAME, "Notify");
	if (r >= 0)
		r = append(m, notification, body);
	if (r >= 0)
		r = sd_bus_call_async(notification->bus, &notification->call, m, on_answer,
			notification, TIMEOUT_US);
	sd_bus_message_unref(m);
	free(body);
	return r;
}

static void say(struct notification *notification)
{
	const struct message *wanted = &notification->wanted;
	int r = notification->bus ? 0 : bus_open(notification);

	if (notification->call)
		return; /* what was left goes first */
	notification->next_us = now_us() + SPACING_US;
	message_set(&notification->tried, wanted->lines, wanted->sources, wanted->is_paused);
	if (r >= 0)
		r = notify(notification);
	if (r < 0) {
		say_failed(notification, strerror(-r));
		advance(notification);
	}
}

static void take_back(struct notification *notification)
{
	if (notification->bus && notification->shown.id != 0)
		close_it(notification, &notification->shown);
	set_nothing_shown(notification);
	notification->is_closed = false;
	message_clear(&notification->tried);
}

/* The next thing that is missing, if it may be done now. */
static void advance(struct notification *notification)
{
	if (notification->call)
		return; /* its answer comes back here */
	if (!notification->wanted.lines || notification->is_held) {
		take_back(notification);
		return;
	}
	if (is_same(&notification->wanted, &notification->tried))
		return;
	if (notification->is_closed && !is_news(notification))
		return;
	if (now_us() < notification->next_us) {
		sd_event_source_set_time(notification->timer, notification->next_us);
		sd_event_source_set_enabled(notification->timer, SD_EVENT_ONESHOT);
		return;
	}
	say(notification);
}

static int on_timer(sd_event_source *source, uint64_t time_us, void *arg)
{
	(void)source, (void)time_us;
	advance(arg);
	return 0;
}

/* --- from outside --- */

void notification_show(
	struct notification *notification, unsigned sources, bool is_paused, const char *lines)
{
	struct message before = notification->wanted;

	notification->wanted = (struct message){.lines = NULL};
	message_set(&notification->wanted, lines, sources, is_paused);
	if (!is_same(&before, &notification->wanted))
		hurry(notification);
	message_clear(&before);
	advance(notification);
}

void notification_hold(struct notification *notification, bool is_held)
{
	notification->is_held = is_held;
	advance(notification);
}

void notification_hide(struct notification *notification)
{
	message_clear(&notification->wanted);
	advance(notification);
}

/* --- life --- */

/* What the desktop is just showing has no number yet by which it could be taken back. */
static void await_answer(struct notification *notification)
{
	uint64_t end_us = now_us() + END_WAIT_US;

	for (uint64_t now = now_us(); notification->call && now < end_us; now = now_us()) {
		int r = sd_bus_process(notification->bus, NULL);

		if (r == 0)
			r = sd_bus_wait(notification->bus, end_us - now);
		if (r < 0)
			return;
	}
}

/* Before the bus is closed, which sd-bus does when the loop ends. */
static int on_exit_of_loop(sd_event_source *source, void *arg)
{
	struct notification *notification = arg;
	(void)source;

	message_clear(&notification->wanted);
	await_answer(notification);
	take_back(notification);
	return 0;
}

int notification_create(
	sd_event *event, const char *runtime_dir, int record_fd, struct notification **out)
{
	struct notification *notification = calloc(1, sizeof(*notification));
	int r;

	if (!notification) {
		fd_close(&record_fd);
		return -ENOMEM;
	}
	notification->event = event;
	notification->record_fd = record_fd;
	notification->wait_us = SPACING_US;
	notification->runtime_dir = runtime_dir;
	r = sd_event_add_time(
		event, &notification->timer, CLOCK_MONOTONIC, 0, 0, on_timer, notification);
	if (r >= 0)
		r = sd_event_source_set_enabled(notification->timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_exit(event, &notification->at_exit, on_exit_of_loop, notification);
	if (r < 0) {
		notification_destroy(notification);
		return r;
	}
	notification_record_read(record_fd, &notification->left);
	if (notification->left.id != 0)
		(void)bus_open(notification); /* where it cannot be, say() tries again */
	*out = notification;
	return 0;
}

void notification_destroy(struct notification *notification)
{
	if (!notification)
		return;
	sd_event_source_disable_unref(notification->at_exit);
	take_back(notification);
	bus_close(notification);
	control_wish_destroy(notification->wish);
	sd_event_source_disable_unref(notification->timer);
	message_clear(&notification->wanted);
	message_clear(&notification->tried);
	fd_close(&notification->record_fd);
	free(notification);
}
