/* SPDX-License-Identifier: MIT */
/*
 * When to look at a display, and at what of it.
 *
 *     damage (capd/screen/damage.h) ─┐
 *     the pointer, once a tick ──────┼─► look_due_ns() ─► woken ─► a look ─► a frame, or nothing
 *     everything, from time to time ─┘
 *
 * Everything is looked at every LOOK_FULL_NS, because some drivers report too little damage: with a
 * frame that is taken anyway, where one is.  The pointer's motion makes no damage; a frame that
 * comes anyway brings it along.  Pure logic: time comes from the caller, in CLOCK_MONOTONIC ns.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "capd/screen/damage.h"
#include "common/clock.h"

#define LOOK_FULL_NS       (2000 * NS_PER_MS)
#define LOOK_FULL_EARLY_NS (500 * NS_PER_MS)  /* … or with a frame that is taken anyway */
#define LOOK_BLIND_NS      (1000 * NS_PER_MS) /* while nothing is shown yet */

struct look {
	struct damage damage;
	uint32_t width, height;
	bool has_damage;    /* the display reports it; else every tick is a look at everything */
	bool polls_pointer; /* its motion is wanted, and can be asked for */
	bool pointer_moved; /* … since the last frame */
	bool is_routine; /* this look is only the one at everything: if it finds nothing, it is no
			    frame */
	uint64_t full_due_ns, pointer_due_ns;
};

/* A display is connected: everything is due at once. */
void look_init(struct look *look, bool has_damage, bool polls_pointer);
/* Its picture has that size from now on; at most `millihertz` frames a 1000 s.  All is damaged. */
void look_resize(struct look *look, uint32_t width, uint32_t height, uint32_t millihertz);
/* Everything may have changed. */
void look_note_whole(struct look *look, uint64_t now_ns);

/* When there is something to look at next. */
uint64_t look_due_ns(const struct look *look);

/* Woken: is everything to be looked at?  `is_live`: something of it is shown already. */
void look_wake(struct look *look, uint64_t now_ns, bool is_live);
/* Is the pointer to be asked for now?  look_pointer() then takes the answer. */
bool look_wants_pointer(const struct look *look, uint64_t now_ns);
void look_pointer(struct look *look, uint64_t now_ns, bool has_moved);
/* Is it time for a frame? */
bool look_is_due(const struct look *look, uint64_t now_ns);

/* The frame is being taken: what of it has to be grabbed; empty: nothing but the pointer. */
struct box look_take(struct look *look, uint64_t now_ns);
/* It is taken, by a grab of something (`has_grabbed`) or of nothing. */
void look_taken(struct look *look, uint64_t now_ns, bool has_grabbed);
/* … and was published, or (`is_frame` false) looked the same as the last. */
void look_spend(struct look *look, uint64_t now_ns, bool is_frame);
