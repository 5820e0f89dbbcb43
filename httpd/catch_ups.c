/* SPDX-License-Identifier: MIT */
#include "httpd/catch_ups.h"

#include <errno.h>
#include <stdlib.h>

#include <event2/event_struct.h>

#include "common/clock.h"

#define NOBODY UINT64_MAX

struct catch_ups {
	bool (*ask)(void *arg, uint64_t since_sequence, bool exact);
	void *arg;
	struct event timer; /* pending while somebody waits for something */
	uint64_t epoch, newest;
	struct frame *kept; /* leads to `newest`; NULL: none */
	struct step_history steps;

	uint64_t wanted_since; /* the oldest that was wanted since the last ask; NOBODY */
	bool is_asked;
	uint64_t asked_ns; /* when anything was asked for last; 0: never */

	/* exactness */
	unsigned n_owed, n_ready;
	uint64_t round;          /* +1 for each piece that is asked for */
	uint64_t first_ready_ns; /* in this round; 0: nobody is */
	bool is_owed_anew;
	bool is_exact_asked;
};

static void arm(struct catch_ups *catch_ups, uint64_t at_ns, uint64_t now)
{
	uint64_t in_us = at_ns > now ? (at_ns - now) / NS_PER_US : 0;
	const struct timeval delay = {
		.tv_sec = (time_t)(in_us / 1000000), .tv_usec = (suseconds_t)(in_us % 1000000)};

	event_add(&catch_ups->timer, &delay);
}

/* When the next question may be put: in the loop's next turn at the soonest, so that all who are
 * ready in this one are asked for together. */
static uint64_t next_ask_ns(const struct catch_ups *catch_ups, bool is_asked, unsigned spacing_ms)
{
	unsigned ms = is_asked ? CATCH_UPS_AGAIN_MS : spacing_ms;

	return catch_ups->asked_ns ? catch_ups->asked_ns + ms * NS_PER_MS : 0;
}

static bool exact_is_due(const struct catch_ups *catch_ups, uint64_t now)
{
	return catch_ups->n_ready > 0 && !catch_ups->is_exact_asked &&
	       (catch_ups->n_ready >= catch_ups->n_owed ||
		       now >= catch_ups->first_ready_ns + CATCH_UPS_PATIENCE_MS * NS_PER_MS);
}

/* The earliest moment at which there is something to do, or NOBODY. */
static uint64_t due_ns(const struct catch_ups *catch_ups, uint64_t now)
{
	if (catch_ups->wanted_since != NOBODY)
		return next_ask_ns(catch_ups, catch_ups->is_asked, CATCH_UPS_SPACING_MS);
	if (catch_ups->is_exact_asked)
		return next_ask_ns(catch_ups, true, CATCH_UPS_EXACT_MS);
	if (catch_ups->n_ready == 0)
		return NOBODY;
	return exact_is_due(catch_ups, now)
		       ? next_ask_ns(catch_ups, false, CATCH_UPS_EXACT_MS)
		       : catch_ups->first_ready_ns + CATCH_UPS_PATIENCE_MS * NS_PER_MS;
}

static void plan(struct catch_ups *catch_ups)
{
	uint64_t now = clock_monotonic_ns(), at_ns = due_ns(catch_ups, now);

	if (at_ns == NOBODY)
		event_del(&catch_ups->timer);
	else
		arm(catch_ups, at_ns, now);
}

static void ask_exact(struct catch_ups *catch_ups, uint64_t now)
{
	uint64_t since = catch_ups->is_owed_anew ? 0 : catch_ups->newest;

	catch_ups->asked_ns = now; /* a daemon that reads nothing is not asked at once again */
	catch_ups->is_exact_asked = true;
	if (catch_ups->ask(catch_ups->arg, since, true))
		catch_ups->is_owed_anew = false;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct catch_ups *catch_ups = arg;
	uint64_t now = clock_monotonic_ns();

	(void)fd, (void)what;
	if (due_ns(catch_ups, now) > now) {
		plan(catch_ups);
		return;
	}
	if (catch_ups->wanted_since != NOBODY) {
		/* It stays wanted until it has come: a daemon that has nothing to say is asked
		 * again, rarely. */
		catch_ups->asked_ns = now;
		catch_ups->is_asked =
			catch_ups->ask(catch_ups->arg, catch_ups->wanted_since, false);
	} else {
		ask_exact(catch_ups, now);
	}
	plan(catch_ups);
}

/* --- the stream --- */

static void drop_kept(struct catch_ups *catch_ups)
{
	frame_unref(catch_ups->kept);
	catch_ups->kept = NULL;
}

