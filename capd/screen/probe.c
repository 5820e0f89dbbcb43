/* SPDX-License-Identifier: MIT */
#include "capd/screen/probe.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "capd/encode/jpeg_rect.h"
#include "capd/pattern.h"
#include "capd/screen/x11.h"
#include "capd/screen/x11_connector.h"
#include "common/clock.h"

#define NAME_DISPLAY "display"
#define NAME_ENCODER "encoder"

#define CONNECT_MS     1200 /* less than the asker waits for all of it */
#define PICTURE_WIDTH  1920u
#define PICTURE_HEIGHT 1080u
#define PICTURES       3     /* the first one warms the caches up */
#define SLOW_MS        30.0  /* a frame's time at 30 a second */
#define PATIENCE_MS    100.0 /* above, one picture must do */
#define JPEG_MAX       (8u * 1024u * 1024u)

#define STRING_OF(name) STRING(name)
#define STRING(text)    #text

#define X11_SESSION_REMEDY "Log out, and choose a session on X11 (\"on Xorg\") at the login screen"

/* --- the display --- */

static const char *display_name(const struct config *config)
{
	const char *name = getenv("DISPLAY");

	return config->screen.display[0] ? config->screen.display : name ? name : "";
}

/*
 * NULL: not within CONNECT_MS (*is_silent), or not at all.  `display` (CONFIG_TEXT_MAX):
 * which one is asked for; "" becomes the one that was found.
 */
static xcb_connection_t *reach(char *display, bool *is_silent)
{
	struct x11_connector *connector;
	struct pollfd done = {.events = POLLIN};

	*is_silent = false;
	if (x11_connector_start(display, &connector) < 0)
		return NULL;
	done.fd = x11_connector_fd(connector);
	if (poll(&done, 1, CONNECT_MS) == 1) {
		snprintf(display, CONFIG_TEXT_MAX, "%s", x11_connector_display(connector));
		return x11_connector_finish(connector);
	}
	*is_silent = true;
	x11_connector_abandon(connector);
	return NULL;
}

static void add_unreachable(struct findings *findings, const char *display, bool is_silent)
{
	if (!*display && getenv("WAYLAND_DISPLAY")) {
		findings_add(findings, FINDING_WRONG, NAME_DISPLAY,
			"This desktop uses Wayland, of which no picture can be taken yet");
		findings_remedy(findings, X11_SESSION_REMEDY);
	} else if (!*display) {
		findings_add(findings, FINDING_WRONG, NAME_DISPLAY,
			"No display is set: DISPLAY is empty, and so is [screen] display");
		findings_remedy(findings, "Ask again from a terminal of the desktop, or name the "
					  "display in [screen] display");
	} else if (is_silent) {
		findings_add(findings, FINDING_WRONG, NAME_DISPLAY,
			"The display %.64s accepts connections and does not answer", display);
		findings_remedy(findings, "Log out and in again, or restart the display manager: "
					  "sudo systemctl restart display-manager");
	} else if (x11_listens_here(display)) {
		findings_add(findings, FINDING_WRONG, NAME_DISPLAY,
			"The display %.64s refuses this user", display);
		findings_remedy(findings,
			"Set XAUTHORITY to the file with its key, or permit the user in a terminal "
			"of that desktop: xhost +si:localuser:NAME");
	} else {
		findings_add(findings, FINDING_WRONG, NAME_DISPLAY,
			"The display %.64s cannot be reached", display);
		findings_remedy(findings,
			"Log in to a desktop, or correct [screen] display: the displays of this "
			"computer are in /tmp/.X11-unix (X0 is :0)");
	}
}

static void add_reached(struct findings *findings, const struct config *config, struct x11 *x11,
	const char *display)
{
	char words[X11_WORDS_MAX];
	struct x11_area area;
	enum source_state state = x11_find_area(x11, config->screen.monitor, &area, words);

	if (state != STATE_LIVE) {
		findings_add(findings, FINDING_WRONG, NAME_DISPLAY, "%s", words);
		findings_remedy(
			findings, state == STATE_NO_MONITOR
					  ? "Set [screen] monitor to all, or to a name that "
					    "xrandr --listmonitors prints"
					  : "Choose another resolution or monitor");
		return;
	}
	if (x11->is_xwayland) {
		findings_add(findings, FINDING_WRONG, NAME_DISPLAY,
			"The display %.64s is that of XWayland, which shows no desktop", display);
		findings_remedy(findings, X11_SESSION_REMEDY);
		return;
	}
	findings_add(findings, x11->has_shm_fd && x11->has_damage ? FINDING_FINE : FINDING_NOTE,
		NAME_DISPLAY, "The display %.64s can be shown: %u × %u pixels, %s, %s, %s", display,
		area.width, area.height, x11->has_shm_fd ? "MIT-SHM" : "no shared memory (slower)",
		x11->has_damage ? "DAMAGE" : "no DAMAGE (looks all the time)",
		x11->has_randr ? "RANDR" : "no RANDR (one monitor)");
}

