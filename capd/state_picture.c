/* SPDX-License-Identifier: MIT */
/*
 * The picture of a state (pattern_state_jpeg() in capd/pattern.h): a sign of the source, the words,
 * and small below them what an administrator would look for.  Calm on purpose: it may stay for
 * hours.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capd/draw.h"
#include "capd/encode/jpeg_strip.h"
#include "capd/font.h"
#include "capd/pattern.h"
#include "common/capsock.h"

#define WIDTH       1280
#define HEIGHT      720
#define TEXT_WIDTH  1060 /* pixels that the words may take */
#define TEXT_HEIGHT 330
#define TEXT_MIDDLE 405 /* where the middle of the words lies */
#define LINES_MAX   12u
#define QUALITY     90u
#define QUALITY_MIN 10u

#define RGB_TOP    0x1b222bu
#define RGB_BOTTOM 0x10141au
#define RGB_WORDS  0xe9eef3u
#define RGB_SMALL  0x7d8996u
#define RGB_CALM   0x6ea3e8u
#define RGB_FAULT  0xe3ac4cu

/* Signs of the sources, 48 × 40 units. */
static const char *const signs[SOURCE_COUNT] = {
	[SOURCE_SCREEN] =
		"M6 3 L42 3 A42 6 3 3 270 360 M45 6 L45 27 A42 27 3 3 0 90 M42 30 L6 30 "
		"A6 27 3 3 90 180 M3 27 L3 6 A6 6 3 3 180 270 M24 30 L24 37 M15 37 L33 37",
	[SOURCE_CAMERA] =
		"M6 8 L29 8 A29 11 3 3 270 360 M32 11 L32 29 A29 29 3 3 0 90 M29 32 L6 32 "
		"A6 29 3 3 90 180 M3 29 L3 11 A6 11 3 3 180 270 M32 17 L45 10 L45 30 L32 23",
	[SOURCE_AUDIO] = "M4 14 L12 14 L22 5 L22 35 L12 26 L4 26 L4 14 A22 20 9 9 315 405 "
			 "A22 20 18 18 315 405",
};

/* Is this how it should be, or has something gone wrong? */
static bool is_calm(enum source_state state)
{
	return state == STATE_STARTING || state == STATE_LIVE || state == STATE_PAUSED ||
	       state == STATE_LOCKED || state == STATE_NO_SESSION;
}

/* Centred, in the largest letters with which all lines fit. */
static void draw_words(struct picture *picture, const char *words)
{
	struct font_line lines[LINES_MAX];
	int32_t cell_width, pitch, y;
	unsigned scale;
	size_t n;

	for (scale = 5;; scale--) {
		cell_width = (int32_t)(FONT_CELL_WIDTH * scale);
		pitch = (int32_t)(FONT_CELL_HEIGHT * scale) * 9 / 8;
		n = font_wrap(words, (unsigned)(TEXT_WIDTH / cell_width), lines, LINES_MAX);
		if (scale == 2 || (int32_t)n * pitch <= TEXT_HEIGHT)
			break;
	}
	if (n > LINES_MAX)
		n = LINES_MAX;
	y = TEXT_MIDDLE - (int32_t)n * pitch / 2;
	for (size_t i = 0; i < n; i++) {
		char text[CAPSOCK_WORDS_MAX + 1];
		int32_t x = (WIDTH - (int32_t)lines[i].n_cells * cell_width) / 2;

		snprintf(text, sizeof(text), "%.*s", (int)lines[i].len, lines[i].start);
		pattern_text(picture, x, y + (int32_t)i * pitch, scale, RGB_WORDS, text);
	}
}

/* "screenshare · screen · no-display" */
static void draw_footer(struct picture *picture, enum source_id source, enum source_state state)
{
	char text[96];
	int32_t x;

	/* A cell that is left free has the dot drawn into it, which is not in the font. */
	int len = snprintf(text, sizeof(text), "screenshare   %s   %s", source_name(source),
		state_name(state));
	int32_t cell = 2 * (int32_t)FONT_CELL_WIDTH;

	x = (WIDTH - len * cell) / 2;
	pattern_text(picture, x, 640, 2, RGB_SMALL, text);
	for (int i = 1; i + 1 < len; i++)
		if (text[i - 1] == ' ' && text[i] == ' ' && text[i + 1] == ' ')
			draw_path(picture, (float)(x + i * cell), 640.0f, 1.0f, 2.8f, RGB_SMALL,
				"D8 16.5");
}

static void draw(
	struct picture *picture, enum source_id source, enum source_state state, const char *words)
{
	struct box all = {0, 0, WIDTH, HEIGHT};
	const char *sign = (unsigned)source < SOURCE_COUNT ? signs[source] : "";

	draw_gradient(picture, &all, RGB_TOP, RGB_BOTTOM);
	draw_path(picture, WIDTH / 2 - 60, 96.0f, 2.5f, 2.4f, is_calm(state) ? RGB_CALM : RGB_FAULT,
		sign);
	draw_words(picture, words);
	draw_footer(picture, source, state);
}

/* At the best quality that fits. */
static int compress(const struct picture *picture, struct jpeg_buffer *out)
{
	for (unsigned quality = QUALITY; quality >= QUALITY_MIN; quality -= 10) {
		int r = jpeg_strip_picture(picture, quality, CONFIG_420, out);

		if (r < 0 || out->len <= CAPSOCK_PICTURE_MAX)
			return r;
	}
	return -EMSGSIZE;
}

int pattern_state_jpeg(enum source_id source, enum source_state state, const char *words,
	uint8_t **jpeg, size_t *len)
{
	struct picture picture = {.stride = WIDTH * 4, .width = WIDTH, .height = HEIGHT};
	struct jpeg_buffer out = {0};
	int r;

	picture.pixels = malloc(picture.stride * HEIGHT);
	if (!picture.pixels)
		return -ENOMEM;
	draw(&picture, source, state, words ? words : state_words(state));
	r = compress(&picture, &out);
	free(picture.pixels);
	if (r < 0) {
		jpeg_buffer_fini(&out);
		return -ENOMEM;
	}
	*jpeg = out.bytes;
	*len = out.len;
	return 0;
}
