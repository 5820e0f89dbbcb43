/* SPDX-License-Identifier: MIT */
/*
 * A sharer is who shares on this computer and can be asked: the service, or one `run` of this user.
 * All commands look for it in the same way:
 *
 *     --port N: this user's `run` on that port
 *     else      the service, else this user's own service (systemctl --user), else the only `run`
 *               of this user
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct sharer {
	const char *runtime_dir; /* where its sockets are */
	uint16_t port;           /* of a `run`; 0: a service */
	bool is_own_service;     /* of this user's systemd */
};

/* What a sharer_fn returns if nobody answers there. */
#define SHARER_NOBODY (-1)

/*
 * Asks one sharer.  An exit status (command.h), after having said what there is to say, or
 * SHARER_NOBODY, having said nothing.
 */
typedef int (*sharer_fn)(void *arg, const struct sharer *sharer);

/*
 * Finds the sharer and asks it; `port` 0: none was given.  What `ask` returned, or
 * COMMAND_NOT_RUNNING or COMMAND_WRONG_USE after having said why nobody was asked.
 */
int sharer_ask(uint16_t port, sharer_fn ask, void *arg);

/* The value of --port.  0, or COMMAND_WRONG_USE after having said why. */
int sharer_parse_port(const char *text, uint16_t *port);
