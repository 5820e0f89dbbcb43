/* SPDX-License-Identifier: MIT */
#include "capd/session/seat.h"

#include <errno.h>
#include <stdlib.h>

#include "common/clock.h"

struct seat {
	void (*on_change)(void *arg);
	void *arg;
	struct logind *logind;
	struct logind_view view;
	struct session_lock lock;
	sd_event_source *lock_timer; /* a signal to lock passes by itself */
};

static void changed(struct seat *seat)
{
	uint64_t due_ns = session_lock_due_ns(&seat->lock, clock_monotonic_ns());

	if (due_ns != UINT64_MAX) {
		sd_event_source_set_time(seat->lock_timer, due_ns / NS_PER_US + 1);
		sd_event_source_set_enabled(seat->lock_timer, SD_EVENT_ONESHOT);
	}
	if (seat->on_change)
		seat->on_change(seat->arg);
}

static void on_view(void *arg, const struct logind_view *view)
{
	struct seat *seat = arg;

	/* A signal to lock stays, whatever is seen now: it may have come before the first view, or
	 * while logind was silent. */
	seat->view = *view;
	if (view->answer != LOGIND_SILENT)
		session_lock_hint(&seat->lock, view->is_locked);
	changed(seat);
}

static void on_lock(void *arg, bool locked)
{
	struct seat *seat = arg;

	session_lock_signal(&seat->lock, locked, clock_monotonic_ns());
	changed(seat);
}

static const struct logind_ops logind_ops = {.on_view = on_view, .on_lock = on_lock};

static int on_lock_timer(sd_event_source *timer, uint64_t now_us, void *arg)
{
	(void)timer, (void)now_us;
	changed(arg);
	return 0;
}

int seat_create(sd_event *event, const struct session_lock *before, void (*on_change)(void *arg),
	void *arg, struct seat **out)
{
	struct seat *seat = calloc(1, sizeof(*seat));
	int r;

	if (!seat)
		return -ENOMEM;
	seat->on_change = on_change;
	seat->arg = arg;
	if (before)
		seat->lock = *before;
	r = sd_event_add_time(event, &seat->lock_timer, CLOCK_MONOTONIC, 0, 1, on_lock_timer, seat);
	if (r >= 0)
		r = sd_event_source_set_enabled(seat->lock_timer, SD_EVENT_OFF);
	if (r >= 0)
		r = logind_create(event, &logind_ops, seat, &seat->logind);
	if (r < 0) {
		seat_destroy(seat);
		return r;
	}
	*out = seat;
	return 0;
}

void seat_destroy(struct seat *seat)
{
	if (!seat)
		return;
	logind_destroy(seat->logind);
	sd_event_source_disable_unref(seat->lock_timer);
	free(seat);
}

const struct logind_view *seat_view(const struct seat *seat)
{
	return &seat->view;
}

bool seat_is_locked(const struct seat *seat)
{
	return session_lock_is_locked(&seat->lock, clock_monotonic_ns());
}

struct session_lock seat_lock(const struct seat *seat)
{
	return seat->lock;
}
