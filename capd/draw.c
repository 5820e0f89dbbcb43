/* SPDX-License-Identifier: MIT */
#include "capd/draw.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define SEGMENTS_MAX 192u
#define ARC_SMALL    48.0f /* pixels of radius up to which 10 degrees to a segment look round */

static struct box clip_box(const struct picture *picture, const struct box *box)
{
	struct box clipped = *box;

	if (clipped.x0 < 0)
		clipped.x0 = 0;
	if (clipped.y0 < 0)
		clipped.y0 = 0;
	if (clipped.x1 > (int32_t)picture->width)
		clipped.x1 = (int32_t)picture->width;
	if (clipped.y1 > (int32_t)picture->height)
		clipped.y1 = (int32_t)picture->height;
	return clipped;
}

static uint8_t *pixel_at(struct picture *picture, int32_t x, int32_t y)
{
	return picture->pixels + picture->stride * (size_t)y + (size_t)x * 4;
}

/* In memory blue comes first: on a little-endian machine 0xRRGGBB as it stands. */
static void put_pixel(uint8_t *pixel, uint32_t rgb)
{
	pixel[0] = (uint8_t)rgb;
	pixel[1] = (uint8_t)(rgb >> 8);
	pixel[2] = (uint8_t)(rgb >> 16);
	pixel[3] = 0xff;
}

static uint8_t mix(uint32_t below, uint32_t above, uint32_t alpha)
{
	return (uint8_t)((below * (255 - alpha) + above * alpha + 127) / 255);
}

static void blend_pixel(uint8_t *pixel, uint32_t rgb, uint32_t alpha)
{
	pixel[0] = mix(pixel[0], rgb & 0xff, alpha);
	pixel[1] = mix(pixel[1], rgb >> 8 & 0xff, alpha);
	pixel[2] = mix(pixel[2], rgb >> 16 & 0xff, alpha);
}

void draw_fill(struct picture *picture, const struct box *box, uint32_t rgb)
{
	struct box clipped = clip_box(picture, box);
	uint8_t *first;
	size_t len;

	if (clipped.x0 >= clipped.x1 || clipped.y0 >= clipped.y1)
		return;
	first = pixel_at(picture, clipped.x0, clipped.y0);
	len = (size_t)(clipped.x1 - clipped.x0) * 4;
	for (int32_t x = clipped.x0; x < clipped.x1; x++)
		put_pixel(pixel_at(picture, x, clipped.y0), rgb);
	for (int32_t y = clipped.y0 + 1; y < clipped.y1; y++)
		memcpy(pixel_at(picture, clipped.x0, y), first, len);
}

static uint32_t between(uint32_t from, uint32_t to, uint32_t alpha)
{
	return (uint32_t)mix(from & 0xff, to & 0xff, alpha) |
	       (uint32_t)mix(from >> 8 & 0xff, to >> 8 & 0xff, alpha) << 8 |
	       (uint32_t)mix(from >> 16 & 0xff, to >> 16 & 0xff, alpha) << 16;
}

void draw_gradient(struct picture *picture, const struct box *box, uint32_t top, uint32_t bottom)
{
	int32_t height = box->y1 - box->y0;

	for (int32_t y = box->y0; y < box->y1; y++) {
		struct box row = {box->x0, y, box->x1, y + 1};
		uint32_t alpha = (uint32_t)((int64_t)(y - box->y0) * 255 / height);

		draw_fill(picture, &row, between(top, bottom, alpha));
	}
}

/* How much of a round edge covers a pixel whose centre lies `square` (a distance, squared) away. */
static float coverage(float square, float radius)
{
	float inner = radius > 0.5f ? (radius - 0.5f) * (radius - 0.5f) : 0.0f;
	float outer = (radius + 0.5f) * (radius + 0.5f);

	if (square <= inner)
		return 1.0f;
	return square >= outer ? 0.0f : (outer - square) / (outer - inner);
}

/* How far outside the straight part of a side, 0 in it. */
static float beyond(int32_t at, int32_t from, int32_t to, float radius)
{
	float centre = (float)at + 0.5f;

	if (centre < (float)from + radius)
		return (float)from + radius - centre;
	if (centre > (float)to - radius)
		return centre - ((float)to - radius);
	return 0.0f;
}

