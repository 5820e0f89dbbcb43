/* SPDX-License-Identifier: MIT */
/*
 * The painter: fills a display with one of the bench's workloads until it is told to end.
 *
 *     workload [--display D] [--rate FPS] still | typing | caret | scroll | film | single
 *
 *   still   a page of text, painted once
 *   typing  a key press: the caret goes, a glyph, a highlight, the caret comes; in the last lines,
 *           as at a prompt, so that the time code does not widen what a key press damages
 *   caret   blinks, black and white, and nothing else happens: no time code, the caret is one
 *   scroll  the page moves up by 37 pixels, then what comes into view is painted line by line
 *   film    every pixel changes, in thirty bands
 *   single  one change for each line on standard input; its time is printed
 *
 * Each piece is flushed by itself, and the time code is the last piece.  Prints READY once the
 * first picture stands, and at the end (SIGTERM, SIGINT, or end of input) one line of JSON: how
 * many frames it painted and how often it was late.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "common/clock.h"
#include "tests/bench/canvas.h"
#include "tests/bench/die.h"
#include "tests/bench/film.h"
#include "tests/bench/text.h"

#define FILM_FRAMES  12u
#define FILM_BANDS   30u
#define SCROLL_PAGES 4u
#define FONT_PX      18u  /* on a screen 1080 high; more pixels show the same page, finer */
#define PIECE_US     100u /* what a program computes between the pieces of a key press */

static volatile sig_atomic_t is_ending;

static void on_signal(int number)
{
	(void)number;
	is_ending = 1;
}

struct painter {
	struct canvas canvas;
	struct font *font;
	int32_t line; /* height of a line of text */
	uint32_t scale;
	/* scroll and film */
	xcb_pixmap_t pictures[FILM_FRAMES];
	uint32_t position; /* rows scrolled so far, or frames shown */
	/* typing */
	int32_t top, x, y; /* of the box, of the caret */
	uint32_t n_typed;
	xcb_pixmap_t glyphs; /* "a" to "z" side by side */
	int32_t glyph_x[27];
};

static void paint_page(struct painter *p)
{
	struct canvas *canvas = &p->canvas;
	struct picture page = canvas_picture(canvas->width, canvas->height);
	page_draw(p->font, &page, 1);
	xcb_pixmap_t pixmap = canvas_upload(canvas, &page);
	canvas_piece(canvas, pixmap, 0, 0, 0, 0, canvas->width, canvas->height);
	xcb_free_pixmap(canvas->x, pixmap);
	free(page.pixels);
	canvas_end(canvas);
}

static void typing_begin(struct painter *p)
{
	struct canvas *canvas = &p->canvas;
	struct picture strip = canvas_picture((uint32_t)p->line * 32, (uint32_t)p->line);
	memset(strip.pixels, 0xff, strip.stride * strip.height);
	int32_t x = 0;
	for (int i = 0; i < 26; i++) {
		p->glyph_x[i] = x;
		x += font_draw(p->font, &strip, x, 0, (char)('a' + i), 0x101010);
	}
	p->glyph_x[26] = x;
	p->glyphs = canvas_upload(canvas, &strip);
	free(strip.pixels);
	p->top = (int32_t)(canvas->height - TIMECODE_ROWS) - 4 * p->line;
	p->x = p->line;
	p->y = p->top;
	canvas_fill(canvas, 0, p->top, canvas->width, (uint32_t)(4 * p->line), 0xffffff);
	canvas_end(canvas);
}

static void between_pieces(void)
{
	struct timespec pause = {.tv_nsec = PIECE_US * 1000};
	nanosleep(&pause, NULL);
}

static void typing_frame(struct painter *p)
{
	struct canvas *canvas = &p->canvas;
	uint32_t caret = 2 * p->scale, height = (uint32_t)p->line;
	canvas_fill(canvas, p->x, p->y, caret, height, 0xffffff);
	between_pieces();
	if (p->x > (int32_t)canvas->width - 3 * p->line) {
		p->x = p->line;
		p->y += p->line;
		if (p->y >= p->top + 4 * p->line)
			p->y = p->top;
		canvas_fill(canvas, 0, p->y, canvas->width, height, 0xffffff);
	}
	/* As text goes: a letter, and after every fifth a space. */
	uint32_t letter = p->n_typed++ * 7 % 26;
	int32_t advance = p->glyph_x[letter + 1] - p->glyph_x[letter];
	canvas_piece(
		canvas, p->glyphs, p->glyph_x[letter], 0, p->x, p->y, (uint32_t)advance, height);
	between_pieces();
	canvas_fill(canvas, p->x, p->y + p->line - (int32_t)p->scale, (uint32_t)advance, p->scale,
		0xd02020);
	between_pieces();
	p->x += advance + (p->n_typed % 6 == 5 ? p->line / 3 : 0);
	canvas_fill(canvas, p->x, p->y, caret, height, 0x101010);
	canvas_end(canvas);
}

