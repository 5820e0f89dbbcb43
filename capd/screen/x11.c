/* SPDX-License-Identifier: MIT */
#include "capd/screen/x11.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <xcb/damage.h>
#include <xcb/randr.h>
#include <xcb/shm.h>
#include <xcb/xcbext.h>
#include <xcb/xfixes.h>

#include "capd/picture.h"
#include "common/clock.h"

/* --- talking --- */

bool x11_is_lost(const struct x11 *x11)
{
	return x11->timed_out || xcb_connection_has_error(x11->connection);
}

void *x11_reply(struct x11 *x11, unsigned sequence, uint8_t *error_code)
{
	uint64_t deadline = clock_monotonic_ns() + X11_REPLY_TIMEOUT_MS * NS_PER_MS;
	xcb_generic_error_t *error = NULL;
	void *reply = NULL;

	if (error_code)
		*error_code = 0;
	if (xcb_flush(x11->connection) <= 0)
		return NULL;
	while (!xcb_poll_for_reply(x11->connection, sequence, &reply, &error)) {
		struct pollfd wait = {
			.fd = xcb_get_file_descriptor(x11->connection), .events = POLLIN};
		uint64_t now = clock_monotonic_ns();

		if (xcb_connection_has_error(x11->connection))
			return NULL;
		if (now >= deadline) {
			x11->timed_out = true;
			return NULL;
		}
		/* POLLHUP and POLLERR show in the next poll_for_reply */
		if (poll(&wait, 1, (int)((deadline - now) / NS_PER_MS) + 1) < 0 && errno != EINTR)
			return NULL;
	}
	if (error) {
		if (error_code)
			*error_code = error->error_code;
		free(error);
	}
	return reply;
}

/* --- what the server can do --- */

static bool is_local(xcb_connection_t *connection)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	return getsockname(xcb_get_file_descriptor(connection), (struct sockaddr *)&peer, &len) ==
		       0 &&
	       peer.ss_family == AF_UNIX;
}

/* A name that libxcb has no symbol for. */
static bool has_extension(struct x11 *x11, const char *name)
{
	xcb_query_extension_cookie_t cookie =
		xcb_query_extension(x11->connection, (uint16_t)strlen(name), name);
	xcb_query_extension_reply_t *reply = x11_reply(x11, cookie.sequence, NULL);
	bool present = reply && reply->present;

	free(reply);
	return present;
}

static const xcb_query_extension_reply_t *extension(struct x11 *x11, xcb_extension_t *id)
{
	const xcb_query_extension_reply_t *data = xcb_get_extension_data(x11->connection, id);

	return data && data->present ? data : NULL;
}

/*
 * xcb_get_extension_data() waits for its reply without a deadline, so one round trip with a
 * deadline goes before the first: a server that has just answered it answers these too.
 */
static bool query_extensions(struct x11 *x11)
{
	xcb_connection_t *c = x11->connection;

	xcb_prefetch_extension_data(c, &xcb_shm_id);
	xcb_prefetch_extension_data(c, &xcb_damage_id);
	xcb_prefetch_extension_data(c, &xcb_xfixes_id);
	xcb_prefetch_extension_data(c, &xcb_randr_id);
	x11->is_xwayland = has_extension(x11, "XWAYLAND");
	if (x11_is_lost(x11))
		return false;

	const xcb_query_extension_reply_t *shm = extension(x11, &xcb_shm_id);
	const xcb_query_extension_reply_t *damage = extension(x11, &xcb_damage_id);
	const xcb_query_extension_reply_t *fixes = extension(x11, &xcb_xfixes_id);
	const xcb_query_extension_reply_t *randr = extension(x11, &xcb_randr_id);
	unsigned shm_query = 0, damage_query = 0, fixes_query = 0, randr_query = 0;

	if (shm)
		shm_query = xcb_shm_query_version(c).sequence;
	if (fixes)
		fixes_query = xcb_xfixes_query_version(c, 4, 0).sequence;
	if (damage && fixes)
		damage_query = xcb_damage_query_version(c, 1, 1).sequence;
	if (randr)
		randr_query = xcb_randr_query_version(c, 1, 5).sequence;
	if (shm_query) {
		xcb_shm_query_version_reply_t *reply = x11_reply(x11, shm_query, NULL);

		x11->has_shm_fd = reply && is_local(c) &&
				  (reply->major_version > 1 ||
					  (reply->major_version == 1 && reply->minor_version >= 2));
		free(reply);
	}
	if (fixes_query) {
		xcb_xfixes_query_version_reply_t *reply = x11_reply(x11, fixes_query, NULL);

		x11->has_fixes = reply && reply->major_version >= 2;
		x11->fixes_event = fixes->first_event;
		free(reply);
	}
	if (damage_query) {
		void *reply = x11_reply(x11, damage_query, NULL);

		x11->has_damage = reply != NULL;
		x11->damage_event = damage->first_event;
		free(reply);
	}
	if (randr_query) {
		xcb_randr_query_version_reply_t *reply = x11_reply(x11, randr_query, NULL);

		x11->has_randr =
			reply && (reply->major_version > 1 ||
					 (reply->major_version == 1 && reply->minor_version >= 5));
		x11->randr_event = randr->first_event;
		free(reply);
	}
	return !x11_is_lost(x11);
}

/* 32 bits a pixel, blue in the lowest byte: what the encoders take without another copy. */
static bool format_is_supported(const struct x11 *x11)
{
	if (x11->setup->image_byte_order != XCB_IMAGE_ORDER_LSB_FIRST)
		return false;
	for (xcb_format_iterator_t it = xcb_setup_pixmap_formats_iterator(x11->setup); it.rem;
		xcb_format_next(&it))
		if (it.data->depth == x11->depth)
			return it.data->bits_per_pixel == 32 && it.data->scanline_pad == 32;
	return false;
}

