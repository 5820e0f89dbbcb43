/* SPDX-License-Identifier: MIT */
#include "cli/run_sockets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/command.h"
#include "common/addresses.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/messages.h"
#include "common/service.h"

#define SOCK_NOTIFY "notify.sock"
#define RUNS_MAX    32

void run_sockets_init(struct run_sockets *sockets)
{
	*sockets = (struct run_sockets){.control_fd = -1, .addresses_fd = -1};
	for (size_t i = 0; i < RUN_LISTENERS_MAX; i++)
		sockets->http_fds[i] = -1;
	for (size_t i = 0; i < SOURCE_COUNT; i++)
		sockets->capture_fds[i] = -1;
}

void run_sockets_fini(struct run_sockets *sockets)
{
	for (size_t i = 0; i < SOURCE_COUNT; i++)
		fd_close(&sockets->capture_fds[i]);
	fd_close(&sockets->addresses_fd);
	fd_close(&sockets->control_fd);
	runtime_dir_destroy(sockets->dir);
	for (size_t i = 0; i < RUN_LISTENERS_MAX; i++)
		fd_close(&sockets->http_fds[i]);
}

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

/* The same at another port, as whoever started us would say it: `make run`, or the command. */
static void describe_other(const char *address, unsigned port, char *out, size_t size)
{
	if (getenv("MAKELEVEL"))
		snprintf(out, size, "make run PORT=%u", port);
	else
		snprintf(out, size, "screenshare run --listen '%.*s:%u'",
			(int)(strrchr(address, ':') - address), address, port);
}

static void say_taken(const struct listen_address *address)
{
	char text[LISTEN_TEXT_MAX], holder[160], other[LISTEN_TEXT_MAX + 32];
	uint16_t port = listen_port(address);

	describe_holder(port, holder, sizeof(holder));
	listen_format(address, text, sizeof(text));
	describe_other(text, port == 8002 ? 8003 : 8002, other, sizeof(other));
	log_message(LOG_ERR, MESSAGE_PORT_TAKEN,
		"Could not listen on %s: %s; stop it, or take another port: %s", text, holder,
		other);
}

static void say_low(const char *address)
{
	char other[LISTEN_TEXT_MAX + 32];

	describe_other(address, 8001, other, sizeof(other));
	log_err("Could not listen on %s: ports below 1024 are root's; take another: %s", address,
		other);
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
		say_low(text);
	else if (r == -EADDRNOTAVAIL)
		log_err("Could not listen on %s: this computer does not have that address", text);
	else
		log_err("Could not listen on %s: %s", text, strerror(-r));
	return COMMAND_FAILED;
}

static int take_runtime_dir(struct run_sockets *sockets, const struct listen_address *first)
{
	pid_t holder = 0;
	int r = runtime_dir_create(listen_port(first), &sockets->dir, &holder);

	if (r == 0)
		return 0;
	if (r == -EBUSY)
		say_taken(first);
	else if (r == -EPERM)
		log_err("Could not make a folder for sockets: /tmp/screenshare-%u is not yours "
			"alone; set XDG_RUNTIME_DIR to a folder that is",
			(unsigned)geteuid());
	else
		log_err("Could not make a folder for sockets: %s", strerror(-r));
	return COMMAND_FAILED;
}

static const char *socket_path(const struct run_sockets *sockets, const char *name, char *out)
{
	snprintf(out, RUN_SOCKET_PATH_MAX, "%s/%s", runtime_dir_path(sockets->dir), name);
	return out;
}

static int open_local_sockets(struct run_sockets *sockets)
{
	char path[RUN_SOCKET_PATH_MAX];
	int r = listen_unix(socket_path(sockets, SERVICE_SOCK_CONTROL, path), SOCK_STREAM,
		&sockets->control_fd);

	for (unsigned i = 0; r == 0 && i < SOURCE_COUNT; i++)
		r = listen_unix(socket_path(sockets, service_capture_socket(i), path),
			SOCK_SEQPACKET, &sockets->capture_fds[i]);
	if (r < 0) {
		log_err("Could not listen on %s: %s", path, strerror(-r));
		return COMMAND_FAILED;
	}
	socket_path(sockets, SOCK_NOTIFY, sockets->notify_path);
	sockets->addresses_fd = addresses_open();
	if (sockets->addresses_fd < 0) {
		log_err("Could not ask the kernel for addresses: %s",
			strerror(-sockets->addresses_fd));
		return COMMAND_FAILED;
	}
	return 0;
}

int run_sockets_open(
	struct run_sockets *sockets, struct listen_address *listening, size_t n_listening)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n_listening; i++)
		r = listen_on(&listening[i], &sockets->http_fds[i]);
	if (r == 0)
		r = take_runtime_dir(sockets, &listening[0]);
	return r == 0 ? open_local_sockets(sockets) : r;
}
