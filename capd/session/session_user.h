/* SPDX-License-Identifier: MIT */
/*
 * A user whom a daemon may become, and becoming that user for good.
 *
 *     root, with CAP_SETUID and CAP_SETGID alone ──session_user_become──► the user, with nothing
 *
 * Before any thread exists, and with nothing open that root's rights live on in: a connection to
 * the system's message bus that was made as root stays root's (the bus asks once).
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define SESSION_NAME_MAX 64 /* bytes of a user's name, NUL included; useradd takes 32 */
#define SESSION_HOME_MAX 1024

struct session_user {
	uid_t uid;
	gid_t gid;
	char name[SESSION_NAME_MAX];
	char home[SESSION_HOME_MAX];
};

/* By uid, or by name.  0; -ENOENT: there is no such account; -errno. */
int session_user_find(uid_t uid, struct session_user *user);
int session_user_find_name(const char *name, struct session_user *user);

/* A group 0 is root's, though its user be not: nobody to become. */
bool session_user_is_root(const struct session_user *user);

/*
 * Groups, ids and environment (HOME, USER, LOGNAME, XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS) are
 * the user's afterwards.  0; -EPERM: root, or no right to do so; -errno, and nothing but
 * environment and groups may have changed.  Once an id has, all have, or the process aborts: also
 * if a way back is left, or any capability.
 */
int session_user_become(const struct session_user *user);

/*
 * As much of that as can fail, without a change of who we are: groups and environment.  Tells a
 * process that waits whether its successor would get further; it opens nothing before it ends.
 */
int session_user_prepare(const struct session_user *user);
