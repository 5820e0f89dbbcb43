/* SPDX-License-Identifier: MIT */
#include "cli/sharer.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/runtime_dir.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/service.h"

#define RUNS_MAX 32

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

/* One of this user's own. */
static int ask_run(uint16_t port, sharer_fn ask, void *arg)
{
	struct runtime_dir_run runs[RUNS_MAX], *run = NULL;
	size_t n = runtime_dir_list(runs, RUNS_MAX);
	char ports[RUNS_MAX * 7 + 1];
	int status;

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
	status = ask(arg, &(const struct sharer){.runtime_dir = run->path, .port = run->port});
	if (status == SHARER_NOBODY) /* it ended just now */
		return say_not_running(port, runs, 0);
	return status;
}

static int ask_own_service(sharer_fn ask, void *arg)
{
	char path[RUNTIME_DIR_PATH_SIZE];

	if (runtime_dir_of_service(path) < 0)
		return SHARER_NOBODY;
	return ask(arg, &(const struct sharer){.runtime_dir = path, .is_own_service = true});
}

int sharer_ask(uint16_t port, sharer_fn ask, void *arg)
{
	static const struct sharer service = {.runtime_dir = SERVICE_RUNTIME_DIR};
	int status = port > 0 ? SHARER_NOBODY : ask(arg, &service);

	if (port == 0 && status == SHARER_NOBODY)
		status = ask_own_service(ask, arg);
	return status == SHARER_NOBODY ? ask_run(port, ask, arg) : status;
}

int sharer_parse_port(const char *text, uint16_t *port)
{
	uint64_t number;

	if (parse_number(text, strlen(text), 1, 65535, &number) < 0) {
		log_err("Wrong --port %s: expected a number from 1 to 65535", text);
		return COMMAND_WRONG_USE;
	}
	*port = (uint16_t)number;
	return 0;
}
