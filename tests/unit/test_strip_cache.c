/* SPDX-License-Identifier: MIT */
/* links: capd/encode/strip_cache.c capd/encode/jpeg_strip.c capd/encode/jpeg_huffman.c capd/encode/jpeg_splice.c */
/* links: capd/encode/pointer.c capd/encode/quality.c capd/encode/workers.c */
/* links: capd/screen/tiles.c -ljpeg */
/*
 * Every JPEG, its COM segment taken out, equals byte for byte what libjpeg-turbo itself makes of
 * the whole picture, pointer blended in, with a restart interval of one MCU row.  The other side of
 * that comparison is written here from libjpeg's manual and shares no code with the encoder.
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

#include "capd/encode/strip_cache.h"
#include "capd/screen/tiles.h"
#include "common/clock.h"

#define SHAPE_SIDE_MAX 40u

/* A screen, what was last encoded of it, and the encoder under test. */
struct desk {
	struct picture picture;
	struct tiles *tiles;
	struct cursor cursor;
	uint32_t argb[SHAPE_SIDE_MAX * SHAPE_SIDE_MAX];
	struct strip_cache_options options;
	struct encoder *encoder;
	uint64_t sequence;
	uint64_t pts_ns;
	size_t payload_max;
	/* the record, in one piece, and its COM segment */
	uint8_t *record;
	size_t len, com_at, com_len;
};

static uint64_t random_state = 0x2545f4914f6cdd1d;

/* xorshift64: the same numbers on every run. */
static uint32_t random_below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % n;
}

static void paint(struct picture *picture, uint32_t x0, uint32_t y0, uint32_t x1, uint32_t y1)
{
	uint32_t kind = random_below(3), base = random_below(1u << 24);

	for (uint32_t y = y0; y < y1; y++)
		for (uint32_t x = x0; x < x1; x++) {
			uint32_t pixel = base;

			if (kind == 1)
				pixel = base + x * 0x010203u + y * 0x030201u;
			if (kind == 2)
				pixel = (base + x) * (y * 2 + 1) * 2654435761u; /* noise, cheaply */
			memcpy(picture->pixels + picture->stride * y + (size_t)x * 4, &pixel, 4);
		}
}

static void desk_init(struct desk *desk, uint32_t width, uint32_t height,
	enum config_subsampling subsampling, unsigned quality, unsigned n_threads)
{
	*desk = (struct desk){
		.picture = {.stride = (size_t)width * 4, .width = width, .height = height},
		.options = {quality, subsampling, n_threads},
		.payload_max = SIZE_MAX / 2,
		.pts_ns = 1,
	};
	desk->picture.pixels = calloc(height, desk->picture.stride);
	assert_non_null(desk->picture.pixels);
	desk->cursor.argb = desk->argb;
	assert_int_equal(tiles_create(width, height, &desk->tiles), 0);
	assert_int_equal(strip_cache_create(&desk->options, width, height, &desk->encoder), 0);
	paint(&desk->picture, 0, 0, width, height);
}

static void desk_fini(struct desk *desk)
{
	strip_cache_ops.destroy(desk->encoder);
	tiles_destroy(desk->tiles);
	free(desk->picture.pixels);
	free(desk->record);
}

static void take_pixels(struct desk *desk)
{
	struct box all = {0, 0, (int32_t)desk->picture.width, (int32_t)desk->picture.height};

	desk->sequence++;
	tiles_update(desk->tiles, &desk->picture, &all, desk->sequence, false);
}

static size_t find_segment(const uint8_t *bytes, size_t len, uint8_t marker)
{
	size_t at = 2;

	while (at + 4 <= len && bytes[at + 1] != 0xda && bytes[at + 1] != marker)
		at += 2 + ((size_t)bytes[at + 2] << 8 | bytes[at + 3]);
	assert_true(at + 4 <= len && bytes[at] == 0xff && bytes[at + 1] == marker);
	return at;
}

/* Joins the pieces, finds the COM segment and takes it out. */
static void keep_record(struct desk *desk, const struct encoder_result *result)
{
	size_t at = 0;

	free(desk->record);
	desk->record = malloc(result->len);
	assert_non_null(desk->record);
	for (size_t i = 0; i < result->n_pieces; i++) {
		assert_true(result->pieces[i].iov_len <= result->len - at);
		memcpy(desk->record + at, result->pieces[i].iov_base, result->pieces[i].iov_len);
		at += result->pieces[i].iov_len;
	}
	assert_int_equal(at, result->len);
	desk->len = result->len;
	desk->com_at = find_segment(desk->record, desk->len, 0xfe);
	desk->com_len =
		2 + ((size_t)desk->record[desk->com_at + 2] << 8 | desk->record[desk->com_at + 3]);
}

