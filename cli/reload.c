/* SPDX-License-Identifier: MIT */
/*
 * `screenshare reload`: the configuration is read again.  When it returns that has been done, or
 * refused; it is what systemctl reload waits for.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/sharer.h"
#include "common/log.h"

static const char help[] =
	"Usage: screenshare reload [--quiet] [--port PORT]\n"
	"Has the configuration read again.  Viewers keep their connection; of a configuration "
	"that\n"
	"cannot be read the old one stays, and what is wrong with it is said.\n"
	"\n"
	"  --quiet      do not repeat what the server says in its journal\n"
	"  --port PORT  reload your `screenshare run` on that port, not the service\n";

enum { OPTION_QUIET = 1, OPTION_PORT, OPTION_HELP };

static const struct option long_options[] = {
	{"quiet", no_argument, NULL, OPTION_QUIET},
	{"port", required_argument, NULL, OPTION_PORT},
	{"help", no_argument, NULL, OPTION_HELP},
	{0},
};

static int reload(uint16_t port, bool is_quiet)
{
	json_t *request = json_pack("{ss}", "request", "reload"), *answer = NULL;
	bool is_done;
	int status;

	if (!request) {
		log_err("Could not ask the server: %s", strerror(ENOMEM));
		return COMMAND_FAILED;
	}
	status = ask_somebody(port, request, &answer);
	json_decref(request);
	if (status != COMMAND_OK)
		return status;
	is_done = is_quiet ? json_is_true(json_object_get(answer, "ok")) : ask_was_granted(answer);
	json_decref(answer);
	return is_done ? COMMAND_OK : COMMAND_FAILED;
}

int reload_main(int argc, char **argv)
{
	bool is_quiet = false;
	uint16_t port = 0;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		switch (option) {
		case OPTION_QUIET:
			is_quiet = true;
			break;
		case OPTION_PORT:
			if (sharer_parse_port(optarg, &port) != 0)
				return COMMAND_WRONG_USE;
			break;
		case OPTION_HELP:
		case 'h':
			fputs(help, stdout);
			return command_flush();
		default:
			return command_refuse_option(option, argv);
		}
	}
	if (optind < argc)
		return command_refuse_argument(argv);
	return reload(port, is_quiet);
}
