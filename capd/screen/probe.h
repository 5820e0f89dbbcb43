/* SPDX-License-Identifier: MIT */
/*
 * screenshare-screen --probe: can this user's display be captured, and how fast is a picture of it
 * compressed?
 *
 *     connect, extensions, monitor ──► "display"       a test picture ──► JPEG ──► "encoder"
 *
 * Really connects and really encodes, but grabs nothing.  Waits for the display at most
 * X11_REPLY_TIMEOUT_MS; before any other thread.
 */
#pragma once

#include "common/config.h"
#include "common/findings.h"

/* Each adds what it finds, which is something. */
void screen_probe_display(const struct config *config, struct findings *findings);
void screen_probe_encoder(const struct config *config, struct findings *findings);
