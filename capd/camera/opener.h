/* SPDX-License-Identifier: MIT */
/*
 * Opens and closes the camera on a thread of its own.
 *
 *     begin ──► (thread: camera_device_open) ──► fd readable ──► take: the device, or why not
 *     close ──► (thread: camera_device_close)
 *     cancel ─► what the attempt under way brings is closed again
 *
 * Why a thread: waking a USB camera and each of its controls takes tens to hundreds of
 * milliseconds, and a driver waits up to five seconds, each time, for a camera that has stopped to
 * answer.  On the loop that would stall every subscriber and, in the end, the watchdog.  The frames
 * themselves are taken on the loop: that never waits.
 *
 * All of it happens in order: an attempt begins when the device before is closed, or our own last
 * camera would look as if another program held it.  The thread is started by the first begin(); all
 * functions are the event loop's and return at once.
 */
#pragma once

#include "capd/camera/device.h"

struct opener; /* opaque */

/* `config` is copied.  0 or -errno. */
int opener_create(const struct config *config, struct opener **out);
/* The thread ends, and cleans up, when it has finished what it does.  Accepts NULL. */
void opener_destroy(struct opener *opener);

/* Readable when an attempt is over. */
int opener_fd(const struct opener *opener);

/* Begins an attempt; one at a time.  0 or -errno: no thread can be had. */
int opener_begin(struct opener *opener);
/*
 * The attempt's outcome.  0 and *device, which goes back by opener_close(); -EAGAIN: it is not
 * over, or was cancelled; other -errno and *fault.
 */
int opener_take(struct opener *opener, struct camera_device **device, struct camera_fault *fault);
void opener_cancel(struct opener *opener);

/* Takes the device over. */
void opener_close(struct opener *opener, struct camera_device *device);
