/* SPDX-License-Identifier: MIT */
/*
 * `screenshare reload`: the configuration is read again.  When it returns that has been done, or
 * refused; it is what systemctl reload waits for.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/options.h"
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
	struct options options;
	int status;

	if (!options_parse_all(OPTION_PORT | OPTION_QUIET, help, argc, argv, &options, &status))
		return status;
	return reload(options.port, options.is_quiet);
}
