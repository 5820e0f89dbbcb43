/* SPDX-License-Identifier: MIT */
#include "common/control.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/unix_socket.h"

#define ANSWER_FIRST_SIZE 4096u

/* Milliseconds until the deadline, rounded up; 0: it has passed. */
static int remaining_ms(uint64_t deadline_ns)
{
	uint64_t now_ns = clock_monotonic_ns();

	return now_ns >= deadline_ns ? 0
				     : (int)((deadline_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

static int wait_for(int fd, short events, uint64_t deadline_ns)
{
	for (;;) {
		struct pollfd poll_fd = {.fd = fd, .events = events};
		int left_ms = remaining_ms(deadline_ns);
		int n = left_ms > 0 ? poll(&poll_fd, 1, left_ms) : 0;

		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static int connect_to(const char *path, uint64_t deadline_ns, int *out)
{
	struct sockaddr_un address;
	struct timeval timeout;
	int fd, r = unix_socket_address(path, &address), left_ms = remaining_ms(deadline_ns);

	if (left_ms == 0)
		return -ETIMEDOUT;
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* A full backlog cannot be polled for; a blocking connect() waits for it, as long as this.
	 */
	timeout = (struct timeval){.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
		connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		r = errno == EAGAIN ? -ETIMEDOUT : -errno;
		fd_close(&fd);
		return r;
	}
	*out = fd;
	return 0;
}

static int send_all(int fd, const char *bytes, size_t len, uint64_t deadline_ns)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			int r = wait_for(fd, POLLOUT, deadline_ns);
			if (r < 0)
				return r;
		} else if (errno != EINTR) {
			return errno == EPIPE ? -ECONNRESET : -errno;
		}
	}
	return 0;
}

static int send_request(int fd, const json_t *request, uint64_t deadline_ns)
{
	char line[CONTROL_REQUEST_MAX];
	size_t len = json_dumpb(request, line, sizeof(line) - 1, JSON_COMPACT);

	if (len == 0)
		return -EINVAL;
	if (len > sizeof(line) - 1)
		return -EMSGSIZE;
	line[len++] = '\n';
	return send_all(fd, line, len, deadline_ns);
}

/* Reads up to the newline, which must be the last byte.  0 and *out (free()), *len without it. */
static int receive_line(int fd, uint64_t deadline_ns, char **out, size_t *out_len)
{
	size_t len = 0, size = ANSWER_FIRST_SIZE;
	char *line = malloc(size), *larger, *newline;
	int r = line ? 0 : -ENOMEM;

	while (r == 0) {
		ssize_t n = recv(fd, line + len, size - len, MSG_DONTWAIT);

		if (n == 0) {
			r = -ECONNRESET;
		} else if (n < 0 && errno == EAGAIN) {
			r = wait_for(fd, POLLIN, deadline_ns);
		} else if (n < 0) {
			r = errno == EINTR ? 0 : -errno;
		} else if ((newline = memchr(line + len, '\n', (size_t)n))) {
			len += (size_t)n;
			if (newline + 1 != line + len) {
				r = -EPROTO;
				break;
			}
			*out = line;
			*out_len = len - 1;
			return 0;
		} else if ((len += (size_t)n) >= CONTROL_LINE_MAX) {
			r = -EMSGSIZE;
		} else if (len == size) {
			larger = realloc(line, size * 2);
			if (larger) {
				line = larger;
				size *= 2;
			} else {
				r = -ENOMEM;
			}
		}
	}
	free(line);
	return r;
}

int control_ask(const char *socket_path, const json_t *request, int timeout_ms, json_t **answer)
{
	uint64_t timeout_ns = timeout_ms > 0 ? NS_PER_MS * (unsigned)timeout_ms : 0;
	uint64_t deadline_ns = clock_monotonic_ns() + timeout_ns;
	int fd = -1;
	char *line = NULL;
	size_t len;
	json_t *parsed = NULL;
	int r;

	r = connect_to(socket_path, deadline_ns, &fd);
	if (r == 0)
		r = send_request(fd, request, deadline_ns);
	if (r == 0)
		r = receive_line(fd, deadline_ns, &line, &len);
	if (r == 0) {
		parsed = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
		if (parsed && json_is_boolean(json_object_get(parsed, "ok"))) {
			*answer = parsed;
		} else {
			json_decref(parsed);
			r = -EPROTO;
		}
	}
	free(line);
	fd_close(&fd);
	return r;
}
