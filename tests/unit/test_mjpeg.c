/* SPDX-License-Identifier: MIT */
/* links: capd/camera/mjpeg.c capd/camera/mjpeg_scan.c -ljpeg */
/*
 * Frames are made by libjpeg, then changed; what the walk lets pass, libjpeg decodes without a
 * warning.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jpeglib.h>

#include "capd/camera/mjpeg.h"

#define WIDTH  200u
#define HEIGHT 120u

static const uint8_t stamp[] = {0xff, 0xfe, 0, 6, 'c', 'o', 'm', '!'};

struct bytes {
	uint8_t *bytes;
	size_t len;
};

struct form {
	uint32_t width, height;
	int restart_rows; /* 0: no restart markers */
	bool grey, own_tables;
	int quality;
};

/* A noisy picture. */
static struct bytes compress_form(const struct form *form)
{
	uint32_t width = form->width, height = form->height;
	struct jpeg_compress_struct compress;
	struct jpeg_error_mgr errors;
	struct bytes frame = {0};
	unsigned long len = 0;
	uint8_t *row = malloc((size_t)width * 3);
	uint32_t seed = 1;

	assert_non_null(row);
	compress.err = jpeg_std_error(&errors);
	jpeg_create_compress(&compress);
	jpeg_mem_dest(&compress, &frame.bytes, &len);
	compress.image_width = width;
	compress.image_height = height;
	compress.input_components = form->grey ? 1 : 3;
	compress.in_color_space = form->grey ? JCS_GRAYSCALE : JCS_RGB;
	jpeg_set_defaults(&compress);
	jpeg_set_quality(&compress, form->quality, TRUE);
	compress.restart_in_rows = form->restart_rows;
	compress.optimize_coding = form->own_tables;
	jpeg_start_compress(&compress, TRUE);
	for (uint32_t y = 0; y < height; y++) {
		for (uint32_t x = 0; x < width * 3; x++)
			row[x] = (uint8_t)((seed = seed * 1103515245u + 12345u) >> 24);
		jpeg_write_scanlines(&compress, &row, 1);
	}
	jpeg_finish_compress(&compress);
	jpeg_destroy_compress(&compress);
	free(row);
	frame.len = len;
	return frame;
}

static struct bytes make_frame(uint32_t width, uint32_t height, int restart_rows, bool grey)
{
	const struct form form = {width, height, restart_rows, grey, false, 75};

	return compress_form(&form);
}

static struct bytes make_frame_of(int quality, bool own_tables)
{
	const struct form form = {WIDTH, HEIGHT, 0, false, own_tables, quality};

	return compress_form(&form);
}

static unsigned be16(const uint8_t *bytes)
{
	return (unsigned)bytes[0] << 8 | bytes[1];
}

/* Where the first segment with that marker begins; fails the test without one. */
static size_t find(struct bytes frame, uint8_t marker)
{
	for (size_t at = 2; at + 4 < frame.len; at += 2 + be16(frame.bytes + at + 2)) {
		if (frame.bytes[at + 1] == marker)
			return at;
		if (frame.bytes[at + 1] == 0xda)
			break;
	}
	fail_msg("no segment %02x", marker);
	return 0;
}

static void cut(struct bytes *frame, size_t at, size_t len)
{
	memmove(frame->bytes + at, frame->bytes + at + len, frame->len - at - len);
	frame->len -= len;
}

/* Takes all of those segments out and gives their bodies, one after the other. */
static struct bytes cut_segments(struct bytes *frame, uint8_t marker, unsigned n)
{
	struct bytes bodies = {malloc(frame->len), 0};

	for (unsigned i = 0; i < n; i++) {
		size_t at = find(*frame, marker), len = be16(frame->bytes + at + 2);

		memcpy(bodies.bytes + bodies.len, frame->bytes + at + 4, len - 2);
		bodies.len += len - 2;
		cut(frame, at, 2 + len);
	}
	return bodies;
}

static struct bytes copy(struct bytes frame, size_t room)
{
	struct bytes other = {calloc(1, frame.len + room), frame.len};

	assert_non_null(other.bytes);
	memcpy(other.bytes, frame.bytes, frame.len);
	return other;
}

static void assert_broken(struct bytes frame, const char *reason)
{
	struct mjpeg mjpeg;
	const char *why = NULL;
	/* Exactly as long, so that a read past its end is seen. */
	uint8_t *exact = malloc(frame.len ? frame.len : 1);

	memcpy(exact, frame.bytes, frame.len);
	assert_int_equal(mjpeg_read(exact, frame.len, &mjpeg, &why), -EBADMSG);
	assert_non_null(why);
	if (reason)
		assert_string_equal(why, reason);
	free(exact);
}