void draw_panel(struct picture *picture, const struct box *box, uint32_t radius, uint32_t rgb,
	uint8_t alpha)
{
	struct box clipped = clip_box(picture, box);

	for (int32_t y = clipped.y0; y < clipped.y1; y++)
		for (int32_t x = clipped.x0; x < clipped.x1; x++) {
			float dx = beyond(x, box->x0, box->x1, (float)radius);
			float dy = beyond(y, box->y0, box->y1, (float)radius);
			float covered =
				radius == 0 ? 1.0f : coverage(dx * dx + dy * dy, (float)radius);

			blend_pixel(pixel_at(picture, x, y), rgb, (uint32_t)(covered * alpha));
		}
}

/* A straight piece of a stroke, in pixels: from x0, y0 on by dx, dy. */
struct segment {
	float x0, y0, dx, dy;
	float per_square; /* 1 / (dx² + dy²), 0 for a dot */
	float radius;
};

struct outline {
	size_t n;
	struct segment segments[SEGMENTS_MAX];
	float x, y, unit, radius; /* how units become pixels */
	float pen_x, pen_y;       /* units */
};

static void add_segment(
	struct outline *outline, float x0, float y0, float x1, float y1, float radius)
{
	float dx = (x1 - x0) * outline->unit, dy = (y1 - y0) * outline->unit;
	float square = dx * dx + dy * dy;

	if (outline->n == SEGMENTS_MAX)
		return;
	outline->segments[outline->n++] = (struct segment){
		.x0 = outline->x + x0 * outline->unit,
		.y0 = outline->y + y0 * outline->unit,
		.dx = dx,
		.dy = dy,
		.per_square = square > 0.0f ? 1.0f / square : 0.0f,
		.radius = radius,
	};
}

/* Sine of a multiple of 5 degrees. */
static float sine(int degrees)
{
	static const float quarter[19] = {0.0f, 0.087156f, 0.173648f, 0.258819f, 0.342020f,
		0.422618f, 0.5f, 0.573576f, 0.642788f, 0.707107f, 0.766044f, 0.819152f, 0.866025f,
		0.906308f, 0.939693f, 0.965926f, 0.984808f, 0.996195f, 1.0f};
	int at = (degrees % 360 + 360) % 360 / 5;

	if (at >= 36)
		return -sine(degrees - 180);
	return at <= 18 ? quarter[at] : quarter[36 - at];
}

static void add_arc(struct outline *outline, const float *values, int from, int to)
{
	float radius = (values[2] > values[3] ? values[2] : values[3]) * outline->unit;
	int step = radius > ARC_SMALL ? 5 : 10;
	float x0 = values[0] + values[2] * sine(from + 90);
	float y0 = values[1] + values[3] * sine(from);

	for (int at = from; at < to;) {
		float x1, y1;

		at = at + step < to ? at + step : to;
		x1 = values[0] + values[2] * sine(at + 90);
		y1 = values[1] + values[3] * sine(at);
		add_segment(outline, x0, y0, x1, y1, outline->radius);
		x0 = x1;
		y0 = y1;
	}
}

/* One decimal number, after spaces. */
static float take_number(const char **path)
{
	float value = 0.0f, place = 1.0f;
	const char *p = *path;
	bool is_fraction = false;

	while (*p == ' ')
		p++;
	for (; (*p >= '0' && *p <= '9') || *p == '.'; p++) {
		if (*p == '.') {
			is_fraction = true;
			continue;
		}
		value = value * 10.0f + (float)(*p - '0');
		if (is_fraction)
			place *= 10.0f;
	}
	*path = p;
	return value / place;
}

static void add_command(struct outline *outline, char command, const char **path)
{
	float values[6] = {0};
	int n = command == 'O' ? 4 : command == 'A' ? 6 : 2;

	for (int i = 0; i < n; i++)
		values[i] = take_number(path);
	switch (command) {
	case 'L':
		add_segment(outline, outline->pen_x, outline->pen_y, values[0], values[1],
			outline->radius);
		break;
	case 'D':
		add_segment(outline, values[0], values[1], values[0], values[1],
			outline->radius * 1.5f);
		break;
	case 'O':
		add_arc(outline, values, 0, 360);
		break;
	case 'A':
		add_arc(outline, values, (int)values[4], (int)values[5]);
		break;
	default: /* 'M' */
		break;
	}
	outline->pen_x = values[0];
	outline->pen_y = values[1];
}

