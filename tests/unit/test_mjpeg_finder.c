/* SPDX-License-Identifier: MIT */
/* links: tests/bench/mjpeg_finder.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bench/mjpeg_finder.h"

/* SOI, a comment that holds what looks like an EOI, SOF, SOS, data with stuffing and restarts, EOI.
 */
static const uint8_t jpeg[] = {0xff, 0xd8, 0xff, 0xfe, 0, 6, 0xff, 0xd9, 0xff, 0xd8, 0xff, 0xc0, 0,
	5, 8, 0, 16, 0xff, 0xda, 0, 3, 1, 0x11, 0xff, 0x00, 0x22, 0xff, 0xd0, 0x33, 0xff, 0xd1,
	0x44, 0xff, 0xd9};
static const char head[] = "HTTP/1.0 200 OK\r\n\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n";
static const char between[] = "\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n";
#define SOF_AT    10
#define SCAN_AT   22
#define RST0_AT   26
#define RST1_AT   29
#define N_FRAMES  500
#define PART_SIZE (sizeof(jpeg) + sizeof(between) - 1)

static void feed(struct mjpeg_finder *finder, const void *data, size_t len)
{
	size_t room;
	uint8_t *to = mjpeg_finder_room(finder, len, &room);
	assert_true(room >= len);
	memcpy(to, data, len);
	mjpeg_finder_fed(finder, len);
}

static unsigned take_all(struct mjpeg_finder *finder)
{
	struct mjpeg_frame frame;
	unsigned n = 0;
	for (; mjpeg_finder_next(finder, &frame); n++) {
		assert_int_equal(frame.len, sizeof(jpeg));
		assert_memory_equal(frame.data, jpeg, sizeof(jpeg));
		assert_int_equal(frame.sof_at, SOF_AT);
		assert_int_equal(frame.scan_at, SCAN_AT);
		assert_int_equal(frame.n_restarts, 2);
		assert_int_equal(frame.first_restart_at, RST0_AT);
		assert_int_equal(frame.last_restart_at, RST1_AT);
	}
	return n;
}

static void frames_are_found_however_the_stream_is_cut(void **state)
{
	static uint8_t stream[N_FRAMES * PART_SIZE];
	(void)state;
	for (size_t i = 0; i < N_FRAMES; i++) {
		memcpy(stream + i * PART_SIZE, jpeg, sizeof(jpeg));
		memcpy(stream + i * PART_SIZE + sizeof(jpeg), between, sizeof(between) - 1);
	}
	for (size_t cut = 1; cut < 200; cut += cut / 8 + 1) {
		struct mjpeg_finder finder;
		unsigned n = 0;
		mjpeg_finder_init(&finder);
		feed(&finder, head, sizeof(head) - 1);
		for (size_t at = 0; at < sizeof(stream); at += cut) {
			feed(&finder, stream + at,
				sizeof(stream) - at < cut ? sizeof(stream) - at : cut);
			n += take_all(&finder);
		}
		assert_int_equal(n, N_FRAMES);
		mjpeg_finder_fini(&finder);
	}
}

static void a_frame_is_found_at_its_own_last_byte(void **state)
{
	struct mjpeg_finder finder;
	(void)state;
	mjpeg_finder_init(&finder);
	feed(&finder, head, sizeof(head) - 1);
	feed(&finder, jpeg, sizeof(jpeg) - 1);
	assert_int_equal(take_all(&finder), 0);
	feed(&finder, jpeg + sizeof(jpeg) - 1, 1);
	assert_int_equal(take_all(&finder), 1);
	mjpeg_finder_fini(&finder);
}

static void the_buffer_moves_and_grows_under_a_half_read_frame(void **state)
{
	static uint8_t
		noise[3u << 20]; /* larger than the buffer at first; nothing in it begins a JPEG */
	struct mjpeg_finder finder;
	(void)state;
	mjpeg_finder_init(&finder);
	feed(&finder, noise, sizeof(noise) / 2);
	feed(&finder, jpeg, RST1_AT + 1);
	assert_int_equal(take_all(&finder), 0);
	size_t room;
	mjpeg_finder_room(&finder, sizeof(noise), &room);
	feed(&finder, jpeg + RST1_AT + 1, sizeof(jpeg) - RST1_AT - 1);
	assert_int_equal(take_all(&finder), 1);
	mjpeg_finder_fini(&finder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_found_however_the_stream_is_cut),
		cmocka_unit_test(a_frame_is_found_at_its_own_last_byte),
		cmocka_unit_test(the_buffer_moves_and_grows_under_a_half_read_frame),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
