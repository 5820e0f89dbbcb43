/* SPDX-License-Identifier: MIT */
/*
 * When was a sample captured?  The date of each frame of one PCM, on CLOCK_MONOTONIC.
 *
 *     count of frames ─┐
 *     clock − delay  ──┴──► slow loop (offset and rate) ──► date of any frame, evenly
 *
 * A PCM says how many frames can be read (avail) and how old the next of them is (delay).  For a
 * sound server that is interpolated between its messages, and at times plainly wrong: for 1.5 s
 * after an idle sink begins 600 ms too much were seen, and a step of CLOCK_REALTIME enters it too.
 * What cannot be wrong is the arrival: whatever is there now was captured before now.  So the *age*
 * of the newest frame, delay − avail, is believed only while it is near the age that is held (at
 * first 0, as a sound card's is; a monitor's is some ms less, because the server renders ahead);
 * another one has to stand still for TIMING_AGE_TRIAL_MS, and to be possible, before it is taken
 * over.  Until then frames are dated by their arrival.
 *
 * The dates then go through a delay-locked loop of second order (Adriaensen, "Using a DLL to filter
 * time", 2005): frames follow each other evenly, and the clock of a card that is wrong by up to
 * RATE_ERROR_MAX is followed without an offset.  Lost frames show as dates that are too late by the
 * same amount several times in a row: more than STEP_MS re-dates everything from there on.
 *
 * Pure computing; no clock is read here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define TIMING_STEP_MS        40 /* what is off by more is no jitter */
#define TIMING_STEP_READINGS  3  /* ... if it is so often in a row */
#define TIMING_AGE_NEAR_MS    20
#define TIMING_AGE_TRIAL_MS   3000
#define TIMING_AGE_MAX_MS     200
#define TIMING_RATE_ERROR_MAX 0.005

struct timing {
	bool is_dated;
	uint64_t count;      /* frames read so far: the index of the next one */
	uint64_t base;       /* the loop's newest frame ... */
	double base_ns;      /* ... and its date, relative to origin_ns */
	uint64_t origin_ns;  /* of the first reading, so that a double is exact to the ns */
	double frame_ns;     /* the length of a frame by this computer's clock */
	uint64_t settled_ns; /* the loop is fast until then */

	double age_ns;               /* believed */
	double trial_ns;             /* another age that may become believed */
	uint64_t trial_since_ns;     /* 0: none */
	unsigned n_far, n_far_after; /* readings in a row that are off by a step: late, early */
};

/* Forgets everything: another PCM, or one that had stopped. */
void timing_reset(struct timing *timing);

/*
 * Before frames are read: at `now_ns`, `avail` frames could be read, and the next of them was
 * `delay` frames old.  True if everything has been re-dated: frames were lost, or the PCM had
 * stopped.
 */
bool timing_observe(struct timing *timing, uint64_t now_ns, int64_t avail, int64_t delay);
/* Frames were read. */
void timing_advance(struct timing *timing, uint64_t frames);

/* The date of the frame of that index (0 is the first ever read); 0 before the first reading. */
uint64_t timing_date_ns(const struct timing *timing, uint64_t index);
