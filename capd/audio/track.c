/* SPDX-License-Identifier: MIT */
#include "capd/audio/track.h"

#include <string.h>

#include "capd/audio/mix.h"
#include "common/clock.h"

#define CHANNELS     SOUND_CHANNELS
#define SLOT_FRAMES  SOUND_RECORD_FRAMES
#define SLOT_NS      (SOUND_RECORD_MS * NS_PER_MS)
#define FRAME_BYTES  (CHANNELS * sizeof(int16_t))
#define FADE_FRAMES  240u                                          /* 5 ms */
#define STEP_FRAMES  ((int64_t)SOUND_RATE * TIMING_STEP_MS / 1000) /* begin anew */
#define SLIP_BEGIN   96                                            /* frames: 2 ms */
#define SLIP_END     12
#define SLIP_DIVISOR 120              /* one frame more or fewer for so many that it is off */
#define FORGET_NS    (50 * NS_PER_US) /* the worst lateness fades by so much a push */

void track_reset(struct track *track)
{
	timing_reset(&track->timing);
	track->first = track->n = 0;
	track->is_running = track->is_slipping = false;
	track->lateness_ns = 0;
}

static void drop(struct track *track, size_t n)
{
	track->first += n;
	track->n -= n;
	if (track->n == 0)
		track->first = 0;
}

/* At the fifo's end; what does not fit pushes out the oldest. */
static void append(struct track *track, const int16_t *frames, size_t n)
{
	size_t skipped = n > TRACK_FRAMES_MAX ? n - TRACK_FRAMES_MAX : 0;

	frames += skipped * CHANNELS;
	n -= skipped;
	if (track->n + n > TRACK_FRAMES_MAX)
		drop(track, track->n + n - TRACK_FRAMES_MAX);
	if (track->first + track->n + n > TRACK_FRAMES_MAX) {
		memmove(track->frames, track->frames + track->first * CHANNELS,
			track->n * FRAME_BYTES);
		track->first = 0;
	}
	memcpy(track->frames + (track->first + track->n) * CHANNELS, frames, n * FRAME_BYTES);
	track->n += n;
}

void track_push(struct track *track, uint64_t now_ns, const int16_t *frames, size_t n,
	int64_t avail, int64_t delay)
{
	/* What was read before belongs to the dates before the step: it is not mixed up with them.
	 */
	if (timing_observe(&track->timing, now_ns, avail, delay)) {
		drop(track, track->n);
		track->n_dropped += track->is_running;
		track->is_running = false;
	}
	uint64_t date_ns = timing_date_ns(&track->timing, track->timing.count);
	uint64_t late_ns = now_ns > date_ns ? now_ns - date_ns : 0;
	track->lateness_ns -= track->lateness_ns > FORGET_NS ? FORGET_NS : track->lateness_ns;
	if (late_ns > track->lateness_ns)
		track->lateness_ns = late_ns;
	timing_advance(&track->timing, n);
	append(track, frames, n);
}

/* How many frames later than the slot the fifo begins; negative: earlier. */
static int64_t offset(const struct track *track, uint64_t slot_ns)
{
	uint64_t date_ns = timing_date_ns(&track->timing, track->timing.count - track->n);
	int64_t ns = (int64_t)(date_ns - slot_ns);

	/* Nobody needs to know exactly how far away it is. */
	if (ns > 10 * (int64_t)NS_PER_S || ns < -10 * (int64_t)NS_PER_S)
		ns = ns < 0 ? -10 * (int64_t)NS_PER_S : 10 * (int64_t)NS_PER_S;
	return (ns * SOUND_RATE + (ns < 0 ? -500000000 : 500000000)) / 1000000000;
}

static bool is_step(int64_t off)
{
	return off > STEP_FRAMES || off < -STEP_FRAMES;
}

bool track_is_ready(const struct track *track, uint64_t slot_ns)
{
	int64_t off = offset(track, slot_ns);

	if (track->is_running && !is_step(off))
		return track->n >= SLOT_FRAMES + TRACK_SLIP_MAX;
	return track->n > 0 && off + (int64_t)track->n >= (int64_t)SLOT_FRAMES;
}

