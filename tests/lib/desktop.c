/* SPDX-License-Identifier: MIT */
#include "tests/lib/desktop.h"

#include <stdlib.h>
#include <string.h>

void desktop_init(struct desktop *desktop, uint32_t width, uint32_t height, uint64_t seed)
{
	*desktop = (struct desktop){
		.picture = {.stride = (size_t)width * 4 + 12, .width = width, .height = height},
		.random = seed * 2 + 1,
		.last_act = "begin"};
	desktop->picture.pixels = malloc(desktop->picture.stride * height);
	if (!desktop->picture.pixels)
		abort();
	memset(desktop->picture.pixels, 0xe7, desktop->picture.stride * height);
}

void desktop_fini(struct desktop *desktop)
{
	free(desktop->picture.pixels);
}

uint32_t desktop_random(struct desktop *desktop, uint32_t n)
{
	desktop->random = desktop->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(desktop->random >> 33) % n;
}

static struct box clip(const struct desktop *desktop, const struct box *box)
{
	int32_t width = (int32_t)desktop->picture.width, height = (int32_t)desktop->picture.height;
	struct box clipped = *box;

	if (clipped.x0 < 0)
		clipped.x0 = 0;
	if (clipped.y0 < 0)
		clipped.y0 = 0;
	if (clipped.x1 > width)
		clipped.x1 = width;
	if (clipped.y1 > height)
		clipped.y1 = height;
	return clipped;
}

/* The fourth byte is different every time: nobody may look at it. */
static void set(struct desktop *desktop, int32_t x, int32_t y, uint32_t rgb)
{
	uint32_t value = (rgb & 0xffffff) | desktop_random(desktop, 256) << 24;

	memcpy(desktop->picture.pixels + desktop->picture.stride * (size_t)y + (size_t)x * 4,
		&value, 4);
}

void desktop_fill(struct desktop *desktop, const struct box *box, uint32_t rgb)
{
	struct box b = clip(desktop, box);

	for (int32_t y = b.y0; y < b.y1; y++)
		for (int32_t x = b.x0; x < b.x1; x++)
			set(desktop, x, y, rgb);
}

void desktop_noise(struct desktop *desktop, const struct box *box)
{
	struct box b = clip(desktop, box);

	for (int32_t y = b.y0; y < b.y1; y++)
		for (int32_t x = b.x0; x < b.x1; x++)
			set(desktop, x, y, desktop_random(desktop, 1u << 24));
}

void desktop_photo(struct desktop *desktop, const struct box *box)
{
	struct box b = clip(desktop, box);
	uint32_t red = desktop_random(desktop, 128), green = desktop_random(desktop, 128);

	for (int32_t y = b.y0; y < b.y1; y++) {
		for (int32_t x = b.x0; x < b.x1; x++) {
			uint32_t r = red + (uint32_t)(x - b.x0) * 100 / (uint32_t)(b.x1 - b.x0);
			uint32_t g = green + (uint32_t)(y - b.y0) * 100 / (uint32_t)(b.y1 - b.y0);
			uint32_t grain = desktop_random(desktop, 16);

			set(desktop, x, y,
				(r + grain) << 16 | (g + grain) << 8 |
					(r + g + desktop_random(desktop, 16)) / 2);
		}
	}
}

/* A letter of 7 × 11: strokes, and their soft edges. */
static void letter(struct desktop *desktop, const struct box *clipped, int32_t x, int32_t y)
{
	static const uint32_t ink[] = {0x101010, 0x606060, 0xb0b0b0};
	uint32_t shape = desktop_random(desktop, 40) * 2654435761u;

	for (int32_t i = 0; i < 77; i++) {
		int32_t px = x + i % 7, py = y + i / 7;
		uint32_t bits = shape >> (i * 5 % 29) & 7;

		if (bits < 3 && px >= clipped->x0 && px < clipped->x1 && py >= clipped->y0 &&
			py < clipped->y1)
			set(desktop, px, py, ink[bits]);
	}
}

void desktop_text(struct desktop *desktop, const struct box *box)
{
	struct box b = clip(desktop, box);

	desktop_fill(desktop, &b, 0xffffff);
	for (int32_t y = b.y0 + 2; y < b.y1; y += 15)
		for (int32_t x = b.x0 + 2; x < b.x1 - (int32_t)desktop_random(desktop, 100); x += 8)
			if (desktop_random(desktop, 6))
				letter(desktop, &b, x, y);
}

/* Pixels of the box from dx, dy before them, where that is inside it. */
static void shift(struct desktop *desktop, const struct box *b, int32_t dx, int32_t dy)
{
	size_t stride = desktop->picture.stride;
	uint8_t *before = malloc(stride * desktop->picture.height);

	if (!before)
		abort();
	memcpy(before, desktop->picture.pixels, stride * desktop->picture.height);
	for (int32_t y = b->y0; y < b->y1; y++) {
		for (int32_t x = b->x0; x < b->x1; x++) {
			int32_t from_x = x - dx, from_y = y - dy;
			uint32_t value;

			if (from_x < b->x0 || from_x >= b->x1 || from_y < b->y0 || from_y >= b->y1)
				continue;
			memcpy(&value, before + stride * (size_t)from_y + (size_t)from_x * 4, 4);
			set(desktop, x, y, value);
		}
	}
	free(before);
}

