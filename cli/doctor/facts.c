/* SPDX-License-Identifier: MIT */
#include "cli/doctor/facts.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-login.h>

#include "cli/ask.h"
#include "cli/doctor/capture.h"
#include "cli/places.h"
#include "cli/runtime_dir.h"
#include "common/capsock.h"
#include "common/clock.h"
#include "common/control.h"
#include "common/fd.h"
#include "common/parse.h"
#include "common/service.h"

#define RUNS_MAX    32
#define SOCKET_PATH 128  /* a runtime folder and a name */
#define BUSY_MS     400u /* a start takes 5 ms, and 50 under a load that is not unusual */

#define SYSTEMD      "org.freedesktop.systemd1"
#define UNIT_SERVICE "screenshare.service"

/* --- systemd --- */

char *facts_unit_path(const char *unit)
{
	char *path = NULL;

	return sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path) < 0 ? NULL : path;
}

/* The property as a message; the caller's. */
static int ask_unit(const struct facts *facts, const char *unit, const char *interface,
	const char *property, const char *type, sd_bus_message **out)
{
	char *path, name[64];
	int r;

	if (!facts->bus)
		return -ENOTCONN;
	path = facts_unit_path(unit);
	if (!path)
		return -ENOMEM;
	snprintf(name, sizeof(name), SYSTEMD ".%s", interface);
	r = sd_bus_get_property(facts->bus, SYSTEMD, path, name, property, NULL, out, type);
	free(path);
	return r < 0 ? r : 0;
}

int facts_unit_text(const struct facts *facts, const char *unit, const char *interface,
	const char *property, char *out, size_t size)
{
	sd_bus_message *message = NULL;
	const char *text;
	int r = ask_unit(facts, unit, interface, property, "s", &message);

	if (r == 0)
		r = sd_bus_message_read(message, "s", &text);
	if (r >= 0)
		snprintf(out, size, "%s", strlen(text) < size ? text : "");
	sd_bus_message_unref(message);
	return r < 0 ? r : 0;
}

int facts_unit_number(const struct facts *facts, const char *unit, const char *interface,
	const char *property, uint64_t *out)
{
	sd_bus_message *message = NULL;
	uint32_t small;
	int r = ask_unit(facts, unit, interface, property, "t", &message);

	if (r == 0)
		r = sd_bus_message_read(message, "t", out);
	sd_bus_message_unref(message);
	if (r >= 0)
		return 0;
	message = NULL;
	r = ask_unit(facts, unit, interface, property, "u", &message);
	if (r == 0)
		r = sd_bus_message_read(message, "u", &small);
	if (r >= 0)
		*out = small;
	sd_bus_message_unref(message);
	return r < 0 ? r : 0;
}

static void ask_systemd(struct facts *facts)
{
	char text[FACTS_NAME_SIZE];

	if (sd_bus_open_system(&facts->bus) < 0) {
		facts->bus = NULL;
		return;
	}
	sd_bus_set_method_call_timeout(facts->bus, FACTS_WAIT_MS * 1000ull);
	if (facts_unit_text(facts, UNIT_SERVICE, "Unit", "LoadState", text, sizeof(text)) == 0)
		facts->is_installed = strcmp(text, "loaded") == 0;
	if (facts_unit_text(facts, UNIT_SERVICE, "Unit", "ActiveState", text, sizeof(text)) == 0)
		facts->is_running = strcmp(text, "active") == 0;
}

/* --- the server --- */

/* What it says of itself, over its control socket.  0 if there is a server, whatever it says. */
static int ask_server(struct facts *facts, const char *runtime_dir)
{
	json_t *request = json_pack("{ss}", "request", "status"), *answer = NULL;
	char path[SOCKET_PATH];
	int r;

	if (!request)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/%s", runtime_dir, SERVICE_SOCK_CONTROL);
	r = control_ask(path, request, FACTS_WAIT_MS, &answer);
	json_decref(request);
	if (r == -ENOENT || r == -ECONNREFUSED)
		return r;
	snprintf(facts->runtime_dir, sizeof(facts->runtime_dir), "%s", runtime_dir);
	facts->is_running = true;
	facts->is_refused = r == -EACCES;
	facts->is_silent = r < 0 && r != -EACCES;
	if (r == 0 && json_is_true(json_object_get(answer, "ok")))
		facts->status = json_incref(json_object_get(answer, "status"));
	else if (r == 0)
		facts->is_refused = true;
	json_decref(answer);
	return 0;
}

static int ask_run(struct facts *facts)
{
	struct runtime_dir_run runs[RUNS_MAX];
	size_t n = runtime_dir_list(runs, RUNS_MAX);

	for (size_t i = 0; i < n; i++) {
		if (facts->port > 0 && runs[i].port != facts->port)
			continue;
		facts->run_pid = runs[i].pid;
		facts->run_port = runs[i].port;
		return ask_server(facts, runs[i].path);
	}
	return -ENOENT;
}

