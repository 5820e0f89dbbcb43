/* SPDX-License-Identifier: MIT */
#include "common/service.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "common/clock.h"
#include "common/findings.h"
#include "common/log.h"
#include "common/messages.h"

#define STATUS_SIZE 512

/* --- arguments and configuration --- */

enum {
	OPTION_CONFIG = 1,
	OPTION_CONFIG_IF_THERE,
	OPTION_RUNTIME,
	OPTION_STATE,
	OPTION_SESSION,
	OPTION_FOLLOW_LOCK,
	OPTION_PATTERN,
	OPTION_PROBE,
	OPTION_PRINT_CONFIG,
	OPTION_CHECK,
	OPTION_HELP,
	OPTION_VERSION
};

static const struct option long_options[] = {
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"config-if-there", required_argument, NULL, OPTION_CONFIG_IF_THERE},
	{"runtime", required_argument, NULL, OPTION_RUNTIME},
	{"state", required_argument, NULL, OPTION_STATE},
	{"session", required_argument, NULL, OPTION_SESSION},
	{"follow-lock", no_argument, NULL, OPTION_FOLLOW_LOCK},
	{"pattern-if-no-display", no_argument, NULL, OPTION_PATTERN},
	{"probe", no_argument, NULL, OPTION_PROBE},
	{"print-config", no_argument, NULL, OPTION_PRINT_CONFIG},
	{"check", no_argument, NULL, OPTION_CHECK},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{0},
};

static void print_help(const char *name)
{
	printf("Usage: screenshare-%s [OPTION]...\n"
	       "Part of screenshare; started on demand by systemd or by `screenshare run`.\n"
	       "\n"
	       "  --config FILE            configuration; default " CONFIG_PATH_SERVICE "\n"
	       "  --config-if-there FILE   this one in its place, if it exists\n"
	       "  --runtime DIR            where the sockets lie; default " SERVICE_RUNTIME_DIR "\n"
	       "  --state DIR              what is kept; default " SERVICE_STATE_DIR "\n"
	       "  --session DIR            follow who is logged in; only as a service of the "
	       "system\n"
	       "  --follow-lock            no camera while the session is locked; as a service of "
	       "the system\n"
	       "  --pattern-if-no-display  show a test picture until a display can be reached\n"
	       "  --probe                  print what can be reached, for `screenshare doctor`, "
	       "and end\n"
	       "  --print-config           print the configuration file with every default\n"
	       "  --check                  say whether the configuration can be read, and exit\n"
	       "  --help, --version\n",
		name);
}

/* What was printed is not said to have been if it was not: `--print-config >/dev/full`. */
static _Noreturn void exit_after_printing(void)
{
	if (ferror(stdout) || fflush(stdout) != 0) {
		log_err("Could not print: %s", strerror(errno));
		exit(EXIT_FAILURE);
	}
	exit(EXIT_SUCCESS);
}

/* One option of the command line.  0, or the status to exit with, said why. */
static int take_option(int option, const char *name, char **argv, struct service_options *options,
	const char **config_if_there, bool *is_check)
{
	switch (option) {
	case OPTION_CONFIG:
		options->config_path = optarg;
		options->is_config_given = true;
		break;
	case OPTION_CONFIG_IF_THERE:
		*config_if_there = optarg;
		break;
	case OPTION_RUNTIME:
		options->runtime_dir = optarg;
		break;
	case OPTION_STATE:
		options->state_dir = optarg;
		break;
	case OPTION_SESSION:
		options->session_dir = optarg;
		break;
	case OPTION_FOLLOW_LOCK:
		options->follows_lock = true;
		break;
	case OPTION_PATTERN:
		options->pattern_if_no_display = true;
		break;
	case OPTION_PROBE:
		options->is_probe = true;
		break;
	case OPTION_PRINT_CONFIG:
		config_print(stdout);
		exit_after_printing();
	case OPTION_CHECK:
		*is_check = true;
		break;
	case OPTION_HELP:
		print_help(name);
		exit_after_printing();
	case OPTION_VERSION:
		printf("screenshare-%s %s\n", name, SCREENSHARE_VERSION);
		exit_after_printing();
	case ':':
		log_err("Could not start: option %s needs a value; see --help", argv[optind - 1]);
		return SERVICE_EXIT_CONFIG;
	default:
		log_err("Could not start: unknown option %s; see --help", argv[optind - 1]);
		return SERVICE_EXIT_CONFIG;
	}
	return 0;
}

static int parse_arguments(
	const char *name, int argc, char **argv, struct service_options *options, bool *is_check)
{
	const char *config_if_there = NULL;
	int option, r;

	*is_check = false;
	*options = (struct service_options){
		.runtime_dir = SERVICE_RUNTIME_DIR, .state_dir = SERVICE_STATE_DIR};
	opterr = 0; /* the line is ours, so that it reaches the journal too */
	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		r = take_option(option, name, argv, options, &config_if_there, is_check);
		if (r != 0)
			return r;
	}
	if (optind < argc) {
		log_err("Could not start: unexpected argument %s; see --help", argv[optind]);
		return SERVICE_EXIT_CONFIG;
	}
	/* One that is there and cannot be reached is not passed over. */
	if (config_if_there &&
		(faccessat(AT_FDCWD, config_if_there, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
			errno != ENOENT)) {
		options->config_path = config_if_there;
		options->is_config_given = true;
	}
	return 0;
}