static int encode(struct desk *desk)
{
	struct encoder_input input = {
		.tiles = desk->tiles,
		.cursor = &desk->cursor,
		.sequence = desk->sequence,
		.pts_ns = desk->pts_ns,
		.payload_max = desk->payload_max,
	};
	struct encoder_result result = {0};
	int r = strip_cache_ops.encode(desk->encoder, &input, &result);

	if (r == 0) {
		assert_int_equal(result.kind, RECORD_FRAME);
		assert_int_equal(result.flags, RECORD_IS_KEY);
		assert_int_equal(result.base, 0);
		assert_true(result.len <= desk->payload_max);
		keep_record(desk, &result);
	}
	return r;
}

/* The pointer over a copy of the pixels, in floating point. */
static void blend(const struct desk *desk, uint8_t *pixels)
{
	const struct cursor *cursor = &desk->cursor;

	if (!cursor->is_visible || cursor->shape_id == 0)
		return;
	for (uint32_t j = 0; j < cursor->height; j++)
		for (uint32_t i = 0; i < cursor->width; i++) {
			int64_t x = (int64_t)cursor->x + i, y = (int64_t)cursor->y + j;
			uint32_t argb = cursor->argb[j * cursor->width + i];
			uint8_t *pixel;

			if (x < 0 || y < 0 || x >= desk->picture.width || y >= desk->picture.height)
				continue;
			pixel = pixels + desk->picture.stride * (size_t)y + (size_t)x * 4;
			for (int c = 0; c < 3; c++) {
				double below = pixel[c] * (255 - (argb >> 24)) / 255.0;
				double sum = (argb >> 8 * c & 0xff) + (double)(int)(below + 0.5);

				pixel[c] = (uint8_t)(sum > 255 ? 255 : sum);
			}
		}
}

/* libjpeg-turbo's own picture of the whole.  free() it. */
static uint8_t *reference(const struct desk *desk, unsigned quality, size_t *len_out)
{
	struct jpeg_compress_struct compress;
	struct jpeg_error_mgr errors;
	size_t bytes = desk->picture.stride * desk->picture.height;
	uint8_t *pixels = malloc(bytes), *jpeg = NULL;
	unsigned long len = 0;

	assert_non_null(pixels);
	memcpy(pixels, desk->picture.pixels, bytes);
	blend(desk, pixels);
	compress.err = jpeg_std_error(&errors);
	jpeg_create_compress(&compress);
	jpeg_mem_dest(&compress, &jpeg, &len);
	compress.image_width = desk->picture.width;
	compress.image_height = desk->picture.height;
	compress.input_components = 4;
	compress.in_color_space = JCS_EXT_BGRX;
	jpeg_set_defaults(&compress);
	jpeg_set_quality(&compress, (int)quality, TRUE);
	compress.comp_info[0].h_samp_factor = desk->options.subsampling == CONFIG_444 ? 1 : 2;
	compress.comp_info[0].v_samp_factor = desk->options.subsampling == CONFIG_444 ? 1 : 2;
	compress.restart_in_rows = 1;
	jpeg_start_compress(&compress, TRUE);
	while (compress.next_scanline < desk->picture.height) {
		JSAMPROW row = pixels + desk->picture.stride * compress.next_scanline;
		jpeg_write_scanlines(&compress, &row, 1);
	}
	jpeg_finish_compress(&compress);
	jpeg_destroy_compress(&compress);
	free(pixels);
	*len_out = len;
	return jpeg;
}

static bool equals_libjpeg(const struct desk *desk, unsigned quality)
{
	size_t len, rest = desk->len - desk->com_at - desk->com_len;
	uint8_t *jpeg = reference(desk, quality, &len);
	bool equal =
		len == desk->len - desk->com_len && memcmp(jpeg, desk->record, desk->com_at) == 0 &&
		memcmp(jpeg + desk->com_at, desk->record + desk->com_at + desk->com_len, rest) == 0;

	free(jpeg);
	return equal;
}

