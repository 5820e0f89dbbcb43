/* SPDX-License-Identifier: MIT */
/*
 * How many files this process may have open: a connection is one.  Event-loop thread only.
 */
#pragma once

#include "common/config.h"

/* Room for [http] connections_max and the rest, or a line that says why there is less. */
void open_files_allow(const struct config *config);
