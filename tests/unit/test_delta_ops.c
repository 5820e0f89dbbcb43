/* links: common/delta_ops.c */
/* SPDX-License-Identifier: MIT */
/* What httpd lets through to viewers, and every lie that it does not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/delta_ops.h"
#include "common/stream.h"

#define WIDTH  200u
#define HEIGHT 100u

/* A payload in the making. */
static uint8_t bytes[64 * 1024];
static size_t len;

static const struct ring_record step = {
	.kind = RECORD_STEP, .sequence = 8, .base = 7, .width = WIDTH, .height = HEIGHT};
static const struct ring_record catch_up = {
	.kind = RECORD_CATCH_UP, .sequence = 8, .base = 3, .width = WIDTH, .height = HEIGHT};

static void put(const struct delta_op *op)
{
	size_t begin = len;

	len += delta_op_put(bytes + len, op);
	if (op->data_len)
		memcpy(bytes + len, op->data, op->data_len);
	len += op->data_len;
	size_t padding = delta_op_padding(len - begin);
	memset(bytes + len, 0, padding);
	len += padding;
}

static void put_copy(uint32_t src_x, uint32_t src_y, int32_t x, int32_t y, uint32_t w, uint32_t h)
{
	put(&(struct delta_op){.kind = DELTA_COPY,
		.src_x = src_x,
		.src_y = src_y,
		.x = x,
		.y = y,
		.width = w,
		.height = h});
}

static void put_fill(int32_t x, int32_t y, uint32_t w, uint32_t h, uint32_t colour)
{
	put(&(struct delta_op){
		.kind = DELTA_FILL, .x = x, .y = y, .width = w, .height = h, .colour = colour});
}

static void put_glyphs(
	int32_t x, uint32_t w, uint32_t h, const struct delta_glyph *glyphs, unsigned n)
{
	uint8_t data[16 * DELTA_GLYPH_LEN];

	for (unsigned i = 0; i < n; i++)
		delta_glyph_put(data + i * DELTA_GLYPH_LEN, &glyphs[i]);
	put(&(struct delta_op){.kind = DELTA_GLYPHS,
		.x = x,
		.width = w,
		.height = h,
		.data = data,
		.data_len = n * DELTA_GLYPH_LEN});
}

