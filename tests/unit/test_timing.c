/* SPDX-License-Identifier: MIT */
/* links: capd/audio/timing.c -lm */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "capd/audio/timing.h"
#include "common/clock.h"
#include "common/stream.h"

#define PIECE 480

/* A PCM whose frames really come `frame_ns` apart; read by a tick of 10 ms that is late at times.
 */
struct card {
	double frame_ns;
	double born_ns; /* the true date of frame 0 */
	uint64_t n_read;
	uint64_t n_lost; /* of those that were captured before the next one to be read */
	double jitter_ns;
	unsigned short seed[3];
};

static void card_init(struct card *card, double skew)
{
	*card = (struct card){.frame_ns = 1e9 / SOUND_RATE * (1 + skew), .born_ns = 5e9};
}

static double true_date(const struct card *card, uint64_t index)
{
	return card->born_ns + (double)(index + card->n_lost) * card->frame_ns;
}

/* One tick at about `now`; `lie` frames are added to the delay.  What timing_observe() said. */
static bool tick(struct card *card, struct timing *timing, double now, int64_t lie)
{
	now += card->jitter_ns * erand48(card->seed);
	int64_t avail = (int64_t)((now - true_date(card, card->n_read)) / card->frame_ns);

	if (avail <= 0)
		return false;
	bool stepped = timing_observe(timing, (uint64_t)now, avail, avail + lie);
	timing_advance(timing, (uint64_t)avail);
	card->n_read += (uint64_t)avail;
	return stepped;
}

static double error_ms(const struct card *card, const struct timing *timing)
{
	return ((double)timing_date_ns(timing, card->n_read) - true_date(card, card->n_read)) / 1e6;
}

static void frames_are_dated_when_they_were_captured(void **state)
{
	struct card card;
	struct timing timing;
	(void)state;

	card_init(&card, 0);
	timing_reset(&timing);
	assert_int_equal(timing_date_ns(&timing, 0), 0);
	for (unsigned i = 1; i <= 1000; i++) {
		tick(&card, &timing, card.born_ns + i * 1e7, 0);
		assert_true(fabs(error_ms(&card, &timing)) < 0.05);
	}
}

static void jitter_hardly_moves_the_dates(void **state)
{
	struct card card;
	struct timing timing;
	double last = 0;
	(void)state;

	card_init(&card, 0);
	timing_reset(&timing);
	card.jitter_ns = 6e6;
	for (unsigned i = 1; i <= 3000; i++) {
		/* The delay is a number of up to 3 ms too much: what a server's plugin gives. */
		int64_t lie = (int64_t)(144 * erand48(card.seed));
		tick(&card, &timing, card.born_ns + i * 1e7, lie);
		double error = error_ms(&card, &timing);
		assert_true(fabs(error) < 5);
		if (i > 500)
			assert_true(fabs(error - last) < 0.1);
		last = error;
	}
}

static void a_card_whose_clock_is_wrong_is_followed(void **state)
{
	const double skews[] = {0.002, -0.002, 0.0001};
	(void)state;

	for (size_t k = 0; k < 3; k++) {
		struct card card;
		struct timing timing;

		card_init(&card, skews[k]);
		timing_reset(&timing);
		card.jitter_ns = 2e6;
		for (unsigned i = 1; i <= 6000; i++) {
			assert_true(tick(&card, &timing, card.born_ns + i * 1e7, 0) == (i == 1));
			assert_true(fabs(error_ms(&card, &timing)) < 3);
			if (i > 2000)
				assert_true(fabs(error_ms(&card, &timing)) < 0.5);
		}
	}
}

