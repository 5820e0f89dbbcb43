/* SPDX-License-Identifier: MIT */
#include "capd/encode/delta_pointer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define POSITION_LEN 12u
#define SIDE_MIN     16u /* of a shape that is cropped: less would be no pointer */

void delta_pointer_fini(struct delta_pointer *pointer)
{
	for (unsigned i = 0; i < DELTA_SHAPES; i++)
		free(pointer->shapes[i].argb);
	*pointer = (struct delta_pointer){0};
}

/* As far as it goes: of a cropped one the rest is not to be seen. */
static bool looks_like(const struct delta_shape *shape, const struct cursor *cursor)
{
	if (!shape->argb || shape->whole_width != cursor->width ||
		shape->whole_height != cursor->height)
		return false;
	for (size_t y = 0; y < shape->height; y++)
		if (memcmp(shape->argb + y * shape->width, cursor->argb + y * cursor->width,
			    shape->width * sizeof(uint32_t)) != 0)
			return false;
	return true;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Its top left, of that size at most. */
static void crop(struct delta_shape *shape, uint32_t side_max)
{
	uint32_t width = smaller(shape->width, side_max);

	shape->height = smaller(shape->height, side_max);
	for (size_t y = 1; y < shape->height; y++)
		memmove(shape->argb + y * width, shape->argb + y * shape->width,
			width * sizeof(*shape->argb));
	shape->width = width;
}

/* The place of this shape: its own, else that which was used longest ago. */
static int find_shape(struct delta_pointer *pointer, const struct cursor *cursor, uint32_t *index)
{
	uint32_t oldest = 0;

	for (uint32_t i = 0; i < DELTA_SHAPES; i++) {
		if (looks_like(&pointer->shapes[i], cursor)) {
			*index = i;
			return 0;
		}
		if (pointer->shapes[i].used_at < pointer->shapes[oldest].used_at)
			oldest = i;
	}
	struct delta_shape *shape = &pointer->shapes[oldest];
	uint32_t width = smaller(cursor->width, DELTA_SHAPE_SIDE_MAX);
	uint32_t height = smaller(cursor->height, DELTA_SHAPE_SIDE_MAX);
	uint32_t *argb = malloc((size_t)width * height * sizeof(*argb));
	if (!argb)
		return -ENOMEM;
	for (size_t y = 0; y < height; y++)
		memcpy(argb + y * width, cursor->argb + y * cursor->width, width * sizeof(*argb));
	free(shape->argb);
	*shape = (struct delta_shape){.argb = argb,
		.width = width,
		.height = height,
		.whole_width = cursor->width,
		.whole_height = cursor->height};
	*index = oldest;
	return 0;
}

static bool has_image(const struct cursor *cursor)
{
	return cursor->argb && cursor->shape_id != 0 && cursor->width > 0 && cursor->height > 0;
}

static int32_t clip16(int32_t value)
{
	if (value > INT16_MAX)
		return INT16_MAX;
	return value < INT16_MIN ? INT16_MIN : value;
}

int delta_pointer_move(struct delta_pointer *pointer, const struct cursor *cursor)
{
	int r = 0;

	pointer->is_visible = cursor && cursor->is_visible && has_image(cursor);
	if (!pointer->is_visible)
		return 0;
	pointer->x = clip16(cursor->x);
	pointer->y = clip16(cursor->y);
	if (!pointer->has_shape || cursor->shape_id != pointer->source_shape_id) {
		r = find_shape(pointer, cursor, &pointer->shape);
		pointer->has_shape = r == 0;
		pointer->is_visible = r == 0;
		pointer->source_shape_id = cursor->shape_id;
	}
	if (r < 0)
		return r;
	pointer->shapes[pointer->shape].used_at = ++pointer->n_uses;
	pointer->is_visible = !pointer->shapes[pointer->shape].is_too_long;
	return 0;
}

bool delta_pointer_is_due(const struct delta_pointer *pointer)
{
	if (!pointer->is_told || pointer->is_visible != pointer->told_visible)
		return true;
	return pointer->is_visible &&
	       (pointer->shapes[pointer->shape].sent_at == 0 ||
		       pointer->shape != pointer->told_shape || pointer->x != pointer->told_x ||
		       pointer->y != pointer->told_y);
}

/* -EMSGSIZE: it takes more than len_max, and nothing is appended. */
static int put_whole_shape(
	struct delta_pointer *pointer, struct png_writer *png, size_t len_max, struct payload *out)
{
	const struct delta_shape *shape = &pointer->shapes[pointer->shape];
	const struct delta_op op = {
		.kind = DELTA_POINTER_SHAPE,
		.shape_id = pointer->shape,
		.width = shape->width,
		.height = shape->height,
	};
	size_t before = out->len;
	unsigned n_ops = out->n_ops;
	int r = payload_begin(out, &op);

	if (r == 0)
		r = png_write_argb(png, shape->argb, shape->width, shape->height, out);
	if (r == 0)
		r = payload_end(out);
	if (r == 0 && out->len - before + POSITION_LEN > len_max) {
		payload_rollback(out, before, n_ops);
		r = -EMSGSIZE;
	}
	return r;
}

static int put_shape(struct delta_pointer *pointer, struct png_writer *png, uint64_t sequence,
	size_t len_max, struct payload *out)
{
	struct delta_shape *shape = &pointer->shapes[pointer->shape];
	uint32_t side = DELTA_SHAPE_SIDE_MAX;
	int r;

	while ((r = put_whole_shape(pointer, png, len_max, out)) == -EMSGSIZE && side > SIDE_MIN)
		crop(shape, side /= 2);
	if (r == 0) {
		shape->sent_at = sequence;
	} else if (r == -EMSGSIZE) {
		shape->is_too_long = true;
		pointer->is_visible = false;
		r = 0;
	}
	return r;
}

static int put_position(struct delta_pointer *pointer, struct payload *out)
{
	const struct delta_op op = {
		.kind = DELTA_POINTER,
		.flags = pointer->is_visible ? DELTA_POINTER_IS_VISIBLE : 0,
		.shape_id = pointer->shape,
		.x = pointer->x,
		.y = pointer->y,
	};
	int r = payload_add(out, &op);

	if (r < 0)
		return r;
	pointer->is_told = true;
	pointer->told_visible = pointer->is_visible;
	pointer->told_shape = pointer->shape;
	pointer->told_x = pointer->x;
	pointer->told_y = pointer->y;
	return 0;
}

int delta_pointer_repeat(struct delta_pointer *pointer, struct payload *out)
{
	return put_position(pointer, out);
}

int delta_pointer_step(struct delta_pointer *pointer, struct png_writer *png, uint64_t sequence,
	size_t len_max, struct payload *out)
{
	int r = 0;

	if (!delta_pointer_is_due(pointer))
		return 0;
	if (pointer->is_visible && pointer->shapes[pointer->shape].sent_at == 0)
		r = put_shape(pointer, png, sequence, len_max, out);
	return r < 0 ? r : put_position(pointer, out);
}

int delta_pointer_catch_up(struct delta_pointer *pointer, struct png_writer *png, uint64_t since,
	uint64_t sequence, size_t len_max, struct payload *out)
{
	int r = 0;

	for (uint32_t i = 0; i < DELTA_SHAPES; i++)
		if (pointer->shapes[i].sent_at > since)
			pointer->shapes[i].sent_at = 0;
	if (pointer->is_visible && pointer->shapes[pointer->shape].sent_at == 0)
		r = put_shape(pointer, png, sequence, len_max, out);
	return r < 0 ? r : put_position(pointer, out);
}