/* "http://192.168.1.7:8001/": the port; 0: there is none. */
static uint16_t port_of_url(const char *url)
{
	const char *colon = strrchr(url, ':');
	uint64_t port;

	if (!colon || parse_number(colon + 1, strcspn(colon + 1, "/"), 1, 65535, &port) < 0)
		return 0;
	return (uint16_t)port;
}

/* The one of this user's systemd. */
static int ask_own_service(struct facts *facts)
{
	char runtime_dir[RUNTIME_DIR_PATH_SIZE];
	const char *url;
	int r = runtime_dir_of_service(runtime_dir);

	if (r == 0)
		r = ask_server(facts, runtime_dir);
	if (r < 0)
		return r;
	/* What its socket unit says now need not be what it was started with. */
	url = json_string_value(json_array_get(json_object_get(facts->status, "urls"), 0));
	facts->run_port = url ? port_of_url(url) : 0;
	facts->is_own_service = true;
	return 0;
}

static bool find_own(struct facts *facts)
{
	return (facts->port == 0 && ask_own_service(facts) == 0) || ask_run(facts) == 0;
}

/* Of the asker, as who we stay, then: what else there is to be read is this user's, too. */
static bool find_askers(struct facts *facts)
{
	bool is_needed = facts->port > 0 || !facts->is_installed;

	if (!asker_find(&facts->asker) || asker_enter(&facts->asker) < 0) {
		facts->asker.uid = 0;
		return false;
	}
	if (find_own(facts))
		return true;
	if (!is_needed) {
		asker_leave(&facts->asker);
		facts->asker.uid = 0;
	}
	return false;
}

/* As all commands do it: --port names a `run`; else the service, else this user's own, else the
 * first `run`; and under sudo, after root's, those of who called it. */
static void find_sharer(struct facts *facts)
{
	bool service_runs = facts->is_running;

	strcpy(facts->runtime_dir, SERVICE_RUNTIME_DIR);
	facts->sharer = FACTS_SERVICE;
	if (facts->port == 0 && (ask_server(facts, SERVICE_RUNTIME_DIR) == 0 || service_runs))
		return;
	if (find_own(facts) || find_askers(facts) || facts->port > 0 || !facts->is_installed)
		facts->sharer = FACTS_RUN;
}

/* --- the configuration --- */

static void read_config(struct facts *facts)
{
	struct config_error error = {.text = ""};
	bool is_service = facts->sharer == FACTS_SERVICE;
	int r;

	r = places_config(facts->config_given ? facts->config_given
			  : is_service        ? CONFIG_PATH_SERVICE
					      : NULL,
		&facts->config, &error, facts->config_path);
	if (r == -ENOENT && is_service && !facts->config_given) { /* every key has a default */
		facts->config_path[0] = '\0';
		r = 0;
	}
	if (r < 0) {
		facts->is_config_wrong = true;
		snprintf(facts->config_fault, sizeof(facts->config_fault), "%s",
			error.text[0] ? error.text : strerror(-r));
		config_defaults(&facts->config);
	}
	snprintf(facts->state_dir, sizeof(facts->state_dir), "%s", SERVICE_STATE_DIR);
	if (!is_service && places_state(NULL, facts->state_dir) < 0)
		facts->state_dir[0] = '\0';
}

/* --- the session --- */

/* One text of logind's, which is the caller's copy; "" if there is none. */
static void take_text(int r, char *text, char *out, size_t size)
{
	snprintf(out, size, "%s", r >= 0 && text ? text : "");
	if (r >= 0)
		free(text);
}

static void ask_locked(struct facts *facts, const char *id)
{
	char *path = NULL;
	int is_locked = 0;

	if (!facts->bus || sd_bus_path_encode("/org/freedesktop/login1/session", id, &path) < 0)
		return;
	if (sd_bus_get_property_trivial(facts->bus, "org.freedesktop.login1", path,
		    "org.freedesktop.login1.Session", "LockedHint", NULL, 'b', &is_locked) >= 0)
		facts->session.is_locked = is_locked;
	free(path);
}

static void ask_logind(struct facts *facts)
{
	struct facts_session *session = &facts->session;
	char *id = NULL, *text = NULL;
	struct passwd *user;
	int r;

	/* It keeps these in files, and nothing here waits for it. */
	session->is_known = access("/run/systemd/seats/", F_OK) == 0 && sd_get_seats(NULL) > 0;
	r = sd_seat_get_active("seat0", &id, &session->uid);
	if (r < 0)
		return;
	session->exists = true;
	r = sd_session_get_type(id, &text);
	take_text(r, text, session->type, sizeof(session->type));
	r = sd_session_get_class(id, &text);
	take_text(r, text, session->class, sizeof(session->class));
	r = sd_session_get_display(id, &text);
	take_text(r, text, session->display, sizeof(session->display));
	user = getpwuid(session->uid);
	snprintf(session->user, sizeof(session->user), "%s", user ? user->pw_name : "?");
	ask_locked(facts, id);
	free(id);
}

