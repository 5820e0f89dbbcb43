/* SPDX-License-Identifier: MIT */
/*
 * fake_logind: is org.freedesktop.login1 on the bus of DBUS_SYSTEM_BUS_ADDRESS, as far as a capture
 * daemon asks.  Lines on stdin say how things are; each is answered by "ok":
 *
 *     session ID UID NAME TYPE CLASS STATE DISPLAY   becomes the active one of seat0 ("-": empty)
 *     none                                           no session is active
 *     behind ID NAME CLASS STATE | behind -          one that is not the active one; none is
 *     hint 0|1                                       LockedHint of the active one
 *     lock | unlock                                  the signals to it
 *     lock-before N                                  Lock, right before the N-th answer from now on
 * to who asks which session is active away | back                                    the name on
 * the bus is let go, and taken again
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <systemd/sd-bus.h>

#include "tests/lib/fake_bus.h"

#define NAME         "org.freedesktop.login1"
#define SEAT_PATH    "/org/freedesktop/login1/seat/seat0"
#define SESSION_PATH "/org/freedesktop/login1/session"
#define WORD         64

struct fake_session {
	char id[WORD], name[WORD], type[WORD], class[WORD], state[WORD],
		display[WORD]; /* id "": none */
	unsigned uid;
	int is_locked;
};
static struct fake_session active, behind;

static sd_bus *bus;
static unsigned lock_before; /* so many answers are left; 0: none is waited for */

static void path_of(const struct fake_session *one, char path[128])
{
	snprintf(path, 128, SESSION_PATH "/_%s", one->id);
}

static int get_active(sd_bus *b, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *arg, sd_bus_error *error)
{
	char session[128] = "/";
	(void)b, (void)path, (void)interface, (void)property, (void)arg, (void)error;

	if (*active.id)
		path_of(&active, session);
	if (lock_before && --lock_before == 0)
		die("lock", sd_bus_emit_signal(bus, session, NAME ".Session", "Lock", ""));
	return sd_bus_message_append(reply, "(so)", active.id, session);
}

static int append_session(sd_bus_message *reply, const struct fake_session *one)
{
	char path[128];

	path_of(one, path);
	return *one->id ? sd_bus_message_append(reply, "(so)", one->id, path) : 0;
}

static int get_sessions(sd_bus *b, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *arg, sd_bus_error *error)
{
	(void)b, (void)path, (void)interface, (void)property, (void)arg, (void)error;

	die("sessions", sd_bus_message_open_container(reply, 'a', "(so)"));
	die("sessions", append_session(reply, &active));
	die("sessions", append_session(reply, &behind));
	return sd_bus_message_close_container(reply);
}

static int get_user(sd_bus *b, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *arg, sd_bus_error *error)
{
	const struct fake_session *one = arg;
	(void)b, (void)path, (void)interface, (void)property, (void)error;

	return sd_bus_message_append(
		reply, "(uo)", (uint32_t)one->uid, "/org/freedesktop/login1/user/_0");
}

static int get_word(sd_bus *b, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *arg, sd_bus_error *error)
{
	(void)b, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "s", (const char *)arg);
}

static int get_hint(sd_bus *b, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *arg, sd_bus_error *error)
{
	const struct fake_session *one = arg;
	(void)b, (void)path, (void)interface, (void)property, (void)error;

	return sd_bus_message_append(reply, "b", one->is_locked);
}

