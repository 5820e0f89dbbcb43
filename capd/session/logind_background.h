/* SPDX-License-Identifier: MIT */
/*
 * Is anybody logged in at seat0 whose session is not the one that is active?
 *
 *     Seat.Sessions ──► each but the active one: GetAll ──► the first of a user's that is not
 * closing
 *
 * A log-in screen, and a terminal on which nobody is logged in, look the same with and without
 * somebody's session behind them; but with one it is how some lock (light-locker), and how two
 * users take turns.  Loop only.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>

struct logind_background; /* opaque: one question */

struct logind_background_ops {
	/* Once, unless it is destroyed before; the question may be destroyed from within. */
	void (*on_answer)(void *arg, bool somebody);
	/* It could not be told: `error` is logind's, or NULL. */
	void (*on_failure)(void *arg, const sd_bus_error *error);
};

/* 0 or -errno.  `active_path` is copied ("": none is active), `bus` referenced. */
int logind_background_ask(sd_bus *bus, const char *active_path,
	const struct logind_background_ops *ops, void *arg, struct logind_background **out);
/* Accepts NULL. */
void logind_background_destroy(struct logind_background *background);
