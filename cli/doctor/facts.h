/* SPDX-License-Identifier: MIT */
/*
 * What several checks of the doctor need to know, found out once and before the first of them: who
 * shares (the service, this user's own, a `run`, nobody), what its server says, how it is
 * configured, and who sits at this computer.  Under sudo "this user" is who called it (asker.h).
 *
 *     system bus, control sockets, files, logind ──► facts ──► each check ──► findings
 *
 * Every question has a deadline of FACTS_WAIT_MS.  One thread; owned by whoever gathers them.
 */
#pragma once

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "cli/doctor/asker.h"
#include "common/config.h"
#include "common/stream.h"

#define FACTS_WAIT_MS   1000
#define FACTS_NAME_SIZE 64
#define FACTS_PATH_SIZE 96 /* of a runtime folder: a socket in it must have a name */

enum facts_sharer {
	FACTS_SERVICE, /* systemd's, whether it runs or not */
	FACTS_RUN,     /* this user's: a `screenshare run`, or none yet, or is_own_service */
};

/* The active session of seat0, as logind tells it. */
struct facts_session {
	bool is_known; /* logind could be asked */
	bool exists;
	uid_t uid;
	char user[FACTS_NAME_SIZE];
	char type[16];  /* x11, wayland, tty, mir, "" */
	char class[16]; /* user, greeter, … */
	char display[FACTS_NAME_SIZE];
	bool is_locked;
};

struct facts {
	/* as it was asked for */
	uint16_t port;            /* --port; 0: none */
	const char *config_given; /* --config; NULL: none */

	bool is_root;
	struct asker asker; /* of FACTS_RUN: whose it is; uid 0: our own user's */
	unsigned start_ms;  /* what the start of a program takes here, at most FACTS_WAIT_MS */
	sd_bus *bus;        /* the system's; NULL: none can be reached */
	bool is_installed;  /* systemd knows screenshare.service */
	enum facts_sharer sharer; /* who is looked at */
	bool is_own_service;      /* of FACTS_RUN: systemctl --user started it */
	bool is_running;          /* it is there … */
	bool is_refused;          /* … and does not tell this user anything */
	bool is_silent;           /* … and does not answer */
	/* Subscriptions to `presence` that have been asked for, of enum source_id; else -errno. */
	int daemon_fds[SOURCE_COUNT];
	json_t *status;                    /* its status; NULL: it did not tell */
	char runtime_dir[FACTS_PATH_SIZE]; /* where its sockets are */
	pid_t run_pid;                     /* of the `run`; 0: none */
	uint16_t run_port;                 /* its port, or of this user's own service; 0: none */

	char config_path[PATH_MAX]; /* the file that counts; "": the defaults do */
	bool is_config_wrong;       /* `config` holds the defaults then */
	char config_fault[512];
	struct config config;
	char state_dir[PATH_MAX];

	struct facts_session session;
};

/* Fills in all of them, in a few seconds at most; what cannot be learned is left as none. */
void facts_gather(struct facts *facts);
void facts_fini(struct facts *facts);

/*
 * A property of a unit: its text.  0 and *out (`size` bytes, "" if it is longer); -errno: systemd
 * could not be asked.  `interface` is "Unit", "Service" or "Socket".
 */
int facts_unit_text(const struct facts *facts, const char *unit, const char *interface,
	const char *property, char *out, size_t size);
/* … or its number, of whichever of D-Bus's integer types. */
int facts_unit_number(const struct facts *facts, const char *unit, const char *interface,
	const char *property, uint64_t *out);
/* D-Bus's path of a unit; to be freed.  NULL: no memory. */
char *facts_unit_path(const char *unit);

/*
 * The account under which the service runs a program ("screenshare-camera"), be it the unit's or
 * [session] fixed_user, into `out` (FACTS_NAME_SIZE); "": that of whoever's session it is, or it
 * cannot be told.
 */
void facts_account(const struct facts *facts, const char *program, char *out);

/* Where one of daemon_fds came to a daemon that was just ending: another, the caller's; or -errno.
 */
int facts_subscribe_again(const struct facts *facts, enum source_id source);

/* The stream of `source` in the server's status that somebody has open; NULL: there is none. */
const json_t *facts_open_stream(const struct facts *facts, const char *source);
/* True if even a program that does nothing takes long to start, so many ms: then nothing follows
 * from it that something has not answered in time, after which it is asked. */
bool facts_is_busy(const struct facts *facts, unsigned *start_ms);
/* The name of the user whose desktop a `run`, or a service of one's own, shows. */
const char *facts_own_user(const struct facts *facts);
/* How to see the log of what is looked at, for remedies: "journalctl -u 'screenshare*' -e". */
const char *facts_log_hint(const struct facts *facts);
