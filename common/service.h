/* SPDX-License-Identifier: MIT */
/*
 * What every program of screenshare has in common as a service: its arguments, its configuration,
 * the sockets it inherits by name, and what it tells systemd (or `screenshare run`, which plays
 * systemd's part with the same environment variables).
 */
#pragma once

#include "common/config.h"
#include "common/stream.h"

#define SERVICE_EXIT_CONFIG                                                                        \
	78 /* EX_CONFIG: a restart cannot cure this (RestartPreventExitStatus=78) */
#define SERVICE_RUNTIME_DIR "/run/screenshare"
#define SERVICE_STATE_DIR   "/var/lib/screenshare"

/* Names of the inherited sockets (FileDescriptorName=). */
#define SERVICE_FD_HTTP      "http"
#define SERVICE_FD_CONTROL   "control"
#define SERVICE_FD_ADDRESSES "addresses"
#define SERVICE_FD_CAPTURE   "capture"

/* File names under the runtime folder. */
#define SERVICE_SOCK_CONTROL "control.sock"
#define SERVICE_SOCK_SCREEN  "screen.sock"
#define SERVICE_SOCK_CAMERA  "camera.sock"
#define SERVICE_SOCK_AUDIO   "audio.sock"

/* The one of the daemon that has the source. */
const char *service_capture_socket(enum source_id source);

struct service_options {
	const char *config_path;    /* --config-if-there FILE, if it exists; else --config FILE;
				       else CONFIG_PATH_SERVICE */
	bool is_config_given;       /* by either: the file must exist */
	const char *runtime_dir;    /* --runtime DIR, else SERVICE_RUNTIME_DIR */
	const char *state_dir;      /* --state DIR, else SERVICE_STATE_DIR */
	const char *session_dir;    /* --session DIR: whose desktop is to be found out; else NULL */
	bool follows_lock;          /* --follow-lock: nothing while the active session is locked */
	bool pattern_if_no_display; /* --pattern-if-no-display: only `screenshare run` passes it */
	bool is_probe; /* --probe: look, print findings (common/findings.h), end; no socket is
			  needed */
};

/*
 * The first thing in main(): parses the arguments (all programs take the same ones, plus --help,
 * --version, --check and --print-config, which print and exit), opens the log under `name` and
 * loads the configuration.  0, or an exit status after having said why.  Pointers in `options` are
 * into argv.
 */
int service_begin(const char *name, int argc, char **argv, struct service_options *options,
	struct config *config);
/*
 * Reads the same configuration again.  0; else -errno, `error` says in words what is wrong and
 * where, and `config` is as it was.
 */
int service_read_config(
	const struct service_options *options, struct config *config, struct config_error *error);

/*
 * Takes the inherited socket called `name` (the first that has it), close-on-exec and non-blocking
 * set, ownership to the caller; -1 if there is none.  Unnamed and unknown fds are left alone.
 * `service_take_sockets` takes up to `max` of that name (a socket unit may listen on several) and
 * returns how many.  Main thread only, before any other thread exists.
 */
int service_take_socket(const char *name);
int service_take_sockets(const char *name, int *fds, int max);

/* The end of a --probe: prints what was found.  The exit status. */
struct findings;
int service_print_findings(const struct findings *findings);

/* Tell the service manager; no-ops without one.  `status` is one line for a person. */
void service_ready(void);
void service_reloading(void); /* until the next service_ready() */
void service_stopping(void);
void service_status(const char *format, ...) __attribute__((format(printf, 1, 2)));
void service_watchdog_ping(void);
/* Interval at which to ping, in µs, half of WATCHDOG_USEC; 0: no watchdog is wanted. */
uint64_t service_watchdog_interval_us(void);
/* Tells `screenshare run` that a display was reached once, so that it drops
 * --pattern-if-no-display. */
void service_notify_display_reached(void);
