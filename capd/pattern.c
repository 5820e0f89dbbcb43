/* SPDX-License-Identifier: MIT */
/*
 *     ┌──────┬──────┬──────┬──────┬──────┬──────┬──────┬──────┐ 0
 *     │ white│yellow│ cyan │green │magen.│ red  │ blue │black │      with a circle that is round
 *     │      │      │      │      │      │      │      │      │      if the picture is not
 * distorted ├──────┴──────┴──────┴──────┴──────┴──────┴──────┴──────┤ 60 % │ black ───────────────
 * grey ramp ─────────────── white │ ├───────────────────────────────────────────────────────┤ 68 %
 * ┐ │            ▐█▌ goes from left to right in 4 s         │       │ what moves
 *     ├───────────────────────────────────────────────────────┤ 76 %  │
 *     │ 14:03:27.4                                            │       ┘
 *     │ screenshare test picture 1280 x 720       fine lines  │
 *     └───────────────────────────────────────────────────────┘ 100 %
 *
 * Only the lane and the clock are drawn again for each frame.
 */
#include "capd/pattern.h"

#include <stdio.h>
#include <time.h>

#include "capd/draw.h"
#include "capd/font.h"
#include "common/clock.h"

#define STROKE_WIDTH 2.3f /* of letters, in units of the font */

#define RGB_GROUND 0x12161bu
#define RGB_LANE   0x1d242cu
#define RGB_TICK   0x36414du
#define RGB_BAR    0xf2c14eu
#define RGB_CLOCK  0xf4f6f8u
#define RGB_QUIET  0x8d99a6u

#define TITLE_CELLS 40 /* room for "screenshare test picture  1280 x 720" */

#define LANE_PERIOD_NS (4 * NS_PER_S)

/* Pixels; follows from the picture's size alone. */
struct layout {
	int32_t width, height;
	int32_t bars_y1, lane_y0, lane_y1; /* the ramp lies between the bars and the lane */
	int32_t margin;
	unsigned clock_scale, small_scale;
	struct box clock;
	int32_t small_y;
};

static struct layout layout_of(const struct picture *picture)
{
	struct layout l = {.width = (int32_t)picture->width, .height = (int32_t)picture->height};
	uint32_t side = picture->height < picture->width ? picture->height : picture->width;

	l.bars_y1 = l.height * 60 / 100;
	l.lane_y0 = l.height * 68 / 100;
	l.lane_y1 = l.height * 76 / 100;
	l.margin = l.width / 32;
	l.clock_scale = side / 130 ? side / 130 : 1;
	l.small_scale = side / 360 ? side / 360 : 1;
	l.clock.x0 = l.margin;
	l.clock.y0 = l.lane_y1 + l.height * 2 / 100;
	l.clock.x1 = l.clock.x0 + (int32_t)(10 * FONT_CELL_WIDTH * l.clock_scale);
	l.clock.y1 = l.clock.y0 + (int32_t)(FONT_CELL_HEIGHT * l.clock_scale);
	l.small_y = l.clock.y1 + l.height / 100;
	return l;
}

void pattern_text(struct picture *picture, int32_t x, int32_t y, unsigned scale, uint32_t rgb,
	const char *text)
{
	int64_t left = x;
	unsigned character;
	size_t len;

	if (scale == 0 || scale > PICTURE_SIDE_MAX / FONT_CELL_HEIGHT)
		return;
	for (; (character = font_next(text, &len)) != 0; text += len) {
		int64_t right = left + FONT_CELL_WIDTH * scale;

		if (right > 0 && left < picture->width && y < (int64_t)picture->height)
			draw_path(picture, (float)left, (float)y, (float)scale / FONT_UNITS,
				STROKE_WIDTH, rgb, font_path(character));
		left = right;
	}
}

