/* SPDX-License-Identifier: MIT */
/*
 * The encoder of the delta stream alone: the bench's workloads (tests/bench/workload.c), time codes
 * and all, in memory, with neither a display nor a ring.
 *
 *     delta_alone [--frames N] [--ops] [CASE…]
 *
 * Prints one line of JSON for each case: milliseconds (median, 95th percentile), CPU time of all
 * threads, bytes and operations a frame, comparison not included.  --ops: on standard error each
 * operation, and how many bytes its data has.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capd/encode/delta.h"
#include "capd/screen/tiles.h"
#include "common/clock.h"
#include "common/delta_ops.h"
#include "tests/bench/die.h"
#include "tests/bench/film.h"
#include "tests/bench/text.h"
#include "tests/bench/timecode.h"

#define WIDTH       1920u
#define HEIGHT      1080u
#define PAGES       4u
#define PAYLOAD_MAX (2u * 1024u * 1024u)
#define FRAMES_MAX  10000u

static bool lists_ops;

struct stage {
	struct font *font;
	struct picture screen, pages[PAGES], films[3];
	uint64_t random;
	int32_t x; /* of the caret */
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

static void fill(struct stage *stage, int32_t x, int32_t y, int32_t w, int32_t h, uint32_t rgb)
{
	for (int32_t k = y; k < y + h; k++)
		for (int32_t i = x; i < x + w; i++)
			memcpy(stage->screen.pixels + stage->screen.stride * (size_t)k +
					(size_t)i * 4,
				&rgb, sizeof(rgb));
}

/* As it would be if frames came at 29.3 a second, nearly. */
static void draw_code(struct stage *stage, int32_t y, unsigned frame)
{
	struct timecode code = {
		.us = 77ull * 3600 * 1000000 + frame * 34130ull + frame * 7919ull % 97,
		.frame = (uint8_t)frame};
	uint64_t bits = timecode_bits(&code);

	for (uint32_t i = 0; i < TIMECODE_BLOCKS; i++) {
		uint32_t x0 = timecode_block_x(i, WIDTH), x1 = timecode_block_x(i + 1, WIDTH);

		fill(stage, (int32_t)x0, y, (int32_t)(x1 - x0), TIMECODE_ROWS,
			bits >> (TIMECODE_BLOCKS - 1 - i) & 1 ? 0xffffff : 0);
	}
}

/* The caret goes, a glyph, a highlight, the caret comes. */
static void draw_typing(struct stage *stage, unsigned frame)
{
	int32_t line = font_line_height(stage->font), y = (int32_t)HEIGHT - 16 - 4 * line;
	char c = (char)('a' + frame * 7 % 26);
	int32_t advance = font_advance(stage->font, c);

	fill(stage, stage->x, y, 2, line, 0xffffff);
	if (stage->x < line || stage->x > (int32_t)WIDTH - 3 * line) {
		fill(stage, 0, y, WIDTH, 4 * line, 0xffffff);
		stage->x = line;
	}
	font_draw(stage->font, &stage->screen, stage->x, y, c, 0x101010);
	fill(stage, stage->x, y + line - 1, advance, 1, 0xd02020);
	stage->x += advance + (frame % 6 == 5 ? line / 3 : 0);
	fill(stage, stage->x, y, 2, line, 0x101010);
	draw_code(stage, HEIGHT - 16, frame);
}

static void draw_caret(struct stage *stage, unsigned frame)
{
	fill(stage, WIDTH / 4, HEIGHT / 4, 2, 21, frame % 2 ? 0x101010 : 0xffffff);
}

static void scroll(struct stage *stage, unsigned frame, uint32_t step)
{
	const uint32_t top = 16, bottom = HEIGHT - 16;
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
	draw_code(stage, 0, frame);
	draw_code(stage, HEIGHT - 16, frame);
}

static void draw_scroll(struct stage *stage, unsigned frame)
{
	scroll(stage, frame, 37);
}

static void draw_wheel(struct stage *stage, unsigned frame)
{
	scroll(stage, frame, 111);
}

static void draw_pages(struct stage *stage, unsigned frame)
{
	show(stage, &stage->pages[frame % PAGES]);
}

