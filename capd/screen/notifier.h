/* SPDX-License-Identifier: MIT */
/*
 * A notifier shows one notification at a time: it speaks with whoever shows them on the session bus
 * (org.freedesktop.Notifications).
 *
 *     show ──Notify──► server ──answer──► its number, written down (notification_record.h)
 *     take_back ──CloseNotification──► the server that shows it
 *     a button, its end, a server that begins, the bus that goes ──► ops
 *
 * One call at a time.  A number is that of one server, so what is replaced or closed is asked of
 * that one by its own name on the bus, and nobody else's signals count.  What a daemon that was
 * killed has left is taken away first, as soon as it is known whether this is the bus that it was
 * on.  Nothing here waits, but notifier_settle().  Event-loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

struct notifier; /* opaque */

/* All come from the loop, never from within a call. */
struct notifier_ops {
	/* The call has ended: it is shown; or why it is not. */
	void (*on_answer)(void *arg, const char *failure);
	/* What was left has been taken away: there may be a call again. */
	void (*on_free)(void *arg);
	/* Its button was pressed. */
	void (*on_action)(void *arg, const char *key);
	/* Its reader has closed it, or its time is over. */
	void (*on_closed)(void *arg);
	/* A server has begun, who shows nothing of ours. */
	void (*on_begun)(void *arg);
	/* The bus has gone, and with it what was shown, and the call that may have been under way.
	 */
	void (*on_lost)(void *arg, bool was_busy);
};

struct notifier_text {
	const char *summary, *body; /* the body is markup */
	const char *key, *label;    /* of its button */
};

/*
 * `record_fd` (-1: none), of notification_record_open(), is taken over, in every case.  0 or
 * -ENOMEM.
 */
int notifier_create(sd_event *event, int record_fd, const struct notifier_ops *ops, void *arg,
	struct notifier **out);
/* What is shown stays.  Accepts NULL. */
void notifier_destroy(struct notifier *notifier);

/* A call is under way: another has to wait for on_answer(), or on_free(). */
bool notifier_is_busy(const struct notifier *notifier);
/* Shows it, in the place of what is shown.  0: on_answer() comes; -EBUSY: see above; -errno. */
int notifier_show(struct notifier *notifier, const struct notifier_text *text);
void notifier_take_back(struct notifier *notifier);
/* Waits for the call that is under way, for half a second at most: what is just being shown has no
 * number yet by which it could be taken back. */
void notifier_settle(struct notifier *notifier);
