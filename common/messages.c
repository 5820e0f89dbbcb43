/* SPDX-License-Identifier: MIT */
#include "common/messages.h"

#include <stddef.h>

const char *message_of_state(enum source_id source, enum source_state state)
{
	switch (state) {
	case STATE_NO_DISPLAY:
	case STATE_DISPLAY_LOST:
		return MESSAGE_NO_DISPLAY;
	case STATE_NOT_ALLOWED:
		return source == SOURCE_CAMERA ? MESSAGE_DEVICE_REFUSES : MESSAGE_NOT_ALLOWED;
	case STATE_WAYLAND:
		return MESSAGE_WAYLAND;
	case STATE_NO_MONITOR:
		return MESSAGE_NO_MONITOR;
	case STATE_NO_SESSION:
		return MESSAGE_NO_SESSION;
	case STATE_LOCKED:
		return MESSAGE_LOCKED;
	case STATE_PAUSED:
		return MESSAGE_PAUSED;
	case STATE_NO_MEMORY:
		return MESSAGE_NO_MEMORY;
	case STATE_NO_DEVICE:
	case STATE_UNPLUGGED:
		return MESSAGE_NO_DEVICE;
	case STATE_BUSY:
		return MESSAGE_DEVICE_BUSY;
	case STATE_NO_SERVER:
		return MESSAGE_NO_SOUND_SERVER;
	case STATE_NOT_ANSWERING:
	case STATE_BROKEN:
		return MESSAGE_DAEMON_FAILS;
	default:
		return NULL;
	}
}
