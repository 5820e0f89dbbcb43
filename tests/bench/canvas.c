/* SPDX-License-Identifier: MIT */
#include "tests/bench/canvas.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "tests/bench/die.h"

void canvas_open(struct canvas *canvas, const char *display)
{
	int screen_number = 0;
	*canvas = (struct canvas){.x = xcb_connect(display, &screen_number)};
	if (xcb_connection_has_error(canvas->x))
		die("Could not open the display");
	xcb_screen_iterator_t it = xcb_setup_roots_iterator(xcb_get_setup(canvas->x));
	while (screen_number-- > 0)
		xcb_screen_next(&it);
	const xcb_screen_t *screen = it.data;
	canvas->width = screen->width_in_pixels;
	canvas->height = screen->height_in_pixels;
	canvas->depth = screen->root_depth;
	if (canvas->depth != 24)
		die("Could not paint on a screen of depth %u; 24 is needed", canvas->depth);

	canvas->window = xcb_generate_id(canvas->x);
	uint32_t window_values[] = {screen->white_pixel, 1};
	xcb_create_window(canvas->x, canvas->depth, canvas->window, screen->root, 0, 0,
		screen->width_in_pixels, screen->height_in_pixels, 0, XCB_WINDOW_CLASS_INPUT_OUTPUT,
		screen->root_visual, XCB_CW_BACK_PIXEL | XCB_CW_OVERRIDE_REDIRECT, window_values);
	xcb_map_window(canvas->x, canvas->window);

	canvas->gc = xcb_generate_id(canvas->x);
	uint32_t no_exposures = 0;
	xcb_create_gc(
		canvas->x, canvas->gc, canvas->window, XCB_GC_GRAPHICS_EXPOSURES, &no_exposures);
	canvas->code = xcb_generate_id(canvas->x);
	xcb_create_pixmap(canvas->x, canvas->depth, canvas->code, canvas->window,
		screen->width_in_pixels, TIMECODE_ROWS);
	canvas_sync(canvas);
}

void canvas_close(struct canvas *canvas)
{
	xcb_disconnect(canvas->x);
}

struct picture canvas_picture(uint32_t width, uint32_t height)
{
	struct picture picture = {.stride = (size_t)width * 4, .width = width, .height = height};
	picture.pixels = calloc(height, picture.stride);
	if (!picture.pixels)
		die("Out of memory");
	return picture;
}

xcb_pixmap_t canvas_upload(struct canvas *canvas, const struct picture *picture)
{
	xcb_pixmap_t pixmap = xcb_generate_id(canvas->x);
	xcb_create_pixmap(canvas->x, canvas->depth, pixmap, canvas->window,
		(uint16_t)picture->width, (uint16_t)picture->height);
	/* In slices below the largest request; 200 KB always fits. */
	uint32_t rows = 200000 / (uint32_t)picture->stride;
	if (rows == 0)
		rows = 1;
	for (uint32_t y = 0; y < picture->height; y += rows) {
		uint32_t n = picture->height - y < rows ? picture->height - y : rows;
		xcb_put_image(canvas->x, XCB_IMAGE_FORMAT_Z_PIXMAP, pixmap, canvas->gc,
			(uint16_t)picture->width, (uint16_t)n, 0, (int16_t)y, 0, canvas->depth,
			(uint32_t)(n * picture->stride), picture->pixels + y * picture->stride);
	}
	canvas_sync(canvas);
	return pixmap;
}

void canvas_piece(struct canvas *canvas, xcb_pixmap_t from, int32_t from_x, int32_t from_y,
	int32_t x, int32_t y, uint32_t width, uint32_t height)
{
	xcb_copy_area(canvas->x, from, canvas->window, canvas->gc, (int16_t)from_x, (int16_t)from_y,
		(int16_t)x, (int16_t)y, (uint16_t)width, (uint16_t)height);
	xcb_flush(canvas->x);
}

static void set_colour(struct canvas *canvas, uint32_t rgb)
{
	xcb_change_gc(canvas->x, canvas->gc, XCB_GC_FOREGROUND, &rgb);
}

void canvas_fill(
	struct canvas *canvas, int32_t x, int32_t y, uint32_t width, uint32_t height, uint32_t rgb)
{
	xcb_rectangle_t rectangle = {(int16_t)x, (int16_t)y, (uint16_t)width, (uint16_t)height};
	set_colour(canvas, rgb);
	xcb_poly_fill_rectangle(canvas->x, canvas->window, canvas->gc, 1, &rectangle);
	xcb_flush(canvas->x);
}

/* Draws the code into its pixmap and copies that at once, so that no half-drawn code is ever seen.
 */
static uint64_t paint_code(struct canvas *canvas, int32_t y)
{
	xcb_rectangle_t black = {0, 0, (uint16_t)canvas->width, TIMECODE_ROWS};
	xcb_rectangle_t white[TIMECODE_BLOCKS];
	uint32_t n = 0;
	uint64_t now_us = clock_monotonic_ns() / NS_PER_US;
	struct timecode code = {.us = now_us, .frame = canvas->frame};
	uint64_t bits = timecode_bits(&code);
	for (uint32_t i = 0; i < TIMECODE_BLOCKS; i++) {
		uint32_t x0 = timecode_block_x(i, canvas->width);
		uint32_t x1 = timecode_block_x(i + 1, canvas->width);
		if (bits >> (TIMECODE_BLOCKS - 1 - i) & 1)
			white[n++] = (xcb_rectangle_t){
				(int16_t)x0, 0, (uint16_t)(x1 - x0), TIMECODE_ROWS};
	}
	set_colour(canvas, 0);
	xcb_poly_fill_rectangle(canvas->x, canvas->code, canvas->gc, 1, &black);
	set_colour(canvas, 0xffffff);
	xcb_poly_fill_rectangle(canvas->x, canvas->code, canvas->gc, n, white);
	canvas_piece(canvas, canvas->code, 0, 0, 0, y, canvas->width, TIMECODE_ROWS);
	return now_us;
}

void canvas_begin(struct canvas *canvas)
{
	paint_code(canvas, 0);
}

uint64_t canvas_end(struct canvas *canvas)
{
	uint64_t now_us = paint_code(canvas, (int32_t)(canvas->height - TIMECODE_ROWS));
	canvas->frame++;
	return now_us;
}

void canvas_sync(struct canvas *canvas)
{
	free(xcb_get_input_focus_reply(canvas->x, xcb_get_input_focus(canvas->x), NULL));
	if (xcb_connection_has_error(canvas->x))
		die("The display went away");
}
