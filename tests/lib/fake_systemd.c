/* SPDX-License-Identifier: MIT */
/*
 * fake_systemd: is org.freedesktop.systemd1 on the bus of DBUS_SYSTEM_BUS_ADDRESS, as far as
 * `screenshare doctor` asks: every unit is installed and does not run.  Its arguments say what the
 * unit screenshare.service is like:
 *
 *     ProtectHome=WORD PrivateTmp=0|1 ReadWritePaths=PATH BindPaths=SOURCE:DESTINATION
 *
 * and ListenStream=ADDRESS what screenshare.socket is.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-bus.h>

#include "tests/lib/fake_bus.h"

#define NAME      "org.freedesktop.systemd1"
#define UNIT_PATH "/org/freedesktop/systemd1/unit"

static struct {
	const char *protect_home, *writable, *source, *destination, *listen; /* "", NULL: none */
	int has_private_tmp;
} unit = {.protect_home = "yes", .has_private_tmp = 1};

static int get_word(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *arg, sd_bus_error *error)
{
	const char *word = strcmp(property, "LoadState") == 0     ? "loaded"
			   : strcmp(property, "ActiveState") == 0 ? "inactive"
			   : strcmp(property, "ProtectHome") == 0 ? unit.protect_home
								  : ""; /* User: root's */
	(void)bus, (void)path, (void)interface, (void)arg, (void)error;

	return sd_bus_message_append(reply, "s", word);
}

static int get_number(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *arg, sd_bus_error *error)
{
	bool is_limit = strcmp(property, "LimitNOFILE") == 0;
	(void)bus, (void)path, (void)interface, (void)arg, (void)error;

	if (is_limit)
		return sd_bus_message_append(reply, "t", (uint64_t)17408);
	return sd_bus_message_append(reply, "u", (uint32_t)0);
}

static int get_private_tmp(sd_bus *bus, const char *path, const char *interface,
	const char *property, sd_bus_message *reply, void *arg, sd_bus_error *error)
{
	(void)bus, (void)path, (void)interface, (void)property, (void)arg, (void)error;
	return sd_bus_message_append(reply, "b", unit.has_private_tmp);
}

static int get_writable(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *arg, sd_bus_error *error)
{
	(void)bus, (void)path, (void)interface, (void)property, (void)arg, (void)error;
	if (unit.writable)
		return sd_bus_message_append(reply, "as", 1, unit.writable);
	return sd_bus_message_append(reply, "as", 0);
}

static int get_binds(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *arg, sd_bus_error *error)
{
	(void)bus, (void)path, (void)interface, (void)property, (void)arg, (void)error;
	if (unit.destination)
		return sd_bus_message_append(reply, "a(ssbt)", 1, unit.source, unit.destination, 0,
			(uint64_t)0x4000); /* rbind */
	return sd_bus_message_append(reply, "a(ssbt)", 0);
}

static int get_listen(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *arg, sd_bus_error *error)
{
	(void)bus, (void)path, (void)interface, (void)property, (void)arg, (void)error;
	if (unit.listen)
		return sd_bus_message_append(reply, "a(ss)", 1, "Stream", unit.listen);
	return sd_bus_message_append(reply, "a(ss)", 0);
}

static const sd_bus_vtable unit_words[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("LoadState", "s", get_word, 0, 0),
	SD_BUS_PROPERTY("ActiveState", "s", get_word, 0, 0),
	SD_BUS_VTABLE_END,
};

static const sd_bus_vtable service[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("User", "s", get_word, 0, 0),
	SD_BUS_PROPERTY("Result", "s", get_word, 0, 0),
	SD_BUS_PROPERTY("ProtectHome", "s", get_word, 0, 0),
	SD_BUS_PROPERTY("PrivateTmp", "b", get_private_tmp, 0, 0),
	SD_BUS_PROPERTY("NRestarts", "u", get_number, 0, 0),
	SD_BUS_PROPERTY("LimitNOFILE", "t", get_number, 0, 0),
	SD_BUS_PROPERTY("ReadWritePaths", "as", get_writable, 0, 0),
	SD_BUS_PROPERTY("BindPaths", "a(ssbt)", get_binds, 0, 0),
	SD_BUS_VTABLE_END,
};

static const sd_bus_vtable sockets[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Listen", "a(ss)", get_listen, 0, 0),
	SD_BUS_VTABLE_END,
};

static int find_any(sd_bus *bus, const char *path, const char *interface, void *arg, void **found,
	sd_bus_error *error)
{
	(void)bus, (void)path, (void)interface, (void)arg, (void)error;
	*found = &unit;
	return 1;
}

static void take_argument(char *argument)
{
	char *value = strchr(argument, '='), *colon;

	die(argument, value ? 0 : -EINVAL);
	*value++ = '\0';
	if (strcmp(argument, "ProtectHome") == 0) {
		unit.protect_home = value;
	} else if (strcmp(argument, "PrivateTmp") == 0) {
		unit.has_private_tmp = atoi(value);
	} else if (strcmp(argument, "ReadWritePaths") == 0) {
		unit.writable = value;
	} else if (strcmp(argument, "ListenStream") == 0) {
		unit.listen = value;
	} else if (strcmp(argument, "BindPaths") == 0 && (colon = strchr(value, ':'))) {
		*colon = '\0';
		unit.source = value;
		unit.destination = colon + 1;
	} else {
		die(argument, -EINVAL);
	}
}

int main(int argc, char **argv)
{
	sd_bus *bus = NULL;

	for (int i = 1; i < argc; i++)
		take_argument(argv[i]);
	die("bus", sd_bus_open_system(&bus));
	die("unit", sd_bus_add_fallback_vtable(
			    bus, NULL, UNIT_PATH, NAME ".Unit", unit_words, find_any, NULL));
	die("service", sd_bus_add_fallback_vtable(
			       bus, NULL, UNIT_PATH, NAME ".Service", service, find_any, NULL));
	die("socket", sd_bus_add_fallback_vtable(
			      bus, NULL, UNIT_PATH, NAME ".Socket", sockets, find_any, NULL));
	fake_bus_serve(bus, NAME);
}
