/* SPDX-License-Identifier: MIT */
#include "capd/audio/timing.h"

#include <math.h>
#include <string.h>

#include "common/clock.h"
#include "common/stream.h"

#define NOMINAL_NS   (1e9 / SOUND_RATE)
#define MS           1e6
#define PI           3.14159265358979
#define SLOW_HZ      0.1 /* the loop's bandwidth: what is faster is jitter */
#define FAST_HZ      0.8 /* ... until it has settled */
#define SETTLE_MS    1500
#define ERROR_MAX_MS 8.0 /* one reading moves the loop no more than this much error does */

void timing_reset(struct timing *timing)
{
	memset(timing, 0, sizeof(*timing));
	timing->frame_ns = NOMINAL_NS;
}

/* The age of the newest frame that this reading is dated by. */
static double believed_age(struct timing *timing, uint64_t now_ns, double avail_ns, double delay_ns)
{
	double age_ns = delay_ns - avail_ns;

	if (fabs(age_ns - timing->age_ns) <= TIMING_AGE_NEAR_MS * MS) {
		timing->trial_since_ns = 0;
		return age_ns;
	}
	if (fabs(age_ns) > TIMING_AGE_MAX_MS * MS) {
		timing->trial_since_ns = 0;
	} else if (!timing->trial_since_ns ||
		   fabs(age_ns - timing->trial_ns) > TIMING_AGE_NEAR_MS * MS / 2) {
		timing->trial_since_ns = now_ns;
		timing->trial_ns = age_ns;
	} else if (now_ns - timing->trial_since_ns >= TIMING_AGE_TRIAL_MS * NS_PER_MS) {
		timing->trial_since_ns = 0;
		timing->age_ns = age_ns;
	}
	return timing->age_ns;
}

static void date_anew(struct timing *timing, uint64_t now_ns, double date_ns)
{
	timing->is_dated = true;
	timing->base = timing->count;
	timing->base_ns = date_ns;
	timing->settled_ns = now_ns + SETTLE_MS * NS_PER_MS;
	timing->n_far = timing->n_far_after = 0;
}

static double clamp(double value, double limit)
{
	return value > limit ? limit : value < -limit ? -limit : value;
}

/* The loop's step: where the next frame is dated, and how long frames are. */
static void follow(struct timing *timing, uint64_t now_ns, double predicted_ns, double error_ns)
{
	double frames = (double)(timing->count - timing->base);
	double hz = now_ns < timing->settled_ns ? FAST_HZ : SLOW_HZ;
	double omega = 2 * PI * hz * frames / SOUND_RATE;
	double bounded_ns = clamp(error_ns, ERROR_MAX_MS * MS);

	if (omega > 0.5)
		omega = 0.5;
	timing->base = timing->count;
	timing->base_ns = predicted_ns + sqrt(2) * omega * bounded_ns;
	timing->frame_ns += omega * omega * bounded_ns / frames;
	timing->frame_ns = NOMINAL_NS +
			   clamp(timing->frame_ns - NOMINAL_NS, NOMINAL_NS * TIMING_RATE_ERROR_MAX);
}

bool timing_observe(struct timing *timing, uint64_t now_ns, int64_t avail, int64_t delay)
{
	double avail_ns = (double)avail * NOMINAL_NS, delay_ns = (double)delay * NOMINAL_NS;

	if (!timing->is_dated)
		timing->origin_ns = now_ns;
	double age_ns = believed_age(timing, now_ns, avail_ns, delay_ns);
	double date_ns = (double)(int64_t)(now_ns - timing->origin_ns) - avail_ns - age_ns;
	if (!timing->is_dated) {
		date_anew(timing, now_ns, date_ns);
		return true;
	}
	double predicted_ns =
		timing->base_ns + (double)(timing->count - timing->base) * timing->frame_ns;
	double error_ns = date_ns - predicted_ns;
	timing->n_far = error_ns > TIMING_STEP_MS * MS ? timing->n_far + 1 : 0;
	timing->n_far_after = error_ns < -TIMING_STEP_MS * MS ? timing->n_far_after + 1 : 0;
	if (timing->n_far >= TIMING_STEP_READINGS || timing->n_far_after >= TIMING_STEP_READINGS) {
		date_anew(timing, now_ns, date_ns);
		return true;
	}
	/* A reading that may be the first of a step does not pull at the loop yet. */
	if (timing->count > timing->base && timing->n_far == 0 && timing->n_far_after == 0)
		follow(timing, now_ns, predicted_ns, error_ns);
	return false;
}

void timing_advance(struct timing *timing, uint64_t frames)
{
	timing->count += frames;
}

uint64_t timing_date_ns(const struct timing *timing, uint64_t index)
{
	double frames = (double)(int64_t)(index - timing->base);

	if (!timing->is_dated)
		return 0;
	return timing->origin_ns + (uint64_t)(int64_t)(timing->base_ns + frames * timing->frame_ns);
}