void desktop_scroll(struct desktop *desktop, const struct box *box, int32_t dx, int32_t dy)
{
	struct box b = clip(desktop, box), rest = b;

	shift(desktop, &b, dx, dy);
	if (dx) {
		rest.x0 = dx > 0 ? b.x0 : b.x1 + dx;
		rest.x1 = dx > 0 ? b.x0 + dx : b.x1;
		if (rest.x0 < b.x0)
			rest.x0 = b.x0;
		desktop_text(desktop, &rest);
	}
	if (dy) {
		rest = b;
		rest.y0 = dy > 0 ? b.y0 : b.y1 + dy;
		rest.y1 = dy > 0 ? b.y0 + dy : b.y1;
		if (rest.y0 < b.y0)
			rest.y0 = b.y0;
		desktop_text(desktop, &rest);
	}
}

void desktop_move(struct desktop *desktop, const struct box *box, int32_t dx, int32_t dy)
{
	struct box b = clip(desktop, box);
	int32_t width = b.x1 - b.x0, height = b.y1 - b.y0;
	uint32_t *window;

	if (width <= 0 || height <= 0)
		return;
	window = malloc((size_t)width * (size_t)height * 4);
	if (!window)
		abort();
	for (int32_t y = 0; y < height; y++)
		memcpy(window + (size_t)y * (size_t)width,
			desktop->picture.pixels + desktop->picture.stride * (size_t)(b.y0 + y) +
				(size_t)b.x0 * 4,
			(size_t)width * 4);
	desktop_fill(desktop, &b, 0x3060a0);
	for (int32_t y = 0; y < height; y++) {
		for (int32_t x = 0; x < width; x++) {
			int32_t to_x = b.x0 + x + dx, to_y = b.y0 + y + dy;

			if (to_x >= 0 && to_y >= 0 && to_x < (int32_t)desktop->picture.width &&
				to_y < (int32_t)desktop->picture.height)
				set(desktop, to_x, to_y,
					window[(size_t)y * (size_t)width + (size_t)x]);
		}
	}
	free(window);
}

static int32_t around_zero(struct desktop *desktop, uint32_t n)
{
	return (int32_t)desktop_random(desktop, 2 * n + 1) - (int32_t)n;
}

static struct box anywhere(struct desktop *desktop)
{
	int32_t width = (int32_t)desktop->picture.width, height = (int32_t)desktop->picture.height;
	int32_t x = (int32_t)desktop_random(desktop, (uint32_t)width);
	int32_t y = (int32_t)desktop_random(desktop, (uint32_t)height);
	/* mostly small, sometimes all of it */
	uint32_t part = desktop_random(desktop, 4) + 1;
	int32_t w = (int32_t)desktop_random(desktop, (uint32_t)width / part + 1) + 1;
	int32_t h = (int32_t)desktop_random(desktop, (uint32_t)height / part + 1) + 1;

	if (desktop_random(desktop, 10) == 0)
		return (struct box){0, 0, width, height};
	return (struct box){x, y, x + w, y + h};
}

static void act_once(struct desktop *desktop)
{
	struct box box = anywhere(desktop);

	switch (desktop_random(desktop, 10)) {
	case 0:
		desktop->last_act = "fill";
		desktop_fill(desktop, &box, desktop_random(desktop, 1u << 24));
		break;
	case 1:
		desktop->last_act = "text";
		desktop_text(desktop, &box);
		break;
	case 2:
		desktop->last_act = "noise";
		desktop_noise(desktop, &box);
		break;
	case 3:
		desktop->last_act = "photo";
		desktop_photo(desktop, &box);
		break;
	case 4:
	case 5:
		desktop->last_act = "move";
		desktop_move(desktop, &box, around_zero(desktop, 60), around_zero(desktop, 60));
		break;
	case 6:
		desktop->last_act = "scroll sideways";
		desktop_scroll(desktop, &box, around_zero(desktop, 40), 0);
		break;
	case 7:
		desktop->last_act = "letter";
		box.x1 = box.x0 + 8, box.y1 = box.y0 + 15;
		desktop_text(desktop, &box);
		break;
	default:
		desktop->last_act = "scroll";
		desktop_scroll(desktop, &box, 0, around_zero(desktop, 50));
		break;
	}
}

void desktop_act(struct desktop *desktop)
{
	unsigned n = 1 + (desktop_random(desktop, 3) == 0 ? desktop_random(desktop, 5) : 0);

	while (n-- > 0)
		act_once(desktop);
}
