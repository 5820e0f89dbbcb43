/* SPDX-License-Identifier: MIT */
/*
 * `screenshare run`: the whole system in one terminal, as its user.  arguments → configuration →
 * programs → sockets → children → READY → until Ctrl-C → destroy in reverse.
 *
 *     run ──┬── screenshare-httpd    http (TCP), control, addresses      at once
 *           ├── screenshare-screen   capture (screen.sock)               on the first connection
 *           ├── screenshare-camera   capture (camera.sock)               on the first connection
 *           └── screenshare-audio    capture (audio.sock)                on the first connection
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/listen.h"
#include "cli/places.h"
#include "cli/runtime_dir.h"
#include "cli/supervisor.h"
#include "cli/url.h"
#include "common/addresses.h"
#include "common/config.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/messages.h"
#include "common/service.h"
#include "common/stream.h"

#define DEFAULT_LISTEN "[::]:8001"
#define LISTENERS_MAX  8
#define SOCK_NOTIFY    "notify.sock"
#define SOCKET_PATH    128 /* runtime_dir_path() and a name */
#define UNIT_HTTPD     "httpd"
#define RUNS_MAX       32

/* httpd wakes twice as often as this says, and at rest it should hardly wake at all. */
#define WATCHDOG_HTTPD_MS   30000
#define WATCHDOG_CAPTURE_MS 10000

#define PATTERN_IF_NO_DISPLAY "--pattern-if-no-display"

/* The capture daemons. */
static const struct {
	const char *unit, *program, *socket;
	const char *argument_until_display; /* or NULL */
} captures[SOURCE_COUNT] = {
	[SOURCE_SCREEN] = {"screen", "screenshare-screen", SERVICE_SOCK_SCREEN,
		PATTERN_IF_NO_DISPLAY},
	[SOURCE_CAMERA] = {"camera", "screenshare-camera", SERVICE_SOCK_CAMERA, NULL},
	[SOURCE_AUDIO] = {"audio", "screenshare-audio", SERVICE_SOCK_AUDIO, NULL},
};

static const char help[] =
	"Usage: screenshare run [OPTION]...\n"
	"Shares this computer's screen, camera and sound with every browser on the network, until\n"
	"Ctrl-C.\n"
	"\n"
	"  --listen ADDRESS:PORT  where to listen; default " DEFAULT_LISTEN " (every address);\n"
	"                         port 0 takes a free one; may be given several times\n"
	"  --config FILE          configuration; default\n"
	"                         $XDG_CONFIG_HOME/screenshare/screenshare.conf, else\n"
	"                         " CONFIG_PATH_SERVICE "\n"
	"  --state DIR            what is kept; default $XDG_STATE_HOME/screenshare\n"
	"\n"
	"Prints READY and an address for programs on this computer as soon as browsers are "
	"served,\n"
	"then the addresses for people to type.\n"
	"Exit status: 0 after Ctrl-C, 78 if the configuration is wrong, 2 for wrong arguments,\n"
	"1 if it could not start.\n";

struct run {
	/* from the arguments */
	const char *config_path, *state_path; /* NULL: not given */
	struct listen_address listening[LISTENERS_MAX];
	size_t n_listening;

	/* where things lie */
	struct config config;
	char config_used[PATH_MAX]; /* "": the defaults */
	char state_dir[PATH_MAX];
	char httpd_program[PATH_MAX], capture_programs[SOURCE_COUNT][PATH_MAX];

	/* what is alive */
	int http_fds[LISTENERS_MAX];
	struct runtime_dir *dir;
	int control_fd, addresses_fd, capture_fds[SOURCE_COUNT];
	char notify_path[SOCKET_PATH];
	struct supervisor *supervisor;
	bool has_announced;
};

/* --- arguments --- */

enum { OPTION_LISTEN = 1, OPTION_CONFIG, OPTION_STATE, OPTION_HELP };

