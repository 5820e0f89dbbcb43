/* SPDX-License-Identifier: MIT */
/*
 * screenshare-audio --probe: where would sound come from?
 *
 *     the sound server's answer ──► "sound": what is played here      "microphone": what it hears
 *
 * Asks the sound server as the daemon does, and listens to nothing.  A device of ALSA's own is only
 * named: to open it would be to use it.  Waits SOUND_PROBE_MS at most.
 */
#pragma once

#include "common/config.h"
#include "common/findings.h"

#define SOUND_PROBE_MS 1200u

/* Adds what it finds of the desktop, and of the microphone. */
void sound_probe(const struct config *config, struct findings *findings);