uint64_t track_due_ns(const struct track *track, uint64_t slot_ns)
{
	uint64_t hold_ns = track->lateness_ns + SLOT_NS + 2 * NS_PER_MS;

	if (hold_ns < TRACK_HOLD_MIN_MS * NS_PER_MS)
		hold_ns = TRACK_HOLD_MIN_MS * NS_PER_MS;
	if (hold_ns > TRACK_HOLD_MAX_MS * NS_PER_MS)
		hold_ns = TRACK_HOLD_MAX_MS * NS_PER_MS;
	return slot_ns + hold_ns;
}

/* The wave breaks between these two frames: what differs is faded out from here on. */
static void begin_fade(struct track *track, const int16_t *before, const int16_t *after)
{
	for (size_t c = 0; c < CHANNELS; c++)
		track->fade[c] = (float)before[c] - (float)after[c];
	track->fade_left = FADE_FRAMES;
}

static void fade(struct track *track, int16_t *frames, size_t n)
{
	for (size_t i = 0; i < n && track->fade_left > 0; i++, track->fade_left--)
		for (size_t c = 0; c < CHANNELS; c++) {
			float share = (float)track->fade_left / (float)FADE_FRAMES;
			float value = (float)frames[i * CHANNELS + c] + track->fade[c] * share;

			value = value > 32767 ? 32767 : value < -32768 ? -32768 : value;
			frames[i * CHANNELS + c] = (int16_t)value;
		}
}

/* Frames to take for a slot of SLOT_FRAMES. */
static size_t wanted(struct track *track, int64_t off)
{
	int64_t distance = off < 0 ? -off : off;

	if (distance > SLIP_BEGIN)
		track->is_slipping = true;
	if (distance < SLIP_END)
		track->is_slipping = false;
	if (!track->is_slipping)
		return SLOT_FRAMES;
	int64_t slip = 1 + distance / SLIP_DIVISOR;
	if (slip > (int64_t)TRACK_SLIP_MAX)
		slip = TRACK_SLIP_MAX;
	return (size_t)((int64_t)SLOT_FRAMES + (off < 0 ? slip : -slip));
}

/* Where the fifo belongs in this slot: frames of silence before it; SLOT_FRAMES: nowhere. */
static size_t align(struct track *track, int64_t off)
{
	if (off < 0)
		drop(track, (uint64_t)-off < track->n ? (size_t)-off : track->n);
	if (track->n == 0)
		return SLOT_FRAMES;
	return off < 0 ? 0 : off < (int64_t)SLOT_FRAMES ? (size_t)off : SLOT_FRAMES;
}

/*
 * The slot is made of up to three pieces, [0, lead) silence, [lead, end) sound, [end, …) silence.
 * The wave breaks where one begins, except at the slot's begin if it just goes on there.
 */
static void soften(struct track *track, int16_t *out, size_t lead, size_t end, bool goes_on)
{
	const size_t borders[] = {0, lead, end, SLOT_FRAMES};
	const int16_t *before = track->last;

	for (size_t i = 0; i < 3; i++) {
		size_t n = borders[i + 1] - borders[i];
		int16_t *piece = out + borders[i] * CHANNELS;

		if (n == 0)
			continue;
		if (borders[i] > 0 || !goes_on)
			begin_fade(track, before, piece);
		fade(track, piece, n);
		before = piece + (n - 1) * CHANNELS;
	}
	memcpy(track->last, before, FRAME_BYTES);
}

void track_take(struct track *track, uint64_t slot_ns, int16_t *out)
{
	int64_t off = offset(track, slot_ns);
	bool goes_on = track->is_running && !is_step(off);
	size_t lead = goes_on ? 0 : align(track, off);
	size_t take = goes_on ? wanted(track, off) : SLOT_FRAMES - lead;
	const int16_t *frames = track->frames + track->first * CHANNELS;
	size_t end = SLOT_FRAMES;

	memset(out, 0, SLOT_FRAMES * FRAME_BYTES);
	if (track->n >= take) {
		if (goes_on)
			mix_slip(frames, take, out, SLOT_FRAMES);
		else
			memcpy(out + lead * CHANNELS, frames, take * FRAME_BYTES);
	} else {
		take = track->n < SLOT_FRAMES - lead ? track->n : SLOT_FRAMES - lead;
		end = lead + take;
		memcpy(out + lead * CHANNELS, frames, take * FRAME_BYTES);
	}
	soften(track, out, lead, end, goes_on && take > 0);
	drop(track, take);
	if (track->is_running && (!goes_on || end < SLOT_FRAMES))
		track->n_dropped++;
	track->is_running = take > 0 && end == SLOT_FRAMES;
}