static void lost_frames_are_noticed_within_three_readings(void **state)
{
	struct card card;
	struct timing timing;
	unsigned noticed = 0;
	(void)state;

	card_init(&card, 0);
	timing_reset(&timing);
	for (unsigned i = 1; i <= 600; i++) {
		if (i == 300)
			card.n_lost = SOUND_RATE / 10;
		/* A reading after the loss: the lost frames were never available. */
		double now = card.born_ns + i * 1e7 + (i >= 300 ? 1e8 : 0);
		if (tick(&card, &timing, now, 0) && i > 1)
			noticed = i;
	}
	assert_in_range(noticed, 300, 303);
	assert_true(fabs(error_ms(&card, &timing)) < 0.5);
}

static void one_odd_reading_changes_nothing(void **state)
{
	struct card card;
	struct timing timing;
	(void)state;

	card_init(&card, 0);
	timing_reset(&timing);
	for (unsigned i = 1; i <= 600; i++) {
		/* 190 ms too much, twice: less than it takes to be believed */
		int64_t lie = i == 300 || i == 301 ? 9120 : 0;
		assert_false(tick(&card, &timing, card.born_ns + i * 1e7, lie) && i > 1);
		assert_true(fabs(error_ms(&card, &timing)) < 0.5);
	}
}

/* PulseAudio, after an idle sink has begun: 600 ms too much for a second and a half. */
static void a_delay_that_cannot_be_is_not_believed(void **state)
{
	struct card card;
	struct timing timing;
	(void)state;

	card_init(&card, 0);
	timing_reset(&timing);
	for (unsigned i = 1; i <= 600; i++) {
		tick(&card, &timing, card.born_ns + i * 1e7, i < 150 ? 28700 : -240);
		assert_true(error_ms(&card, &timing) < 7.5 && error_ms(&card, &timing) > -1);
	}
}

/* A step of CLOCK_REALTIME reaches a sound server's plugin: wrong until it asks anew, 1.5 s later.
 */
static void a_delay_that_is_wrong_for_a_while_is_not_believed(void **state)
{
	struct card card;
	struct timing timing;
	(void)state;

	card_init(&card, 0);
	timing_reset(&timing);
	for (unsigned i = 1; i <= 1000; i++) {
		int64_t lie = i > 400 && i < 600 ? 4800 : 0;
		assert_false(tick(&card, &timing, card.born_ns + i * 1e7, lie) && i > 1);
		assert_true(fabs(error_ms(&card, &timing)) < 1);
	}
}

/* A Bluetooth microphone: what stays is true. */
static void a_delay_that_stays_is_believed_in_the_end(void **state)
{
	struct card card;
	struct timing timing;
	(void)state;

	card_init(&card, 0);
	timing_reset(&timing);
	for (unsigned i = 1; i <= 1000; i++)
		tick(&card, &timing, card.born_ns + i * 1e7, 4800);
	/* The true date is that of the delay: 100 ms before the arrival. */
	assert_true(fabs(error_ms(&card, &timing) + 100) < 1);
}

static void another_pcm_begins_anew(void **state)
{
	struct card card;
	struct timing timing;
	(void)state;

	card_init(&card, 0);
	timing_reset(&timing);
	for (unsigned i = 1; i <= 100; i++)
		tick(&card, &timing, card.born_ns + i * 1e7, 0);
	card_init(&card, 0);
	card.born_ns = 9e9;
	timing_reset(&timing);
	assert_true(tick(&card, &timing, card.born_ns + 1e7, 0));
	assert_true(fabs(error_ms(&card, &timing)) < 0.05);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_dated_when_they_were_captured),
		cmocka_unit_test(jitter_hardly_moves_the_dates),
		cmocka_unit_test(a_card_whose_clock_is_wrong_is_followed),
		cmocka_unit_test(lost_frames_are_noticed_within_three_readings),
		cmocka_unit_test(one_odd_reading_changes_nothing),
		cmocka_unit_test(a_delay_that_cannot_be_is_not_believed),
		cmocka_unit_test(a_delay_that_is_wrong_for_a_while_is_not_believed),
		cmocka_unit_test(a_delay_that_stays_is_believed_in_the_end),
		cmocka_unit_test(another_pcm_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