static void draw_film(struct stage *stage, unsigned frame)
{
	show(stage, &stage->films[frame % 3]);
	draw_code(stage, 0, frame);
	draw_code(stage, HEIGHT - 16, frame);
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
	{"caret", draw_caret},
	{"scroll", draw_scroll},
	{"wheel", draw_wheel},
	{"pages", draw_pages},
	{"film", draw_film},
	{"noise", draw_noise},
};

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void count_ops(const struct encoder_result *result, uint64_t n_ops[8])
{
	struct delta_reader reader = {.bytes = result->pieces[0].iov_base,
		.len = result->len,
		.width = WIDTH,
		.height = HEIGHT};
	struct delta_op op;

	while (delta_reader_next(&reader, &op) == 0) {
		n_ops[op.kind]++;
		if (lists_ops)
			fprintf(stderr, "%u %ux%u+%d+%d %zu\n", op.kind, op.width, op.height, op.x,
				op.y, op.data_len);
	}
	if (lists_ops)
		fprintf(stderr, "\n");
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
	uint64_t n_bytes = 0, n_ops[8] = {0}, cpu_ns = 0;

	show(stage, &stage->pages[0]);
	if (tiles_create(WIDTH, HEIGHT, &tiles) < 0 ||
		delta_create(&options, WIDTH, HEIGHT, &encoder) < 0)
		die("no memory");
	for (unsigned i = 0; i <= n_frames; i++) {
		if (i > 0)
			cases[which].draw(stage, i);
		tiles_update(tiles, &stage->screen, &whole, i + 1, i == 0);
		uint64_t begin_ns = clock_monotonic_ns();
		uint64_t cpu_begin_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		const struct encoder_input input = {.tiles = tiles,
			.sequence = i + 1,
			.pts_ns = NS_PER_S + i * 34 * NS_PER_MS,
			.payload_max = PAYLOAD_MAX};
		int r = delta_ops.encode(encoder, &input, &result);
		if (r < 0 && r != -EAGAIN)
			die("a frame could not be encoded");
		if (i == 0)
			continue; /* the whole picture */
		times_ns[i - 1] = clock_monotonic_ns() - begin_ns;
		cpu_ns += clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_begin_ns;
		n_bytes += r == 0 ? result.len : 0;
		if (r == 0)
			count_ops(&result, n_ops);
	}
	qsort(times_ns, n_frames, sizeof(*times_ns), by_size);
	printf("{\"case\": \"%s\", \"ms\": %.3f, \"p95_ms\": %.3f, \"cpu_ms\": %.3f, "
	       "\"bytes\": %llu, \"copies\": %.1f, \"pngs\": %.1f, \"jpegs\": %.1f, "
	       "\"fills\": %.1f, \"glyphs\": %.1f}\n",
		cases[which].name, (double)times_ns[n_frames / 2] / 1e6,
		(double)times_ns[n_frames * 95 / 100] / 1e6, (double)cpu_ns / 1e6 / n_frames,
		(unsigned long long)(n_bytes / n_frames), (double)n_ops[DELTA_COPY] / n_frames,
		(double)n_ops[DELTA_PNG] / n_frames, (double)n_ops[DELTA_JPEG] / n_frames,
		(double)n_ops[DELTA_FILL] / n_frames, (double)n_ops[DELTA_GLYPHS] / n_frames);
	delta_ops.destroy(encoder);
	tiles_destroy(tiles);
}

/* None named: all. */
static bool is_wanted(char **names, const char *name)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"frames", required_argument, NULL, 'f'}, {"ops", no_argument, NULL, 'o'}, {0}};
	struct stage stage = {.screen = picture_create(WIDTH, HEIGHT), .random = 88172645463325252};
	int n_frames = 60;

	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 'f')
			n_frames = atoi(optarg);
		else if (c == 'o')
			lists_ops = true;
		else
			return 2;
	}
	if (n_frames <= 0 || n_frames > (int)FRAMES_MAX)
		die("usage: delta_alone [--frames N] [--ops] [CASE…]");
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
		if (is_wanted(argv + optind, cases[i].name))
			run(&stage, i, (unsigned)n_frames);
	font_close(stage.font);
	return 0;
}
