/* SPDX-License-Identifier: MIT */
#include "capd/screen/x11_connector.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capd/session/xauthority.h"
#include "common/fd.h"
#include "common/unix_socket.h"

/* --- on the thread --- */

/* With each right that lies in `path`; NULL if none helps. */
static xcb_connection_t *connect_with(const char *display, const char *path)
{
	struct xauthority_cookie cookies[XAUTHORITY_COOKIES_MAX];
	char protocol[] = XAUTHORITY_PROTOCOL, *host = NULL;
	int number = 0, screen = 0;

	if (!xcb_parse_display(display, &host, &number, &screen))
		return NULL;
	free(host);
	size_t n = xauthority_read(path, number, cookies);
	for (size_t i = 0; i < n; i++) {
		xcb_auth_info_t right = {.namelen = (int)strlen(protocol),
			.name = protocol,
			.datalen = cookies[i].len,
			.data = cookies[i].bytes};
		xcb_connection_t *connection =
			xcb_connect_to_display_with_auth_info(display, &right, NULL);

		if (!xcb_connection_has_error(connection))
			return connection;
		xcb_disconnect(connection);
	}
	return NULL;
}

/*
 * libxcb looks into XAUTHORITY or ~/.Xauthority, and goes without where the server lets the user in
 * by its name.  Where the session was given another file, and nobody has told us, that is tried
 * too.
 */
static xcb_connection_t *connect_somehow(const char *display)
{
	xcb_connection_t *connection = xcb_connect(display, NULL), *other = NULL;
	char paths[XAUTHORITY_FILES_MAX][PATH_MAX];

	if (!xcb_connection_has_error(connection) || getenv("XAUTHORITY"))
		return connection;
	size_t n = xauthority_files(paths);
	for (size_t i = 0; i < n && !other; i++)
		other = connect_with(display, paths[i]);
	if (!other)
		return connection;
	xcb_disconnect(connection);
	return other;
}

struct x11_connector {
	int done_fd; /* eventfd */
	pthread_t thread;
	/* the thread's until done_fd speaks */
	char *display;
	xcb_connection_t *connection;
	atomic_bool is_over; /* set by both sides: whoever finds it set already frees */
};

static void connector_free(struct x11_connector *connector)
{
	if (connector->connection)
		xcb_disconnect(connector->connection);
	fd_close(&connector->done_fd);
	free(connector->display);
	free(connector);
}

static void find_display(struct x11_connector *connector)
{
	char display[XAUTHORITY_DISPLAY_SIZE], *copy;

	if (xauthority_display(display) == 0 && (copy = strdup(display))) {
		free(connector->display);
		connector->display = copy;
	}
}

static void *connector_run(void *arg)
{
	struct x11_connector *connector = arg;
	uint64_t one = 1;

	if (!*connector->display)
		find_display(connector);
	if (*connector->display)
		connector->connection = connect_somehow(connector->display);
	/* The owner reads the connection only after this, and frees only what we have left. */
	if (write(connector->done_fd, &one, sizeof(one)) < 0)
		abort(); /* an eventfd at 0 always takes a 1 */
	if (atomic_exchange(&connector->is_over, true))
		connector_free(connector);
	return NULL;
}

/* --- on the loop --- */

int x11_connector_start(const char *display, struct x11_connector **out)
{
	struct x11_connector *connector = calloc(1, sizeof(*connector));
	sigset_t all, before;
	int r;

	if (!connector)
		return -ENOMEM;
	connector->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	connector->display = strdup(display);
	if (connector->done_fd < 0 || !connector->display) {
		connector_free(connector);
		return -ENOMEM;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&connector->thread, NULL, connector_run, connector);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0) {
		connector_free(connector);
		return -r;
	}
	pthread_detach(connector->thread);
	*out = connector;
	return 0;
}

int x11_connector_fd(const struct x11_connector *connector)
{
	return connector->done_fd;
}

const char *x11_connector_display(const struct x11_connector *connector)
{
	return connector->display;
}

xcb_connection_t *x11_connector_finish(struct x11_connector *connector)
{
	uint64_t done;

	/* What the thread wrote before it spoke is ours from here on. */
	if (read(connector->done_fd, &done, sizeof(done)) < 0)
		return NULL;
	xcb_connection_t *connection = connector->connection;
	connector->connection = NULL;
	x11_connector_abandon(connector);
	if (connection && xcb_connection_has_error(connection)) {
		xcb_disconnect(connection);
		return NULL;
	}
	return connection;
}

void x11_connector_abandon(struct x11_connector *connector)
{
	if (connector && atomic_exchange(&connector->is_over, true))
		connector_free(connector);
}

bool x11_listens_here(const char *display)
{
	char *host = NULL, path[32];
	int number, screen, fd;

	if (!xcb_parse_display(display, &host, &number, &screen))
		return false;
	bool is_local = !*host || strcmp(host, "unix") == 0;
	free(host);
	if (!is_local)
		return false;
	snprintf(path, sizeof(path), "/tmp/.X11-unix/X%d", number);
	fd = unix_socket_connect(path, SOCK_STREAM);
	if (fd < 0)
		return false;
	fd_close(&fd);
	return true;
}
