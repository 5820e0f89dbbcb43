/* SPDX-License-Identifier: MIT */
/*
 * What one viewer of a delta stream holds, and so which records are for it (doc/protocol.md, "The
 * delta stream").
 *
 *     record ──► does it apply to what is held? is there room? ──► send | pass over, and lag
 *
 * Steps go to who keeps up; who does not is given the steps that it missed in one message, or where
 * those are too many bytes a catch-up, then steps again.  What only makes a picture more exact goes
 * to who has nothing under way.  Embedded; begin with zeroes.
 * Event-loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "httpd/catch_ups.h"
#include "httpd/frame.h"
#include "httpd/step_history.h"

struct delta_view {
	uint64_t epoch, held; /* the sequence that its canvas will have; 0: nothing of this epoch */
	struct catch_ups_debt debt;
	bool has_missed; /* a piece of what it is owed */
};

/* How much the viewer can take just now. */
enum delta_room {
	DELTA_NO_ROOM,
	DELTA_ROOM, /* for one more message */
	DELTA_IDLE, /* nothing is under way */
};

/* Is this record to be sent?  If so the view holds it from here on. */
bool delta_view_offer(struct delta_view *view, struct catch_ups *catch_ups,
	const struct frame *frame, enum delta_room room);

/*
 * There is room: what brings a viewer who lags to the newest, to be sent as one message (as if it
 * had been offered): the steps that it missed, or a catch-up alone.  False: the viewer has the
 * newest, or what it needs has been asked for, or may wait until nothing is under way.
 */
bool delta_view_catch_up(struct delta_view *view, struct catch_ups *catch_ups, enum delta_room room,
	struct frame_run *run);

/* Its canvas shows something else now (a state's picture). */
void delta_view_lose(struct delta_view *view, struct catch_ups *catch_ups);
