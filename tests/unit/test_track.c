/* SPDX-License-Identifier: MIT */
/* links: capd/audio/track.c capd/audio/timing.c capd/audio/mix.c -lm */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capd/audio/track.h"
#include "common/clock.h"

#define SLOT      SOUND_RECORD_FRAMES
#define SLOT_NS   (SOUND_RECORD_MS * NS_PER_MS)
#define BEGIN_NS  (5 * NS_PER_S)
#define TONE_HZ   440.0
#define TONE_PEAK 20000.0
/* Two neighbouring frames of the tone differ by no more. */
#define TONE_STEP (2 * M_PI * TONE_HZ / SOUND_RATE * TONE_PEAK)

/* A card that plays a tone into a track, and whoever takes a slot every 10 ms. */
struct rig {
	struct track track;
	uint64_t now_ns, slot_ns;
	double skew;       /* of the card's clock */
	uint64_t n_pushed; /* frames of the card */
	uint64_t n_lost;   /* frames that it swallowed */
	bool is_off;       /* it delivers nothing */
	unsigned piece;    /* frames at once */
	int16_t out[SLOT * SOUND_CHANNELS];
	int16_t last;
	double worst_step; /* between neighbouring frames of all that came out */
};

static struct rig *begin(void **state)
{
	struct rig *rig = *state;

	memset(rig, 0, sizeof(*rig));
	rig->now_ns = rig->slot_ns = BEGIN_NS;
	rig->piece = SLOT;
	track_reset(&rig->track);
	return rig;
}

static int make_rig(void **state)
{
	*state = malloc(sizeof(struct rig));
	return *state ? 0 : -1;
}

static int free_rig(void **state)
{
	free(*state);
	return 0;
}

static double frame_ns(const struct rig *rig)
{
	return 1e9 / SOUND_RATE * (1 + rig->skew);
}

/* What the card has by now, in whole pieces. */
static void push(struct rig *rig)
{
	static int16_t frames[48000 * SOUND_CHANNELS];
	double elapsed = (double)(rig->now_ns - BEGIN_NS) / frame_ns(rig);
	uint64_t n = (uint64_t)elapsed - rig->n_pushed - rig->n_lost;

	n -= n % rig->piece;
	if (rig->is_off)
		rig->n_lost += n;
	if (rig->is_off || n == 0)
		return;
	for (uint64_t i = 0; i < n; i++) {
		double t = (double)(rig->n_pushed + rig->n_lost + i) / SOUND_RATE;
		frames[2 * i] = frames[2 * i + 1] =
			(int16_t)lrint(TONE_PEAK * sin(2 * M_PI * TONE_HZ * t));
	}
	double age = elapsed - (double)(rig->n_pushed + rig->n_lost);
	track_push(&rig->track, rig->now_ns, frames, n, (int64_t)n, (int64_t)age);
	rig->n_pushed += n;
}

static void take(struct rig *rig)
{
	track_take(&rig->track, rig->slot_ns, rig->out);
	for (unsigned i = 0; i < SLOT; i++) {
		double step = fabs((double)rig->out[2 * i] - rig->last);

		rig->worst_step = step > rig->worst_step ? step : rig->worst_step;
		rig->last = rig->out[2 * i];
	}
	rig->slot_ns += SLOT_NS;
}

/* As the daemon's tick: a millisecond after a slot's end.  How many slots were taken. */
static unsigned tick(struct rig *rig)
{
	unsigned n = 0;

	rig->now_ns += SLOT_NS;
	push(rig);
	while (rig->now_ns >= rig->slot_ns + SLOT_NS &&
		(track_is_ready(&rig->track, rig->slot_ns) ||
			rig->now_ns >= track_due_ns(&rig->track, rig->slot_ns))) {
		take(rig);
		n++;
	}
	return n;
}

static unsigned run(struct rig *rig, unsigned ticks)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ticks; i++)
		n += tick(rig);
	return n;
}

static double loudness(const struct rig *rig)
{
	double sum = 0;

	for (unsigned i = 0; i < SLOT; i++)
		sum += (double)rig->out[2 * i] * rig->out[2 * i];
	return sqrt(sum / SLOT);
}

static void frames_land_in_the_slot_in_which_they_were_captured(void **state)
{
	struct rig *rig = begin(state);

	rig->now_ns += NS_PER_MS;
	run(rig, 100);
	for (unsigned i = 0; i < SLOT; i++) {
		double t =
			(double)(rig->slot_ns - SLOT_NS - BEGIN_NS) / 1e9 + (double)i / SOUND_RATE;
		/* to the frame: a tone that is shifted by one would differ by TONE_STEP */
		assert_true(fabs(rig->out[2 * i] - TONE_PEAK * sin(2 * M_PI * TONE_HZ * t)) <
			    TONE_STEP * 1.5);
	}
	assert_int_equal(rig->track.n_dropped, 0);
}

static void without_a_pcm_there_is_silence_all_the_same(void **state)
{
	struct rig *rig = begin(state);

	rig->is_off = true;
	assert_in_range(run(rig, 500), 496, 500);
	assert_true(rig->worst_step == 0);
	assert_int_equal(rig->track.n_dropped, 0);
}

/* The count of slots follows the clock, the tone goes on without a click, and stays in its place.
 */