static const struct option long_options[] = {
	{"listen", required_argument, NULL, OPTION_LISTEN},
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"state", required_argument, NULL, OPTION_STATE},
	{"help", no_argument, NULL, OPTION_HELP},
	{0},
};

static int add_listen(struct run *run, const char *text)
{
	if (run->n_listening == LISTENERS_MAX) {
		log_err("Too many --listen: at most %d", LISTENERS_MAX);
		return COMMAND_WRONG_USE;
	}
	if (listen_parse(text, &run->listening[run->n_listening]) < 0) {
		log_err("Wrong --listen %s: expected ADDRESS:PORT, such as 192.0.2.7:8001, "
			"127.0.0.1:0 or [::]:8001",
			text);
		return COMMAND_WRONG_USE;
	}
	run->n_listening++;
	return 0;
}

/* 0, or an exit status; *is_done after --help. */
static int parse_arguments(struct run *run, int argc, char **argv, bool *is_done)
{
	int option, r = 0;

	opterr = 0;
	while (r == 0 && (option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		switch (option) {
		case OPTION_LISTEN:
			r = add_listen(run, optarg);
			break;
		case OPTION_CONFIG:
			run->config_path = optarg;
			break;
		case OPTION_STATE:
			run->state_path = optarg;
			if (optarg[0] != '\0')
				break;
			log_err("Wrong --state: expected a folder");
			return COMMAND_WRONG_USE;
		case OPTION_HELP:
		case 'h':
			fputs(help, stdout);
			*is_done = true;
			return command_flush();
		default:
			return command_refuse_option(option, argv);
		}
	}
	if (r == 0 && optind < argc)
		return command_refuse_argument(argv);
	if (r == 0 && run->n_listening == 0)
		r = add_listen(run, DEFAULT_LISTEN);
	return r;
}

/* --- where things lie --- */

static int find_program(const char *name, char *out)
{
	if (places_program(name, out) == 0)
		return 0;
	log_err("Could not find the program %s: neither beside this one nor as %s; build it with "
		"`make`, or install it with `make install`",
		name, out);
	return COMMAND_FAILED;
}

static int find_places(struct run *run)
{
	struct config_error error = {.text = "the path is too long"};
	int r = places_config(run->config_path, &run->config, &error, run->config_used);

	if (r < 0) {
		log_message(LOG_ERR, MESSAGE_CONFIG_WRONG, "Could not read the configuration: %s",
			error.text);
		return SERVICE_EXIT_CONFIG;
	}
	log_set_debug(run->config.log.debug);
	r = find_program("screenshare-httpd", run->httpd_program);
	for (size_t i = 0; r == 0 && i < SOURCE_COUNT; i++)
		r = find_program(captures[i].program, run->capture_programs[i]);
	if (r != 0)
		return r;
	r = places_state(run->state_path, run->state_dir);
	if (r < 0 && run->state_path) {
		log_err("Could not use the folder %s: %s", run->state_dir, strerror(-r));
		return COMMAND_FAILED;
	}
	if (r < 0)
		log_warn("Could not use the folder %s: %s; nothing can be kept there, choose "
			 "another by --state",
			run->state_dir, strerror(-r));
	return 0;
}

/* --- sockets --- */

/* Who has the port, as far as it can be known. */
static void describe_holder(uint16_t port, char *out, size_t size)
{
	struct runtime_dir_run runs[RUNS_MAX];
	size_t n = runtime_dir_list(runs, RUNS_MAX);

	snprintf(out, size, "another program listens there");
	if (access(SERVICE_RUNTIME_DIR "/" SERVICE_SOCK_CONTROL, F_OK) == 0)
		snprintf(out, size,
			"another program listens there, perhaps the service (systemctl stop "
			"screenshare)");
	for (size_t i = 0; i < n; i++)
		if (runs[i].port == port)
			snprintf(out, size,
				"you are sharing there already (`screenshare run`, process %d)",
				(int)runs[i].pid);
}

static void say_taken(const struct listen_address *address)
{
	char text[LISTEN_TEXT_MAX], holder[160];
	uint16_t port = listen_port(address);

	describe_holder(port, holder, sizeof(holder));
	log_message(LOG_ERR, MESSAGE_PORT_TAKEN,
		"Could not listen on %s: %s; stop it, or take another port: make run PORT=%u",
		listen_format(address, text, sizeof(text)), holder, port == 8002 ? 8003 : 8002);
}

static int listen_on(struct listen_address *address, int *fd)
{
	char text[LISTEN_TEXT_MAX];
	int r = listen_tcp(address, fd);

	if (r == 0)
		return 0;
	listen_format(address, text, sizeof(text));
	if (r == -EADDRINUSE)
		say_taken(address);
	else if (r == -EACCES)
		log_err("Could not listen on %s: ports below 1024 are root's; take another: "
			"make run PORT=8001",
			text);
	else if (r == -EADDRNOTAVAIL)
		log_err("Could not listen on %s: this computer does not have that address", text);
	else
		log_err("Could not listen on %s: %s", text, strerror(-r));
	return COMMAND_FAILED;
}

static int take_runtime_dir(struct run *run)
{
	pid_t holder = 0;
	int r = runtime_dir_create(listen_port(&run->listening[0]), &run->dir, &holder);

	if (r == 0)
		return 0;
	if (r == -EBUSY)
		say_taken(&run->listening[0]);
	else if (r == -EPERM)
		log_err("Could not make a folder for sockets: /tmp/screenshare-%u is not yours "
			"alone; set XDG_RUNTIME_DIR to a folder that is",
			(unsigned)geteuid());
	else
		log_err("Could not make a folder for sockets: %s", strerror(-r));
	return COMMAND_FAILED;
}

static const char *socket_path(const struct run *run, const char *name, char *out)
{
	snprintf(out, SOCKET_PATH, "%s/%s", runtime_dir_path(run->dir), name);
	return out;
}

static int open_local_sockets(struct run *run)
{
	char path[SOCKET_PATH];
	int r = listen_unix(
		socket_path(run, SERVICE_SOCK_CONTROL, path), SOCK_STREAM, &run->control_fd);

	for (size_t i = 0; r == 0 && i < SOURCE_COUNT; i++)
		r = listen_unix(socket_path(run, captures[i].socket, path), SOCK_SEQPACKET,
			&run->capture_fds[i]);
	if (r < 0) {
		log_err("Could not listen on %s: %s", path, strerror(-r));
		return COMMAND_FAILED;
	}
	socket_path(run, SOCK_NOTIFY, run->notify_path);
	run->addresses_fd = addresses_open();
	if (run->addresses_fd < 0) {
		log_err("Could not ask the kernel for addresses: %s", strerror(-run->addresses_fd));
		return COMMAND_FAILED;
	}
	return 0;
}

static int open_sockets(struct run *run)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < run->n_listening; i++)
		r = listen_on(&run->listening[i], &run->http_fds[i]);
	if (r == 0)
		r = take_runtime_dir(run);
	return r == 0 ? open_local_sockets(run) : r;
}