static const sd_bus_vtable seat[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY(
		"ActiveSession", "(so)", get_active, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Sessions", "a(so)", get_sessions, 0, 0),
	SD_BUS_VTABLE_END,
};

static const sd_bus_vtable session[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Id", "s", get_word, offsetof(struct fake_session, id), 0),
	SD_BUS_PROPERTY("User", "(uo)", get_user, 0, 0),
	SD_BUS_PROPERTY("Name", "s", get_word, offsetof(struct fake_session, name), 0),
	SD_BUS_PROPERTY("Type", "s", get_word, offsetof(struct fake_session, type), 0),
	SD_BUS_PROPERTY("Class", "s", get_word, offsetof(struct fake_session, class), 0),
	SD_BUS_PROPERTY("State", "s", get_word, offsetof(struct fake_session, state), 0),
	SD_BUS_PROPERTY("Display", "s", get_word, offsetof(struct fake_session, display), 0),
	SD_BUS_PROPERTY("LockedHint", "b", get_hint, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_VTABLE_END,
};

static int find_session(sd_bus *b, const char *path, const char *interface, void *arg, void **found,
	sd_bus_error *error)
{
	struct fake_session *const all[] = {&active, &behind};
	char own[128];
	(void)b, (void)interface, (void)arg, (void)error;

	for (size_t i = 0; i < 2; i++) {
		path_of(all[i], own);
		*found = all[i];
		if (*all[i]->id && strcmp(path, own) == 0)
			return 1;
	}
	return 0;
}

static void read_word(char out[WORD], const char *word)
{
	snprintf(out, WORD, "%s", word && strcmp(word, "-") != 0 ? word : "");
}

static bool take_session(void)
{
	char *words[7];

	for (size_t i = 0; i < 7; i++)
		if (!(words[i] = strtok(NULL, " ")))
			return false;
	read_word(active.id, words[0]);
	active.uid = (unsigned)strtoul(words[1], NULL, 10);
	read_word(active.name, words[2]);
	read_word(active.type, words[3]);
	read_word(active.class, words[4]);
	read_word(active.state, words[5]);
	read_word(active.display, words[6]);
	active.is_locked = 0;
	return true;
}

static bool take_behind(void)
{
	char *words[4];

	behind.id[0] = '\0';
	for (size_t i = 0; i < 4; i++)
		if (!(words[i] = strtok(NULL, " ")))
			return i == 1 && strcmp(words[0], "-") == 0;
	read_word(behind.id, words[0]);
	read_word(behind.name, words[1]);
	read_word(behind.class, words[2]);
	read_word(behind.state, words[3]);
	return true;
}

static int take_line(char *line)
{
	const char *command = strtok(line, " \n");
	char path[128];

	path_of(&active, path);
	if (!command)
		return -EINVAL;
	line[strcspn(line, "\n")] = '\0';
	if (strcmp(command, "session") == 0 || strcmp(command, "none") == 0) {
		active.id[0] = '\0';
		if (command[0] == 's' && !take_session())
			return -EINVAL;
		return sd_bus_emit_properties_changed(
			bus, SEAT_PATH, NAME ".Seat", "ActiveSession", NULL);
	}
	if (strcmp(command, "behind") == 0) {
		if (!take_behind())
			return -EINVAL;
		/* As of any that comes or goes; what is told of it besides is not looked at. */
		return sd_bus_emit_signal(bus, "/org/freedesktop/login1", NAME ".Manager",
			"SessionRemoved", "so", "x", "/");
	}
	if (strcmp(command, "hint") == 0) {
		active.is_locked = atoi(strtok(NULL, " "));
		return sd_bus_emit_properties_changed(
			bus, path, NAME ".Session", "LockedHint", NULL);
	}
	if (strcmp(command, "lock") == 0)
		return sd_bus_emit_signal(bus, path, NAME ".Session", "Lock", "");
	if (strcmp(command, "unlock") == 0)
		return sd_bus_emit_signal(bus, path, NAME ".Session", "Unlock", "");
	if (strcmp(command, "lock-before") == 0) {
		lock_before = (unsigned)atoi(strtok(NULL, " "));
		return 0;
	}
	if (strcmp(command, "away") == 0)
		return sd_bus_release_name(bus, NAME);
	if (strcmp(command, "back") == 0)
		return sd_bus_request_name(bus, NAME, 0);
	return -EINVAL;
}

static int on_stdin(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	static char text[1024];
	static size_t len;
	(void)events, (void)arg;

	ssize_t n = read(fd, text + len, sizeof(text) - 1 - len);
	if (n <= 0)
		return sd_event_exit(sd_event_source_get_event(source), 0);
	len += (size_t)n;
	for (char *end; (end = memchr(text, '\n', len));) {
		size_t used = (size_t)(end - text) + 1;

		*end = '\0';
		die("a line", take_line(text));
		die("flush", sd_bus_flush(bus));
		puts("ok");
		fflush(stdout);
		memmove(text, text + used, len -= used);
	}
	return 0;
}

int main(void)
{
	sd_event *event = NULL;

	die("event", sd_event_new(&event));
	die("bus", sd_bus_open_system(&bus));
	die("seat", sd_bus_add_object_vtable(bus, NULL, SEAT_PATH, NAME ".Seat", seat, NULL));
	die("session", sd_bus_add_fallback_vtable(bus, NULL, SESSION_PATH, NAME ".Session", session,
			       find_session, NULL));
	die("name", sd_bus_request_name(bus, NAME, 0));
	die("loop", sd_bus_attach_event(bus, event, 0));
	die("stdin", sd_event_add_io(event, NULL, STDIN_FILENO, EPOLLIN, on_stdin, NULL));
	puts("READY");
	fflush(stdout);
	die("loop", sd_event_loop(event));
	sd_bus_flush_close_unref(bus);
	sd_event_unref(event);
	return EXIT_SUCCESS;
}