static struct bytes join(struct bytes frame, struct mjpeg *mjpeg)
{
	struct iovec pieces[MJPEG_PIECES_MAX];
	struct bytes joined = {malloc(frame.len + 1024), 0};
	const char *why = "";
	int r = mjpeg_read(frame.bytes, frame.len, mjpeg, &why);

	if (r < 0)
		fail_msg("%s", why);
	size_t n = mjpeg_pieces(mjpeg, frame.bytes, stamp, sizeof(stamp), pieces);
	for (size_t i = 0; i < n; i++) {
		memcpy(joined.bytes + joined.len, pieces[i].iov_base, pieces[i].iov_len);
		joined.len += pieces[i].iov_len;
	}
	return joined;
}

/* libjpeg reads it to its end and has nothing to say. */
static void assert_decodes(struct bytes frame, uint32_t width, uint32_t height)
{
	struct jpeg_decompress_struct decompress;
	struct jpeg_error_mgr errors;
	uint8_t *row = malloc((size_t)width * 3);

	decompress.err = jpeg_std_error(&errors);
	jpeg_create_decompress(&decompress);
	jpeg_mem_src(&decompress, frame.bytes, frame.len);
	assert_int_equal(jpeg_read_header(&decompress, TRUE), JPEG_HEADER_OK);
	assert_int_equal(decompress.image_width, width);
	assert_int_equal(decompress.image_height, height);
	jpeg_start_decompress(&decompress);
	while (decompress.output_scanline < height)
		jpeg_read_scanlines(&decompress, &row, 1);
	jpeg_finish_decompress(&decompress);
	assert_int_equal(errors.num_warnings, 0);
	jpeg_destroy_decompress(&decompress);
	free(row);
}

static void a_good_frame_passes_with_our_segment_right_before_sof(void **state)
{
	const struct {
		int restart_rows;
		bool grey;
	} kinds[] = {{0, false}, {1, false}, {2, false}, {0, true}, {1, true}};
	(void)state;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct bytes frame =
			make_frame(WIDTH, HEIGHT, kinds[i].restart_rows, kinds[i].grey);
		struct mjpeg mjpeg;
		struct bytes joined = join(frame, &mjpeg);

		assert_true(mjpeg.has_tables);
		assert_int_equal(mjpeg.width, WIDTH);
		assert_int_equal(mjpeg.height, HEIGHT);
		assert_int_equal(joined.len, frame.len + sizeof(stamp));
		assert_decodes(joined, WIDTH, HEIGHT);
		size_t com = find(joined, 0xfe);
		assert_memory_equal(joined.bytes + com, stamp, sizeof(stamp));
		assert_int_equal(joined.bytes[com + sizeof(stamp) + 1], 0xc0);
		cut(&joined, com, sizeof(stamp));
		assert_memory_equal(joined.bytes, frame.bytes, frame.len);
		free(joined.bytes);
		free(frame.bytes);
	}
}

static void missing_huffman_tables_are_the_standard_ones_right_before_sos(void **state)
{
	struct bytes frame = make_frame(WIDTH, HEIGHT, 1, false);
	struct mjpeg mjpeg;
	(void)state;

	struct bytes tables = cut_segments(&frame, 0xc4, 4); /* libjpeg's own: the standard ones */
	struct bytes joined = join(frame, &mjpeg);
	assert_false(mjpeg.has_tables);
	size_t dht = find(joined, 0xc4), len = be16(joined.bytes + dht + 2);
	assert_int_equal(len - 2, tables.len);
	assert_memory_equal(joined.bytes + dht + 4, tables.bytes, tables.len);
	assert_int_equal(find(joined, 0xda), dht + 2 + len);
	assert_decodes(joined, WIDTH, HEIGHT);
	free(tables.bytes);
	free(joined.bytes);
	free(frame.bytes);
}

static void what_follows_the_end_is_cut_off(void **state)
{
	struct bytes frame = make_frame(WIDTH, HEIGHT, 0, false);
	struct bytes padded = copy(frame, 5000);
	struct mjpeg mjpeg;
	(void)state;

	padded.len += 5000; /* of zeros */
	struct bytes joined = join(padded, &mjpeg);
	assert_int_equal(mjpeg.end, frame.len);
	assert_int_equal(joined.len, frame.len + sizeof(stamp));
	free(joined.bytes);
	free(padded.bytes);
	free(frame.bytes);
}

