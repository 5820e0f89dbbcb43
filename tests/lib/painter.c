/* SPDX-License-Identifier: MIT */
/*
 * Paints on the root window of $DISPLAY, and says what is there: one command a line on stdin, one
 * answer a line on stdout, given only when the X server has done the work:
 *
 *     fill X Y WIDTH HEIGHT RRGGBB    ─► ok <CLOCK_MONOTONIC ns before it was sent>
 *     noise SEED                      ─► …      every pixel of the root another
 *     page SEED                       ─► …      bright, with dark strokes: the nature of text
 *     scroll ROWS SEED                ─► …      everything up by so much, more of the page below
 *     cursor RRGGBB                   ─► …      a square of 16 × 16, its tip at its top left
 *     warp X Y                        ─► …
 *     size                            ─► ok WIDTH HEIGHT
 *     grab FILE X Y WIDTH HEIGHT      ─► …      blue, green, red, 0 (8 bits each)
 *     reference FILE QUALITY 420|444 X Y WIDTH HEIGHT   ─► …  libjpeg's own JPEG of the same
 *
 * Ends with stdin, or where anything fails (a test's program has nobody to recover for).
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xcb/xcb.h>

#include "common/clock.h"
#include "tests/lib/reference_jpeg.h"

#define LINE_MAX_BYTES 4096
#define PUT_BYTES      (200u * 1024u) /* of one PutImage: below the smallest request limit */
#define CURSOR_SIDE    16

static struct {
	xcb_connection_t *connection;
	xcb_screen_t *screen;
	xcb_gcontext_t gc;
	unsigned bits; /* a channel: 8 or 10 */
} x;

__attribute__((format(printf, 1, 2))) static _Noreturn void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("painter: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static void check(xcb_void_cookie_t cookie, const char *what)
{
	xcb_generic_error_t *error = xcb_request_check(x.connection, cookie);

	if (error)
		die("%s: X error %u", what, error->error_code);
	if (xcb_connection_has_error(x.connection))
		die("%s: the X server is gone", what);
}

static void x_open(void)
{
	xcb_depth_iterator_t depth;
	int number;

	x.connection = xcb_connect(NULL, &number);
	if (xcb_connection_has_error(x.connection))
		die("no X server at %s", getenv("DISPLAY"));
	xcb_screen_iterator_t it = xcb_setup_roots_iterator(xcb_get_setup(x.connection));
	for (; number > 0; number--)
		xcb_screen_next(&it);
	x.screen = it.data;
	for (depth = xcb_screen_allowed_depths_iterator(x.screen); depth.rem;
		xcb_depth_next(&depth)) {
		xcb_visualtype_iterator_t visual = xcb_depth_visuals_iterator(depth.data);

		for (; visual.rem; xcb_visualtype_next(&visual))
			if (visual.data->visual_id == x.screen->root_visual)
				x.bits = visual.data->bits_per_rgb_value;
	}
	if (x.bits != 8 && x.bits != 10)
		die("%u bits a channel", x.bits);
	x.gc = xcb_generate_id(x.connection);
	/* Over windows too: whatever a test has started must not hide what it paints. */
	const uint32_t values[] = {XCB_SUBWINDOW_MODE_INCLUDE_INFERIORS, 0};
	check(xcb_create_gc_checked(x.connection, x.gc, x.screen->root,
		      XCB_GC_SUBWINDOW_MODE | XCB_GC_GRAPHICS_EXPOSURES, values),
		"gc");
}

/* The root's size now: the connection's setup only knows that of the beginning. */
static void root_size(unsigned *width, unsigned *height)
{
	xcb_get_geometry_reply_t *reply = xcb_get_geometry_reply(
		x.connection, xcb_get_geometry(x.connection, x.screen->root), NULL);

	if (!reply)
		die("the X server is gone");
	*width = reply->width;
	*height = reply->height;
	free(reply);
}

static uint32_t pixel_of(uint32_t rgb)
{
	uint32_t red = rgb >> 16 & 0xff, green = rgb >> 8 & 0xff, blue = rgb & 0xff;

	if (x.bits == 8)
		return rgb;
	/* 8 bits to 10 by repeating the upper ones, so that white stays white */
	return (red << 2 | red >> 6) << 20 | (green << 2 | green >> 6) << 10 |
	       (blue << 2 | blue >> 6);
}

static void fill(int16_t left, int16_t top, uint16_t width, uint16_t height, uint32_t rgb)
{
	const uint32_t foreground = pixel_of(rgb);
	const xcb_rectangle_t rectangle = {left, top, width, height};

	xcb_change_gc(x.connection, x.gc, XCB_GC_FOREGROUND, &foreground);
	check(xcb_poly_fill_rectangle_checked(x.connection, x.screen->root, x.gc, 1, &rectangle),
		"fill");
}

static uint32_t next_random(uint32_t *state) /* xorshift32: Marsaglia, 2003 */
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	return *state ^= *state << 5;
}