static void look_at_server(const struct config *config, struct findings *findings)
{
	char display[CONFIG_TEXT_MAX], words[X11_WORDS_MAX];
	xcb_connection_t *connection = NULL;
	bool is_silent = false;
	struct x11 x11;

	snprintf(display, sizeof(display), "%s", display_name(config));
	if (*display || !getenv("WAYLAND_DISPLAY"))
		connection = reach(display, &is_silent);
	if (!connection) {
		add_unreachable(findings, display, is_silent);
		return;
	}
	if (x11_init(&x11, connection, display, words) == STATE_LIVE) {
		add_reached(findings, config, &x11, display);
	} else {
		findings_add(findings, FINDING_WRONG, NAME_DISPLAY, "%s", words);
		findings_remedy(findings, "Give the X server a depth of 24 bits");
	}
	x11_fini(&x11);
}

void screen_probe_display(const struct config *config, struct findings *findings)
{
	if (config->screen.source == CONFIG_SCREEN_PATTERN)
		findings_add(findings, FINDING_NOTE, NAME_DISPLAY,
			"The configuration shows a test picture, not the screen ([screen] source)");
	else
		look_at_server(config, findings);
}

/* --- the encoder --- */

/* The time of the quickest of several pictures, in ms. */
static int time_pictures(struct jpeg_rect *rect, const struct picture *picture, double *out_ms)
{
	const struct box box = {0, 0, PICTURE_WIDTH, PICTURE_HEIGHT};
	struct payload payload = {0};
	int r = 0;

	*out_ms = 1e9;
	for (int i = 0; i < PICTURES && r == 0 && (i == 0 || *out_ms < PATIENCE_MS); i++) {
		uint64_t begin_ns = clock_monotonic_ns();

		payload_reset(&payload);
		r = jpeg_rect_write(rect, picture, &box, begin_ns, JPEG_MAX, &payload);
		double ms = (double)(clock_monotonic_ns() - begin_ns) / NS_PER_MS;
		if (ms < *out_ms)
			*out_ms = ms;
	}
	payload_fini(&payload);
	return r;
}

static int time_encoder(const struct config *config, double *out_ms)
{
	const struct strip_cache_options options = {.quality = config->screen.quality,
		.subsampling = config->screen.subsampling,
		.n_threads = 1};
	struct picture picture = {.stride = PICTURE_WIDTH * 4,
		.width = PICTURE_WIDTH,
		.height = PICTURE_HEIGHT,
		.pixels = calloc(PICTURE_WIDTH * 4, PICTURE_HEIGHT)};
	struct jpeg_rect *rect = NULL;
	int r = picture.pixels ? jpeg_rect_create(&options, PICTURE_HEIGHT, &rect) : -ENOMEM;

	if (r == 0) {
		pattern_draw(&picture, clock_monotonic_ns(), NULL, true, NULL);
		r = time_pictures(rect, &picture, out_ms);
	}
	jpeg_rect_destroy(rect);
	free(picture.pixels);
	return r;
}

void screen_probe_encoder(const struct config *config, struct findings *findings)
{
	double ms = 0;
	int r = time_encoder(config, &ms);

	if (r < 0) {
		findings_add(findings, FINDING_WRONG, NAME_ENCODER,
			"No picture could be compressed: %s", strerror(-r));
		findings_remedy(findings, "Close programs that use much memory");
		return;
	}
	findings_add(findings, ms < SLOW_MS ? FINDING_FINE : FINDING_NOTE, NAME_ENCODER,
		"A picture of %u × %u is compressed in %.1f ms (libjpeg-turbo %s)", PICTURE_WIDTH,
		PICTURE_HEIGHT, ms, STRING_OF(LIBJPEG_TURBO_VERSION));
	if (ms >= SLOW_MS)
		findings_remedy(findings,
			"Slow for films: lower [screen] rate, or see whether other programs keep "
			"this computer busy");
}
