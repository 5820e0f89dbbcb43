/* SPDX-License-Identifier: MIT */
/*
 * screenshare-httpd --probe: can files be taken and given with the rights that it has?
 *
 *     open the shared folder, as at the start ──► "files"
 *
 * Makes the folder where it is missing, as the start would.  May wait for the disk.
 */
#pragma once

#include "common/config.h"
#include "common/findings.h"

/* Adds what it finds, which is something. */
void files_probe(const struct config *config, const char *state_dir, struct findings *findings);