static void assert_equals_libjpeg(const struct desk *desk)
{
	if (!equals_libjpeg(desk, desk->options.quality))
		fail_msg("%ux%u %s quality %u: other bytes than libjpeg's", desk->picture.width,
			desk->picture.height,
			desk->options.subsampling == CONFIG_444 ? "4:4:4" : "4:2:0",
			desk->options.quality);
}

static void new_shape(struct desk *desk)
{
	desk->cursor.width = 1 + random_below(SHAPE_SIDE_MAX);
	desk->cursor.height = 1 + random_below(SHAPE_SIDE_MAX);
	desk->cursor.shape_id++;
	for (uint32_t i = 0; i < desk->cursor.width * desk->cursor.height; i++) {
		uint32_t alpha = random_below(3) == 0 ? random_below(256) : random_below(2) * 255;

		desk->argb[i] = alpha << 24 | random_below(alpha + 1) << 16 |
				random_below(alpha + 1) << 8 | random_below(alpha + 1);
	}
}

static void refuses_impossible_options(void **state)
{
	struct strip_cache_options options = {80, CONFIG_420, 1};
	struct encoder *encoder = NULL;
	(void)state;

	assert_int_equal(strip_cache_create(&options, 0, 1, &encoder), -EINVAL);
	assert_int_equal(strip_cache_create(&options, 1, 0, &encoder), -EINVAL);
	assert_int_equal(strip_cache_create(&options, PICTURE_SIDE_MAX + 1, 1, &encoder), -EINVAL);
	assert_int_equal(strip_cache_create(&options, 1, PICTURE_SIDE_MAX + 1, &encoder), -EINVAL);
	options.quality = 0;
	assert_int_equal(strip_cache_create(&options, 1, 1, &encoder), -EINVAL);
	options.quality = 101;
	assert_int_equal(strip_cache_create(&options, 1, 1, &encoder), -EINVAL);
	assert_null(encoder);
	strip_cache_ops.destroy(NULL);
}

static void whole_picture_equals_libjpeg_for_every_size(void **state)
{
	static const uint32_t sizes[][2] = {{1, 1}, {2, 1}, {1, 7}, {8, 8}, {9, 16}, {16, 9},
		{17, 33}, {33, 17}, {15, 200}, {640, 3}, {PICTURE_SIDE_MAX, 2},
		{2, PICTURE_SIDE_MAX}, {1366, 768}, {1919, 1079}};
	(void)state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (unsigned mode = 0; mode < 4; mode++) {
			struct desk desk;

			desk_init(&desk, sizes[i][0], sizes[i][1],
				mode & 1 ? CONFIG_444 : CONFIG_420, 80, 1 + mode / 2);
			take_pixels(&desk);
			assert_int_equal(encode(&desk), 0);
			assert_equals_libjpeg(&desk);
			desk_fini(&desk);
		}
}

static void whole_picture_equals_libjpeg_for_every_quality(void **state)
{
	(void)state;

	for (unsigned quality = 1; quality <= 100; quality++) {
		struct desk desk;

		desk_init(&desk, 77, 45, quality % 2 ? CONFIG_420 : CONFIG_444, quality, 1);
		take_pixels(&desk);
		assert_int_equal(encode(&desk), 0);
		assert_equals_libjpeg(&desk);
		desk_fini(&desk);
	}
}

static void random_box(const struct picture *picture, uint32_t *out)
{
	out[0] = random_below(picture->width);
	out[1] = random_below(picture->height);
	out[2] = out[0] + 1 + random_below(picture->width - out[0]);
	out[3] = out[1] + 1 + random_below(picture->height - out[1]);
}

static void partial_updates_in_any_order_equal_libjpeg(void **state)
{
	static const uint32_t sizes[][2] = {
		{17, 33}, {130, 95}, {333, 250}, {64, 256}, {1, 100}, {1366, 768}};
	(void)state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (unsigned mode = 0; mode < 2; mode++) {
			struct desk desk;

			desk_init(&desk, sizes[i][0], sizes[i][1], mode ? CONFIG_444 : CONFIG_420,
				50, 2);
			take_pixels(&desk);
			for (int step = 0; step < (sizes[i][0] > 1000 ? 8 : 60); step++) {
				uint32_t box[4];
				int r;

				/* Often several updates go by before the encoder comes. */
				for (uint32_t n = random_below(4); n > 0; n--) {
					random_box(&desk.picture, box);
					paint(&desk.picture, box[0], box[1], box[2], box[3]);
					take_pixels(&desk);
				}
				r = encode(&desk);
				assert_true(r == 0 || r == -EAGAIN);
				assert_equals_libjpeg(&desk);
			}
			desk_fini(&desk);
		}
}

