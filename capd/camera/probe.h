/* SPDX-License-Identifier: MIT */
/*
 * screenshare-camera --probe: is there a camera, may it be used, and what does it give?
 *
 *     find, open, agree, start, stop ──► "camera"
 *
 * Really starts it, for a moment: only then another program that has it, or one that does not work,
 * shows.  Waits for as long as the driver does; whoever asks has a deadline.
 */
#pragma once

#include "common/config.h"
#include "common/findings.h"

/* Adds what it finds, which is something. */
void camera_probe(const struct config *config, struct findings *findings);
