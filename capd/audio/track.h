/* SPDX-License-Identifier: MIT */
/*
 * A track brings what one PCM delivers, in its own rhythm and by its own clock, into slots of 10 ms
 * on CLOCK_MONOTONIC, which are what is mixed and becomes records.
 *
 *     PCM ──push──► fifo, dated (timing) ──take(slot)──► 480 frames, always
 *
 *     slots      │    k     │   k+1    │   k+2    │      each begins 10 ms after the one before
 *     fifo        [───────────────────────>             the date of its first frame is known
 *
 * Where the fifo's date is within 2 ms of the slot, frames go through bit by bit.  A card's clock
 * that runs away from ours is followed by taking one frame more or fewer for a slot, up to four
 * (0.8 %: nobody hears it), until the dates agree again.  Dates that differ by more than 40 ms mean
 * that frames were lost, or that the PCM had stopped: the track then begins anew at the right
 * place, and silence fills what is missing.  So the count of frames follows the clock whatever the
 * PCM does, and two inputs whose clocks differ stay together.
 *
 * Wherever the wave breaks (begin, end, loss, mute) the difference is faded out over 5 ms, which
 * needs no knowledge of what comes: no click.
 *
 * Pure computing; the clock is the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capd/audio/timing.h"
#include "common/stream.h"

#define TRACK_FRAMES_MAX  24000u /* half a second */
#define TRACK_SLIP_MAX    4u
#define TRACK_HOLD_MIN_MS 30u  /* a slot waits so long after its begin for what is late ... */
#define TRACK_HOLD_MAX_MS 250u /* ... and longer where a PCM delivers in large pieces */

struct track {
	int16_t frames[TRACK_FRAMES_MAX * SOUND_CHANNELS]; /* from [first * SOUND_CHANNELS] on */
	size_t first, n;
	struct timing timing;
	bool is_running;      /* the slot before ended with a frame of the fifo */
	bool is_slipping;     /* until the dates agree */
	uint64_t lateness_ns; /* how old frames are when they come: the recent worst */
	uint64_t n_dropped;   /* slots with something missing that should have been there */

	int16_t last[SOUND_CHANNELS]; /* what the last slot ended with */
	float fade[SOUND_CHANNELS];   /* added to what follows, less and less */
	unsigned fade_left;           /* frames */
};

/* Another PCM, or none: what is left in the fifo is dropped, the wave ends softly. */
void track_reset(struct track *track);
/*
 * `n` frames were read at `now_ns`, when `avail` could have been and the first was `delay` frames
 * old.  What does not fit pushes out the oldest.
 */
void track_push(struct track *track, uint64_t now_ns, const int16_t *frames, size_t n,
	int64_t avail, int64_t delay);
/* Is there all that the slot needs? */
bool track_is_ready(const struct track *track, uint64_t slot_ns);
/* Until when the slot should wait for this track. */
uint64_t track_due_ns(const struct track *track, uint64_t slot_ns);
/* The slot's SOUND_RECORD_FRAMES frames; silence where there is nothing. */
void track_take(struct track *track, uint64_t slot_ns, int16_t *out);
