/* SPDX-License-Identifier: MIT */
#include "httpd/delta_view.h"

#include <stddef.h>

static bool follow_epoch(struct delta_view *view, struct catch_ups *catch_ups, uint64_t epoch)
{
	if (view->epoch == epoch)
		return true;
	delta_view_lose(view, catch_ups);
	view->epoch = epoch;
	return false;
}

void delta_view_lose(struct delta_view *view, struct catch_ups *catch_ups)
{
	catch_ups_paid(catch_ups, &view->debt);
	view->held = 0;
	view->has_missed = false;
}

static bool offer_step(struct delta_view *view, const struct frame *frame, enum delta_room room)
{
	bool is_refinement = frame->flags & RECORD_IS_REFINEMENT;

	if (view->held == 0 || view->held != frame->base)
		return false;
	/* Who does not get a refinement lags, too: it gets it when it is idle, or, if the picture
	 * has changed by then, a catch-up, from which on what it has missed is owed to it. */
	if (room == DELTA_NO_ROOM || (is_refinement && room != DELTA_IDLE))
		return false;
	view->held = frame->sequence;
	return true;
}

static bool offer_catch_up(struct delta_view *view, struct catch_ups *catch_ups,
	const struct frame *frame, enum delta_room room)
{
	if (room == DELTA_NO_ROOM || frame->base > view->held || view->held >= frame->sequence)
		return false;
	view->held = frame->sequence;
	if (frame->base == 0) /* all of it is new: nothing of before is missing */
		view->has_missed = false;
	catch_ups_owe(catch_ups, &view->debt);
	return true;
}

static bool offer_exact(struct delta_view *view, struct catch_ups *catch_ups,
	const struct frame *frame, enum delta_room room)
{
	/* It was idle when this was asked for; a step may have come between. */
	bool is_sent = room != DELTA_NO_ROOM && view->held == frame->sequence;

	if (!view->debt.is_owed)
		return false;
	view->has_missed |= !is_sent;
	if (frame->flags & RECORD_IS_LAST && !view->has_missed)
		catch_ups_paid(catch_ups, &view->debt);
	return is_sent;
}

bool delta_view_offer(struct delta_view *view, struct catch_ups *catch_ups,
	const struct frame *frame, enum delta_room room)
{
	follow_epoch(view, catch_ups, frame->epoch);
	if (frame->kind == RECORD_STEP)
		return offer_step(view, frame, room);
	if (frame->flags & RECORD_IS_EXACT)
		return offer_exact(view, catch_ups, frame, room);
	return offer_catch_up(view, catch_ups, frame, room);
}

/* It has everything: what is left is to become as exact as others are. */
static void ask_for_exactness(struct delta_view *view, struct catch_ups *catch_ups)
{
	if (!view->debt.is_owed)
		return;
	if (view->has_missed)
		catch_ups_owe_anew(catch_ups, &view->debt);
	view->has_missed = false;
	catch_ups_ready(catch_ups, &view->debt);
}

bool delta_view_catch_up(struct delta_view *view, struct catch_ups *catch_ups, enum delta_room room,
	struct frame_run *run)
{
	uint64_t newest = catch_ups_newest(catch_ups);

	if (room == DELTA_NO_ROOM || newest == 0)
		return false;
	follow_epoch(view, catch_ups, catch_ups_epoch(catch_ups));
	if (view->held == newest) {
		if (room == DELTA_IDLE)
			ask_for_exactness(view, catch_ups);
		return false;
	}
	struct frame *found = catch_ups_find(catch_ups, view->held);
	if (step_history_since(catch_ups_steps(catch_ups), view->held, run) &&
		(run->is_worth_it || (found && run->bytes <= found->len))) {
		if (room == DELTA_IDLE || !run->has_refinement) {
			view->held = run->frames[run->n - 1]->sequence;
			return true;
		}
		if (!run->has_change)
			return false; /* its turn comes when what is under way was taken */
	}
	if (found && offer_catch_up(view, catch_ups, found, room)) {
		*run = (struct frame_run){.frames = {found}, .n = 1, .bytes = found->len};
		return true;
	}
	catch_ups_want(catch_ups, view->held);
	return false;
}