/* A shade of the picture at (column, row): noise, or strokes on paper. */
static uint32_t shade(bool is_page, uint32_t *state, unsigned column, unsigned row)
{
	uint32_t random = next_random(state);

	if (!is_page)
		return random & 0xffffff;
	bool is_ink = row % 18 > 3 && row % 18 < 15 && column % 9 < 7 && random % 5 < 2;
	return is_ink ? 0x202020 + (random >> 8 & 0x0f0f3f) : 0xf8f8f0;
}

/* The rows from `begin` on, all of the root's width. */
static void put_picture(bool is_page, uint32_t seed, unsigned begin)
{
	unsigned width, height;
	uint32_t state = seed * 2654435761u + 1;

	root_size(&width, &height);
	unsigned rows_a_piece = PUT_BYTES / (width * 4) ? PUT_BYTES / (width * 4) : 1;
	uint32_t *pixels = malloc((size_t)width * rows_a_piece * 4);
	if (!pixels)
		die("no memory");
	for (unsigned top = begin; top < height; top += rows_a_piece) {
		unsigned rows = height - top < rows_a_piece ? height - top : rows_a_piece;

		for (unsigned y = 0; y < rows; y++)
			for (unsigned column = 0; column < width; column++)
				pixels[(size_t)y * width + column] =
					pixel_of(shade(is_page, &state, column, top + y));
		check(xcb_put_image_checked(x.connection, XCB_IMAGE_FORMAT_Z_PIXMAP, x.screen->root,
			      x.gc, (uint16_t)width, (uint16_t)rows, 0, (int16_t)top, 0,
			      x.screen->root_depth, width * rows * 4, (const uint8_t *)pixels),
			"picture");
	}
	free(pixels);
}

static void scroll(unsigned rows, uint32_t seed)
{
	unsigned width, height;

	root_size(&width, &height);
	if (rows > height)
		rows = height;
	check(xcb_copy_area_checked(x.connection, x.screen->root, x.screen->root, x.gc, 0,
		      (int16_t)rows, 0, 0, (uint16_t)width, (uint16_t)(height - rows)),
		"scroll");
	put_picture(true, seed, height - rows);
}

static void set_cursor(uint32_t rgb)
{
	xcb_pixmap_t square = xcb_generate_id(x.connection);
	xcb_gcontext_t gc = xcb_generate_id(x.connection);
	xcb_cursor_t cursor = xcb_generate_id(x.connection);
	const xcb_rectangle_t all = {0, 0, CURSOR_SIDE, CURSOR_SIDE};
	const uint32_t ones = 1;
	uint16_t red = (uint16_t)((rgb >> 16 & 0xff) * 0x101),
		 green = (uint16_t)((rgb >> 8 & 0xff) * 0x101),
		 blue = (uint16_t)((rgb & 0xff) * 0x101);

	xcb_create_pixmap(x.connection, 1, square, x.screen->root, CURSOR_SIDE, CURSOR_SIDE);
	xcb_create_gc(x.connection, gc, square, XCB_GC_FOREGROUND, &ones);
	xcb_poly_fill_rectangle(x.connection, square, gc, 1, &all);
	check(xcb_create_cursor_checked(x.connection, cursor, square, square, red, green, blue, red,
		      green, blue, 0, 0),
		"cursor");
	check(xcb_change_window_attributes_checked(
		      x.connection, x.screen->root, XCB_CW_CURSOR, &cursor),
		"cursor");
	xcb_free_cursor(x.connection, cursor);
	xcb_free_gc(x.connection, gc);
	xcb_free_pixmap(x.connection, square);
}

