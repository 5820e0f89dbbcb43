/* SPDX-License-Identifier: MIT */
#include "cli/notify.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/unix_socket.h"

/* systemd's own bounds: no longer message is one, and no more descriptors fit */
#define MESSAGE_MAX 4096
#define FDS_MAX     253

int notify_open(const char *path, int *out)
{
	struct sockaddr_un address;
	int on = 1, fd, r = unix_socket_address(path, &address);

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
		bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		r = -errno;
		fd_close(&fd);
		return r;
	}
	*out = fd;
	return 0;
}

static bool is_assignment(const char *line, size_t len, const char *assignment)
{
	return len == strlen(assignment) && memcmp(line, assignment, len) == 0;
}

void notify_parse(const char *text, size_t len, struct notify_message *message)
{
	static const char status[] = "STATUS=";
	const char *end = text + len;
	pid_t pid = message->pid;

	*message = (struct notify_message){.pid = pid};
	for (const char *line = text, *next; line < end; line = next) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		size_t line_len = (size_t)((newline ? newline : end) - line);

		next = newline ? newline + 1 : end;
		if (is_assignment(line, line_len, "READY=1"))
			message->is_ready = true;
		else if (is_assignment(line, line_len, "RELOADING=1"))
			message->is_reloading = true;
		else if (is_assignment(line, line_len, "STOPPING=1"))
			message->is_stopping = true;
		else if (is_assignment(line, line_len, "WATCHDOG=1"))
			message->is_alive = true;
		else if (is_assignment(line, line_len, "WATCHDOG=trigger"))
			message->is_hung = true;
		else if (is_assignment(line, line_len, "X_SCREENSHARE_DISPLAY_REACHED=1"))
			message->has_reached_display = true;
		else if (line_len >= strlen(status) && memcmp(line, status, strlen(status)) == 0) {
			size_t n = line_len - strlen(status);

			if (n >= NOTIFY_STATUS_MAX)
				n = NOTIFY_STATUS_MAX - 1;
			memcpy(message->status, line + strlen(status), n);
			message->status[n] = '\0';
		}
	}
}

static void close_fds(const struct cmsghdr *head)
{
	size_t n = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(head) + i * sizeof(fd), sizeof(fd));
		close(fd);
	}
}

int notify_receive(int fd, struct notify_message *message)
{
	char text[MESSAGE_MAX];
	union {
		struct cmsghdr alignment;
		char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = text, .iov_len = sizeof(text)};
	struct msghdr head = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	bool has_sender = false;
	ssize_t len;

	do {
		len = recvmsg(fd, &head, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (len < 0 && errno == EINTR);
	if (len < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&head); c; c = CMSG_NXTHDR(&head, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_RIGHTS) {
			close_fds(c);
		} else if (c->cmsg_type == SCM_CREDENTIALS &&
			   c->cmsg_len == CMSG_LEN(sizeof(struct ucred))) {
			struct ucred sender;

			memcpy(&sender, CMSG_DATA(c), sizeof(sender));
			message->pid = sender.pid;
			has_sender = true;
		}
	}
	if (!has_sender || (head.msg_flags & MSG_TRUNC))
		return -EBADMSG;
	notify_parse(text, (size_t)len, message);
	return 0;
}