static void draw_bars(struct picture *picture, const struct layout *l)
{
	static const uint32_t colours[8] = {
		0xc8c8c8, 0xc8c800, 0x00c8c8, 0x00c800, 0xc800c8, 0xc80000, 0x0000c8, 0x101010};

	for (int32_t i = 0; i < 8; i++) {
		struct box bar = {l->width * i / 8, 0, l->width * (i + 1) / 8, l->bars_y1};

		draw_fill(picture, &bar, colours[i]);
	}
}

static void draw_ramp(struct picture *picture, const struct layout *l)
{
	for (int32_t x = 0; x < l->width; x++) {
		struct box column = {x, l->bars_y1, x + 1, l->lane_y0};
		uint32_t grey = (uint32_t)((int64_t)x * 255 / (l->width > 1 ? l->width - 1 : 1));

		draw_fill(picture, &column, grey * 0x010101u);
	}
}

static void draw_circle(struct picture *picture, const struct layout *l)
{
	float radius = (float)l->bars_y1 * 0.42f;

	if (radius * 2.0f < (float)l->width)
		draw_path(picture, (float)l->width / 2.0f - 100.0f * radius / 100.0f,
			(float)l->bars_y1 / 2.0f - radius, radius / 100.0f, 1.2f, 0xffffff,
			"O100 100 100 100 M100 70 L100 130 M70 100 L130 100");
}

/* Lines as fine as they get: where they turn grey, something on the way scales the picture. */
static void draw_fine_lines(struct picture *picture, const struct layout *l)
{
	int32_t side = (l->height - l->lane_y1) / 2;
	int32_t cells =
		(l->width - 2 * l->margin - 4 * side) / (int32_t)(FONT_CELL_WIDTH * l->small_scale);

	if (cells < TITLE_CELLS)
		return;
	for (int32_t i = 0; i < 3; i++) {
		int32_t x0 = l->width - l->margin - (3 - i) * side - (2 - i) * side / 6;
		int32_t y0 = l->lane_y1 + side / 2;
		int32_t step = i == 1 ? 2 : 1;

		for (int32_t at = 0; at < side; at += 2 * step) {
			struct box line = {x0 + at, y0, x0 + at + step, y0 + side};

			if (i == 2)
				line = (struct box){x0, y0 + at, x0 + side, y0 + at + step};
			draw_fill(picture, &line, 0xffffff);
		}
	}
}

static void draw_frame(struct picture *picture, const struct layout *l)
{
	const struct box sides[4] = {
		{0, 0, l->width, 1},
		{0, l->height - 1, l->width, l->height},
		{0, 0, 1, l->height},
		{l->width - 1, 0, l->width, l->height},
	};

	for (int i = 0; i < 4; i++)
		draw_fill(picture, &sides[i], 0xffffff);
}

#define REASON_LINES_MAX 12u

/* In large letters on a panel, the largest with which it takes at most five lines. */
static void draw_reason(struct picture *picture, const struct layout *l, const char *reason)
{
	struct font_line lines[REASON_LINES_MAX];
	unsigned scale = l->clock_scale;
	int32_t cell_width, cell_height, pad, y;
	struct box panel;
	size_t n;

	for (;; scale--) {
		cell_width = (int32_t)(FONT_CELL_WIDTH * scale);
		cell_height = (int32_t)(FONT_CELL_HEIGHT * scale);
		int32_t n_cells = (l->width - 6 * l->margin) / cell_width;

		n = font_wrap(reason, n_cells > 0 ? (unsigned)n_cells : 1, lines, REASON_LINES_MAX);
		if (scale == 1 || (int32_t)n * cell_height <= l->bars_y1 * 6 / 10)
			break;
	}
	if (n > REASON_LINES_MAX)
		n = REASON_LINES_MAX;
	pad = cell_height / 2;
	y = (l->bars_y1 - (int32_t)n * cell_height) / 2;
	panel = (struct box){2 * l->margin, y - pad, l->width - 2 * l->margin,
		y + (int32_t)n * cell_height + pad};
	draw_panel(picture, &panel, (uint32_t)pad, RGB_GROUND, 235);
	for (size_t i = 0; i < n; i++) {
		char text[256];
		int32_t x = (l->width - (int32_t)lines[i].n_cells * cell_width) / 2;

		snprintf(text, sizeof(text), "%.*s", (int)lines[i].len, lines[i].start);
		pattern_text(picture, x, y + (int32_t)i * cell_height, scale, RGB_CLOCK, text);
	}
}

