/* SPDX-License-Identifier: MIT */
#include "cli/doctor/asker.h"

#include <errno.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/parse.h"

bool asker_find(struct asker *asker)
{
	const char *text = getenv("SUDO_UID");
	const struct passwd *user;
	uint64_t uid;

	*asker = (struct asker){.uid = 0};
	if (geteuid() != 0 || !text || parse_number(text, strlen(text), 1, (uid_t)-2, &uid) < 0 ||
		!(user = getpwuid((uid_t)uid)))
		return false;
	asker->uid = user->pw_uid;
	asker->gid = user->pw_gid;
	snprintf(asker->name, sizeof(asker->name), "%s", user->pw_name);
	snprintf(asker->runtime_dir, sizeof(asker->runtime_dir), "/run/user/%u",
		(unsigned)user->pw_uid);
	return true;
}

int asker_enter(const struct asker *asker)
{
	const struct passwd *user = getpwuid(asker->uid);

	if (!user)
		return -ENOENT;
	if (setenv("HOME", user->pw_dir, 1) < 0 ||
		setenv("XDG_RUNTIME_DIR", asker->runtime_dir, 1) < 0 ||
		unsetenv("XDG_CONFIG_HOME") < 0 || unsetenv("XDG_STATE_HOME") < 0)
		return -ENOMEM;
	if (setegid(asker->gid) < 0 || seteuid(asker->uid) < 0) {
		int r = -errno;

		asker_leave(asker);
		return r;
	}
	return 0;
}

void asker_leave(const struct asker *asker)
{
	/* Whoever could enter can leave: the real ids have stayed root's. */
	if (asker->uid != 0 && (seteuid(0) < 0 || setegid(0) < 0))
		abort();
}
