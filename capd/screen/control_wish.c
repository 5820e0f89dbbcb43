/* SPDX-License-Identifier: MIT */
#include "capd/screen/control_wish.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/fd.h"
#include "common/service.h"
#include "common/unix_socket.h"

#define ANSWER_TIMEOUT_US 5000000u
#define ANSWER_SIZE       1024u /* more is no answer to a wish */

struct control_wish {
	void (*on_done)(void *arg, int r);
	void *arg;
	int fd;
	sd_event_source *io, *deadline;
	char answer[ANSWER_SIZE + 1];
	size_t len;
};

/* "ok" is the server's first member, and true (httpd/control_server.c writes it so). */
static int read_answer(struct control_wish *wish)
{
	static const char granted[] = "{\"ok\":true";

	return strncmp(wish->answer, granted, sizeof(granted) - 1) == 0 ? 0 : -EPERM;
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct control_wish *wish = arg;
	ssize_t n = recv(fd, wish->answer + wish->len, ANSWER_SIZE - wish->len, MSG_DONTWAIT);
	int r = 0;
	(void)source, (void)events;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0) {
		wish->len += (size_t)n;
		wish->answer[wish->len] = '\0';
	}
	if (n > 0 && !strchr(wish->answer, '\n') && wish->len < ANSWER_SIZE)
		return 0;
	if (n < 0)
		r = -errno;
	else
		r = n == 0 ? -ECONNRESET : read_answer(wish);
	wish->on_done(wish->arg, r);
	return 0;
}

static int on_deadline(sd_event_source *source, uint64_t now_us, void *arg)
{
	struct control_wish *wish = arg;
	(void)source, (void)now_us;

	wish->on_done(wish->arg, -ETIMEDOUT);
	return 0;
}

/* A local socket is connected at once, or has no room for anybody. */
static int connect_to(const char *runtime_dir)
{
	char path[128]; /* longer than a socket's may be: what is cut is refused, too */

	snprintf(path, sizeof(path), "%s/" SERVICE_SOCK_CONTROL, runtime_dir);
	return unix_socket_connect(path, SOCK_STREAM);
}

static int send_request(int fd, const char *request)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "{\"request\":\"%s\"}\n", request);
	ssize_t n = send(fd, line, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return -errno;
	return n == len ? 0 : -EAGAIN; /* a new socket has room for so little */
}

int control_wish_send(sd_event *event, const char *runtime_dir, const char *request,
	void (*on_done)(void *arg, int r), void *arg, struct control_wish **out)
{
	struct control_wish *wish = calloc(1, sizeof(*wish));
	int r;

	if (!wish)
		return -ENOMEM;
	wish->on_done = on_done;
	wish->arg = arg;
	r = wish->fd = connect_to(runtime_dir);
	if (r >= 0)
		r = send_request(wish->fd, request);
	if (r >= 0)
		r = sd_event_add_io(event, &wish->io, wish->fd, EPOLLIN, on_readable, wish);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &wish->deadline, CLOCK_MONOTONIC,
			ANSWER_TIMEOUT_US, 0, on_deadline, wish);
	if (r < 0) {
		control_wish_destroy(wish);
		return r;
	}
	*out = wish;
	return 0;
}

void control_wish_destroy(struct control_wish *wish)
{
	if (!wish)
		return;
	sd_event_source_disable_unref(wish->io);
	sd_event_source_disable_unref(wish->deadline);
	fd_close(&wish->fd);
	free(wish);
}