/* Square of the distance of a point to a segment. */
static float distance_square(const struct segment *s, float x, float y)
{
	float t = ((x - s->x0) * s->dx + (y - s->y0) * s->dy) * s->per_square;
	float dx, dy;

	t = t < 0.0f ? 0.0f : t > 1.0f ? 1.0f : t;
	dx = s->x0 + t * s->dx - x;
	dy = s->y0 + t * s->dy - y;
	return dx * dx + dy * dy;
}

static int32_t clamp(float value, int32_t min, int32_t max)
{
	if (value <= (float)min)
		return min;
	return value >= (float)max ? max : (int32_t)value;
}

/* The box of the pixels that a segment may touch, clipped to the picture. */
static struct box segment_box(const struct segment *s, const struct picture *picture)
{
	float reach = s->radius + 1.0f;
	int32_t width = (int32_t)picture->width, height = (int32_t)picture->height;

	return (struct box){
		clamp(s->x0 + (s->dx < 0.0f ? s->dx : 0.0f) - reach, 0, width),
		clamp(s->y0 + (s->dy < 0.0f ? s->dy : 0.0f) - reach, 0, height),
		clamp(s->x0 + (s->dx > 0.0f ? s->dx : 0.0f) + reach + 1.0f, 0, width),
		clamp(s->y0 + (s->dy > 0.0f ? s->dy : 0.0f) + reach + 1.0f, 0, height),
	};
}

/* Where strokes meet the larger coverage counts: joints do not show. */
static void cover_row(
	const struct outline *outline, const struct box *boxes, int32_t y, uint8_t *row)
{
	for (size_t i = 0; i < outline->n; i++) {
		const struct segment *s = &outline->segments[i];

		if (y < boxes[i].y0 || y >= boxes[i].y1)
			continue;
		for (int32_t x = boxes[i].x0; x < boxes[i].x1; x++) {
			float square = distance_square(s, (float)x + 0.5f, (float)y + 0.5f);
			uint8_t covered = (uint8_t)(coverage(square, s->radius) * 255.0f + 0.5f);

			if (covered > row[x])
				row[x] = covered;
		}
	}
}

static void draw_outline(struct picture *picture, const struct outline *outline, uint32_t rgb)
{
	struct box boxes[SEGMENTS_MAX];
	struct box all = {(int32_t)picture->width, (int32_t)picture->height, 0, 0};
	uint8_t row[PICTURE_SIDE_MAX];

	for (size_t i = 0; i < outline->n; i++) {
		boxes[i] = segment_box(&outline->segments[i], picture);
		if (boxes[i].x0 >= boxes[i].x1)
			continue;
		all.x0 = boxes[i].x0 < all.x0 ? boxes[i].x0 : all.x0;
		all.y0 = boxes[i].y0 < all.y0 ? boxes[i].y0 : all.y0;
		all.x1 = boxes[i].x1 > all.x1 ? boxes[i].x1 : all.x1;
		all.y1 = boxes[i].y1 > all.y1 ? boxes[i].y1 : all.y1;
	}
	if (all.x0 >= all.x1)
		return;
	for (int32_t y = all.y0; y < all.y1; y++) {
		memset(row + all.x0, 0, (size_t)(all.x1 - all.x0));
		cover_row(outline, boxes, y, row);
		for (int32_t x = all.x0; x < all.x1; x++)
			if (row[x] != 0)
				blend_pixel(pixel_at(picture, x, y), rgb, row[x]);
	}
}

void draw_path(struct picture *picture, float x, float y, float unit, float width, uint32_t rgb,
	const char *path)
{
	struct outline outline;

	outline.n = 0;
	outline.x = x;
	outline.y = y;
	outline.unit = unit;
	outline.radius = width * unit / 2.0f;
	outline.pen_x = outline.pen_y = 0.0f;
	while (*path) {
		char command = *path++;

		if (command != ' ')
			add_command(&outline, command, &path);
	}
	draw_outline(picture, &outline, rgb);
}
