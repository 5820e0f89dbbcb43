/* SPDX-License-Identifier: MIT */
/*
 * The rights to a display, where XAUTHORITY does not say in which file they lie: in whichever the
 * user's own session was given.  Each is tried by really connecting (capd/screen/x11.c), because
 * what the user's service manager says goes stale with every log-in.
 *
 * These functions may wait, for XAUTHORITY_WAIT_US at most: on the connector's thread only.
 */
#pragma once

#include <limits.h>
#include <stddef.h>

#define XAUTHORITY_FILES_MAX    2
#define XAUTHORITY_COOKIES_MAX  8
#define XAUTHORITY_COOKIE_SIZE  64
#define XAUTHORITY_DISPLAY_SIZE 64
#define XAUTHORITY_WAIT_US      1000000u
#define XAUTHORITY_PROTOCOL     "MIT-MAGIC-COOKIE-1"

struct xauthority_cookie {
	int len;
	char bytes[XAUTHORITY_COOKIE_SIZE];
};

/*
 * The display that the user's service manager knows, for a session of which nobody has said it: the
 * X server of GDM's sessions is started within them.  0; -ENOENT.
 */
int xauthority_display(char display[XAUTHORITY_DISPLAY_SIZE]);

/* Files besides ~/.Xauthority: that of the user's service manager, and GDM's.  How many. */
size_t xauthority_files(char paths[XAUTHORITY_FILES_MAX][PATH_MAX]);

/*
 * The cookies for the local display of that number, whatever name this computer had when they were
 * written.  How many; 0: none, or no such file.
 */
size_t xauthority_read(const char *path, int display_number,
	struct xauthority_cookie cookies[XAUTHORITY_COOKIES_MAX]);
