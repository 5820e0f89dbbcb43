/* SPDX-License-Identifier: MIT */
/*
 * What a notification says of who watches (org.freedesktop.Notifications).  Pure.
 *
 * The lines come from httpd, and in them is what strangers call themselves: a body is markup to
 * many desktops, so that whatever could be is escaped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Of what is watched (bits 1 << enum source_id); never NULL. */
const char *notification_summary(unsigned sources, bool is_paused);

/* The lines with &, < and > escaped; NULL: no memory.  free(). */
char *notification_body(const char *lines);

/* Is there a line in `now` that is not in `before`? */
bool notification_has_new(const char *before, const char *now);