/* Owned by the caller: width × height × 4 bytes, 8 bits a channel. */
static uint8_t *grab(int16_t left, int16_t top, uint16_t width, uint16_t height)
{
	xcb_get_image_reply_t *reply = xcb_get_image_reply(x.connection,
		xcb_get_image(x.connection, XCB_IMAGE_FORMAT_Z_PIXMAP, x.screen->root, left, top,
			width, height, ~0u),
		NULL);
	size_t n_pixels = (size_t)width * height;
	uint32_t *pixels = malloc(n_pixels * 4);

	if (!reply || !pixels || (size_t)xcb_get_image_data_length(reply) < n_pixels * 4)
		die("could not grab %ux%u+%d+%d", width, height, left, top);
	memcpy(pixels, xcb_get_image_data(reply), n_pixels * 4);
	free(reply);
	for (size_t i = 0; i < n_pixels; i++)
		pixels[i] = x.bits == 8 ? pixels[i] & 0xffffff
					: (pixels[i] >> 22 & 0xff) << 16 |
						  (pixels[i] >> 12 & 0xff) << 8 |
						  (pixels[i] >> 2 & 0xff);
	return (uint8_t *)pixels;
}

static FILE *file_open(const char *path)
{
	FILE *file = fopen(path, "wb");

	if (!file)
		die("%s: %m", path);
	return file;
}

static void file_close(FILE *file)
{
	if (ferror(file) || fclose(file) != 0)
		die("could not write: %m");
}

/* False: not a command. */
static bool run(const char *line)
{
	char path[LINE_MAX_BYTES], sampling[4];
	unsigned seed, rows, quality, rgb, root_width, root_height;
	short left, top;
	unsigned short width, height;

	if (sscanf(line, "fill %hd %hd %hu %hu %x", &left, &top, &width, &height, &rgb) == 5) {
		fill(left, top, width, height, rgb);
	} else if (sscanf(line, "noise %u", &seed) == 1) {
		put_picture(false, seed, 0);
	} else if (sscanf(line, "page %u", &seed) == 1) {
		put_picture(true, seed, 0);
	} else if (sscanf(line, "scroll %u %u", &rows, &seed) == 2) {
		scroll(rows, seed);
	} else if (sscanf(line, "cursor %x", &rgb) == 1) {
		set_cursor(rgb);
	} else if (sscanf(line, "warp %hd %hd", &left, &top) == 2) {
		check(xcb_warp_pointer_checked(
			      x.connection, XCB_NONE, x.screen->root, 0, 0, 0, 0, left, top),
			"warp");
	} else if (sscanf(line, "grab %4095s %hd %hd %hu %hu", path, &left, &top, &width,
			   &height) == 5) {
		uint8_t *pixels = grab(left, top, width, height);
		FILE *file = file_open(path);

		fwrite(pixels, 4, (size_t)width * height, file);
		file_close(file);
		free(pixels);
	} else if (sscanf(line, "reference %4095s %u %3s %hd %hd %hu %hu", path, &quality, sampling,
			   &left, &top, &width, &height) == 7) {
		uint8_t *pixels = grab(left, top, width, height);
		FILE *file = file_open(path);

		reference_jpeg_write(
			file, pixels, width, height, quality, strcmp(sampling, "444") == 0);
		file_close(file);
		free(pixels);
	} else if (strcmp(line, "size") == 0) {
		root_size(&root_width, &root_height);
		printf("ok %u %u\n", root_width, root_height);
		return true;
	} else {
		return false;
	}
	return true;
}

int main(void)
{
	char line[LINE_MAX_BYTES];

	setvbuf(stdout, NULL, _IOLBF, 0);
	x_open();
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		uint64_t before_ns = clock_monotonic_ns();

		line[strcspn(line, "\n")] = '\0';
		if (!run(line))
			die("no such command: %s", line);
		if (strcmp(line, "size") != 0)
			printf("ok %llu\n", (unsigned long long)before_ns);
	}
	xcb_disconnect(x.connection);
	return 0;
}