static void next_round(struct catch_ups *catch_ups)
{
	catch_ups->round++;
	catch_ups->n_ready = 0;
	catch_ups->first_ready_ns = 0;
	catch_ups->is_exact_asked = false;
}

void catch_ups_heard(struct catch_ups *catch_ups, struct frame *frame)
{
	if (frame->epoch != catch_ups->epoch) {
		catch_ups_reset(catch_ups);
		catch_ups->epoch = frame->epoch;
	}
	if (frame->sequence != catch_ups->newest) {
		drop_kept(catch_ups);
		if (frame->kind == RECORD_CATCH_UP)
			step_history_clear(&catch_ups->steps); /* the step to it was missed */
	}
	catch_ups->newest = frame->sequence;
	if (frame->kind != RECORD_CATCH_UP) {
		step_history_add(&catch_ups->steps, frame);
		return;
	}
	if (frame->flags & RECORD_IS_EXACT) {
		next_round(catch_ups);
	} else {
		drop_kept(catch_ups);
		catch_ups->kept = frame_ref(frame);
		if (frame->base <= catch_ups->wanted_since) {
			catch_ups->wanted_since = NOBODY;
			catch_ups->is_asked = false;
		}
	}
	plan(catch_ups);
}

void catch_ups_reset(struct catch_ups *catch_ups)
{
	drop_kept(catch_ups);
	step_history_clear(&catch_ups->steps);
	catch_ups->epoch = catch_ups->newest = 0;
	catch_ups->wanted_since = NOBODY;
	catch_ups->is_asked = false;
	next_round(catch_ups);
	event_del(&catch_ups->timer);
}

uint64_t catch_ups_epoch(const struct catch_ups *catch_ups)
{
	return catch_ups->epoch;
}

uint64_t catch_ups_newest(const struct catch_ups *catch_ups)
{
	return catch_ups->newest;
}

const struct step_history *catch_ups_steps(const struct catch_ups *catch_ups)
{
	return &catch_ups->steps;
}

struct frame *catch_ups_find(const struct catch_ups *catch_ups, uint64_t held)
{
	struct frame *kept = catch_ups->kept;

	return kept && kept->base <= held && held < kept->sequence ? kept : NULL;
}

void catch_ups_want(struct catch_ups *catch_ups, uint64_t held)
{
	bool is_older = held < catch_ups->wanted_since;

	if (!is_older)
		return;
	catch_ups->wanted_since = held;
	/* What is under way will not help this one. */
	catch_ups->is_asked = false;
	plan(catch_ups);
}

/* --- exactness --- */

void catch_ups_owe(struct catch_ups *catch_ups, struct catch_ups_debt *debt)
{
	if (!debt->is_owed)
		catch_ups->n_owed++;
	debt->is_owed = true;
}

void catch_ups_owe_anew(struct catch_ups *catch_ups, struct catch_ups_debt *debt)
{
	catch_ups_owe(catch_ups, debt);
	catch_ups->is_owed_anew = true;
}

static bool is_ready(const struct catch_ups *catch_ups, const struct catch_ups_debt *debt)
{
	return debt->ready_in == catch_ups->round;
}

void catch_ups_paid(struct catch_ups *catch_ups, struct catch_ups_debt *debt)
{
	if (!debt->is_owed)
		return;
	catch_ups->n_owed--;
	if (is_ready(catch_ups, debt))
		catch_ups->n_ready--;
	*debt = (struct catch_ups_debt){0};
	plan(catch_ups);
}

void catch_ups_ready(struct catch_ups *catch_ups, struct catch_ups_debt *debt)
{
	if (!debt->is_owed || is_ready(catch_ups, debt))
		return;
	debt->ready_in = catch_ups->round;
	if (catch_ups->n_ready++ == 0)
		catch_ups->first_ready_ns = clock_monotonic_ns();
	plan(catch_ups);
}

/* --- its life --- */

int catch_ups_create(struct event_base *base,
	bool (*ask)(void *arg, uint64_t since_sequence, bool exact), void *arg,
	struct catch_ups **out)
{
	struct catch_ups *catch_ups = calloc(1, sizeof(*catch_ups));

	if (!catch_ups)
		return -ENOMEM;
	catch_ups->ask = ask;
	catch_ups->arg = arg;
	catch_ups->wanted_since = NOBODY;
	catch_ups->round = 1; /* 0 in a debt is never ready */
	evtimer_assign(&catch_ups->timer, base, on_timer, catch_ups);
	*out = catch_ups;
	return 0;
}

void catch_ups_destroy(struct catch_ups *catch_ups)
{
	if (!catch_ups)
		return;
	event_del(&catch_ups->timer);
	drop_kept(catch_ups);
	step_history_clear(&catch_ups->steps);
	free(catch_ups);
}