/* Enough of a PNG of that size for whoever looks at its head only. */
static const uint8_t *png_of(uint32_t width, uint32_t height)
{
	static uint8_t png[60];
	static const uint8_t head[16] = {
		0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R'};

	memset(png, 0, sizeof(png));
	memcpy(png, head, sizeof(head));
	png[18] = (uint8_t)(width >> 8);
	png[19] = (uint8_t)width;
	png[22] = (uint8_t)(height >> 8);
	png[23] = (uint8_t)height;
	return png;
}

static void put_png(int32_t x, int32_t y, uint32_t w, uint32_t h, unsigned flags)
{
	bool is_turned = flags & DELTA_PNG_IS_TURNED;

	put(&(struct delta_op){.kind = DELTA_PNG,
		.flags = flags,
		.x = x,
		.y = y,
		.width = w,
		.height = h,
		.data = is_turned ? png_of(h, w) : png_of(w, h),
		.data_len = 60});
}

static void put_jpeg(uint32_t w, uint32_t h, uint32_t says_w, uint32_t says_h)
{
	const uint8_t jpeg[] = {0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc0, 0, 11, 8,
		(uint8_t)(says_h >> 8), (uint8_t)says_h, (uint8_t)(says_w >> 8), (uint8_t)says_w, 1,
		1, 0x11, 0, 0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 9, 9, 0xff, 0xd9};

	put(&(struct delta_op){.kind = DELTA_JPEG,
		.width = w,
		.height = h,
		.data = jpeg,
		.data_len = sizeof(jpeg)});
}

static void put_pointer(uint32_t id, unsigned flags)
{
	put(&(struct delta_op){
		.kind = DELTA_POINTER, .flags = flags, .shape_id = id, .x = -20, .y = 3000});
}

static void put_shape(uint32_t id, uint32_t w, uint32_t h)
{
	put(&(struct delta_op){.kind = DELTA_POINTER_SHAPE,
		.shape_id = id,
		.width = w,
		.height = h,
		.data = png_of(w, h),
		.data_len = 60});
}

static int begin(void **state)
{
	(void)state;
	len = 0;
	return 0;
}

static void assert_taken(const struct ring_record *record)
{
	assert_int_equal(delta_ops_check(record, bytes, len), 0);
}

static void assert_refused(const struct ring_record *record)
{
	assert_int_equal(delta_ops_check(record, bytes, len), -EPROTO);
	len = 0;
}

static void takes_every_operation_and_gives_it_back(void **state)
{
	struct delta_reader reader = {.bytes = bytes, .width = WIDTH, .height = HEIGHT};
	struct delta_op op;
	(void)state;

	put_copy(0, 5, 10, 0, 190, 95);
	put_png(150, 90, 50, 10, 0);
	put_png(0, 0, 200, 20, DELTA_PNG_IS_TURNED);
	put_jpeg(WIDTH, HEIGHT, WIDTH, HEIGHT);
	put_shape(15, 24, 32);
	put_fill(199, 3, 1, 97, 0xfedcba);
	put_pointer(15, DELTA_POINTER_IS_VISIBLE);
	assert_taken(&step);
	reader.len = len;
	assert_int_equal(delta_reader_next(&reader, &op), 0);
	assert_int_equal(op.kind, DELTA_COPY);
	assert_int_equal(op.src_y, 5);
	assert_int_equal(op.x, 10);
	assert_int_equal(op.width, 190);
	assert_int_equal(op.height, 95);
	for (int i = 0; i < 5; i++)
		assert_int_equal(delta_reader_next(&reader, &op), 0);
	assert_int_equal(op.kind, DELTA_FILL);
	assert_int_equal(op.x, 199);
	assert_int_equal(op.height, 97);
	assert_int_equal(op.colour, 0xfedcba);
	assert_int_equal(delta_reader_next(&reader, &op), 0);
	assert_int_equal(op.kind, DELTA_POINTER);
	assert_int_equal(op.x, -20);
	assert_int_equal(op.y, 3000);
	assert_int_equal(op.shape_id, 15);
	assert_int_equal(op.flags, DELTA_POINTER_IS_VISIBLE);
	assert_int_equal(delta_reader_next(&reader, &op), -EAGAIN);
}

static void a_move_of_the_pointer_is_twelve_bytes(void **state)
{
	(void)state;
	put_pointer(0, DELTA_POINTER_IS_VISIBLE);
	assert_int_equal(len, 12);
	assert_taken(&step);
}

static void refuses_rectangles_outside_the_picture(void **state)
{
	(void)state;
	put_copy(0, 0, 151, 0, 50, 10);
	assert_refused(&step);
	put_copy(0, 0, 0, 91, 50, 10);
	assert_refused(&step);
	put_copy(151, 0, 0, 0, 50, 10);
	assert_refused(&step);
	put_copy(0, 91, 0, 0, 50, 10);
	assert_refused(&step);
	put_copy(65535, 65535, 0, 0, 65535, 65535);
	assert_refused(&step);
	put_png(151, 0, 50, 10, 0);
	assert_refused(&step);
	put_png(0, 91, 50, 10, 0);
	assert_refused(&step);
	put_jpeg(WIDTH + 1, HEIGHT, WIDTH + 1, HEIGHT);
	assert_refused(&step);
	put_fill(151, 0, 50, 10, 0);
	assert_refused(&step);
	put_fill(0, 91, 50, 10, 0);
	assert_refused(&step);
	put_copy(0, 0, 1, 1, 0, 10);
	assert_refused(&step);
	put_copy(0, 0, 1, 1, 10, 0);
	assert_refused(&step);
}

static void takes_glyphs_that_are_in_the_picture(void **state)
{
	const struct delta_glyph glyphs[] = {{0, 0, 10, 20}, {190, 90, 0, 10}, {7, 8, 255, 1}};
	struct delta_reader reader = {.bytes = bytes, .width = WIDTH, .height = HEIGHT};
	struct delta_op op;
	(void)state;

	put_glyphs(160, 40, 10, glyphs, 2);
	assert_taken(&step);
	reader.len = len;
	assert_int_equal(delta_reader_next(&reader, &op), 0);
	assert_int_equal(op.data_len, 2 * DELTA_GLYPH_LEN);
	struct delta_glyph second = delta_glyph_get(op.data + DELTA_GLYPH_LEN);
	assert_int_equal(second.src_x, 190);
	assert_int_equal(second.src_y, 90);
	assert_int_equal(second.gap, 0);
	assert_int_equal(second.width, 10);
	assert_refused(&catch_up);
	put_glyphs(160, 40, 10, glyphs, 3); /* the third is behind the line's end */
	assert_refused(&step);
	put_glyphs(160, 39, 10, glyphs, 2);
	assert_refused(&step);
	put_glyphs(161, 40, 10, glyphs, 2); /* the line is outside */
	assert_refused(&step);
	put_glyphs(160, 40, 11, glyphs, 2); /* below the picture it would be read */
	assert_refused(&step);
	put_glyphs(0, 40, 10, &(struct delta_glyph){191, 0, 0, 10}, 1);
	assert_refused(&step);
	put_glyphs(0, 40, 10, &(struct delta_glyph){0, 0, 0, 0}, 1);
	assert_refused(&step);
	put_glyphs(160, 40, 10, glyphs, 2);
	bytes[4]--; /* no multiple of six; what is cut off is padding, and not 0 */
	assert_refused(&step);
	put_glyphs(160, 40, 10, glyphs, 0);
	assert_refused(&step);
}

static void refuses_images_of_another_size(void **state)
{
	(void)state;
	put_png(0, 0, 50, 10, 0);
	bytes[16 + 19] = 51;
	assert_refused(&step);
	put_png(0, 0, 50, 10, 0);
	bytes[16 + 20] = 1; /* 16 million rows */
	assert_refused(&step);
	put_png(0, 0, 50, 10, 0);
	bytes[1] = DELTA_PNG_IS_TURNED;
	assert_refused(&step);
	put_png(0, 0, 50, 10, 0);
	bytes[16] = 'G';
	assert_refused(&step);
	put_jpeg(50, 10, 10, 50);
	assert_refused(&step);
	put_jpeg(50, 10, 65535, 65535);
	assert_refused(&step);
	put_jpeg(50, 10, 50, 10);
	bytes[16 + 1] = 0xd9;
	assert_refused(&step);
	put_shape(0, 24, 32);
	bytes[12 + 19] = 25;
	assert_refused(&step);
	put_shape(0, DELTA_SHAPE_SIDE_MAX + 1, 1);
	assert_refused(&step);
}

static void refuses_lengths_that_lie(void **state)
{
	(void)state;
	for (size_t cut = 1; cut < 20; cut++) {
		len = 0;
		put_copy(0, 0, 1, 1, 10, 10);
		len -= cut;
		assert_refused(&step);
	}
	put_png(0, 0, 50, 10, 0);
	bytes[4] += 4; /* beyond the payload */
	assert_refused(&step);
	put_png(0, 0, 50, 10, 0);
	bytes[7] = 0xff;
	assert_refused(&step);
	put_png(0, 0, 50, 10, 0);
	bytes[4] = 16; /* no data; what follows is no operation */
	assert_refused(&step);
	put_copy(0, 0, 1, 1, 10, 10);
	bytes[4] = 0;
	assert_refused(&step);
	put_pointer(0, 0);
	bytes[4] = 8;
	assert_refused(&step);
	put_copy(0, 0, 1, 1, 10, 10);
	memset(bytes + len, 0, 4); /* four bytes more than there are operations */
	len += 4;
	assert_refused(&step);
}

static void refuses_padding_that_says_something(void **state)
{
	(void)state;
	put_jpeg(50, 10, 50, 10); /* 35 bytes of data: one of padding */
	assert_taken(&step);
	bytes[len - 1] = 1;
	assert_refused(&step);
	put_jpeg(50, 10, 50, 10);
	len--;
	assert_refused(&step);
}

static void refuses_unknown_kinds_flags_and_shapes(void **state)
{
	(void)state;
	put_copy(0, 0, 1, 1, 10, 10);
	bytes[0] = 0;
	assert_refused(&step);
	put_copy(0, 0, 1, 1, 10, 10);
	bytes[0] = 8;
	assert_refused(&step);
	put_fill(0, 0, 10, 10, 0x01000000);
	assert_refused(&step);
	put_copy(0, 0, 1, 1, 10, 10);
	bytes[1] = 1;
	assert_refused(&step);
	put_copy(0, 0, 1, 1, 10, 10);
	bytes[2] = 1;
	assert_refused(&step);
	put_pointer(0, 2);
	assert_refused(&step);
	put_pointer(DELTA_SHAPES, 1);
	assert_refused(&step);
	put_shape(DELTA_SHAPES, 8, 8);
	assert_refused(&step);
	put_png(0, 0, 50, 10, 2);
	assert_refused(&step);
}

static void refuses_operations_that_have_no_place(void **state)
{
	struct ring_record refinement = step, exact = catch_up;
	(void)state;

	refinement.flags = RECORD_IS_REFINEMENT;
	exact.flags = RECORD_IS_EXACT;
	exact.base = exact.sequence;
	put_copy(0, 0, 1, 1, 10, 10);
	assert_refused(&catch_up);
	put_copy(0, 0, 1, 1, 10, 10);
	assert_refused(&refinement);
	put_jpeg(50, 10, 50, 10);
	assert_refused(&refinement);
	put_jpeg(50, 10, 50, 10);
	assert_refused(&exact);
	put_pointer(0, 0);
	assert_refused(&refinement);
	put_fill(0, 0, 10, 10, 0);
	assert_refused(&refinement);
	put_fill(0, 0, 10, 10, 0);
	assert_refused(&exact);
	put_fill(0, 0, 10, 10, 0);
	assert_taken(&catch_up);
	len = 0;
	put_png(0, 0, 50, 10, 0);
	assert_taken(&refinement);
	assert_taken(&exact);
	len = 0;
	put_pointer(0, 0);
	assert_taken(&exact);
}

static void refuses_too_many_operations(void **state)
{
	(void)state;
	for (unsigned i = 0; i < DELTA_OPS_MAX; i++)
		put_pointer(0, 1);
	assert_taken(&step);
	put_pointer(0, 1);
	assert_refused(&step);
}

static struct ring_record with(
	struct ring_record record, unsigned kind, unsigned flags, uint64_t sequence, uint64_t base)
{
	record.kind = (uint16_t)kind;
	record.flags = (uint16_t)flags;
	record.sequence = sequence;
	record.base = base;
	return record;
}

static void refuses_records_that_do_not_fit_together(void **state)
{
	const struct ring_record lies[] = {
		with(step, RECORD_FRAME, RECORD_IS_KEY, 8, 0),
		with(step, RECORD_SOUND, 0, 8, 7),
		with(step, 77, 0, 8, 7),
		with(step, RECORD_STEP, 0, 8, 6),
		with(step, RECORD_STEP, 0, 8, 8),
		with(step, RECORD_STEP, 0, 1, 0),
		with(step, RECORD_STEP, 0, 0, UINT64_MAX),
		with(step, RECORD_STEP, RECORD_IS_KEY, 8, 7),
		with(step, RECORD_STEP, RECORD_IS_EXACT, 8, 8),
		with(step, RECORD_STEP, RECORD_IS_LAST, 8, 7),
		with(step, RECORD_STEP, 0x8000, 8, 7),
		with(step, RECORD_CATCH_UP, 0, 8, 8),
		with(step, RECORD_CATCH_UP, 0, 8, 9),
		with(step, RECORD_CATCH_UP, 0, 8, 0),
		with(step, RECORD_CATCH_UP, RECORD_IS_KEY, 8, 3),
		with(step, RECORD_CATCH_UP, RECORD_IS_KEY, 0, 0),
		with(step, RECORD_CATCH_UP, RECORD_IS_REFINEMENT, 8, 3),
		with(step, RECORD_CATCH_UP, RECORD_IS_LAST, 8, 3),
		with(step, RECORD_CATCH_UP, RECORD_IS_EXACT, 8, 3),
		with(step, RECORD_CATCH_UP, RECORD_IS_EXACT | RECORD_IS_KEY, 8, 8),
	};
	struct ring_record record;
	(void)state;

	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++)
		if (delta_ops_check(&lies[i], bytes, 0) != -EPROTO)
			fail_msg("lie %zu was taken", i);
	record = with(step, RECORD_CATCH_UP, RECORD_IS_KEY, 8, 0);
	assert_taken(&record);
	record = with(step, RECORD_CATCH_UP, RECORD_IS_EXACT | RECORD_IS_LAST, 8, 8);
	assert_taken(&record);
	record = step;
	record.width = 0;
	assert_refused(&record);
	record.width = DELTA_PICTURE_SIDE_MAX + 1;
	assert_refused(&record);
	record = step;
	record.height = 0;
	assert_refused(&record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(takes_every_operation_and_gives_it_back, begin),
		cmocka_unit_test_setup(a_move_of_the_pointer_is_twelve_bytes, begin),
		cmocka_unit_test_setup(refuses_rectangles_outside_the_picture, begin),
		cmocka_unit_test_setup(takes_glyphs_that_are_in_the_picture, begin),
		cmocka_unit_test_setup(refuses_images_of_another_size, begin),
		cmocka_unit_test_setup(refuses_lengths_that_lie, begin),
		cmocka_unit_test_setup(refuses_padding_that_says_something, begin),
		cmocka_unit_test_setup(refuses_unknown_kinds_flags_and_shapes, begin),
		cmocka_unit_test_setup(refuses_operations_that_have_no_place, begin),
		cmocka_unit_test_setup(refuses_too_many_operations, begin),
		cmocka_unit_test_setup(refuses_records_that_do_not_fit_together, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
