/* SPDX-License-Identifier: MIT */
#include "tests/bench/screen_grab.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xcb/shm.h>

#include "common/fd.h"
#include "tests/bench/die.h"

static void share_memory(struct screen_grab *grab)
{
	int fd = memfd_create("bench-grab", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)grab->size) < 0)
		die("Could not make shared memory");
	grab->picture.pixels =
		mmap(NULL, grab->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (grab->picture.pixels == MAP_FAILED)
		die("Could not map shared memory");
	grab->segment = xcb_generate_id(grab->x);
	/* The library closes the descriptor once it is sent. */
	xcb_generic_error_t *error = xcb_request_check(
		grab->x, xcb_shm_attach_fd_checked(grab->x, grab->segment, fd_steal(&fd), 0));
	if (error)
		die("The X server does not share memory");
}

static void watch(struct screen_grab *grab)
{
	const xcb_query_extension_reply_t *extension =
		xcb_get_extension_data(grab->x, &xcb_damage_id);
	if (!extension || !extension->present)
		die("The X server has no DAMAGE extension");
	grab->damage_event = extension->first_event + XCB_DAMAGE_NOTIFY;
	free(xcb_damage_query_version_reply(
		grab->x, xcb_damage_query_version(grab->x, 1, 1), NULL));
	grab->damage = xcb_generate_id(grab->x);
	xcb_damage_create(grab->x, grab->damage, grab->root, XCB_DAMAGE_REPORT_LEVEL_BOUNDING_BOX);
	xcb_flush(grab->x);
}

void grab_open(struct screen_grab *grab, const char *display, bool watch_damage)
{
	int screen_number = 0;
	*grab = (struct screen_grab){.x = xcb_connect(display, &screen_number)};
	if (xcb_connection_has_error(grab->x))
		die("Could not open the display");
	xcb_screen_iterator_t it = xcb_setup_roots_iterator(xcb_get_setup(grab->x));
	while (screen_number-- > 0)
		xcb_screen_next(&it);
	if (it.data->root_depth != 24)
		die("Could not read a screen of depth %u; 24 is needed", it.data->root_depth);
	grab->root = it.data->root;
	grab->picture.width = it.data->width_in_pixels;
	grab->picture.height = it.data->height_in_pixels;
	grab->picture.stride = (size_t)grab->picture.width * 4;
	grab->size = grab->picture.stride * grab->picture.height;
	share_memory(grab);
	if (watch_damage)
		watch(grab);
}

void grab_close(struct screen_grab *grab)
{
	munmap(grab->picture.pixels, grab->size);
	xcb_disconnect(grab->x);
	*grab = (struct screen_grab){0};
}

static void widen(struct box *extent, const xcb_rectangle_t *by)
{
	struct box box = {by->x, by->y, by->x + by->width, by->y + by->height};
	if (extent->x0 >= extent->x1) {
		*extent = box;
		return;
	}
	extent->x0 = box.x0 < extent->x0 ? box.x0 : extent->x0;
	extent->y0 = box.y0 < extent->y0 ? box.y0 : extent->y0;
	extent->x1 = box.x1 > extent->x1 ? box.x1 : extent->x1;
	extent->y1 = box.y1 > extent->y1 ? box.y1 : extent->y1;
}

bool grab_poll_damage(struct screen_grab *grab, struct box *extent)
{
	bool has_damage = false;
	for (xcb_generic_event_t *event; (event = xcb_poll_for_event(grab->x)); free(event)) {
		if ((event->response_type & 0x7f) != grab->damage_event)
			continue;
		widen(extent, &((xcb_damage_notify_event_t *)event)->area);
		has_damage = true;
	}
	if (xcb_connection_has_error(grab->x))
		die("The display went away");
	return has_damage;
}

void grab_forget_damage(struct screen_grab *grab)
{
	xcb_damage_subtract(grab->x, grab->damage, XCB_NONE, XCB_NONE);
}

void grab_rows(struct screen_grab *grab, uint32_t y0, uint32_t y1)
{
	xcb_shm_get_image_reply_t *reply = xcb_shm_get_image_reply(grab->x,
		xcb_shm_get_image(grab->x, grab->root, 0, (int16_t)y0,
			(uint16_t)grab->picture.width, (uint16_t)(y1 - y0), ~0u,
			XCB_IMAGE_FORMAT_Z_PIXMAP, grab->segment,
			(uint32_t)(y0 * grab->picture.stride)),
		NULL);
	if (!reply)
		die("Could not read the screen");
	free(reply);
}
