/* SPDX-License-Identifier: MIT */
#include "cli/places.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef LIBEXECDIR
#define LIBEXECDIR "/usr/local/libexec/screenshare" /* systemd/rules.mk may say otherwise */
#endif

__attribute__((format(printf, 2, 3))) static int make_path(char *out, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(out, PATH_MAX, format, args);
	va_end(args);
	return len < 0 || len >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int places_program(const char *name, char *out)
{
	char self[PATH_MAX], *slash;
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len > 0) {
		self[len] = '\0';
		slash = strrchr(self, '/');
		if (slash) {
			*slash = '\0';
			if (make_path(out, "%s/%s", self, name) == 0 && access(out, X_OK) == 0)
				return 0;
		}
	}
	make_path(out, "%s/%s", LIBEXECDIR, name);
	return access(out, X_OK) == 0 ? 0 : -ENOENT;
}

/* `variable`, else `beneath` in the user's home: what the XDG Base Directory Specification says, by
 * which a path that is not absolute does not count. */
static int xdg_dir(const char *variable, const char *beneath, char *out)
{
	const char *path = getenv(variable), *home = getenv("HOME");

	if (path && path[0] == '/')
		return make_path(out, "%s", path);
	if (!home || home[0] != '/') {
		struct passwd *user = getpwuid(geteuid());

		home = user ? user->pw_dir : NULL;
	}
	if (!home || home[0] != '/')
		return -ENOENT;
	return make_path(out, "%s/%s", home, beneath);
}

int places_config(const char *given, struct config *config, struct config_error *error, char *out)
{
	char dir[PATH_MAX];
	int r;

	if (given) {
		r = make_path(out, "%s", given);
		return r < 0 ? r : config_load(config, given, error);
	}
	r = xdg_dir("XDG_CONFIG_HOME", ".config", dir);
	if (r == 0)
		r = make_path(out, "%s/screenshare/screenshare.conf", dir);
	if (r == 0)
		r = config_load(config, out, error);
	if (r != -ENOENT)
		return r;
	strcpy(out, CONFIG_PATH_SERVICE);
	r = config_load(config, out, error);
	if (r != -ENOENT)
		return r;
	out[0] = '\0';
	config_defaults(config);
	return 0;
}

static int make_dirs(char *path)
{
	struct stat st;

	for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0700); /* whatever stops it stops the last one too */
		*slash = '/';
	}
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int places_state(const char *given, char *out)
{
	char here[PATH_MAX];
	int r;

	if (given && given[0] == '/')
		r = make_path(out, "%s", given);
	else if (given)
		r = getcwd(here, sizeof(here)) ? make_path(out, "%s/%s", here, given) : -errno;
	else if ((r = xdg_dir("XDG_STATE_HOME", ".local/state", here)) == 0)
		r = make_path(out, "%s/screenshare", here);
	return r < 0 ? r : make_dirs(out);
}
