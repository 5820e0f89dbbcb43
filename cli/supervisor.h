/* SPDX-License-Identifier: MIT */
/*
 * Systemd's part for one terminal: starts the daemons, with their sockets, and starts them again.
 *
 *     descriptions ──► units (cli/unit.h), each started, and started again
 *     SIGCHLD, notifications ──► the unit that they concern
 *     a signal, or exit 78 ──► all are stopped ──► the exit status
 *
 * Pictures are back within a second however often a daemon is killed.  Exit 78 (EX_CONFIG) is what
 * a restart cannot cure: it ends everything.  So do SIGINT, SIGTERM and SIGHUP, unless SIGHUP is to
 * reload (supervisor_reload_by_hangup).  Whatever says RELOADING=1 has all others sent SIGHUP.
 * Single-threaded.
 */
#pragma once

#include "cli/unit.h"

#define SUPERVISOR_UNITS_MAX 8

struct supervisor; /* opaque */

struct supervisor_timing {
	unsigned stop_ms; /* from SIGTERM to SIGKILL */
	unsigned well_ms; /* whoever has run for so long starts from no back-off */
};
extern const struct supervisor_timing supervisor_default_timing; /* 2 s, 2 s */

struct supervisor_listener {
	/* A unit is ready, for the first time or again. */
	void (*on_ready)(void *arg, const char *unit_name);
	void *arg;
};

/*
 * Blocks SIGINT, SIGTERM, SIGHUP and SIGCHLD in the calling thread, for good.  `notify_path`: where
 * to bind the notification socket, which must not exist; borrowed for life.  0 or -errno.
 */
int supervisor_create(const char *notify_path, const struct supervisor_timing *timing,
	const struct supervisor_listener *listener, struct supervisor **out);
/* Children that still run are killed and reaped.  Accepts NULL. */
void supervisor_destroy(struct supervisor *supervisor);

/* SIGHUP is passed on to the units that are not started on demand, and ends nothing.  Not for a
 * terminal, whose end is told by the same signal. */
void supervisor_reload_by_hangup(struct supervisor *supervisor);

/* `unit` is copied.  It starts, or watches, when supervisor_run() does.  0 or -errno. */
int supervisor_add(struct supervisor *supervisor, const struct unit_description *unit);

/*
 * Until a signal, or a unit's exit 78, has ended all units.  The exit status: 0 after a signal, 78,
 * or 1 if the loop itself failed.
 */
int supervisor_run(struct supervisor *supervisor);
