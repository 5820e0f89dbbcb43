/* SPDX-License-Identifier: MIT */
#include "capd/session/session_user.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/log.h"

#define ACCOUNT_SIZE 16384

static int take_account(int error, const struct passwd *account, struct session_user *user)
{
	if (!account)
		return error && error != ENOENT && error != ESRCH ? -error : -ENOENT;
	if (strlen(account->pw_name) >= SESSION_NAME_MAX ||
		strlen(account->pw_dir) >= SESSION_HOME_MAX)
		return -ENAMETOOLONG;
	*user = (struct session_user){.uid = account->pw_uid, .gid = account->pw_gid};
	strcpy(user->name, account->pw_name);
	strcpy(user->home, account->pw_dir);
	return 0;
}

int session_user_find(uid_t uid, struct session_user *user)
{
	char buffer[ACCOUNT_SIZE];
	struct passwd account, *found = NULL;
	int error = getpwuid_r(uid, &account, buffer, sizeof(buffer), &found);

	return take_account(error, found, user);
}

int session_user_find_name(const char *name, struct session_user *user)
{
	char buffer[ACCOUNT_SIZE];
	struct passwd account, *found = NULL;
	int error = getpwnam_r(name, &account, buffer, sizeof(buffer), &found);

	return take_account(error, found, user);
}

static bool has_capability(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (syscall(SYS_capget, &head, data) < 0)
		return true;
	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		if (data[i].effective || data[i].permitted || data[i].inheritable)
			return true;
	return false;
}

/* Every id is the user's, and none can be had back. */
static bool is_for_good(const struct session_user *user)
{
	uid_t uid, euid, suid;
	gid_t gid, egid, sgid;

	if (getresuid(&uid, &euid, &suid) < 0 || getresgid(&gid, &egid, &sgid) < 0)
		return false;
	if (uid != user->uid || euid != user->uid || suid != user->uid || gid != user->gid ||
		egid != user->gid || sgid != user->gid)
		return false;
	if (setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || setresgid((gid_t)-1, 0, (gid_t)-1) == 0)
		return false;
	return !has_capability();
}

static int set_environment(const struct session_user *user)
{
	char runtime_dir[64], bus[96];

	snprintf(runtime_dir, sizeof(runtime_dir), "/run/user/%u", (unsigned)user->uid);
	snprintf(bus, sizeof(bus), "unix:path=%s/bus", runtime_dir);
	if (setenv("HOME", user->home, 1) < 0 || setenv("USER", user->name, 1) < 0 ||
		setenv("LOGNAME", user->name, 1) < 0 ||
		setenv("XDG_RUNTIME_DIR", runtime_dir, 1) < 0 ||
		setenv("DBUS_SESSION_BUS_ADDRESS", bus, 1) < 0)
		return -errno;
	return 0;
}

bool session_user_is_root(const struct session_user *user)
{
	return user->uid == 0 || user->gid == 0;
}

int session_user_prepare(const struct session_user *user)
{
	int r = set_environment(user);

	if (r < 0)
		return r;
	return initgroups(user->name, user->gid) < 0 ? -errno : 0;
}

int session_user_become(const struct session_user *user)
{
	int r;

	if (session_user_is_root(user))
		return -EPERM;
	r = session_user_prepare(user);
	if (r < 0)
		return r;
	if (setresgid(user->gid, user->gid, user->gid) < 0 ||
		setresuid(user->uid, user->uid, user->uid) < 0 || !is_for_good(user)) {
		log_err("Could not become the user %s for good; giving up", user->name);
		abort();
	}
	/* The user's other programs neither trace us nor look into what root has opened for us. The
	 * kernel has seen to that already; it is said here because the rest relies on it. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		abort();
	return 0;
}
