/* SPDX-License-Identifier: MIT */
/*
 * One open node of Video4Linux, up to the moment when its buffers are wanted.
 *
 *     open ──► query: does it capture? ──► agree: format, size, rate, controls ──► buffers
 *
 * Its own JPEG pictures are preferred, then YU12, NV12, YUYV, then whatever libv4l2 converts to
 * YU12.
 *
 * What the driver says is bounded before it is used: names are made printable, sizes are those that
 * JPEG and we can have.  Blocks; for the opener's thread (capd/camera/opener.h).
 */
#pragma once

#include "capd/camera/device.h"

struct v4l2_node {
	int fd;          /* the owner's; opened without blocking */
	bool is_wrapped; /* the fd is libv4l2's: it is closed by v4l2_close() */
	char card[33];   /* its whole name, as the driver says it */
	struct camera_mode mode;
};

/* ioctl() that a signal does not end.  0 or -errno.  Any thread. */
int v4l2_node_ask(const struct v4l2_node *node, unsigned long request, void *arg);

/* Fills in card and mode.name.  0; -ENODEV: it gives no pictures (metadata, output, an encoder);
 * other -errno. */
int v4l2_node_query(struct v4l2_node *node);

/* Fills in mode, and sets `controls`.  0; -EBUSY: another program has it; other -errno. */
int v4l2_node_agree(struct v4l2_node *node, const struct config *config, struct controls *controls);