static void draw_still(struct picture *picture, const struct layout *l, const char *reason)
{
	struct box all = {0, 0, l->width, l->height};
	char text[80];

	draw_fill(picture, &all, RGB_GROUND);
	draw_bars(picture, l);
	draw_ramp(picture, l);
	draw_fine_lines(picture, l);
	draw_frame(picture, l);
	snprintf(text, sizeof(text), "screenshare test picture  %u x %u", picture->width,
		picture->height);
	pattern_text(picture, l->margin, l->small_y, l->small_scale, RGB_QUIET, text);
	if (reason)
		draw_reason(picture, l, reason);
	else
		draw_circle(picture, l);
}

/* Where frames are dropped the bar jumps: it moves as far in each. */
static void draw_lane(struct picture *picture, const struct layout *l, uint64_t time_ns)
{
	struct box lane = {1, l->lane_y0, l->width - 1, l->lane_y1};
	int32_t inset = (l->lane_y1 - l->lane_y0) / 6;
	int32_t bar_width = l->width / 24 + 1;
	uint64_t phase_ns = time_ns % LANE_PERIOD_NS;
	struct box bar;

	draw_fill(picture, &lane, RGB_LANE);
	for (int32_t i = 1; i < 16; i++) {
		struct box tick = {l->width * i / 16, lane.y0, l->width * i / 16 + 1, lane.y1};

		draw_fill(picture, &tick, RGB_TICK);
	}
	bar.x0 =
		(int32_t)((uint64_t)(l->width + bar_width) * phase_ns / LANE_PERIOD_NS) - bar_width;
	bar.x1 = bar.x0 + bar_width;
	bar.x0 = bar.x0 < lane.x0 ? lane.x0 : bar.x0;
	bar.x1 = bar.x1 > lane.x1 ? lane.x1 : bar.x1;
	bar.y0 = lane.y0 + inset;
	bar.y1 = lane.y1 - inset;
	draw_fill(picture, &bar, RGB_BAR);
}

static void draw_clock(struct picture *picture, const struct layout *l, uint64_t time_ns)
{
	uint64_t realtime_ns = clock_realtime_ns() - (clock_monotonic_ns() - time_ns);
	time_t seconds = (time_t)(realtime_ns / NS_PER_S);
	struct box clock = l->clock;
	struct tm tm = {0};
	char text[16];

	localtime_r(&seconds, &tm);
	snprintf(text, sizeof(text), "%02u:%02u:%02u.%u", (unsigned)tm.tm_hour % 24,
		(unsigned)tm.tm_min % 60, (unsigned)tm.tm_sec % 61,
		(unsigned)(realtime_ns % NS_PER_S / (NS_PER_S / 10)));
	draw_fill(picture, &clock, RGB_GROUND);
	pattern_text(picture, clock.x0, clock.y0, l->clock_scale, RGB_CLOCK, text);
}

void pattern_draw(struct picture *picture, uint64_t time_ns, const char *reason, bool first,
	struct box *changed)
{
	struct layout l = layout_of(picture);

	if (first)
		draw_still(picture, &l, reason);
	draw_lane(picture, &l, time_ns);
	draw_clock(picture, &l, time_ns);
	if (!changed)
		return;
	*changed = (struct box){0, 0, l.width, l.height};
	if (!first) {
		changed->y0 = l.lane_y0;
		changed->y1 = l.clock.y1 < l.height ? l.clock.y1 : l.height;
	}
}