static void move_pointer(struct desk *desk)
{
	switch (random_below(6)) {
	case 0:
		new_shape(desk);
		break;
	case 1:
		desk->cursor.is_visible = !desk->cursor.is_visible;
		break;
	case 2: /* far outside, and as far as the type goes */
		desk->cursor.x = random_below(2) ? INT32_MAX : INT32_MIN;
		break;
	default:
		desk->cursor.x = (int32_t)random_below(desk->picture.width + 60) - 50;
		desk->cursor.y = (int32_t)random_below(desk->picture.height + 60) - 50;
	}
}

/* In, out, over every edge, hidden, another shape, over pixels that change at the same time. */
static void pointer_is_blended_wherever_it_goes(void **state)
{
	(void)state;

	for (unsigned mode = 0; mode < 4; mode++) {
		struct desk desk;

		desk_init(&desk, mode & 1 ? 150 : 61, mode & 1 ? 97 : 130,
			mode & 2 ? CONFIG_444 : CONFIG_420, 90, 1);
		take_pixels(&desk);
		for (int step = 0; step < 250; step++) {
			int r;

			if (random_below(4) == 0) {
				uint32_t box[4];

				random_box(&desk.picture, box);
				paint(&desk.picture, box[0], box[1], box[2], box[3]);
			}
			move_pointer(&desk);
			take_pixels(&desk);
			r = encode(&desk);
			assert_true(r == 0 || r == -EAGAIN);
			assert_equals_libjpeg(&desk);
		}
		desk_fini(&desk);
	}
}

/* An unpremultiplied image must saturate, not wrap. */
static void colours_above_their_alpha_saturate(void **state)
{
	struct desk desk;
	(void)state;

	desk_init(&desk, 40, 40, CONFIG_444, 95, 1);
	memset(desk.picture.pixels, 0xf0, desk.picture.stride * 40);
	desk.cursor.shape_id = 1;
	desk.cursor.is_visible = true;
	desk.cursor.width = desk.cursor.height = 8;
	for (uint32_t i = 0; i < 64; i++)
		desk.argb[i] = i << 26 | 0xffffff;
	take_pixels(&desk);
	assert_int_equal(encode(&desk), 0);
	assert_equals_libjpeg(&desk);
	desk_fini(&desk);
}

static void nothing_changed_is_eagain(void **state)
{
	struct desk desk;
	(void)state;

	desk_init(&desk, 200, 100, CONFIG_420, 80, 1);
	take_pixels(&desk);
	new_shape(&desk);
	desk.cursor.argb = desk.argb;
	memset(desk.argb, 0xff, sizeof(desk.argb));
	assert_int_equal(encode(&desk), 0); /* the first, with the pointer hidden */
	desk.cursor.x = 50;
	assert_int_equal(encode(&desk), -EAGAIN); /* a hidden pointer may move */
	desk.cursor.is_visible = true;
	assert_int_equal(encode(&desk), 0);
	take_pixels(&desk);
	assert_int_equal(encode(&desk), -EAGAIN);
	desk.cursor.y = -1000;
	assert_int_equal(encode(&desk), 0); /* it left */
	desk.cursor.x = 7;
	new_shape(&desk);
	assert_int_equal(encode(&desk), -EAGAIN); /* and does what it likes outside */
	desk.cursor.y = 5;
	assert_int_equal(encode(&desk), 0);
	memset(desk.argb, 0x77, sizeof(desk.argb));
	assert_int_equal(encode(&desk), -EAGAIN); /* an image is known by its id alone */
	desk.cursor.shape_id++;
	assert_int_equal(encode(&desk), 0); /* another shape of the same size */
	assert_equals_libjpeg(&desk);
	desk.cursor.is_visible = false;
	assert_int_equal(encode(&desk), 0);
	memset(desk.argb, 0, sizeof(desk.argb));
	desk.cursor.shape_id++;
	desk.cursor.is_visible = true;
	assert_int_equal(encode(&desk), -EAGAIN); /* wholly transparent */
	assert_equals_libjpeg(&desk);
	desk_fini(&desk);
}