/* --- children --- */

static void announce(struct run *run)
{
	struct url_list urls;
	char url[URL_TEXT_SIZE];

	url_of_listener(&run->listening[0], url, sizeof(url));
	url_list_of(run->listening, run->n_listening, &urls);
	printf("READY %s\n\nOpen in a browser:\n\n", url);
	url_list_print(stdout, &urls);
	puts("\nPress Ctrl-C to stop sharing.");
	fflush(stdout); /* nobody need be reading */
}

static void on_ready(void *arg, const char *unit_name)
{
	struct run *run = arg;

	if (run->has_announced || strcmp(unit_name, UNIT_HTTPD) != 0)
		return;
	run->has_announced = true;
	announce(run);
}

/* `argv`: all that every program is given; returns how many. */
static size_t common_arguments(const struct run *run, const char *program, const char **argv)
{
	size_t n = 0;

	argv[n++] = program;
	argv[n++] = "--runtime";
	argv[n++] = runtime_dir_path(run->dir);
	argv[n++] = "--state";
	argv[n++] = run->state_dir;
	if (run->config_used[0]) {
		argv[n++] = "--config";
		argv[n++] = run->config_used;
	}
	return n;
}

static int add_units(struct run *run)
{
	struct supervisor_unit httpd = {.name = UNIT_HTTPD,
		.program = run->httpd_program,
		.watchdog_ms = WATCHDOG_HTTPD_MS};
	int r;

	for (size_t i = 0; i < run->n_listening; i++)
		httpd.fds[httpd.n_fds++] = (struct spawn_fd){run->http_fds[i], SERVICE_FD_HTTP};
	httpd.fds[httpd.n_fds++] = (struct spawn_fd){run->control_fd, SERVICE_FD_CONTROL};
	httpd.fds[httpd.n_fds++] = (struct spawn_fd){run->addresses_fd, SERVICE_FD_ADDRESSES};
	common_arguments(run, "screenshare-httpd", httpd.argv);
	r = supervisor_add(run->supervisor, &httpd);
	for (size_t i = 0; r == 0 && i < SOURCE_COUNT; i++) {
		struct supervisor_unit capture = {.name = captures[i].unit,
			.program = run->capture_programs[i],
			.fds = {{run->capture_fds[i], SERVICE_FD_CAPTURE}},
			.n_fds = 1,
			.argument_until_display = captures[i].argument_until_display,
			.on_demand = true,
			.watchdog_ms = WATCHDOG_CAPTURE_MS};
		size_t n = common_arguments(run, captures[i].program, capture.argv);

		capture.argv[n] = capture.argument_until_display;
		r = supervisor_add(run->supervisor, &capture);
	}
	return r;
}