/* Where whoever has no time code looks: a quarter of the way from the top left. */
static void caret_frame(struct painter *p)
{
	struct canvas *canvas = &p->canvas;
	canvas_fill(canvas, (int32_t)(canvas->width / 4 - p->scale),
		(int32_t)canvas->height / 4 - p->line / 2, 2 * p->scale, (uint32_t)p->line,
		p->n_typed++ % 2 ? 0xffffff : 0x101010);
}

static void scroll_begin(struct painter *p)
{
	struct canvas *canvas = &p->canvas;
	for (uint32_t i = 0; i < SCROLL_PAGES; i++) {
		struct picture page = canvas_picture(canvas->width, canvas->height);
		page_draw(p->font, &page, i + 1);
		p->pictures[i] = canvas_upload(canvas, &page);
		free(page.pixels);
	}
	canvas_begin(canvas);
	canvas_piece(canvas, p->pictures[0], 0, 0, 0, TIMECODE_ROWS, canvas->width,
		canvas->height - 2 * TIMECODE_ROWS);
	canvas_end(canvas);
	p->position = canvas->height - 2 * TIMECODE_ROWS;
}

static void scroll_frame(struct painter *p)
{
	struct canvas *canvas = &p->canvas;
	uint32_t step = 37 * p->scale, view = canvas->height - 2 * TIMECODE_ROWS;
	canvas_piece(canvas, canvas->window, 0, (int32_t)(TIMECODE_ROWS + step), 0, TIMECODE_ROWS,
		canvas->width, view - step);
	canvas_begin(canvas);
	for (uint32_t done = 0; done < step;) {
		uint32_t in_page = p->position % canvas->height;
		uint32_t n = (uint32_t)p->line < step - done ? (uint32_t)p->line : step - done;
		if (n > canvas->height - in_page)
			n = canvas->height - in_page;
		canvas_piece(canvas, p->pictures[p->position / canvas->height % SCROLL_PAGES], 0,
			(int32_t)in_page, 0, (int32_t)(TIMECODE_ROWS + view - step + done),
			canvas->width, n);
		done += n;
		p->position += n;
	}
	canvas_end(canvas);
}

static void film_frame(struct painter *p)
{
	struct canvas *canvas = &p->canvas;
	xcb_pixmap_t picture = p->pictures[p->position++ % FILM_FRAMES];
	canvas_begin(canvas);
	for (uint32_t band = 0; band < FILM_BANDS; band++) {
		uint32_t y0 = band * canvas->height / FILM_BANDS;
		uint32_t y1 = (band + 1) * canvas->height / FILM_BANDS;
		if (band == 0)
			y0 = TIMECODE_ROWS;
		if (band == FILM_BANDS - 1)
			y1 -= TIMECODE_ROWS;
		canvas_piece(
			canvas, picture, 0, (int32_t)y0, 0, (int32_t)y0, canvas->width, y1 - y0);
	}
	canvas_end(canvas);
}

static void film_begin(struct painter *p)
{
	struct canvas *canvas = &p->canvas;
	struct picture frames[2] = {canvas_picture(canvas->width, canvas->height),
		canvas_picture(canvas->width, canvas->height)};
	for (uint32_t i = 0; i < FILM_FRAMES; i++) {
		film_draw(&frames[i % 2], i > 0 ? &frames[(i + 1) % 2] : NULL, i, FILM_FRAMES);
		p->pictures[i] = canvas_upload(canvas, &frames[i % 2]);
	}
	free(frames[0].pixels);
	free(frames[1].pixels);
	film_frame(p);
}

