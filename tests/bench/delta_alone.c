/* SPDX-License-Identifier: MIT */
/*
 * The encoder of the delta stream alone: the bench's pages and film, in memory, with neither a
 * display nor a ring.
 *
 *     delta_alone [--frames N]
 *
 * Prints one line of JSON for each case: milliseconds (median, 95th percentile) and bytes a frame,
 * comparison not included.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capd/encode/delta.h"
#include "capd/screen/tiles.h"
#include "common/clock.h"
#include "tests/bench/die.h"
#include "tests/bench/film.h"
#include "tests/bench/text.h"

#define WIDTH       1920u
#define HEIGHT      1080u
#define PAGES       4u
#define PAYLOAD_MAX (2u * 1024u * 1024u)
#define FRAMES_MAX  10000u

struct stage {
	struct font *font;
	struct picture screen, pages[PAGES], films[3];
	uint64_t random;
};

static struct picture picture_create(uint32_t width, uint32_t height)
{
	struct picture picture = {.stride = (size_t)width * 4, .width = width, .height = height};

	picture.pixels = calloc(height, picture.stride);
	if (!picture.pixels)
		die("no memory");
	return picture;
}

static void show(struct stage *stage, const struct picture *picture)
{
	memcpy(stage->screen.pixels, picture->pixels, picture->stride * picture->height);
}

static void draw_typing(struct stage *stage, unsigned frame)
{
	font_draw(stage->font, &stage->screen, (int32_t)(20 + frame * 9 % 1800), 500,
		(char)('a' + frame * 7 % 26), 0x101010);
}

static void draw_scroll(struct stage *stage, unsigned frame)
{
	const uint32_t step = 37, top = 16, bottom = HEIGHT - 16;
	struct picture *screen = &stage->screen;

	memmove(screen->pixels + screen->stride * top,
		screen->pixels + screen->stride * (top + step),
		screen->stride * (bottom - top - step));
	for (uint32_t i = 0; i < step; i++) {
		uint32_t row = frame * step + i;

		memcpy(screen->pixels + screen->stride * (bottom - step + i),
			stage->pages[row / HEIGHT % PAGES].pixels + screen->stride * (row % HEIGHT),
			screen->stride);
	}
}

static void draw_pages(struct stage *stage, unsigned frame)
{
	show(stage, &stage->pages[frame % PAGES]);
}

static void draw_film(struct stage *stage, unsigned frame)
{
	show(stage, &stage->films[frame % 3]);
}

static void draw_noise(struct stage *stage, unsigned frame)
{
	uint64_t *words = (uint64_t *)(void *)stage->screen.pixels;
	(void)frame;

	for (size_t i = 0; i < (size_t)WIDTH * HEIGHT / 2; i++) {
		stage->random ^= stage->random << 13;
		stage->random ^= stage->random >> 7;
		stage->random ^= stage->random << 17;
		words[i] = stage->random;
	}
}

static const struct {
	const char *name;
	void (*draw)(struct stage *stage, unsigned frame);
} cases[] = {
	{"typing", draw_typing},
	{"scroll", draw_scroll},
	{"pages", draw_pages},
	{"film", draw_film},
	{"noise", draw_noise},
};

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void run(struct stage *stage, size_t which, unsigned n_frames)
{
	const struct strip_cache_options options = {
		.quality = 80, .subsampling = CONFIG_420, .n_threads = 2};
	static uint64_t times_ns[FRAMES_MAX];
	struct encoder_result result;
	struct encoder *encoder;
	struct tiles *tiles;
	struct box whole = {0, 0, WIDTH, HEIGHT};
	uint64_t n_bytes = 0;

	show(stage, &stage->pages[0]);
	if (tiles_create(WIDTH, HEIGHT, &tiles) < 0 ||
		delta_create(&options, WIDTH, HEIGHT, &encoder) < 0)
		die("no memory");
	for (unsigned i = 0; i <= n_frames; i++) {
		if (i > 0)
			cases[which].draw(stage, i);
		tiles_update(tiles, &stage->screen, &whole, i + 1, i == 0);
		uint64_t begin_ns = clock_monotonic_ns();
		const struct encoder_input input = {.tiles = tiles,
			.sequence = i + 1,
			.pts_ns = begin_ns,
			.payload_max = PAYLOAD_MAX};
		int r = delta_ops.encode(encoder, &input, &result);
		if (r < 0 && r != -EAGAIN)
			die("a frame could not be encoded");
		if (i == 0)
			continue; /* the whole picture */
		times_ns[i - 1] = clock_monotonic_ns() - begin_ns;
		n_bytes += r == 0 ? result.len : 0;
	}
	qsort(times_ns, n_frames, sizeof(*times_ns), by_size);
	printf("{\"case\": \"%s\", \"ms\": %.3f, \"p95_ms\": %.3f, \"bytes\": %llu}\n",
		cases[which].name, (double)times_ns[n_frames / 2] / 1e6,
		(double)times_ns[n_frames * 95 / 100] / 1e6,
		(unsigned long long)(n_bytes / n_frames));
	delta_ops.destroy(encoder);
	tiles_destroy(tiles);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"frames", required_argument, NULL, 'f'}, {0}};
	struct stage stage = {.screen = picture_create(WIDTH, HEIGHT), .random = 88172645463325252};
	int n_frames = 60;

	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c != 'f')
			return 2;
		n_frames = atoi(optarg);
	}
	if (n_frames <= 0 || n_frames > (int)FRAMES_MAX)
		die("usage: delta_alone [--frames N]");
	stage.font = font_open(18);
	for (unsigned i = 0; i < PAGES; i++) {
		stage.pages[i] = picture_create(WIDTH, HEIGHT);
		page_draw(stage.font, &stage.pages[i], i + 1);
	}
	for (unsigned i = 0; i < 3; i++) {
		stage.films[i] = picture_create(WIDTH, HEIGHT);
		film_draw(&stage.films[i], i ? &stage.films[i - 1] : NULL, i, 3);
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		run(&stage, i, (unsigned)n_frames);
	font_close(stage.font);
	return 0;
}
