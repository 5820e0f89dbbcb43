/* SPDX-License-Identifier: MIT */
/*
 * The asker is who typed the command: under sudo that is not root, and what is looked for, a
 * service of one's own or a `run`, is not root's either.
 *
 *     root ── asker_enter ──► that user's folders, files and sockets, with that user's rights
 *          ◄── asker_leave ── … and what only root sees
 *
 * Only the effective ids change, and the variables of the environment that lead to a user's
 * folders, which stay so: nothing of root's own is looked for after that.  One thread.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define ASKER_NAME_SIZE 64
#define ASKER_DIR_SIZE  32

struct asker {
	uid_t uid; /* 0: nobody but who we are */
	gid_t gid;
	char name[ASKER_NAME_SIZE];
	char runtime_dir[ASKER_DIR_SIZE]; /* XDG_RUNTIME_DIR, as logind gives it */
};

/* True if we are root, and sudo says for whom; `asker` is zero otherwise. */
bool asker_find(struct asker *asker);
/* 0; -errno: we are who we were. */
int asker_enter(const struct asker *asker);
/* Root again.  Also where nobody was entered. */
void asker_leave(const struct asker *asker);
