/* SPDX-License-Identifier: MIT */
/*
 * The camera's controls that the configuration names: [camera] controls = brightness=10 focus=-1.
 *
 *     configuration ──► wishes (short words taken apart) ──► those that switch something automatic
 *                                                        ──► all others, by the names of v4l2-ctl
 *
 * A camera refuses a value for what it does by itself, so what is automatic is switched first.  A
 * control that the camera has not got is said once in the daemon's life, not with each opening; a
 * value out of the control's range is moved into it, and that is said.  Nothing here keeps a camera
 * from being shown.
 *
 * The camera is known by two functions only (struct controls_ops), so that this is pure computing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTROLS_MAX      128u /* twice as many as fit into the configuration's text */
#define CONTROLS_NAME_MAX 64u

struct controls {
	struct control_wish {
		const char *names; /* of an alias: those it may have, separated by spaces */
		char name[CONTROLS_NAME_MAX]; /* as configured */
		int32_t value;
		bool is_said; /* that it is missing, or was refused */
	} wishes[CONTROLS_MAX];
	size_t n_wishes;
};

struct control_info {
	uint32_t id;
	char name[CONTROLS_NAME_MAX]; /* the driver's, "Auto Exposure" */
	int64_t minimum, maximum;
	bool is_settable; /* a number that may be written */
};

struct controls_ops {
	/* The control after info->id (0: the first).  0; -errno: there is none. */
	int (*next)(void *arg, struct control_info *info);
	/* 0 or -errno. */
	int (*set)(void *arg, const struct control_info *info, int32_t value);
};

/* From the configuration's text, which has been checked when it was read. */
void controls_init(struct controls *controls, const char *text);

/* Sets all of them on one camera, called `camera` in the log. */
void controls_apply(
	struct controls *controls, const char *camera, const struct controls_ops *ops, void *arg);

/* The name as v4l2-ctl prints it: "Exposure, Auto" is exposure_auto.  `out`: CONTROLS_NAME_MAX. */
void controls_name(const char *name, char *out);
