/* SPDX-License-Identifier: MIT */
/*
 * The user's own word on being shown (common/consent.h), and whenever it changes: by inotify, on ~,
 * ~/.config and ~/.config/screenshare, of which each may come and go.  Loop only; as the user.
 */
#pragma once

#include <systemd/sd-event.h>

#include "common/consent.h"

struct consent_watch; /* opaque */

/* 0 or -errno; while a folder that is there cannot be watched it is read every second. */
int consent_watch_create(sd_event *event, const char *home, void (*on_change)(void *arg), void *arg,
	struct consent_watch **out);
/* Accepts NULL. */
void consent_watch_destroy(struct consent_watch *watch);
enum consent consent_watch_word(const struct consent_watch *watch);
