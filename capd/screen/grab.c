/* SPDX-License-Identifier: MIT */
#include "capd/screen/grab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xcb/shm.h>

#include "common/fd.h"

/* Replies over the socket are allocated whole by xcb: ask for a megabyte at a time. */
#define SOCKET_PIECE_BYTES (1u << 20)

static int attach_segment(struct grab *grab, int *fd)
{
	xcb_connection_t *c = grab->x11->connection;
	uint32_t segment = xcb_generate_id(c);
	/* xcb closes the fd that it sends */
	xcb_void_cookie_t cookie = xcb_shm_attach_fd_checked(c, segment, fd_steal(fd), 0);
	/* The reply that follows tells that the request before it was answered: with a deadline. */
	void *reply = x11_reply(grab->x11, xcb_get_input_focus(c).sequence, NULL);

	free(reply);
	if (!reply)
		return -EIO;
	xcb_generic_error_t *error = xcb_request_check(c, cookie);
	free(error);
	if (error)
		return -EPROTO;
	grab->segment = segment;
	return 0;
}

int grab_init(struct grab *grab, struct x11 *x11, const struct x11_area *area)
{
	int fd = -1, r = 0;

	*grab = (struct grab){.x11 = x11, .area = *area};
	grab->picture.width = area->width;
	grab->picture.height = area->height;
	grab->picture.stride = (size_t)area->width * 4;
	grab->map_len = grab->picture.stride * area->height;
	fd = memfd_create("screenshare-grab", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	/* Sealed: whatever the server does with its fd, our mapping stays backed. */
	if (fd < 0 || posix_fallocate(fd, 0, (off_t)grab->map_len) != 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		r = -ENOMEM;
		goto out;
	}
	void *map =
		mmap(NULL, grab->map_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (map == MAP_FAILED) {
		r = -ENOMEM;
		goto out;
	}
	grab->picture.pixels = map;
	if (x11->has_shm_fd) {
		r = attach_segment(grab, &fd);
		if (r == -EPROTO)
			r = 0; /* the socket will do */
	}
out:
	fd_close(&fd);
	if (r < 0)
		grab_fini(grab);
	return r;
}

void grab_fini(struct grab *grab)
{
	if (grab->segment && grab->x11->connection)
		xcb_shm_detach(grab->x11->connection, grab->segment);
	if (grab->picture.pixels)
		munmap(grab->picture.pixels, grab->map_len);
	*grab = (struct grab){0};
}

/* x2r10g10b10 → x8r8g8b8, dropping the two lowest bits, as the X server's own conversions do. */
static void rows_from_depth_30(uint8_t *pixels, size_t n_pixels)
{
	for (size_t i = 0; i < n_pixels; i++) {
		uint32_t p;

		memcpy(&p, pixels + 4 * i, sizeof(p));
		p = (p >> 22 & 0xff) << 16 | (p >> 12 & 0xff) << 8 | (p >> 2 & 0xff);
		memcpy(pixels + 4 * i, &p, sizeof(p));
	}
}

static int request_failed(const struct grab *grab, uint8_t error_code)
{
	if (x11_is_lost(grab->x11) || error_code == 0)
		return -EIO;
	return error_code == XCB_MATCH || error_code == XCB_VALUE ? -ESTALE : -EPROTO;
}

static int rows_by_shm(struct grab *grab, int32_t y0, int32_t y1)
{
	uint8_t error_code;
	xcb_shm_get_image_cookie_t cookie = xcb_shm_get_image(grab->x11->connection,
		grab->x11->root, grab->area.x, (int16_t)(grab->area.y + y0), grab->area.width,
		(uint16_t)(y1 - y0), ~0u, XCB_IMAGE_FORMAT_Z_PIXMAP, grab->segment,
		(uint32_t)((size_t)y0 * grab->picture.stride));
	void *reply = x11_reply(grab->x11, cookie.sequence, &error_code);

	if (!reply)
		return request_failed(grab, error_code);
	free(reply);
	return 0;
}

static int rows_by_socket(struct grab *grab, int32_t y0, int32_t y1)
{
	size_t stride = grab->picture.stride;
	int32_t rows_a_piece = (int32_t)(SOCKET_PIECE_BYTES / stride);

	if (rows_a_piece < 1)
		rows_a_piece = 1;
	for (int32_t y = y0; y < y1; y += rows_a_piece) {
		int32_t n = y1 - y < rows_a_piece ? y1 - y : rows_a_piece;
		uint8_t error_code;
		xcb_get_image_cookie_t cookie = xcb_get_image(grab->x11->connection,
			XCB_IMAGE_FORMAT_Z_PIXMAP, grab->x11->root, grab->area.x,
			(int16_t)(grab->area.y + y), grab->area.width, (uint16_t)n, ~0u);
		xcb_get_image_reply_t *reply = x11_reply(grab->x11, cookie.sequence, &error_code);

		if (!reply)
			return request_failed(grab, error_code);
		size_t len = (size_t)xcb_get_image_data_length(reply);
		bool is_whole = len >= (size_t)n * stride;
		if (is_whole)
			memcpy(grab->picture.pixels + (size_t)y * stride, xcb_get_image_data(reply),
				(size_t)n * stride);
		free(reply);
		if (!is_whole)
			return -EPROTO;
	}
	return 0;
}

int grab_rows(struct grab *grab, int32_t y0, int32_t y1)
{
	int r = grab->segment ? rows_by_shm(grab, y0, y1) : rows_by_socket(grab, y0, y1);

	if (r == 0 && grab->x11->depth == 30)
		rows_from_depth_30(grab->picture.pixels + (size_t)y0 * grab->picture.stride,
			(size_t)(y1 - y0) * grab->area.width);
	return r;
}

bool grab_is_black(const struct grab *grab)
{
	const uint8_t *pixels = grab->picture.pixels;

	for (size_t i = 0; i < grab->map_len; i += 4)
		if (pixels[i] | pixels[i + 1] | pixels[i + 2])
			return false;
	return true;
}
