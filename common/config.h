/* SPDX-License-Identifier: MIT */
/*
 * The configuration: one table of keys, from which the file is parsed and against which
 * conf/screenshare.conf and screenshare.conf(5) are checked.
 *
 * Every program reads the whole file and so refuses the same mistakes; each uses its own sections.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc" /* systemd/rules.mk may say otherwise */
#endif

#define CONFIG_TEXT_MAX     256 /* bytes of a text value, NUL included */
#define CONFIG_PATH_SERVICE SYSCONFDIR "/screenshare/screenshare.conf"

enum config_screen_source { CONFIG_SCREEN_X11 = 0, CONFIG_SCREEN_PATTERN = 1 };
enum config_subsampling { CONFIG_420 = 0, CONFIG_444 = 1 };
enum config_camera_source { CONFIG_CAMERA_V4L2 = 0, CONFIG_CAMERA_PATTERN = 1 };
enum config_camera_format {
	CONFIG_CAMERA_AUTO = 0,
	CONFIG_CAMERA_MJPEG = 1,
	CONFIG_CAMERA_YUYV = 2,
	CONFIG_CAMERA_NV12 = 3,
	CONFIG_CAMERA_YU12 = 4
};

/* Who may. */
enum config_right { CONFIG_YES = 0, CONFIG_OWN = 1, CONFIG_PRESENTER = 2, CONFIG_NO = 3 };

struct config {
	struct {
		char hosts[CONFIG_TEXT_MAX]; /* extra names (space-separated) this machine may be
						asked for */
		char allow[CONFIG_TEXT_MAX]; /* extra address ranges (CIDR, space-separated) that
						may watch */
		unsigned connections_max;    /* in all; 1024 */
		unsigned connections_per_address; /* 64; loopback is only bound by the total */
		unsigned head_timeout_s;          /* a request's head must be complete by then; 5 */
		unsigned head_size_max;           /* bytes of a request's head; 16384 */
		unsigned
			stall_timeout_s; /* a viewer that takes nothing for so long is closed; 15 */
		unsigned grace_s;        /* capture goes on for so long after the last viewer; 10 */
	} http;
	struct {
		enum config_screen_source source; /* x11 | pattern */
		char display[CONFIG_TEXT_MAX];    /* X display, "" : $DISPLAY */
		char monitor[CONFIG_TEXT_MAX]; /* "all", a RandR output name, or a number from 1 */
		unsigned rate;                 /* ceiling, frames a second, 1–60; 30 */
		unsigned quality;              /* JPEG, 1–100; 80 */
		enum config_subsampling subsampling;    /* 420 | 444 */
		bool cursor;                            /* yes */
		unsigned pattern_width, pattern_height; /* 1280 × 720 */
	} screen;
	struct {
		enum config_camera_source source; /* v4l2 | pattern */
		char device[CONFIG_TEXT_MAX]; /* "auto", /dev/…, or a part of a camera's name */
		enum config_camera_format format; /* auto | mjpeg | yuyv | nv12 | yu12 */
		unsigned width, height;           /* wished for; 1280 × 720 */
		unsigned rate;                    /* wished for, frames a second, 1–120; 30 */
		unsigned quality;                 /* JPEG, 1–100; 80 */
		char controls[CONFIG_TEXT_MAX];   /* "brightness=10 horizontal_flip=1" */
	} camera;
	struct {
		char sources[CONFIG_TEXT_MAX]; /* config_audio_inputs(); "desktop" */
		char desktop[CONFIG_TEXT_MAX], microphone[CONFIG_TEXT_MAX]; /* ALSA PCMs */
		unsigned desktop_gain, microphone_gain;                     /* per cent; 100 */
		unsigned opus_bitrate;                                      /* kbit/s; 96 */
	} audio;
	struct {
		char folder[CONFIG_TEXT_MAX]; /* "": uploads in the state folder */
		bool uploads;                 /* yes */
		bool hash;                    /* yes */
		enum config_right delete, rename;
		unsigned file_max_mb; /* of 1,000,000 bytes, as the next three; 0: no limit */
		unsigned quota_mb, sender_quota_mb;
		unsigned free_mb;                   /* 1000; always kept free on the disk */
		unsigned count_max;                 /* 20000 */
		unsigned age_days;                  /* 0: kept for ever */
		unsigned trash_hours, resume_hours; /* 24 */
		unsigned body_timeout_s;            /* 60 */
	} files;
	struct {
		char users[CONFIG_TEXT_MAX];      /* "first", "all", names */
		bool show_locked;                 /* no */
		char fixed_user[CONFIG_TEXT_MAX]; /* "": whoever's session it is */
		bool notify;                      /* yes */
	} session;
	struct {
		bool debug; /* no */
	} log;
};

/* Where and what a mistake is.  `line` 0: the file as a whole. */
struct config_error {
	char text[512]; /* "FILE:LINE: [screen] rate: expected a whole number from 1 to 60, found
			   "61"" */
};

/* Fills in the defaults.  Cannot fail. */
void config_defaults(struct config *config);

/*
 * Reads `path` over the defaults.  0; -ENOENT if there is no such file, -ENOLINK if there is a link
 * to one (config then holds the defaults); -EINVAL with `error` filled in for an unknown section or
 * key, a value out of range, a line that is too long or no key = value; other -errno with `error`
 * for a file that cannot be read.
 */
int config_load(struct config *config, const char *path, struct config_error *error);

/* Calls `each` for every key that has another value in `b` than in `a`, in the file's order. */
void config_compare(const struct config *a, const struct config *b,
	void (*each)(void *arg, const char *section, const char *name), void *arg);
/* Gives `config` the values of `fresh`, key by key, but for those that `stays` (not NULL) names;
 * these are not even written. */
void config_adopt(struct config *config, const struct config *fresh,
	bool (*stays)(const char *section, const char *name));

/*
 * The inputs named in [audio] sources, as bits 1 << enum audio_input (common/stream.h).  0: none,
 * as in an empty text; -EINVAL: it names something else.
 */
int config_audio_inputs(const char *text);

/*
 * The next control of [camera] controls at *text: its name (not NUL-terminated) and value; *text
 * moves behind it.  1; 0: there is none left; -EINVAL: no "name=value".
 */
int config_camera_control(const char **text, const char **name, size_t *name_len, int32_t *value);

/* Writes the fully commented file, every key at its default: `screenshare-httpd --print-config`,
 * against which conf/screenshare.conf is checked. */
void config_print(FILE *out);
