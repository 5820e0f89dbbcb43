/* SPDX-License-Identifier: MIT */
/*
 * fake_desktop: a server of org.freedesktop.Notifications on the session bus, in the hands of a
 * test.
 *
 * Prints a line for each call: "notify ID REPLACES ACTION SUMMARY|BODY" (newlines of the body as
 * '/'), "close ID"; and before a notify "caller NAME", on the bus.  Reads lines: "action ID KEY",
 * "closed ID REASON", "hang" (from then on it answers no call), "refuse" (… but with an error),
 * "late" (… after 0.3 s, having shown it), "obey" (again), "quit".
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#define NAME "org.freedesktop.Notifications"
#define PATH "/org/freedesktop/Notifications"

struct desktop {
	sd_bus *bus;
	uint32_t last_id;
	bool hangs, refuses, is_late;
	char line[256];
	size_t len;
};

static void die(const char *what, int r)
{
	fprintf(stderr, "fake_desktop: %s: %s\n", what, strerror(-r));
	exit(1);
}

static int on_notify(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct desktop *desktop = arg;
	const char *app, *icon, *summary, *body, *key = "none", *label;
	uint32_t replaces, id;
	int r = sd_bus_message_read(m, "susss", &app, &replaces, &icon, &summary, &body);
	(void)error;

	if (r < 0)
		return r;
	r = sd_bus_message_enter_container(m, 'a', "s");
	if (r < 0)
		return r;
	while (sd_bus_message_read(m, "s", &key) > 0 && sd_bus_message_read(m, "s", &label) > 0)
		continue;
	if (desktop->hangs)
		return 1;
	printf("caller %s\n", sd_bus_message_get_sender(m));
	fflush(stdout);
	if (desktop->refuses)
		return -EBUSY;
	id = replaces ? replaces : ++desktop->last_id;
	printf("notify %u %u %s %s|", id, replaces, key, summary);
	for (const char *c = body; *c; c++)
		putchar(*c == '\n' ? '/' : *c);
	putchar('\n');
	fflush(stdout);
	if (desktop->is_late)
		usleep(300000);
	return sd_bus_reply_method_return(m, "u", id);
}

static int on_close(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct desktop *desktop = arg;
	uint32_t id;
	int r = sd_bus_message_read(m, "u", &id);
	(void)error;

	if (r < 0 || desktop->hangs)
		return r < 0 ? r : 1;
	printf("close %u\n", id);
	fflush(stdout);
	sd_bus_emit_signal(desktop->bus, PATH, NAME, "NotificationClosed", "uu", id, 3u);
	return sd_bus_reply_method_return(m, "");
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Notify", "susssasa{sv}i", "u", on_notify, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("CloseNotification", "u", "", on_close, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static void obey(struct desktop *desktop, sd_event *event, const char *line)
{
	uint32_t id, reason;
	char key[32];

	if (sscanf(line, "action %u %31s", &id, key) == 2)
		sd_bus_emit_signal(desktop->bus, PATH, NAME, "ActionInvoked", "us", id, key);
	else if (sscanf(line, "closed %u %u", &id, &reason) == 2)
		sd_bus_emit_signal(
			desktop->bus, PATH, NAME, "NotificationClosed", "uu", id, reason);
	else if (strcmp(line, "hang") == 0)
		desktop->hangs = true;
	else if (strcmp(line, "refuse") == 0)
		desktop->refuses = true;
	else if (strcmp(line, "late") == 0)
		desktop->is_late = true;
	else if (strcmp(line, "obey") == 0)
		desktop->hangs = desktop->refuses = desktop->is_late = false;
	else
		sd_event_exit(event, 0);
	sd_bus_flush(desktop->bus);
	puts("ok");
	fflush(stdout);
}

static int on_input(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct desktop *desktop = arg;
	char c;
	(void)events;

	if (read(fd, &c, 1) != 1)
		return sd_event_exit(sd_event_source_get_event(source), 0);
	if (c != '\n' && desktop->len + 1 < sizeof(desktop->line)) {
		desktop->line[desktop->len++] = c;
	} else if (c == '\n') {
		desktop->line[desktop->len] = '\0';
		desktop->len = 0;
		obey(desktop, sd_event_source_get_event(source), desktop->line);
	}
	return 0;
}

int main(void)
{
	struct desktop desktop = {0};
	sd_event *event = NULL;
	int r = sd_event_new(&event);

	if (r >= 0)
		r = sd_bus_open_user(&desktop.bus);
	if (r < 0)
		die("no session bus", r);
	r = sd_bus_attach_event(desktop.bus, event, 0);
	if (r >= 0)
		r = sd_bus_add_object_vtable(desktop.bus, NULL, PATH, NAME, vtable, &desktop);
	if (r >= 0)
		r = sd_event_add_io(event, NULL, STDIN_FILENO, 1, on_input, &desktop);
	if (r >= 0)
		r = sd_bus_request_name(desktop.bus, NAME, 0);
	if (r < 0)
		die("could not begin", r);
	puts("ready");
	fflush(stdout);
	r = sd_event_loop(event);
	sd_bus_flush_close_unref(desktop.bus);
	sd_event_unref(event);
	return r < 0;
}