static void a_frame_cut_off_anywhere_is_broken(void **state)
{
	struct bytes frame = make_frame(64, 48, 1, false);
	size_t whole = frame.len;
	(void)state;

	for (frame.len = 0; frame.len < whole; frame.len++)
		assert_broken(frame, NULL);
	/* … and padded to its full length, too */
	for (size_t len = 2; len < whole - 1; len += 7) {
		frame.len = whole;
		struct bytes padded = copy(frame, 0);

		memset(padded.bytes + len, 0, whole - len);
		assert_broken(padded, NULL);
		free(padded.bytes);
	}
	free(frame.bytes);
}

/* Whatever of its data is lost, although it ends as it should. */
static void a_frame_cut_off_before_a_proper_end_is_broken(void **state)
{
	const struct {
		int restart_rows;
		bool grey;
	} kinds[] = {{0, false}, {1, false}, {0, true}};
	(void)state;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct bytes frame = make_frame(64, 48, kinds[i].restart_rows, kinds[i].grey);
		size_t whole = frame.len, header = find(frame, 0xda) + 2;
		size_t data = header + be16(frame.bytes + header);

		assert_true(whole - 2 > data + 100);
		for (size_t len = data; len < whole - 2; len++) {
			struct bytes other = copy(frame, 0);

			memcpy(other.bytes + len, frame.bytes + whole - 2, 2);
			other.len = len + 2;
			assert_broken(other, "parts of it are missing");
			free(other.bytes);
		}
		free(frame.bytes);
	}
}

/* As some cameras fill up; every decoder skips it. */
static void bytes_left_over_before_the_end_do_no_harm(void **state)
{
	struct bytes frame = make_frame(WIDTH, HEIGHT, 0, false);
	struct bytes other = copy(frame, 40);
	struct mjpeg mjpeg;
	const char *why;
	(void)state;

	memcpy(other.bytes + frame.len + 38, frame.bytes + frame.len - 2, 2);
	memset(other.bytes + frame.len - 2, 0, 40);
	other.len += 40;
	assert_int_equal(mjpeg_read(other.bytes, other.len, &mjpeg, &why), 0);
	assert_int_equal(mjpeg.end, other.len);
	free(other.bytes);
	free(frame.bytes);
}

/* A piece taken out of the middle: what comes behind is read from a wrong bit on. */
static void a_hole_in_the_data_is_noticed(void **state)
{
	struct bytes frame = make_frame(WIDTH, HEIGHT, 0, false);
	size_t data = find(frame, 0xda) + 14;
	struct bytes other = copy(frame, 0);
	(void)state;

	cut(&other, data + (frame.len - data) / 3, 512);
	assert_broken(other, "parts of it are missing");
	free(other.bytes);
	free(frame.bytes);
}

/* Codes of more bits than are looked up at once, all sizes and runs: any quality, and tables of its
 * own. */
static void every_quality_passes_whole_and_not_cut_off(void **state)
{
	(void)state;

	for (int quality = 1; quality <= 100; quality += 3) {
		struct bytes frame = make_frame_of(quality, quality % 2 == 0);
		struct mjpeg mjpeg;
		const char *why = "";

		if (mjpeg_read(frame.bytes, frame.len, &mjpeg, &why) < 0)
			fail_msg("quality %d: %s", quality, why);
		memcpy(frame.bytes + frame.len - 12, frame.bytes + frame.len - 2, 2);
		frame.len -= 10;
		assert_broken(frame, "parts of it are missing");
		free(frame.bytes);
	}
}

/* What one changed byte makes of a frame. */
static void assert_broken_with(size_t at, uint8_t byte, const char *reason)
{
	struct bytes frame = make_frame(WIDTH, HEIGHT, 1, false);

	frame.bytes[at] = byte;
	assert_broken(frame, reason);
	free(frame.bytes);
}

static void a_frame_must_begin_as_one(void **state)
{
	struct bytes frame = make_frame(WIDTH, HEIGHT, 0, false);
	struct bytes shifted = copy(frame, 1);
	(void)state;

	assert_broken_with(0, 0, "it does not begin as a JPEG picture does");
	assert_broken_with(1, 0xd9, "it does not begin as a JPEG picture does");
	memmove(shifted.bytes + 1, shifted.bytes, frame.len);
	shifted.len++;
	assert_broken(shifted, "it does not begin as a JPEG picture does");
	assert_broken_with(3, 0xd8, "it begins twice");
	free(shifted.bytes);
	free(frame.bytes);
}