enum source_state x11_init(
	struct x11 *x11, xcb_connection_t *connection, const char *display, char *words)
{
	int screen_number = 0;
	char *host = NULL;
	int display_number;

	*x11 = (struct x11){.connection = connection};
	x11->setup = xcb_get_setup(connection);
	if (xcb_parse_display(display, &host, &display_number, &screen_number))
		free(host);
	xcb_screen_iterator_t screens = xcb_setup_roots_iterator(x11->setup);
	while (screen_number-- > 0 && screens.rem > 1)
		xcb_screen_next(&screens);
	if (!screens.rem) {
		snprintf(words, X11_WORDS_MAX, "The display %s has no screen", display);
		return STATE_UNSUPPORTED;
	}
	x11->screen = screens.data;
	x11->root = screens.data->root;
	x11->depth = screens.data->root_depth;
	if ((x11->depth != 24 && x11->depth != 30) || !format_is_supported(x11)) {
		snprintf(words, X11_WORDS_MAX,
			"The display %s has a depth of %u bits, and only 24 and 30 can be shown",
			display, x11->depth);
		return STATE_UNSUPPORTED;
	}
	if (!query_extensions(x11)) {
		snprintf(words, X11_WORDS_MAX, "The display %s does not answer", display);
		return STATE_DISPLAY_LOST;
	}
	return STATE_LIVE;
}

void x11_fini(struct x11 *x11)
{
	if (x11->connection)
		xcb_disconnect(x11->connection);
	*x11 = (struct x11){0};
}

/* --- which rectangle --- */

static bool monitor_matches(
	struct x11 *x11, const xcb_randr_monitor_info_t *info, unsigned number, const char *wanted)
{
	char number_text[12];

	snprintf(number_text, sizeof(number_text), "%u", number);
	if (strcmp(wanted, number_text) == 0)
		return true;
	xcb_get_atom_name_reply_t *name =
		x11_reply(x11, xcb_get_atom_name(x11->connection, info->name).sequence, NULL);
	if (!name)
		return false;
	size_t len = (size_t)xcb_get_atom_name_name_length(name);
	bool matches =
		len == strlen(wanted) && memcmp(xcb_get_atom_name_name(name), wanted, len) == 0;
	free(name);
	return matches;
}

static bool find_monitor(struct x11 *x11, const char *wanted, struct x11_area *area)
{
	bool found = false;
	unsigned number = 1;

	if (!x11->has_randr)
		return false;
	xcb_randr_get_monitors_reply_t *monitors = x11_reply(
		x11, xcb_randr_get_monitors(x11->connection, x11->root, 1).sequence, NULL);
	if (!monitors)
		return false;
	for (xcb_randr_monitor_info_iterator_t it =
			xcb_randr_get_monitors_monitors_iterator(monitors);
		it.rem && !found; xcb_randr_monitor_info_next(&it), number++) {
		if (!monitor_matches(x11, it.data, number, wanted))
			continue;
		*area = (struct x11_area){it.data->x, it.data->y, it.data->width, it.data->height};
		found = true;
	}
	free(monitors);
	return found;
}

enum source_state x11_find_area(
	struct x11 *x11, const char *monitor, struct x11_area *area, char *words)
{
	xcb_get_geometry_reply_t *root =
		x11_reply(x11, xcb_get_geometry(x11->connection, x11->root).sequence, NULL);

	if (!root) {
		snprintf(words, X11_WORDS_MAX, "The display does not answer");
		return STATE_DISPLAY_LOST;
	}
	struct x11_area whole = {0, 0, root->width, root->height};
	free(root);
	*area = whole;
	if (strcmp(monitor, "all") != 0 && !find_monitor(x11, monitor, area)) {
		if (x11_is_lost(x11)) {
			snprintf(words, X11_WORDS_MAX, "The display does not answer");
			return STATE_DISPLAY_LOST;
		}
		snprintf(words, X11_WORDS_MAX, "The monitor %.64s is not connected", monitor);
		return STATE_NO_MONITOR;
	}
	/* Never beyond the root, whatever RandR says in the middle of a change. */
	if (area->x < 0 || area->y < 0 || area->x >= whole.width || area->y >= whole.height)
		*area = whole;
	if (area->width > whole.width - area->x)
		area->width = (uint16_t)(whole.width - area->x);
	if (area->height > whole.height - area->y)
		area->height = (uint16_t)(whole.height - area->y);
	if (area->width > PICTURE_SIDE_MAX || area->height > PICTURE_SIDE_MAX || !area->width ||
		!area->height) {
		snprintf(words, X11_WORDS_MAX, "A screen of %ux%u pixels cannot be shown",
			area->width, area->height);
		return STATE_UNSUPPORTED;
	}
	return STATE_LIVE;
}

void x11_watch_area(struct x11 *x11)
{
	uint32_t mask = XCB_EVENT_MASK_STRUCTURE_NOTIFY;

	xcb_change_window_attributes(x11->connection, x11->root, XCB_CW_EVENT_MASK, &mask);
	if (x11->has_randr)
		xcb_randr_select_input(x11->connection, x11->root,
			XCB_RANDR_NOTIFY_MASK_SCREEN_CHANGE | XCB_RANDR_NOTIFY_MASK_CRTC_CHANGE |
				XCB_RANDR_NOTIFY_MASK_OUTPUT_CHANGE);
}
