/* SPDX-License-Identifier: MIT */
/*
 * Runs a program, perhaps as another user, and keeps what it prints, until a deadline.
 *
 *     fork ──► become that user ──► exec ──► its stdout ──► text      (deadline: SIGKILL)
 *
 * Its stderr and stdin are /dev/null.  Blocks for as long as that takes; one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Whom it runs as.  Only root can be anybody else. */
struct capture_user {
	const char *name;        /* of the account */
	const char *display;     /* DISPLAY; NULL or "": none */
	const char *xauthority;  /* XAUTHORITY; NULL or "": the user's own file */
	const char *runtime_dir; /* XDG_RUNTIME_DIR; NULL: none */
};

/*
 * `argv[0]` is the path of the program; `user` NULL: as ourselves, with our environment.  0 and
 * what it printed in `out` (`size` bytes, cut, always ended by NUL), once it has exited with 0;
 * -ETIMEDOUT: not within `timeout_ms`, and it has been killed; -EIO: it failed, `out` is what came;
 * -ENOENT: no such user or program; other -errno.
 */
int capture_run(const char *const *argv, const struct capture_user *user, unsigned timeout_ms,
	char *out, size_t size);
