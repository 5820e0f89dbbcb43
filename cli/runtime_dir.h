/* SPDX-License-Identifier: MIT */
/*
 * Where one `screenshare run` keeps its sockets: a folder of its user alone, named after the port,
 * with a lock by which others see that it lives.
 *
 *     $XDG_RUNTIME_DIR/screenshare-8001/     or, without one,
 * /tmp/screenshare-UID/screenshare-8001/ lock            locked (fcntl) as long as that `run`
 * lives: the kernel forgets no crash control.sock screen.sock notify.sock
 *
 * A folder whose lock is free is the rest of a `run` that was killed: the next one clears it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct runtime_dir; /* opaque */

/*
 * Makes or takes over the folder for `port`, and empties it.  0; -EBUSY: another `run` of this user
 * has it (*holder, its pid); -EPERM: the only place left, in /tmp, belongs to somebody else or is
 * open to others; other -errno.
 */
int runtime_dir_create(uint16_t port, struct runtime_dir **out, pid_t *holder);
/* Removes it with what is in it.  Accepts NULL. */
void runtime_dir_destroy(struct runtime_dir *dir);

/* Absolute.  A socket of at most 15 characters in it has a name that sun_path can hold. */
const char *runtime_dir_path(const struct runtime_dir *dir);

#define RUNTIME_DIR_PATH_SIZE 92 /* see runtime_dir_path() */

/*
 * Where this user's own service has its sockets, if it runs.  0 and *path (RUNTIME_DIR_PATH_SIZE
 * bytes); -errno: there is no $XDG_RUNTIME_DIR that is this user's alone.
 */
int runtime_dir_of_service(char *path);

/* A `run` of this user that lives. */
struct runtime_dir_run {
	uint16_t port;
	pid_t pid;
	char path[RUNTIME_DIR_PATH_SIZE];
};

/* Those that there are, by port; at most `max`.  How many. */
size_t runtime_dir_list(struct runtime_dir_run *runs, size_t max);
