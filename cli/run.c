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
#include "cli/run_sockets.h"
#include "cli/supervisor.h"
#include "cli/url.h"
#include "common/config.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/messages.h"
#include "common/service.h"
#include "common/stream.h"

#define DEFAULT_LISTEN "[::]:8001"
#define UNIT_HTTPD     "httpd"

/* httpd wakes twice as often as this says, and at rest it should hardly wake at all. */
#define WATCHDOG_HTTPD_MS   30000
#define WATCHDOG_CAPTURE_MS 10000

#define PATTERN_IF_NO_DISPLAY "--pattern-if-no-display"

/* The capture daemons. */
static const struct {
	const char *unit, *program;
	const char *argument_until_display; /* or NULL */
} captures[SOURCE_COUNT] = {
	[SOURCE_SCREEN] = {"screen", "screenshare-screen", PATTERN_IF_NO_DISPLAY},
	[SOURCE_CAMERA] = {"camera", "screenshare-camera", NULL},
	[SOURCE_AUDIO] = {"audio", "screenshare-audio", NULL},
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
	struct listen_address listening[RUN_LISTENERS_MAX];
	size_t n_listening;

	/* where things lie */
	struct config config;
	char config_used[PATH_MAX]; /* "": the defaults */
	char state_dir[PATH_MAX];
	char httpd_program[PATH_MAX], capture_programs[SOURCE_COUNT][PATH_MAX];

	/* what is alive */
	struct run_sockets sockets;
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
	if (run->n_listening == RUN_LISTENERS_MAX) {
		log_err("Too many --listen: at most %d", RUN_LISTENERS_MAX);
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
	argv[n++] = runtime_dir_path(run->sockets.dir);
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
	const struct run_sockets *sockets = &run->sockets;
	struct unit_description httpd = {.name = UNIT_HTTPD,
		.program = run->httpd_program,
		.watchdog_ms = WATCHDOG_HTTPD_MS};
	int r;

	for (size_t i = 0; i < run->n_listening; i++)
		httpd.fds[httpd.n_fds++] = (struct spawn_fd){sockets->http_fds[i], SERVICE_FD_HTTP};
	httpd.fds[httpd.n_fds++] = (struct spawn_fd){sockets->control_fd, SERVICE_FD_CONTROL};
	httpd.fds[httpd.n_fds++] = (struct spawn_fd){sockets->addresses_fd, SERVICE_FD_ADDRESSES};
	common_arguments(run, "screenshare-httpd", httpd.argv);
	r = supervisor_add(run->supervisor, &httpd);
	for (size_t i = 0; r == 0 && i < SOURCE_COUNT; i++) {
		struct unit_description capture = {.name = captures[i].unit,
			.program = run->capture_programs[i],
			.fds = {{sockets->capture_fds[i], SERVICE_FD_CAPTURE}},
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
		run->sockets.notify_path, &supervisor_default_timing, &listener, &run->supervisor);

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

int run_main(int argc, char **argv)
{
	struct run run = {0};
	bool is_done = false;
	int status;

	log_open("run");
	run_sockets_init(&run.sockets);
	status = parse_arguments(&run, argc, argv, &is_done);
	if (status != 0 || is_done)
		return status;
	signal(SIGPIPE, SIG_IGN); /* `run | head`: a line that nobody reads is no reason to end */
	if (geteuid() == 0)
		log_warn("Running as root: better share as yourself, or start the service with "
			 "systemctl start screenshare");
	status = find_places(&run);
	if (status == 0)
		status = run_sockets_open(&run.sockets, run.listening, run.n_listening);
	if (status == 0)
		status = share(&run);
	supervisor_destroy(run.supervisor);
	run_sockets_fini(&run.sockets);
	return status;
}
