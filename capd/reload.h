/* SPDX-License-Identifier: MIT */
/*
 * Whether a daemon must begin anew because its configuration has changed.
 *
 *     configuration in use ─┐
 *     the file, read again ─┴─► a key that differs, and is not only another program's? ──► due
 *
 * Blocks for as long as a small file is read.
 */
#pragma once

#include <stdbool.h>

#include "common/config.h"
#include "common/service.h"
#include "common/stream.h"

/*
 * Does anything differ that concerns `source`?  Which key it is, the journal says, or that the file
 * cannot be read: then the old configuration stays.
 */
bool reload_is_due(
	enum source_id source, const struct service_options *options, const struct config *config);
