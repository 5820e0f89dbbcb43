/* SPDX-License-Identifier: MIT */
#include "cli/ask.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/sharer.h"
#include "cli/text.h"
#include "common/control.h"
#include "common/log.h"
#include "common/service.h"

#define ANSWER_TIMEOUT_MS 5000
#define SOCKET_PATH       128 /* a runtime folder and a name */
#define ERROR_MAX         200 /* characters of the server's own words */

/* --- asking --- */

static int say_failed(int r)
{
	log_err("Could not ask the server: %s", r == -EPROTO ? "its answer makes no sense"
						: r == -ETIMEDOUT
							? "it does not answer; see journalctl -u "
							  "screenshare"
							: strerror(-r));
	return COMMAND_FAILED;
}

struct question {
	const json_t *request;
	json_t *answer; /* once there is one */
};

static int ask_sharer(void *arg, const struct sharer *sharer)
{
	struct question *question = arg;
	char path[SOCKET_PATH];
	int r;

	snprintf(path, sizeof(path), "%s/%s", sharer->runtime_dir, SERVICE_SOCK_CONTROL);
	r = control_ask(path, question->request, ANSWER_TIMEOUT_MS, &question->answer);
	/* Its socket is there as soon as it is started, and while it is not, there is none. */
	if (r == -ENOENT || r == -ECONNREFUSED)
		return SHARER_NOBODY;
	return r < 0 ? say_failed(r) : COMMAND_OK;
}

int ask_somebody(uint16_t port, const json_t *request, json_t **answer)
{
	struct question question = {.request = request};
	int status = sharer_ask(port, ask_sharer, &question);

	if (status == COMMAND_OK)
		*answer = question.answer;
	else
		json_decref(question.answer);
	return status;
}

/* --- what came --- */

const char *ask_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

uint64_t ask_number(const json_t *object, const char *key)
{
	json_int_t number = json_integer_value(json_object_get(object, key));

	return number > 0 ? (uint64_t)number : 0;
}

double ask_real(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

bool ask_was_granted(const json_t *answer)
{
	char words[TEXT_SIZE(ERROR_MAX)];

	if (json_is_true(json_object_get(answer, "ok")))
		return true;
	log_err("The server refused: %s",
		text_clean(ask_text(answer, "error"), ERROR_MAX, words, sizeof(words)));
	return false;
}

static int print_answer(const struct ask *ask, const json_t *answer, bool as_json)
{
	if (as_json) {
		/* ASCII alone: what a stranger put into it reaches no terminal as it is. */
		json_dumpf(answer, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
		putchar('\n');
	}
	if (!ask_was_granted(answer))
		return COMMAND_FAILED;
	if (as_json)
		return command_flush();
	const json_t *member = json_object_get(answer, ask->member);
	if (!member || json_typeof(member) != ask->type)
		return say_failed(-EPROTO);
	ask->print(answer);
	return command_flush();
}

/* --- arguments --- */

int ask_main(const struct ask *ask, int argc, char **argv)
{
	json_t *request, *answer = NULL;
	struct options options;
	int status;

	if (!options_parse_all(OPTION_PORT | OPTION_JSON, ask->help, argc, argv, &options, &status))
		return status;
	request = json_pack("{ss}", "request", ask->request);
	if (!request)
		return say_failed(-ENOMEM);
	status = ask_somebody(options.port, request, &answer);
	if (status == COMMAND_OK)
		status = print_answer(ask, answer, options.as_json);
	json_decref(answer);
	json_decref(request);
	return status;
}