/* One change, far from the time code's rows: a box of another colour, then the code. */
static uint64_t single_frame(struct painter *p)
{
	static const uint32_t colours[] = {0xd02020, 0x20a020, 0x2020d0, 0xe0b000};
	canvas_fill(&p->canvas, 40, 40, 160, 90, colours[p->position++ % 4]);
	return canvas_end(&p->canvas);
}

static void run_single(struct painter *p)
{
	char line[64];
	while (!is_ending && fgets(line, sizeof(line), stdin)) {
		printf("{\"painted_us\": %llu}\n", (unsigned long long)single_frame(p));
		fflush(stdout);
	}
}

static void wait_for_signal(void)
{
	sigset_t none;
	sigemptyset(&none);
	while (!is_ending)
		sigsuspend(&none);
}

/* On a fixed grid of time: a late frame does not move those after it. */
static void run_at_rate(struct painter *p, void (*paint)(struct painter *), double rate)
{
	uint64_t start_ns = clock_monotonic_ns(), n_late = 0, n = 0;
	for (n = 1; !is_ending; n++) {
		uint64_t due_ns = start_ns + (uint64_t)((double)n * 1e9 / rate);
		struct timespec due = {.tv_sec = (time_t)(due_ns / NS_PER_S),
			.tv_nsec = (long)(due_ns % NS_PER_S)};
		while (!is_ending &&
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR)
			;
		if (is_ending)
			break;
		n_late += clock_monotonic_ns() > due_ns + NS_PER_S / (uint64_t)(rate * 2 + 1);
		paint(p);
		/* What the server has to say (errors only) must not pile up. */
		for (xcb_generic_event_t *event; (event = xcb_poll_for_event(p->canvas.x));)
			free(event);
		if (xcb_connection_has_error(p->canvas.x))
			die("The display went away");
	}
	printf("{\"frames\": %llu, \"late\": %llu}\n", (unsigned long long)(n - 1),
		(unsigned long long)n_late);
}

struct workload {
	const char *name;
	void (*begin)(struct painter *);
	void (*frame)(struct painter *); /* NULL: painted once */
	bool is_on_request;
};
static const struct workload workloads[] = {
	{"still", NULL, NULL, false},
	{"typing", typing_begin, typing_frame, false},
	{"caret", NULL, caret_frame, false},
	{"scroll", scroll_begin, scroll_frame, false},
	{"film", film_begin, film_frame, false},
	{"single", NULL, NULL, true},
};

int main(int argc, char **argv)
{
	static const struct option options[] = {{"display", required_argument, NULL, 'd'},
		{"rate", required_argument, NULL, 'r'}, {0}};
	const char *display = NULL;
	double rate = 30;
	for (int c; (c = getopt_long(argc, argv, "d:r:", options, NULL)) != -1;) {
		if (c == 'd')
			display = optarg;
		else if (c == 'r')
			rate = atof(optarg);
		else
			return 2;
	}
	const struct workload *workload = NULL;
	for (size_t i = 0; optind < argc && i < sizeof(workloads) / sizeof(*workloads); i++)
		if (!strcmp(argv[optind], workloads[i].name))
			workload = &workloads[i];
	if (!workload || rate <= 0 || rate > 240)
		die("usage: workload [--display D] [--rate FPS] "
		    "still|typing|caret|scroll|film|single");

	struct sigaction action = {.sa_handler = on_signal};
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	if (!workload->frame && !workload->is_on_request) {
		/* Taken only in wait_for_signal(): none comes between its look and its wait. */
		sigset_t ending;
		sigemptyset(&ending);
		sigaddset(&ending, SIGTERM);
		sigaddset(&ending, SIGINT);
		sigprocmask(SIG_BLOCK, &ending, NULL);
	}

	struct painter painter = {0};
	canvas_open(&painter.canvas, display);
	painter.scale = painter.canvas.height > 1440 ? 2 : 1;
	painter.font = font_open(FONT_PX * painter.canvas.height / 1080);
	painter.line = font_line_height(painter.font);
	if (workload->begin != film_begin && workload->begin != scroll_begin)
		paint_page(&painter);
	if (workload->begin)
		workload->begin(&painter);
	canvas_sync(&painter.canvas);
	puts("READY");
	fflush(stdout);

	if (workload->frame)
		run_at_rate(&painter, workload->frame, rate);
	else if (workload->is_on_request)
		run_single(&painter);
	else
		wait_for_signal();
	font_close(painter.font);
	canvas_close(&painter.canvas);
	return 0;
}
