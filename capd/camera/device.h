/* SPDX-License-Identifier: MIT */
/*
 * A camera device: from looking for it to its last frame.
 *
 *     camera_device_open ──► fd, readable when a frame is there ──► take ──► give back ──► … close
 *      (opener's thread)                (event loop)                                (opener's
 * thread)
 *
 * capd/camera/v4l2.c is the real one; tests link another behind the same functions.  Opening and
 * closing may take seconds (a camera that wakes up, a control that goes over the bus, a driver that
 * waits for one that no longer answers), and are for capd/camera/opener.h to call; all others
 * return at once.  One thread at a time for each device.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capd/camera/controls.h"
#include "capd/encode/pixels.h"
#include "common/config.h"
#include "common/stream.h"

#define CAMERA_NAME_MAX  32u
#define CAMERA_WORDS_MAX 200u

struct camera_device; /* opaque */

/* What was agreed on with the camera. */
struct camera_mode {
	char name[CAMERA_NAME_MAX]; /* the camera's, printable ASCII */
	bool is_jpeg;               /* its frames are JPEG pictures; else pixels->layout counts */
	struct pixels_format pixels;
	uint32_t rate_millihertz; /* as the camera says; 0: it does not */
};

struct camera_buffer {
	const uint8_t *bytes; /* the device's, until camera_device_give() */
	size_t len;
	uint64_t pts_ns; /* CLOCK_MONOTONIC, when it was captured */
	unsigned index;  /* the device's */
};

/* Why a camera could not be opened, for people. */
struct camera_fault {
	enum source_state state;
	char words[CAMERA_WORDS_MAX];
};

/* The folder in which cameras appear and disappear, and what their names begin with. */
const char *camera_device_folder(void);
const char *camera_device_prefix(void);

/*
 * Finds the configured camera, agrees on format, size and rate, sets `controls` and starts it.  0;
 * -errno with *fault filled in.
 */
int camera_device_open(const struct config *config, struct controls *controls,
	struct camera_device **out, struct camera_fault *fault);
/* Stops it.  Accepts NULL. */
void camera_device_close(struct camera_device *device);

/* What was agreed on, and what is readable when there is a frame; both are the device's. */
const struct camera_mode *camera_device_mode(const struct camera_device *device);
int camera_device_fd(const struct camera_device *device);

/*
 * Takes the newest frame; those before it go back to the camera.  *n_broken: how many the driver
 * itself has marked as broken among all of them.  0; -EAGAIN: there is none; -ENODEV: the camera is
 * gone; other -errno: it does not work any more.
 */
int camera_device_take(
	struct camera_device *device, struct camera_buffer *buffer, unsigned *n_broken);
/* Gives the memory of a frame back.  0 or -errno, as above. */
int camera_device_give(struct camera_device *device, const struct camera_buffer *buffer);