static void lengths_that_lie_are_refused(void **state)
{
	const uint8_t markers[] = {0xe0, 0xdb, 0xc0, 0xc4, 0xdd, 0xda};
	struct bytes frame = make_frame(WIDTH, HEIGHT, 1, false);
	(void)state;

	for (size_t i = 0; i < sizeof(markers); i++) {
		size_t at = find(frame, markers[i]) + 2;
		uint8_t high = frame.bytes[at], low = frame.bytes[at + 1];
		const unsigned lies[] = {
			0, 1, 2, be16(frame.bytes + at) - 1u, be16(frame.bytes + at) + 1u, 0xffff};

		for (size_t k = 0; k < sizeof(lies) / sizeof(lies[0]); k++) {
			frame.bytes[at] = (uint8_t)(lies[k] >> 8);
			frame.bytes[at + 1] = (uint8_t)lies[k];
			assert_broken(frame, NULL);
		}
		frame.bytes[at] = high;
		frame.bytes[at + 1] = low;
	}
	free(frame.bytes);
}

static void what_a_decoder_would_miss_is_broken(void **state)
{
	struct bytes frame = make_frame(WIDTH, HEIGHT, 0, false);
	struct bytes other = copy(frame, 0);
	(void)state;

	free(cut_segments(&other, 0xdb, 1).bytes);
	assert_broken(other, "a quantization table is missing");
	free(other.bytes);

	other = copy(frame, 0);
	free(cut_segments(&other, 0xc4, 1).bytes);
	assert_broken(other, "a Huffman table is missing");
	free(other.bytes);

	other = copy(frame, 0);
	free(cut_segments(&other, 0xc0, 1).bytes);
	assert_broken(other, "it has no frame header");
	free(other.bytes);

	other = copy(frame, 0);
	other.bytes[find(other, 0xc0) + 1] = 0xc2;
	assert_broken(other, "it is not baseline");
	free(other.bytes);

	/* As many symbols as before, but with codes until there is none left. */
	const uint8_t used_up[16] = {0, 0, 4, 8};
	other = copy(frame, 0);
	memcpy(other.bytes + find(other, 0xc4) + 5, used_up, sizeof(used_up));
	assert_broken(other, "a Huffman table is wrong");
	free(other.bytes);
	free(frame.bytes);
}

static void a_size_without_the_data_for_it_is_a_lie(void **state)
{
	struct bytes frame = make_frame(WIDTH, HEIGHT, 0, false);
	uint8_t *size = frame.bytes + find(frame, 0xc0) + 5;
	(void)state;

	memset(size, 0x40, 4); /* 16448 × 16448 */
	assert_broken(frame, "parts of it are missing");
	memset(size, 0, 2);
	assert_broken(frame, "its frame header is wrong");
	free(frame.bytes);
}

static void lost_pieces_in_the_middle_are_noticed(void **state)
{
	struct bytes frame = make_frame(WIDTH, HEIGHT, 1, false);
	struct mjpeg mjpeg;
	const char *why;
	(void)state;

	assert_int_equal(mjpeg_read(frame.bytes, frame.len, &mjpeg, &why), 0);
	/* Without what lies between the first two restart markers, and the second of them. */
	size_t first = mjpeg.sos, second;
	while (frame.bytes[first] != 0xff || frame.bytes[first + 1] != 0xd0)
		first++;
	for (second = first; frame.bytes[second] != 0xff || frame.bytes[second + 1] != 0xd1;)
		second++;
	struct bytes other = copy(frame, 0);
	cut(&other, first + 2, second - first);
	assert_broken(other, "parts of it are missing");
	free(other.bytes);

	/* Of all its rows only the first, and the end. */
	other = copy(frame, 0);
	cut(&other, first, frame.len - 2 - first);
	assert_broken(other, "parts of it are missing");
	free(other.bytes);

	/* The next frame begins in the middle of this one. */
	other = copy(frame, frame.len);
	memcpy(other.bytes + first, frame.bytes, frame.len);
	other.len = first + frame.len;
	assert_broken(other, "parts of it are missing");
	free(other.bytes);
	free(frame.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_frame_passes_with_our_segment_right_before_sof),
		cmocka_unit_test(missing_huffman_tables_are_the_standard_ones_right_before_sos),
		cmocka_unit_test(what_follows_the_end_is_cut_off),
		cmocka_unit_test(a_frame_cut_off_anywhere_is_broken),
		cmocka_unit_test(a_frame_cut_off_before_a_proper_end_is_broken),
		cmocka_unit_test(bytes_left_over_before_the_end_do_no_harm),
		cmocka_unit_test(a_hole_in_the_data_is_noticed),
		cmocka_unit_test(every_quality_passes_whole_and_not_cut_off),
		cmocka_unit_test(a_frame_must_begin_as_one),
		cmocka_unit_test(lengths_that_lie_are_refused),
		cmocka_unit_test(what_a_decoder_would_miss_is_broken),
		cmocka_unit_test(a_size_without_the_data_for_it_is_a_lie),
		cmocka_unit_test(lost_pieces_in_the_middle_are_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