/* A sequence that gave no record may be used again for pixels that came later. */
static void sequence_without_a_record_may_be_used_again(void **state)
{
	struct desk desk;
	(void)state;

	desk_init(&desk, 64, 64, CONFIG_420, 80, 1);
	take_pixels(&desk);
	assert_int_equal(encode(&desk), 0);
	desk.sequence = 2;
	assert_int_equal(encode(&desk), -EAGAIN);
	paint(&desk.picture, 3, 3, 60, 60);
	desk.sequence = 1;
	take_pixels(&desk);
	assert_int_equal(desk.sequence, 2);
	assert_int_equal(encode(&desk), 0);
	assert_equals_libjpeg(&desk);
	desk_fini(&desk);
}

static void key_request_repeats_the_picture(void **state)
{
	struct desk desk;
	(void)state;

	desk_init(&desk, 90, 90, CONFIG_420, 80, 1);
	take_pixels(&desk);
	assert_int_equal(encode(&desk), 0);
	assert_int_equal(encode(&desk), -EAGAIN);
	strip_cache_ops.request_key(desk.encoder);
	assert_int_equal(encode(&desk), 0);
	assert_equals_libjpeg(&desk);
	assert_int_equal(encode(&desk), -EAGAIN);
	desk_fini(&desk);
}

/*
 * Pixels changed behind the comparison's back are not seen in the strips that are not encoded: so
 * only those of the change, and those that the pointer left and entered, were.
 */
static void only_changed_strips_are_encoded(void **state)
{
	struct desk desk;
	const struct picture *last;
	(void)state;

	desk_init(&desk, 100, 160, CONFIG_420, 80, 1);
	memset(desk.argb, 0xff, sizeof(desk.argb));
	desk.cursor.shape_id = 1;
	desk.cursor.is_visible = true;
	desk.cursor.width = desk.cursor.height = 10;
	desk.cursor.y = 35; /* strip 2 */
	take_pixels(&desk);
	assert_int_equal(encode(&desk), 0);
	last = tiles_picture(desk.tiles);
	for (uint32_t y = 0; y < 160; y++)
		if (y / 16 != 2 && y / 16 != 5 && y / 16 != 8)
			memset(last->pixels + last->stride * y, 0x33, 400);
	desk.cursor.y = 130; /* strip 8 */
	desk.sequence++;
	paint(&desk.picture, 30, 80, 40, 96); /* strip 5 */
	tiles_update(
		desk.tiles, &desk.picture, &(struct box){30, 80, 40, 96}, desk.sequence, false);
	assert_int_equal(encode(&desk), 0);
	assert_equals_libjpeg(&desk);
	desk_fini(&desk);
}

static void stamp_says_when_the_pixels_were_taken(void **state)
{
	struct desk desk;
	char text[64], digits[64];
	unsigned long long pts, s, us;
	int64_t error_us;
	(void)state;

	desk_init(&desk, 30, 20, CONFIG_420, 80, 1);
	take_pixels(&desk);
	desk.pts_ns = clock_monotonic_ns() - 5 * NS_PER_S;
	assert_int_equal(encode(&desk), 0);
	assert_int_equal(desk.com_len, 51);
	memcpy(text, desk.record + desk.com_at + 4, 47);
	text[47] = '\0';
	assert_int_equal(sscanf(text, "pts=%20llu time=%10llu.%6llu", &pts, &s, &us), 3);
	snprintf(digits, sizeof(digits), "pts=%020llu time=%010llu.%06llu", pts, s, us);
	assert_string_equal(text, digits);
	assert_int_equal(pts, desk.pts_ns);
	error_us = (int64_t)(clock_realtime_ns() / 1000) - 5000000 - (int64_t)(s * 1000000 + us);
	assert_in_range(error_us + 1000000, 1000000, 3000000);
	/* Right before SOF0. */
	assert_memory_equal(desk.record + desk.com_at + desk.com_len, "\xff\xc0", 2);
	desk_fini(&desk);
}

static void noise(struct desk *desk)
{
	for (size_t i = 0; i < desk->picture.stride * desk->picture.height; i++)
		desk->picture.pixels[i] = (uint8_t)random_below(256);
}

/* The quality that a record was made with, and that all of it was: 0 if there is none. */
static unsigned quality_of(const struct desk *desk)
{
	unsigned low = 1, high = desk->options.quality;

	/* The better, the longer. */
	while (low < high) {
		unsigned middle = (low + high) / 2;
		size_t len;

		free(reference(desk, middle, &len));
		if (len + desk->com_len < desk->len)
			low = middle + 1;
		else
			high = middle;
	}
	return equals_libjpeg(desk, low) ? low : 0;
}

