/* SPDX-License-Identifier: MIT */
/* links: capd/encode/opus.c -lopus -lm */
#include <errno.h>
#include <math.h>
#include <opus/opus.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capd/encode/opus.h"

#define BEGIN_NS 7000000000ull
#define SLOT_NS  10000000ull
#define PACKET   960

static void two_records_make_one_packet(void **state)
{
	int16_t frames[SOUND_RECORD_FRAMES * 2] = {0};
	struct opus_stream *stream = NULL;
	struct opus_packet packet;
	(void)state;

	assert_int_equal(opus_stream_create(96000, &stream), 0);
	for (unsigned i = 0; i < 20; i++) {
		int r = opus_stream_encode(stream, frames, BEGIN_NS + i * SLOT_NS, &packet);

		assert_int_equal(r, i % 2);
		if (r) {
			assert_in_range(packet.len, 1, OPUS_PACKET_MAX);
			assert_int_equal(opus_packet_get_nb_samples(
						 packet.bytes, (opus_int32)packet.len, 48000),
				PACKET);
			assert_int_equal(opus_packet_get_nb_channels(packet.bytes), 2);
		}
	}
	opus_stream_destroy(stream);
}

/* A click is where the packet's pts says, after decoding. */
static void the_pts_is_that_of_what_the_decoder_gives(void **state)
{
	struct opus_stream *stream = NULL;
	struct opus_packet packet;
	int16_t frames[SOUND_RECORD_FRAMES * 2], decoded[PACKET * 2];
	OpusDecoder *decoder = opus_decoder_create(48000, 2, NULL);
	const unsigned click_at = 4 * SOUND_RECORD_FRAMES + 100; /* frames from BEGIN_NS on */
	double loudest = 0, loudest_ns = 0;
	(void)state;

	assert_non_null(decoder);
	assert_int_equal(opus_stream_create(128000, &stream), 0);
	for (unsigned i = 0; i < 12; i++) {
		memset(frames, 0, sizeof(frames));
		if (i == click_at / SOUND_RECORD_FRAMES)
			for (unsigned c = 0; c < 2; c++)
				frames[click_at % SOUND_RECORD_FRAMES * 2 + c] = 30000;
		if (opus_stream_encode(stream, frames, BEGIN_NS + i * SLOT_NS, &packet) != 1)
			continue;
		assert_int_equal(opus_decode(decoder, packet.bytes, (opus_int32)packet.len, decoded,
					 PACKET, 0),
			PACKET);
		for (unsigned k = 0; k < PACKET; k++)
			if (abs(decoded[2 * k]) > loudest) {
				loudest = abs(decoded[2 * k]);
				loudest_ns = (double)packet.pts_ns + k * 1e9 / 48000;
			}
	}
	assert_true(loudest > 3000);
	double error_ns = loudest_ns - ((double)BEGIN_NS + click_at * 1e9 / 48000);
	assert_true(fabs(error_ns) < 100000);
	opus_stream_destroy(stream);
	opus_decoder_destroy(decoder);
}

static void the_loudest_noise_fits_into_a_packet(void **state)
{
	struct opus_stream *stream = NULL;
	struct opus_packet packet;
	int16_t frames[SOUND_RECORD_FRAMES * 2];
	(void)state;

	assert_int_equal(opus_stream_create(256000, &stream), 0);
	srandom(1);
	for (unsigned i = 0; i < 100; i++) {
		for (unsigned k = 0; k < SOUND_RECORD_FRAMES * 2; k++)
			frames[k] = random() & 1 ? 32767 : -32768;
		int r = opus_stream_encode(stream, frames, BEGIN_NS, &packet);
		assert_int_equal(r, i % 2);
		if (r)
			assert_in_range(packet.len, 1, OPUS_PACKET_MAX);
	}
	opus_stream_destroy(stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_records_make_one_packet),
		cmocka_unit_test(the_pts_is_that_of_what_the_decoder_gives),
		cmocka_unit_test(the_loudest_noise_fits_into_a_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
