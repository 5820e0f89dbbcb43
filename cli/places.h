/* SPDX-License-Identifier: MIT */
/*
 * Where things lie for `screenshare run`: the programs, the configuration, what is kept.  All paths
 * come from the environment once, and are absolute.
 */
#pragma once

#include <limits.h>

#include "common/config.h"

/*
 * The program called `name`: beside this one, as in a build folder, else where it is installed.
 * 0 and *out (PATH_MAX bytes); -ENOENT: in neither, or not executable; *out is then where it is
 * installed, for the message.
 */
int places_program(const char *name, char *out);

/*
 * Reads the configuration: `given` (--config) if not NULL, else the user's own
 * ($XDG_CONFIG_HOME/screenshare/screenshare.conf), else the machine's in /etc, else the defaults.
 * 0, and *out (PATH_MAX bytes) is the file that was read, "" for the defaults; -errno with `error`
 * filled in.
 */
int places_config(const char *given, struct config *config, struct config_error *error, char *out);

/*
 * The folder for what is kept: `given` (--state) if not NULL, else $XDG_STATE_HOME/screenshare;
 * made, with the folders above it (0700), if it is not there.  0 and *out (PATH_MAX bytes, also on
 * failure); -errno.
 */
int places_state(const char *given, char *out);