static void too_large_a_picture_lowers_its_quality_and_comes_back(void **state)
{
	(void)state;

	for (unsigned n_threads = 1; n_threads <= 2; n_threads++) {
		struct desk desk;
		unsigned low, settled;
		size_t full;

		desk_init(&desk, 640, 480, n_threads == 1 ? CONFIG_420 : CONFIG_444, 80, n_threads);
		noise(&desk);
		take_pixels(&desk);
		assert_int_equal(encode(&desk), 0);
		full = desk.len;
		desk.payload_max = full / 3;
		strip_cache_ops.request_key(desk.encoder); /* the ring has become smaller */
		assert_int_equal(encode(&desk), 0);
		low = quality_of(&desk);
		assert_in_range(low, 1, 79);
		assert_true(desk.len > desk.payload_max / 3);

		/* As long as noise goes on nothing changes, but for one step that may fit. */
		for (int frame = 0; frame < 40; frame++) {
			desk.pts_ns += NS_PER_S / 10;
			desk.picture.pixels[random_below(640 * 480 * 4)] ^= 0x70;
			take_pixels(&desk);
			encode(&desk);
		}
		settled = quality_of(&desk);
		assert_in_range(settled, low, 79);

		/* A calm screen: up again, without any change of its own, after a while. */
		memset(desk.picture.pixels, 0x80, desk.picture.stride * 480);
		take_pixels(&desk);
		desk.pts_ns += 1;
		assert_int_equal(encode(&desk), 0);
		desk.pts_ns += 3 * NS_PER_S;
		assert_int_equal(encode(&desk), 0);
		assert_equals_libjpeg(&desk);
		assert_int_equal(encode(&desk), -EAGAIN);
		desk_fini(&desk);
	}
}

static void what_never_fits_is_said_and_made_good_for(void **state)
{
	struct desk desk;
	(void)state;

	desk_init(&desk, 320, 200, CONFIG_420, 80, 1);
	noise(&desk);
	take_pixels(&desk);
	desk.payload_max = 1500;
	assert_int_equal(encode(&desk), -EMSGSIZE);
	assert_int_equal(encode(&desk), -EMSGSIZE);
	paint(&desk.picture, 10, 10, 50, 50);
	take_pixels(&desk);
	desk.payload_max = 1;
	assert_int_equal(encode(&desk), -EMSGSIZE);
	desk.payload_max = SIZE_MAX / 2;
	assert_int_equal(encode(&desk), 0);
	assert_int_equal(quality_of(&desk), 1);
	desk.pts_ns += 3 * NS_PER_S;
	assert_int_equal(encode(&desk), 0);
	assert_equals_libjpeg(&desk);
	desk_fini(&desk);
}

/* Film with the pointer on two threads, as fast as it goes: for the sanitizers. */
static void two_threads_agree_with_libjpeg(void **state)
{
	struct desk desk;
	(void)state;

	desk_init(&desk, 960, 540, CONFIG_420, 75, 2);
	new_shape(&desk);
	desk.cursor.is_visible = true;
	for (int frame = 0; frame < 30; frame++) {
		desk.cursor.x = frame * 20;
		desk.cursor.y = frame * 15;
		for (size_t i = 0; i < desk.picture.stride * 540; i += 97)
			desk.picture.pixels[i]++;
		take_pixels(&desk);
		assert_int_equal(encode(&desk), 0);
		assert_equals_libjpeg(&desk);
	}
	desk_fini(&desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_impossible_options),
		cmocka_unit_test(whole_picture_equals_libjpeg_for_every_size),
		cmocka_unit_test(whole_picture_equals_libjpeg_for_every_quality),
		cmocka_unit_test(partial_updates_in_any_order_equal_libjpeg),
		cmocka_unit_test(pointer_is_blended_wherever_it_goes),
		cmocka_unit_test(colours_above_their_alpha_saturate),
		cmocka_unit_test(nothing_changed_is_eagain),
		cmocka_unit_test(sequence_without_a_record_may_be_used_again),
		cmocka_unit_test(key_request_repeats_the_picture),
		cmocka_unit_test(only_changed_strips_are_encoded),
		cmocka_unit_test(stamp_says_when_the_pixels_were_taken),
		cmocka_unit_test(too_large_a_picture_lowers_its_quality_and_comes_back),
		cmocka_unit_test(what_never_fits_is_said_and_made_good_for),
		cmocka_unit_test(two_threads_agree_with_libjpeg),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
