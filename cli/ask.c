/* SPDX-License-Identifier: MIT */
#include "cli/ask.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/runtime_dir.h"
#include "cli/text.h"
#include "common/control.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/service.h"

#define ANSWER_TIMEOUT_MS 5000
#define RUNS_MAX          32
#define ERROR_MAX         200 /* characters of the server's own words */

/* --- whom to ask --- */

/* "8001, 8002" */
static void join_ports(const struct runtime_dir_run *runs, size_t n, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n && len < size; i++)
		len += (size_t)snprintf(
			out + len, size - len, "%s%u", i > 0 ? ", " : "", runs[i].port);
}

static int say_not_running(uint16_t port, const struct runtime_dir_run *runs, size_t n)
{
	char ports[RUNS_MAX * 7 + 1];

	join_ports(runs, n, ports, sizeof(ports));
	if (port == 0)
		log_err("Nothing is being shared; start it with `sudo systemctl start screenshare` "
			"or with `screenshare run`");
	else if (n > 0)
		log_err("You have no `screenshare run` on port %u, but on %s", port, ports);
	else
		log_err("You have no `screenshare run` on port %u; without --port the service is "
			"asked",
			port);
	return COMMAND_NOT_RUNNING;
}

static int say_failed(int r)
{
	log_err("Could not ask the server: %s", r == -EPROTO ? "its answer makes no sense"
						: r == -ETIMEDOUT
							? "it does not answer; see journalctl -u "
							  "screenshare"
							: strerror(-r));
	return COMMAND_FAILED;
}

/* Its socket is there as soon as it is started, and while it is not, there is none. */
static bool is_nobody(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED;
}

/* One of this user's own.  As ask_somebody(). */
static int ask_run(uint16_t port, const json_t *request, json_t **answer)
{
	struct runtime_dir_run runs[RUNS_MAX], *run = NULL;
	size_t n = runtime_dir_list(runs, RUNS_MAX);
	char path[sizeof(runs[0].path) + sizeof("/" SERVICE_SOCK_CONTROL)];
	char ports[RUNS_MAX * 7 + 1];
	int r;

	for (size_t i = 0; i < n; i++)
		if (port == 0 || runs[i].port == port)
			run = &runs[i];
	if (!run)
		return say_not_running(port, runs, n);
	if (port == 0 && n > 1) {
		join_ports(runs, n, ports, sizeof(ports));
		log_err("You have several `screenshare run`; say which by --port: %s", ports);
		return COMMAND_WRONG_USE;
	}
	snprintf(path, sizeof(path), "%s/%s", run->path, SERVICE_SOCK_CONTROL);
	r = control_ask(path, request, ANSWER_TIMEOUT_MS, answer);
	if (is_nobody(r)) /* it ended just now */
		return say_not_running(port, runs, 0);
	return r < 0 ? say_failed(r) : COMMAND_OK;
}

int ask_somebody(uint16_t port, const json_t *request, json_t **answer)
{
	static const char service[] = SERVICE_RUNTIME_DIR "/" SERVICE_SOCK_CONTROL;
	int r = port > 0 ? -ENOENT : control_ask(service, request, ANSWER_TIMEOUT_MS, answer);

	if (is_nobody(r))
		return ask_run(port, request, answer);
	return r < 0 ? say_failed(r) : COMMAND_OK;
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
	char words[ERROR_MAX * 4 + 4];

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

enum { OPTION_JSON = 1, OPTION_PORT, OPTION_HELP };

static const struct option long_options[] = {
	{"json", no_argument, NULL, OPTION_JSON},
	{"port", required_argument, NULL, OPTION_PORT},
	{"help", no_argument, NULL, OPTION_HELP},
	{0},
};

int ask_main(const struct ask *ask, int argc, char **argv)
{
	json_t *request, *answer = NULL;
	bool as_json = false;
	uint64_t port = 0;
	int option, status;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		switch (option) {
		case OPTION_JSON:
			as_json = true;
			break;
		case OPTION_PORT:
			if (parse_number(optarg, strlen(optarg), 1, 65535, &port) == 0)
				break;
			log_err("Wrong --port %s: expected a number from 1 to 65535", optarg);
			return COMMAND_WRONG_USE;
		case OPTION_HELP:
		case 'h':
			fputs(ask->help, stdout);
			return command_flush();
		default:
			return command_refuse_option(option, argv);
		}
	}
	if (optind < argc)
		return command_refuse_argument(argv);
	request = json_pack("{ss}", "request", ask->request);
	if (!request)
		return say_failed(-ENOMEM);
	status = ask_somebody((uint16_t)port, request, &answer);
	if (status == COMMAND_OK)
		status = print_answer(ask, answer, as_json);
	json_decref(answer);
	json_decref(request);
	return status;
}
