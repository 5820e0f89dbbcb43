/* SPDX-License-Identifier: MIT */
/*
 * A canvas is a window over the whole screen, and pictures that lie ready in the X server: painting
 * is then one small request a piece, as cheap for the painter as it can be.
 */
#pragma once

#include <xcb/xcb.h>

#include "capd/picture.h"
#include "tests/bench/timecode.h"

struct canvas {
	xcb_connection_t *x;
	xcb_window_t window;
	xcb_gcontext_t gc;
	uint8_t depth;
	uint32_t width, height;
	xcb_pixmap_t code; /* the time code's pixels, put together out of sight */
	uint8_t frame;     /* the number in the next time code */
};

/* Opens the display (NULL: $DISPLAY).  All of these end the program on failure. */
void canvas_open(struct canvas *canvas, const char *display);
void canvas_close(struct canvas *canvas);

/* A picture in this program's memory, width × height, to be freed with free(pixels). */
struct picture canvas_picture(uint32_t width, uint32_t height);
/* Copies a picture into the server. */
xcb_pixmap_t canvas_upload(struct canvas *canvas, const struct picture *picture);

/* One piece of a frame: a part of an uploaded picture to (x, y); flushed, as a program does that is
 * not done yet. */
void canvas_piece(struct canvas *canvas, xcb_pixmap_t from, int32_t from_x, int32_t from_y,
	int32_t x, int32_t y, uint32_t width, uint32_t height);
/* A filled rectangle as a piece. */
void canvas_fill(
	struct canvas *canvas, int32_t x, int32_t y, uint32_t width, uint32_t height, uint32_t rgb);
/* The first piece of a frame that may be torn: the time code into the first rows. */
void canvas_begin(struct canvas *canvas);
/* The last piece of each frame: the time code into the last rows.  Returns its time, and counts the
 * frame. */
uint64_t canvas_end(struct canvas *canvas);
/* Waits until the server has done all of it. */
void canvas_sync(struct canvas *canvas);
