/* SPDX-License-Identifier: MIT */
/*
 * Signals to lock and unlock that have come before it is known whose they are: the last few, in
 * their order.  Copies, so that nobody makes us hold messages.  Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define KEPT_SIGNALS_MAX      16
#define KEPT_SIGNALS_NAME_MAX 256 /* NUL included; the bus has no longer names */

struct kept_signal {
	char sender[KEPT_SIGNALS_NAME_MAX], path[KEPT_SIGNALS_NAME_MAX];
	bool is_lock;
};

struct kept_signals {
	struct kept_signal list[KEPT_SIGNALS_MAX];
	size_t n;
};

/* What is too long is left out; where it is full the oldest goes. */
void kept_signals_add(
	struct kept_signals *kept, const char *sender, const char *path, bool is_lock);
