/* SPDX-License-Identifier: MIT */
/*
 * The camera's life: looked for, opened, streaming, lost, and looked for again.
 *
 *          ┌───────── retry: once a second, and whenever something appears in /dev ─────────┐
 *          ▼                                                                                │
 *       opening ──► streaming ──► live: whole frames ──► (unplugged, silent for 3 s) ───────┤
 *       (opener)        └────────► nothing whole for 3 s ───────────────────────────────────┤
 *          └──► none, busy, not allowed, out of order ──────────────────────────────────────┘
 *
 * Only whole frames leave it: what the driver has marked as broken, what is shorter than its size
 * demands, and JPEG pictures that are broken or of another size are counted and dropped.  The
 * newest frame wins; frames that come faster than the rate are passed over and not counted.
 *
 * Not a capd/source.h: its frames are no pixels to be compared, and need no look at what changed.
 * Event-loop thread only.
 */
#pragma once

#include <systemd/sd-event.h>

#include "capd/camera/device.h"
#include "capd/camera/mjpeg.h"

struct camera_frame {
	const struct camera_mode *mode;
	const uint8_t *bytes; /* the camera's own memory: only until on_frame returns */
	size_t len;
	uint64_t pts_ns;
	struct mjpeg jpeg; /* where mode->is_jpeg */
};

struct camera_source_listener {
	void (*on_frame)(void *arg, const struct camera_frame *frame);
	/* As source_listener::on_state; STATE_LIVE comes before the first frame. */
	void (*on_state)(void *arg, enum source_state state, const char *words);
	/* So many frames were broken and have been dropped. */
	void (*on_broken)(void *arg, unsigned n);
	void *arg;
};

struct camera_source;

/* 0 or -errno.  `listener` and `config` are copied, `event` is borrowed for life. */
int camera_source_create(sd_event *event, const struct config *config,
	const struct camera_source_listener *listener, struct camera_source **out);
/* Accepts NULL; stops first. */
void camera_source_destroy(struct camera_source *source);

/* Start looking.  Failure is a state, not an error.  Idempotent, as is stopping. */
void camera_source_start(struct camera_source *source);
void camera_source_stop(struct camera_source *source);
/* Ceiling in frames per 1000 s; the camera itself goes on at its own rate. */
void camera_source_set_rate(struct camera_source *source, uint32_t millihertz);