/* --- how busy this computer is --- */

/* Starts ourselves, to print a line.  How long that takes, at most FACTS_WAIT_MS. */
static unsigned time_a_start(void)
{
	static const char *const argv[] = {"/proc/self/exe", "--version", NULL};
	uint64_t begin_ns = clock_monotonic_ns();
	char version[64];

	(void)capture_run(argv, NULL, FACTS_WAIT_MS, version, sizeof(version));
	return (unsigned)((clock_monotonic_ns() - begin_ns) / NS_PER_MS);
}

bool facts_is_busy(const struct facts *facts, unsigned *start_ms)
{
	/* It may have become so since. */
	*start_ms = facts->start_ms > BUSY_MS ? facts->start_ms : time_a_start();
	return *start_ms > BUSY_MS;
}

/* --- the capture daemons --- */

/* Asks for `presence`, which captures nothing and starts the daemon.  The fd or -errno. */
static int subscribe(const char *runtime_dir, const char *name)
{
	const struct capsock_message hello = {.type = CAPSOCK_HELLO,
		.version = CAPSOCK_VERSION,
		.stream = STREAM_PRESENCE,
		.ring_fd = -1};
	char path[SOCKET_PATH];
	int fd, r;

	snprintf(path, sizeof(path), "%s/%s", runtime_dir, name);
	fd = capsock_connect(path);
	r = fd < 0 ? fd : capsock_send(fd, CAPSOCK_SUBSCRIBER, &hello);
	if (r < 0)
		fd_close(&fd);
	return r < 0 ? r : fd;
}

static void subscribe_all(struct facts *facts)
{
	for (unsigned i = 0; i < SOURCE_COUNT; i++)
		facts->daemon_fds[i] =
			facts->is_running ? subscribe(facts->runtime_dir, service_capture_socket(i))
					  : -ENOTCONN;
}

int facts_subscribe_again(const struct facts *facts, enum source_id source)
{
	int fd;

	if (facts->asker.uid && asker_enter(&facts->asker) < 0)
		return -EPERM;
	fd = subscribe(facts->runtime_dir, service_capture_socket(source));
	asker_leave(&facts->asker);
	return fd;
}

/* --- all of it --- */

void facts_gather(struct facts *facts)
{
	facts->is_root = geteuid() == 0;
	facts->start_ms = time_a_start();
	ask_systemd(facts);
	find_sharer(facts);
	read_config(facts);
	subscribe_all(facts);
	asker_leave(&facts->asker);
	ask_logind(facts);
}

void facts_fini(struct facts *facts)
{
	for (size_t i = 0; i < SOURCE_COUNT; i++)
		fd_close(&facts->daemon_fds[i]);
	json_decref(facts->status);
	sd_bus_flush_close_unref(facts->bus);
}

/* Is it one of those that become whoever's session it is? */
static bool follows_session(const char *program)
{
	return strcmp(program, "screenshare-screen") == 0 ||
	       strcmp(program, "screenshare-audio") == 0;
}

void facts_account(const struct facts *facts, const char *program, char *out)
{
	char unit[FACTS_NAME_SIZE];

	if (strcmp(program, "screenshare-httpd") == 0)
		snprintf(unit, sizeof(unit), "%s", UNIT_SERVICE);
	else
		snprintf(unit, sizeof(unit), "%s.service", program);
	if (facts_unit_text(facts, unit, "Service", "User", out, FACTS_NAME_SIZE) < 0 ||
		strcmp(out, "root") == 0)
		out[0] = '\0';
	if (!out[0] && facts->sharer == FACTS_SERVICE && follows_session(program))
		snprintf(out, FACTS_NAME_SIZE, "%.63s", facts->config.session.fixed_user);
}

const json_t *facts_open_stream(const struct facts *facts, const char *source)
{
	const json_t *stream;
	size_t i;

	json_array_foreach(json_object_get(facts->status, "streams"), i, stream)
	{
		if (strcmp(ask_text(stream, "source"), source) == 0 &&
			strcmp(ask_text(stream, "state"), "idle") != 0)
			return stream;
	}
	return NULL;
}

const char *facts_own_user(const struct facts *facts)
{
	const struct passwd *me = facts->asker.uid ? NULL : getpwuid(geteuid());

	return facts->asker.uid ? facts->asker.name : me ? me->pw_name : "this user";
}

const char *facts_log_hint(const struct facts *facts)
{
	return facts->sharer == FACTS_SERVICE ? "journalctl -u 'screenshare*' -e"
	       : facts->is_own_service        ? "journalctl --user -u 'screenshare*' -e"
					      : "what `screenshare run` prints in its terminal";
}
