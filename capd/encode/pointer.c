/* SPDX-License-Identifier: MIT */
#include "capd/encode/pointer.h"

#include <string.h>

static bool is_empty(const struct box *box)
{
	return box->x0 >= box->x1 || box->y0 >= box->y1;
}

static struct box find_ink(const struct cursor *cursor)
{
	struct box ink = {INT32_MAX, INT32_MAX, 0, 0};

	for (uint32_t y = 0; y < cursor->height; y++) {
		const uint32_t *row = cursor->argb + (size_t)y * cursor->width;

		for (uint32_t x = 0; x < cursor->width; x++) {
			if (row[x] == 0)
				continue;
			if ((int32_t)x < ink.x0)
				ink.x0 = (int32_t)x;
			if ((int32_t)x >= ink.x1)
				ink.x1 = (int32_t)x + 1;
			if (ink.y0 == INT32_MAX)
				ink.y0 = (int32_t)y;
			ink.y1 = (int32_t)y + 1;
		}
	}
	return ink;
}

static int32_t clip(int64_t value, uint32_t max)
{
	if (value < 0)
		return 0;
	return value > max ? (int32_t)max : (int32_t)value;
}

bool pointer_move(
	struct pointer *pointer, const struct cursor *cursor, uint32_t width, uint32_t height)
{
	struct pointer before = *pointer;
	bool is_seen = cursor->is_visible && cursor->shape_id != 0 && cursor->argb &&
		       cursor->width <= PICTURE_SIDE_MAX && cursor->height <= PICTURE_SIDE_MAX;

	pointer->box = (struct box){0};
	if (is_seen) {
		if (cursor->shape_id != pointer->shape_id ||
			cursor->width != pointer->image_width ||
			cursor->height != pointer->image_height) {
			pointer->shape_id = cursor->shape_id;
			pointer->image_width = cursor->width;
			pointer->image_height = cursor->height;
			pointer->ink = find_ink(cursor);
		}
		pointer->x = cursor->x;
		pointer->y = cursor->y;
		if (!is_empty(&pointer->ink))
			pointer->box = (struct box){
				clip((int64_t)cursor->x + pointer->ink.x0, width),
				clip((int64_t)cursor->y + pointer->ink.y0, height),
				clip((int64_t)cursor->x + pointer->ink.x1, width),
				clip((int64_t)cursor->y + pointer->ink.y1, height),
			};
	}
	if (is_empty(&before.box) && is_empty(&pointer->box))
		return false;
	return is_empty(&before.box) || is_empty(&pointer->box) ||
	       before.shape_id != pointer->shape_id || before.image_width != pointer->image_width ||
	       before.image_height != pointer->image_height || before.x != pointer->x ||
	       before.y != pointer->y;
}

bool pointer_covers(const struct pointer *pointer, uint32_t y0, uint32_t y1)
{
	return !is_empty(&pointer->box) && pointer->box.y0 < (int32_t)y1 &&
	       (int32_t)y0 < pointer->box.y1;
}

/* Premultiplied "over": the picture shows through by what the pointer leaves uncovered. */
static uint8_t over(uint32_t source, uint32_t alpha, uint8_t below)
{
	uint32_t sum = source + (below * (255 - alpha) + 127) / 255;

	return (uint8_t)(sum > 255 ? 255 : sum); /* a colour above its alpha: not premultiplied */
}

void pointer_blend(
	const struct pointer *pointer, const struct cursor *cursor, uint32_t y, uint8_t *row)
{
	const uint32_t *image;

	if (!pointer_covers(pointer, y, y + 1))
		return;
	image = cursor->argb + (size_t)((int64_t)y - pointer->y) * cursor->width;
	for (int32_t x = pointer->box.x0; x < pointer->box.x1; x++) {
		uint32_t argb = image[(int64_t)x - pointer->x];
		uint8_t *pixel = row + (size_t)x * 4;

		pixel[0] = over(argb & 0xff, argb >> 24, pixel[0]);
		pixel[1] = over(argb >> 8 & 0xff, argb >> 24, pixel[1]);
		pixel[2] = over(argb >> 16 & 0xff, argb >> 24, pixel[2]);
	}
}
