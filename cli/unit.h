/* SPDX-License-Identifier: MIT */
/*
 * A unit is one program that the supervisor keeps running: when it is started, and when again.
 *
 *     at once    ───────────────► running ──ends──► back-off ──► running …
 *     on demand ──► watching ──► running ──exit 0──► watching (its first socket)
 *                      ▲           │ else
 *                      └─back-off ◄┘
 *
 * What ends badly after it has run well starts again at once; the next times wait longer, up to
 * UNIT_BACKOFF_MAX_MS.  What says nothing for its `watchdog_ms` is killed.  Of ends and of what is
 * told the supervisor hears first (SIGCHLD, the notification socket), and hands it on.
 * Embedded in a supervisor.  Single-threaded.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <systemd/sd-event.h>

#include "cli/notify.h"
#include "cli/spawn.h"
#include "common/ratelimit.h"

#define UNIT_ARGS_MAX       16
#define UNIT_BACKOFF_MAX_MS 400

/* What it is.  What the pointers point to must outlive the unit. */
struct unit_description {
	const char *name;                    /* for people: "httpd" */
	const char *program;                 /* path */
	const char *argv[UNIT_ARGS_MAX + 1]; /* NULL at the end */
	const char *argument_until_display;  /* an entry of argv, left out once the unit has
						notified that it reached a display; or NULL */
	struct spawn_fd fds[SPAWN_FDS_MAX];  /* stay open and ours over all restarts */
	size_t n_fds;
	bool on_demand;       /* started when fds[0] becomes readable */
	unsigned watchdog_ms; /* it must say something so often, READY=1 included; 0: never */
};

struct unit {
	struct unit_description is;
	pid_t pid; /* 0: it does not run */

	/* the unit's own */
	const char *notify_path; /* borrowed for life */
	unsigned well_ms;
	uint64_t started_ns; /* 0: never */
	bool has_reached_display;
	bool was_hung; /* its end is our doing, and was said */

	sd_event_source *demand;   /* its first socket; enabled while it is watched */
	sd_event_source *retry;    /* the end of the back-off */
	sd_event_source *watchdog; /* when it will have been silent for too long */
	unsigned n_bad_ends;       /* in a row */
	struct ratelimit ended_limit;
};

/*
 * `is` is copied, `notify_path` becomes its NOTIFY_SOCKET.  Whoever has run for `well_ms` starts
 * from no back-off.  Nothing is started yet.  0 or -errno; unit_fini() in either case.
 */
int unit_init(struct unit *unit, sd_event *event, const struct unit_description *is,
	const char *notify_path, unsigned well_ms);
/* A child that still runs is killed and reaped.  Takes zeroes, too. */
void unit_fini(struct unit *unit);

/* Starts it now, or when somebody wants it. */
void unit_start(struct unit *unit);
/* It is started no more, and its silence no longer counts; what runs goes on. */
void unit_stop(struct unit *unit);
/* Sends the signal, if it runs; to one that is stopped too, but for SIGHUP. */
void unit_kill(struct unit *unit, int sig);

/* True, once: it has ended, and is reaped; `info` says how. */
bool unit_reap(struct unit *unit, siginfo_t *info);
/* After that: whether it starts again, and when.  Not for a unit that has been stopped. */
void unit_start_again(struct unit *unit, const siginfo_t *info);

/* Keeps what it tells of itself. */
void unit_heard(struct unit *unit, const struct notify_message *message);
/* Counts the message as a sign of life.  Not for a unit that has been stopped. */
void unit_is_alive(struct unit *unit, const struct notify_message *message);