static void a_wrong_clock_makes_neither_gap_nor_click(void **state)
{
	const double skews[] = {0.002, -0.002, 0.00005};

	for (unsigned k = 0; k < 3; k++) {
		struct rig *rig = begin(state);

		rig->skew = skews[k];
		run(rig, 20);
		rig->worst_step = 0;
		assert_in_range(run(rig, 6000), 5999, 6001);
		assert_int_equal(rig->track.n_dropped, 0);
		assert_true(rig->worst_step < TONE_STEP * 1.1);
		double late_ms = (double)(int64_t)(timing_date_ns(&rig->track.timing,
							   rig->track.timing.count - rig->track.n) -
						   rig->slot_ns) /
				 1e6;
		assert_true(fabs(late_ms) < 4);
	}
}

static void begin_and_end_are_soft(void **state)
{
	struct rig *rig = begin(state);

	/* At its loudest: a quarter of a period after the tone's begin. */
	rig->is_off = true;
	run(rig, 30);
	rig->is_off = false;
	run(rig, 50);
	assert_true(loudness(rig) > TONE_PEAK / 2);
	rig->is_off = true;
	run(rig, 50);
	assert_true(loudness(rig) == 0);
	assert_true(rig->worst_step < TONE_STEP + TONE_PEAK / 200);
	assert_int_equal(rig->track.n_dropped, 1);
}

static void a_mute_is_soft_and_drops_nothing(void **state)
{
	struct rig *rig = begin(state);

	run(rig, 53);
	track_reset(&rig->track);
	rig->is_off = true;
	run(rig, 10);
	assert_true(loudness(rig) == 0);
	assert_true(rig->worst_step < TONE_STEP + TONE_PEAK / 200);
	assert_int_equal(rig->track.n_dropped, 0);
}

/* A hidden overrun: 300 ms are missing, and nothing said so. */
static void lost_frames_become_silence_and_the_rest_stays_in_place(void **state)
{
	struct rig *rig = begin(state);

	run(rig, 200);
	rig->is_off = true;
	run(rig, 30);
	rig->is_off = false;
	assert_in_range(run(rig, 200), 200, 205);
	assert_true(rig->track.n_dropped >= 1);
	for (unsigned i = 0; i < SLOT; i++) {
		double t =
			(double)(rig->slot_ns - SLOT_NS - BEGIN_NS) / 1e9 + (double)i / SOUND_RATE;
		assert_true(fabs(rig->out[2 * i] - TONE_PEAK * sin(2 * M_PI * TONE_HZ * t)) <
			    TONE_PEAK / 3);
	}
	assert_true(rig->worst_step < TONE_STEP + TONE_PEAK / 200);
}

/* A PipeWire device with a quantum of 2048: 43 ms at once. */
static void large_pieces_are_waited_for(void **state)
{
	struct rig *rig = begin(state);

	rig->piece = 2048;
	run(rig, 100);
	uint64_t dropped = rig->track.n_dropped;
	rig->worst_step = 0;
	assert_in_range(run(rig, 1000), 995, 1005);
	assert_int_equal(rig->track.n_dropped, dropped);
	assert_true(rig->worst_step < TONE_STEP * 1.1);
}

/* We were stopped for a second: what is far too old is left out. */
static void what_is_too_old_is_left_out(void **state)
{
	struct rig *rig = begin(state);

	run(rig, 100);
	rig->slot_ns += 60 * SLOT_NS;
	rig->now_ns += 60 * SLOT_NS;
	run(rig, 100);
	assert_true(loudness(rig) > TONE_PEAK / 2);
	assert_true(track_is_ready(&rig->track, rig->slot_ns - SLOT_NS) ||
		    rig->track.n <= SLOT + TRACK_SLIP_MAX);
	assert_true(rig->worst_step < TONE_STEP + TONE_PEAK / 200);
}

static void more_than_the_fifo_holds_pushes_out_the_oldest(void **state)
{
	struct rig *rig = begin(state);
	static int16_t frames[2 * TRACK_FRAMES_MAX * SOUND_CHANNELS];
	uint64_t now_ns = BEGIN_NS;

	for (size_t i = 0; i < 2 * TRACK_FRAMES_MAX * SOUND_CHANNELS; i++)
		frames[i] = (int16_t)(i / SOUND_CHANNELS / 100);
	track_push(&rig->track, now_ns, frames, 2 * TRACK_FRAMES_MAX, 2 * TRACK_FRAMES_MAX,
		2 * TRACK_FRAMES_MAX);
	assert_int_equal(rig->track.n, TRACK_FRAMES_MAX);
	/* The newest frame is of now; half a second before it the fifo begins. */
	track_take(&rig->track, now_ns - NS_PER_S / 2, rig->out);
	assert_int_equal(rig->out[2 * 470], (TRACK_FRAMES_MAX + 470) / 100);
	for (unsigned i = 0; i < 100; i++)
		track_push(&rig->track, now_ns, frames, 1000, 1000, 1000);
	assert_in_range(rig->track.n, 1000, TRACK_FRAMES_MAX);
}

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames_land_in_the_slot_in_which_they_were_captured),
		TEST(without_a_pcm_there_is_silence_all_the_same),
		TEST(a_wrong_clock_makes_neither_gap_nor_click),
		TEST(begin_and_end_are_soft),
		TEST(a_mute_is_soft_and_drops_nothing),
		TEST(lost_frames_become_silence_and_the_rest_stays_in_place),
		TEST(large_pieces_are_waited_for),
		TEST(what_is_too_old_is_left_out),
		TEST(more_than_the_fifo_holds_pushes_out_the_oldest),
	};

	return cmocka_run_group_tests(tests, make_rig, free_rig);
}
