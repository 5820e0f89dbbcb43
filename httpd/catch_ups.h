/* SPDX-License-Identifier: MIT */
/*
 * Who asks the screen daemon for catch-ups, on behalf of all viewers of a delta stream
 * (common/delta_ops.h; doc/architecture.md, "The delta stream").
 *
 *     viewers that lag ──want(held)──► the oldest of them ──CATCH_UP──► daemon ──► one record for
 * all viewers that are owed exactness ──ready──► all of them, or long enough ──CATCH_UP exact──► …
 *
 * At most one is asked for at a time, and the next no sooner than CATCH_UPS_SPACING_MS after the
 * last: however many viewers lag, and however they are out of step, they cost one record a frame.
 * (An exact piece is small, and follows the last as soon as the daemon makes one.)
 * The newest catch-up is kept while it leads to the newest frame: who becomes ready a little later
 * takes that.  Who can be given the steps that it missed needs none (httpd/step_history.h).
 *
 * Exact pieces are asked for when everyone who is owed one has taken what it was sent before, so
 * that nobody misses a piece; who makes the others wait for longer than CATCH_UPS_PATIENCE_MS does
 * miss it. Event-loop thread only.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "httpd/frame.h"
#include "httpd/step_history.h"

#define CATCH_UPS_SPACING_MS  20u
#define CATCH_UPS_EXACT_MS    4u
#define CATCH_UPS_PATIENCE_MS 500u
#define CATCH_UPS_AGAIN_MS    250u /* unanswered for so long: asked once more */

struct catch_ups; /* opaque; a feed's */

/* One viewer, as to exactness.  Begin with zeroes; the fields are catch_ups' own. */
struct catch_ups_debt {
	bool is_owed;
	uint64_t ready_in; /* the round in which it said that it is ready */
};

/* `ask` sends the message; false: nobody is there.  0 or -ENOMEM. */
int catch_ups_create(struct event_base *base,
	bool (*ask)(void *arg, uint64_t since_sequence, bool exact), void *arg,
	struct catch_ups **out);
/* Accepts NULL. */
void catch_ups_destroy(struct catch_ups *catch_ups);

/* A record of the stream has come, and is about to be handed to the viewers. */
void catch_ups_heard(struct catch_ups *catch_ups, struct frame *frame);
/* The stream has ended: nothing that was asked for will come. */
void catch_ups_reset(struct catch_ups *catch_ups);

/* Where the stream is: the ring's epoch, and the newest sequence in it; 0 before the first record.
 */
uint64_t catch_ups_epoch(const struct catch_ups *catch_ups);
uint64_t catch_ups_newest(const struct catch_ups *catch_ups);

/* The last steps of this epoch. */
const struct step_history *catch_ups_steps(const struct catch_ups *catch_ups);
/* The catch-up at hand for who holds `held` (0: nothing) in this epoch, borrowed; NULL: none. */
struct frame *catch_ups_find(const struct catch_ups *catch_ups, uint64_t held);
/* There is none, and somebody who holds `held` is ready for one. */
void catch_ups_want(struct catch_ups *catch_ups, uint64_t held);

/* The viewer has been sent what is less exact than others have it. */
void catch_ups_owe(struct catch_ups *catch_ups, struct catch_ups_debt *debt);
/* It has missed a piece: all is owed anew, to everybody. */
void catch_ups_owe_anew(struct catch_ups *catch_ups, struct catch_ups_debt *debt);
/* It has been sent the last piece; or it leaves. */
void catch_ups_paid(struct catch_ups *catch_ups, struct catch_ups_debt *debt);
/* It has taken everything that it was sent. */
void catch_ups_ready(struct catch_ups *catch_ups, struct catch_ups_debt *debt);
