/* SPDX-License-Identifier: MIT */
#include "capd/session/xauthority.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <X11/Xauth.h>
#include <systemd/sd-bus.h>

/* --- the cookies of a file --- */

static bool is_for(const Xauth *entry, int display_number)
{
	char number[16];
	int n = snprintf(number, sizeof(number), "%d", display_number);

	if (entry->family != FamilyLocal && entry->family != FamilyWild)
		return false;
	if (entry->number_length &&
		(entry->number_length != n || memcmp(entry->number, number, (size_t)n) != 0))
		return false;
	return entry->name_length == strlen(XAUTHORITY_PROTOCOL) &&
	       memcmp(entry->name, XAUTHORITY_PROTOCOL, entry->name_length) == 0 &&
	       entry->data_length > 0 && entry->data_length <= XAUTHORITY_COOKIE_SIZE;
}

size_t xauthority_read(const char *path, int display_number,
	struct xauthority_cookie cookies[XAUTHORITY_COOKIES_MAX])
{
	FILE *file = fopen(path, "re");
	size_t n = 0;
	Xauth *entry;

	if (!file)
		return 0;
	while (n < XAUTHORITY_COOKIES_MAX && (entry = XauReadAuth(file))) {
		if (is_for(entry, display_number)) {
			cookies[n].len = entry->data_length;
			memcpy(cookies[n].bytes, entry->data, entry->data_length);
			n++;
		}
		XauDisposeAuth(entry);
	}
	fclose(file);
	return n;
}

/* --- the user's service manager --- */

static int ask_manager(const char *runtime_dir, char ***environment)
{
	char address[PATH_MAX];
	sd_bus *bus = NULL;
	int n = snprintf(address, sizeof(address), "unix:path=%s/bus", runtime_dir), r;

	if (n < 0 || n >= PATH_MAX || strpbrk(runtime_dir, ",;%"))
		return -EINVAL;
	if ((r = sd_bus_new(&bus)) >= 0 && (r = sd_bus_set_address(bus, address)) >= 0 &&
		(r = sd_bus_set_bus_client(bus, true)) >= 0 &&
		(r = sd_bus_set_method_call_timeout(bus, XAUTHORITY_WAIT_US)) >= 0 &&
		(r = sd_bus_start(bus)) >= 0)
		r = sd_bus_get_property_strv(bus, "org.freedesktop.systemd1",
			"/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
			"Environment", NULL, environment);
	sd_bus_close(bus);
	sd_bus_unref(bus);
	return r;
}

/* A variable of its environment, whole.  False: it has none, or nobody answers. */
static bool find_variable(const char *runtime_dir, const char *name, char *value, size_t size)
{
	size_t name_len = strlen(name);
	char **environment = NULL;
	bool found = false;

	if (ask_manager(runtime_dir, &environment) < 0)
		return false;
	for (char **one = environment; one && *one; one++) {
		if (strncmp(*one, name, name_len) == 0 && (*one)[name_len] == '=' &&
			strlen(*one + name_len + 1) < size) {
			strcpy(value, *one + name_len + 1);
			found = true;
		}
		free(*one);
	}
	free(environment);
	return found;
}

int xauthority_display(char display[XAUTHORITY_DISPLAY_SIZE])
{
	const char *runtime_dir = getenv("XDG_RUNTIME_DIR");

	if (!runtime_dir ||
		!find_variable(runtime_dir, "DISPLAY", display, XAUTHORITY_DISPLAY_SIZE))
		return -ENOENT;
	return strchr(display, ':') ? 0 : -ENOENT;
}

size_t xauthority_files(char paths[XAUTHORITY_FILES_MAX][PATH_MAX])
{
	const char *runtime_dir = getenv("XDG_RUNTIME_DIR");
	size_t n = 0;

	if (!runtime_dir || runtime_dir[0] != '/')
		return 0;
	if (find_variable(runtime_dir, "XAUTHORITY", paths[n], PATH_MAX) && paths[n][0] == '/')
		n++;
	int len = snprintf(paths[n], PATH_MAX, "%s/gdm/Xauthority", runtime_dir);
	return len < 0 || len >= PATH_MAX ? n : n + 1;
}
