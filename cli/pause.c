/* SPDX-License-Identifier: MIT */
/*
 * `screenshare pause` and `screenshare resume`: picture and sound are taken back, and given again.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/sharer.h"
#include "cli/text.h"
#include "common/log.h"

#define WARNING_MAX 200 /* characters */

static const char help_pause[] =
	"Usage: screenshare pause [--port PORT]\n"
	"Takes picture and sound back: viewers see that sharing is paused, hear silence, and need\n"
	"not come again when it goes on.  Files go on.  That stays so until `screenshare resume`,\n"
	"also when the computer is started anew.\n"
	"\n"
	"  --port PORT  pause your `screenshare run` on that port, not the service\n"
	"\n"
	"Exit status: 0 if it is paused now, 1 if it failed, or is paused and may not stay so,\n"
	"3 if nothing is being shared.\n";
static const char help_resume[] =
	"Usage: screenshare resume [--port PORT]\n"
	"Ends what `screenshare pause` has begun.\n"
	"\n"
	"  --port PORT  resume your `screenshare run` on that port, not the service\n"
	"\n"
	"Exit status: 0 if sharing goes on, 1 if it failed, 3 if nothing is being shared.\n";

static int say_done(const json_t *answer)
{
	char words[TEXT_SIZE(WARNING_MAX)];
	const char *warning = ask_text(answer, "warning");
	bool is_paused = json_is_true(json_object_get(answer, "paused"));
	int status;

	puts(is_paused ? "Sharing is paused" : "Sharing goes on");
	status = command_flush();
	if (!*warning)
		return status;
	log_warn("%s, but %s", is_paused ? "Sharing is paused" : "Sharing goes on",
		text_clean(warning, WARNING_MAX, words, sizeof(words)));
	return COMMAND_FAILED;
}

static int ask_for(const char *name, uint16_t port)
{
	json_t *request = json_pack("{ss}", "request", name), *answer = NULL;
	int status;

	if (!request) {
		log_err("Could not ask the server: no memory");
		return COMMAND_FAILED;
	}
	status = ask_somebody(port, request, &answer);
	if (status == COMMAND_OK)
		status = ask_was_granted(answer) ? say_done(answer) : COMMAND_FAILED;
	json_decref(answer);
	json_decref(request);
	return status;
}

static int wish_main(const char *name, const char *help, int argc, char **argv)
{
	struct options options;
	int status;

	if (!options_parse_all(OPTION_PORT, help, argc, argv, &options, &status))
		return status;
	return ask_for(name, options.port);
}

int pause_main(int argc, char **argv)
{
	return wish_main("pause", help_pause, argc, argv);
}

int resume_main(int argc, char **argv)
{
	return wish_main("resume", help_resume, argc, argv);
}