/* A terminal that is closed sends SIGHUP, too: that must end sharing. */
static bool has_terminal(void)
{
	int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
	bool has = fd >= 0;

	fd_close(&fd);
	return has;
}

static int share(struct run *run)
{
	const struct supervisor_listener listener = {.on_ready = on_ready, .arg = run};
	int r = supervisor_create(
		run->notify_path, &supervisor_default_timing, &listener, &run->supervisor);

	if (r == 0 && !has_terminal())
		supervisor_reload_by_hangup(run->supervisor);
	if (r == 0)
		r = add_units(run);
	if (r < 0) {
		log_err("Could not start: %s", strerror(-r));
		return COMMAND_FAILED;
	}
	return supervisor_run(run->supervisor);
}

static void run_fini(struct run *run)
{
	supervisor_destroy(run->supervisor);
	for (size_t i = 0; i < SOURCE_COUNT; i++)
		fd_close(&run->capture_fds[i]);
	fd_close(&run->addresses_fd);
	fd_close(&run->control_fd);
	runtime_dir_destroy(run->dir);
	for (size_t i = 0; i < LISTENERS_MAX; i++)
		fd_close(&run->http_fds[i]);
}

int run_main(int argc, char **argv)
{
	struct run run = {.control_fd = -1, .addresses_fd = -1};
	bool is_done = false;
	int status;

	log_open("run");
	for (size_t i = 0; i < LISTENERS_MAX; i++)
		run.http_fds[i] = -1;
	for (size_t i = 0; i < SOURCE_COUNT; i++)
		run.capture_fds[i] = -1;
	status = parse_arguments(&run, argc, argv, &is_done);
	if (status != 0 || is_done)
		return status;
	signal(SIGPIPE, SIG_IGN); /* `run | head`: a line that nobody reads is no reason to end */
	if (geteuid() == 0)
		log_warn("Running as root: better share as yourself, or start the service with "
			 "systemctl start screenshare");
	status = find_places(&run);
	if (status == 0)
		status = open_sockets(&run);
	if (status == 0)
		status = share(&run);
	run_fini(&run);
	return status;
}
