/* SPDX-License-Identifier: MIT */
/* Pictures of the states that httpd itself must show, drawn at build time
 * (capd/tools/state_picture). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/stream.h"

/*
 * The JPEG of a source's state, in read-only memory; NULL where none was made: there is one for
 * STATE_STARTING, STATE_NOT_ANSWERING, STATE_BROKEN, STATE_NO_MEMORY and STATE_PAUSED.
 */
const uint8_t *state_picture(enum source_id source, enum source_state state, size_t *len);