int service_begin(const char *name, int argc, char **argv, struct service_options *options,
	struct config *config)
{
	struct config_error error;
	bool is_check;
	int r;

	log_open(name);
	r = parse_arguments(name, argc, argv, options, &is_check);
	if (r != 0)
		return r;
	if (!options->is_config_given)
		options->config_path = CONFIG_PATH_SERVICE;
	r = service_read_config(options, config, &error);
	if (r < 0) {
		log_message(LOG_ERR, MESSAGE_CONFIG_WRONG, "%s%s",
			r == -EINVAL ? "Could not read the configuration: " : "", error.text);
		return SERVICE_EXIT_CONFIG;
	}
	if (is_check) {
		printf("%s: nothing is wrong with it\n", options->config_path);
		exit_after_printing();
	}
	log_set_debug(config->log.debug);
	return 0;
}

int service_print_findings(const struct findings *findings)
{
	int r = findings_write(findings, stdout);

	if (r == 0)
		return EXIT_SUCCESS;
	log_err("Could not print: %s", strerror(-r));
	return EXIT_FAILURE;
}

int service_read_config(
	const struct service_options *options, struct config *config, struct config_error *error)
{
	static const char advice[] = "; check the path and its permissions";
	struct config fresh;
	int r = config_load(&fresh, options->config_path, error);

	if (r < 0 && r != -EINVAL && (options->is_config_given || r != -ENOENT)) {
		strncat(error->text, advice, sizeof(error->text) - strlen(error->text) - 1);
		return r;
	}
	if (r == -EINVAL)
		return r;
	*config = fresh; /* the defaults, where there is no file */
	return 0;
}

/* --- sockets --- */

const char *service_capture_socket(enum source_id source)
{
	static const char *const names[SOURCE_COUNT] = {
		[SOURCE_SCREEN] = SERVICE_SOCK_SCREEN,
		[SOURCE_CAMERA] = SERVICE_SOCK_CAMERA,
		[SOURCE_AUDIO] = SERVICE_SOCK_AUDIO,
	};

	return names[source];
}

/* The n-th inherited fd is SD_LISTEN_FDS_START + n; NULL once it was taken. */
static char **names;
static int n_names = -1; /* not asked yet */

static void learn_names(void)
{
	if (n_names >= 0)
		return;
	n_names = sd_listen_fds_with_names(true, &names);
	if (n_names < 0) {
		log_warn("Could not take over the inherited sockets: %s; check LISTEN_FDS and "
			 "LISTEN_FDNAMES",
			strerror(-n_names));
		n_names = 0;
	}
}

int service_take_sockets(const char *name, int *fds, int max)
{
	int n = 0;

	learn_names();
	for (int i = 0; i < n_names && n < max; i++) {
		int fd = SD_LISTEN_FDS_START + i, flags;

		if (!names[i] || strcmp(names[i], name) != 0)
			continue;
		free(names[i]);
		names[i] = NULL; /* a taken fd belongs to the taker, who may have closed it */
		flags = fcntl(fd, F_GETFL);
		if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
			log_warn(
				"Could not use the inherited socket %s: %s", name, strerror(errno));
			continue;
		}
		fds[n++] = fd;
	}
	return n;
}

int service_take_socket(const char *name)
{
	int fd;

	return service_take_sockets(name, &fd, 1) == 1 ? fd : -1;
}

/* --- what the service manager is told --- */

void service_ready(void)
{
	sd_notify(false, "READY=1");
}

void service_reloading(void)
{
	sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%llu", clock_monotonic_ns() / NS_PER_US);
}

void service_stopping(void)
{
	sd_notify(false, "STOPPING=1");
}

void service_status(const char *format, ...)
{
	char status[STATUS_SIZE] = "STATUS=";
	size_t used = strlen(status);
	va_list args;

	va_start(args, format);
	vsnprintf(status + used, sizeof(status) - used, format, args);
	va_end(args);
	for (char *p = status; *p; p++) /* a line break would start another assignment */
		if ((unsigned char)*p < 0x20)
			*p = ' ';
	sd_notify(false, status);
}

void service_watchdog_ping(void)
{
	sd_notify(false, "WATCHDOG=1");
}

uint64_t service_watchdog_interval_us(void)
{
	uint64_t interval_us;

	return sd_watchdog_enabled(false, &interval_us) > 0 ? interval_us / 2 : 0;
}

void service_notify_display_reached(void)
{
	sd_notify(false, "X_SCREENSHARE_DISPLAY_REACHED=1");
}
