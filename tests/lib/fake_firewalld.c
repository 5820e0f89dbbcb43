/* SPDX-License-Identifier: MIT */
/*
 * fake_firewalld: is org.fedoraproject.FirewallD1 on the bus of DBUS_SYSTEM_BUS_ADDRESS, as far as
 * `screenshare doctor` asks.  Its arguments say what its default zone lets in:
 *
 *     8000-8010/tcp      ports            NAME=9000/tcp      a service, and its ports
 *     refuse             it tells nobody anything
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-bus.h>

#include "tests/lib/fake_bus.h"

#define NAME "org.fedoraproject.FirewallD1"
#define PATH "/org/fedoraproject/FirewallD1"

static char **allowed; /* the arguments, ended by NULL */

/* "8000-8010/tcp" in two; the caller's. */
static char *split(const char *text, const char **protocol)
{
	char *ports = strdup(text), *slash = ports ? strchr(ports, '/') : NULL;

	die(text, slash ? 0 : -EINVAL);
	*slash = '\0';
	*protocol = slash + 1;
	return ports;
}

/* Answers with an array of `type`: what `add` makes of each argument. */
static int reply_list(sd_bus_message *m, sd_bus_error *error, const char *type,
	void (*add)(sd_bus_message *reply, const char *one))
{
	sd_bus_message *reply = NULL;
	int r;

	if (*allowed && strcmp(*allowed, "refuse") == 0)
		return sd_bus_error_set(error, NAME ".Exception", "NOT_AUTHORIZED");
	die("reply", sd_bus_message_new_method_return(m, &reply));
	die("reply", sd_bus_message_open_container(reply, 'a', type));
	for (char **one = allowed; *one; one++)
		add(reply, *one);
	die("reply", sd_bus_message_close_container(reply));
	r = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	return r;
}

static void add_port(sd_bus_message *reply, const char *one)
{
	const char *protocol;
	char *ports = strchr(one, '=') ? NULL : split(one, &protocol);

	if (ports)
		die("reply", sd_bus_message_append(reply, "as", 2, ports, protocol));
	free(ports);
}

static void add_service(sd_bus_message *reply, const char *one)
{
	char *name = strndup(one, strcspn(one, "="));

	if (strchr(one, '='))
		die("reply", sd_bus_message_append(reply, "s", name));
	free(name);
}

static int get_ports(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	(void)arg;
	return reply_list(m, error, "as", add_port);
}

static int get_services(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	(void)arg;
	return reply_list(m, error, "s", add_service);
}

/* As the real one: what is asked for is among other settings. */
static int get_settings(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const char *name;
	(void)arg;

	die("name", sd_bus_message_read(m, "s", &name));
	for (char **one = allowed; *one; one++) {
		size_t len = strlen(name);
		const char *protocol;

		if (strncmp(*one, name, len) != 0 || (*one)[len] != '=')
			continue;
		char *ports = split(*one + len + 1, &protocol);
		int r = sd_bus_reply_method_return(m, "a{sv}", 3, "short", "s", "A service",
			"ports", "a(ss)", 2, "1", "udp", ports, protocol, "modules", "as", 0);
		free(ports);
		return r;
	}
	return sd_bus_error_set(error, NAME ".Exception", "INVALID_SERVICE");
}

static const sd_bus_vtable firewall[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("getServiceSettings2", "s", "a{sv}", get_settings, 0),
	SD_BUS_VTABLE_END,
};

static const sd_bus_vtable zone[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("getPorts", "s", "aas", get_ports, 0),
	SD_BUS_METHOD("getServices", "s", "as", get_services, 0),
	SD_BUS_VTABLE_END,
};

int main(int argc, char **argv)
{
	sd_bus *bus = NULL;
	(void)argc;

	allowed = argv + 1;
	die("bus", sd_bus_open_system(&bus));
	die("firewall", sd_bus_add_object_vtable(bus, NULL, PATH, NAME, firewall, NULL));
	die("zone", sd_bus_add_object_vtable(bus, NULL, PATH, NAME ".zone", zone, NULL));
	fake_bus_serve(bus, NAME);
}
