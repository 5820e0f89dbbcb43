/* SPDX-License-Identifier: MIT */
#include "capd/session/xauthority.h"

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

/* --- which files --- */

/* XAUTHORITY as the user's service manager has it. */
static bool ask_manager(const char *runtime_dir, char path[PATH_MAX])
{
	static const char variable[] = "XAUTHORITY=";
	char address[PATH_MAX];
	char **environment = NULL;
	sd_bus *bus = NULL;
	bool found = false;
	int n = snprintf(address, sizeof(address), "unix:path=%s/bus", runtime_dir);

	if (n < 0 || n >= PATH_MAX || strpbrk(runtime_dir, ",;%") || sd_bus_new(&bus) < 0)
		return false;
	if (sd_bus_set_address(bus, address) >= 0 && sd_bus_set_bus_client(bus, true) >= 0 &&
		sd_bus_set_method_call_timeout(bus, XAUTHORITY_WAIT_US) >= 0 &&
		sd_bus_start(bus) >= 0 &&
		sd_bus_get_property_strv(bus, "org.freedesktop.systemd1",
			"/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
			"Environment", NULL, &environment) >= 0)
		for (char **one = environment; one && *one; one++)
			if (strncmp(*one, variable, sizeof(variable) - 1) == 0)
				found = snprintf(path, PATH_MAX, "%s",
						*one + sizeof(variable) - 1) < PATH_MAX;
	for (char **one = environment; one && *one; one++)
		free(*one);
	free(environment);
	sd_bus_close(bus);
	sd_bus_unref(bus);
	return found && path[0] == '/';
}

size_t xauthority_files(char paths[XAUTHORITY_FILES_MAX][PATH_MAX])
{
	const char *runtime_dir = getenv("XDG_RUNTIME_DIR");
	size_t n = 0;

	if (!runtime_dir || runtime_dir[0] != '/')
		return 0;
	if (ask_manager(runtime_dir, paths[n]))
		n++;
	int len = snprintf(paths[n], PATH_MAX, "%s/gdm/Xauthority", runtime_dir);
	return len < 0 || len >= PATH_MAX ? n : n + 1;
}
