/* SPDX-License-Identifier: MIT */
#include "capd/screen/notification.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "capd/screen/control_wish.h"
#include "capd/screen/notification_text.h"
#include "capd/screen/notifier.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"

#define SPACING_US  1000000u  /* between two calls; after one that failed: twice as long, … */
#define WAIT_MAX_US 60000000u /* … and so on, up to this */

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
	struct message tried; /* what was said last, or is being said: not said again */
	bool is_closed;       /* by its reader */

	struct notifier *notifier;
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

/* --- saying it --- */

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

/* 0 or -errno; on_answer() comes. */
static int show(struct notification *notification)
{
	const struct message *wanted = &notification->wanted;
	char *body = notification_body(wanted->lines);
	const struct notifier_text text = {
		.summary = notification_summary(wanted->sources, wanted->is_paused),
		.body = body,
		.key = wanted->is_paused ? "resume" : "pause",
		.label = wanted->is_paused ? "Resume" : "Pause"};
	int r = body ? notifier_show(notification->notifier, &text) : -ENOMEM;

	free(body);
	return r;
}

static void say(struct notification *notification)
{
	const struct message *wanted = &notification->wanted;
	int r = show(notification);

	if (r == -EBUSY)
		return; /* what was left goes first */
	notification->next_us = now_us() + SPACING_US;
	message_set(&notification->tried, wanted->lines, wanted->sources, wanted->is_paused);
	if (r < 0) {
		say_failed(notification, strerror(-r));
		advance(notification);
	}
}

static void take_back(struct notification *notification)
{
	notifier_take_back(notification->notifier);
	notification->is_closed = false;
	message_clear(&notification->tried);
}

/* The next thing that is missing, if it may be done now. */
static void advance(struct notification *notification)
{
	if (notifier_is_busy(notification->notifier))
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

/* --- from the desktop --- */

static void on_answer(void *arg, const char *failure)
{
	struct notification *notification = arg;

	notification->is_closed = false;
	if (failure)
		say_failed(notification, failure);
	else
		notification->wait_us = SPACING_US;
	advance(notification);
}

static void on_free(void *arg)
{
	advance(arg);
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

static void on_action(void *arg, const char *key)
{
	struct notification *notification = arg;
	int r;

	if (notification->wish || (strcmp(key, "pause") != 0 && strcmp(key, "resume") != 0))
		return;
	r = control_wish_send(notification->event, notification->runtime_dir, key, on_wish_done,
		notification, &notification->wish);
	if (r < 0)
		on_wish_done(notification, r);
}

static void on_closed(void *arg)
{
	struct notification *notification = arg;

	notification->is_closed = true;
}

/* What its reader has closed need not be said again. */
static void on_begun(void *arg)
{
	struct notification *notification = arg;

	if (notification->is_closed)
		return;
	message_clear(&notification->tried);
	hurry(notification);
	advance(notification);
}

/* … here, too, unless something was being said just now. */
static void on_lost(void *arg, bool was_busy)
{
	struct notification *notification = arg;

	if (was_busy || !notification->is_closed)
		say_failed(notification, "the session bus has gone");
	advance(notification);
}

static const struct notifier_ops notifier_ops = {
	.on_answer = on_answer,
	.on_free = on_free,
	.on_action = on_action,
	.on_closed = on_closed,
	.on_begun = on_begun,
	.on_lost = on_lost,
};

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

/* Before the bus is closed, which sd-bus does when the loop ends. */
static int on_exit_of_loop(sd_event_source *source, void *arg)
{
	struct notification *notification = arg;
	(void)source;

	message_clear(&notification->wanted);
	notifier_settle(notification->notifier);
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
	notification->wait_us = SPACING_US;
	notification->runtime_dir = runtime_dir;
	r = notifier_create(event, record_fd, &notifier_ops, notification, &notification->notifier);
	if (r >= 0)
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
	*out = notification;
	return 0;
}

void notification_destroy(struct notification *notification)
{
	if (!notification)
		return;
	sd_event_source_disable_unref(notification->at_exit);
	if (notification->notifier)
		take_back(notification);
	notifier_destroy(notification->notifier);
	control_wish_destroy(notification->wish);
	sd_event_source_disable_unref(notification->timer);
	message_clear(&notification->wanted);
	message_clear(&notification->tried);
	free(notification);
}
