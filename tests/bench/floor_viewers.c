/* SPDX-License-Identifier: MIT */
#include "tests/bench/floor_viewers.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/die.h"

#define NOTSENT_LOWAT 131072 /* bytes of stale frames that the kernel may hold */

static const char head[] = "HTTP/1.0 200 OK\r\nConnection: close\r\nCache-Control: no-store\r\n"
			   "Content-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
			   "--frame\r\nContent-Type: image/jpeg\r\n\r\n";
static const char between[] = "\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n";

struct viewer {
	struct viewer *next, *previous;
	int fd;
	unsigned n_ends;            /* of "\r\n\r\n", how much of the request's end has come */
	bool has_asked, is_waiting; /* for room in the socket */
	struct shared_frame *frame; /* being sent; NULL: idle */
	size_t sent;
	uint64_t sequence; /* of the newest frame begun */
};
struct floor_viewers {
	int epoll_fd, listen_fd;
	uint16_t port;
	unsigned n_viewers;
	uint64_t sequence;
	struct shared_frame *newest;
	struct viewer all; /* head of a ring */
};

struct shared_frame *floor_frame_create(size_t len)
{
	struct shared_frame *frame = malloc(sizeof(*frame) + len + sizeof(between) - 1);
	if (!frame)
		die("Out of memory");
	frame->n_refs = 1;
	frame->len = len + sizeof(between) - 1;
	memcpy(frame->data + len, between, sizeof(between) - 1);
	return frame;
}

static void unref(struct shared_frame *frame)
{
	if (frame && --frame->n_refs == 0)
		free(frame);
}

struct floor_viewers *floor_viewers_open(int epoll_fd, uint16_t port)
{
	struct floor_viewers *viewers = calloc(1, sizeof(*viewers));
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int one = 1;
	if (!viewers)
		die("Out of memory");
	viewers->all.next = viewers->all.previous = &viewers->all;
	viewers->epoll_fd = epoll_fd;
	viewers->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(viewers->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(viewers->listen_fd, (struct sockaddr *)&address, len) ||
		listen(viewers->listen_fd, 1024) ||
		getsockname(viewers->listen_fd, (struct sockaddr *)&address, &len))
		die("Could not listen on port %u: %s", port, strerror(errno));
	viewers->port = ntohs(address.sin_port);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = viewers};
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, viewers->listen_fd, &event);
	return viewers;
}

uint16_t floor_viewers_port(const struct floor_viewers *viewers)
{
	return viewers->port;
}

unsigned floor_viewers_count(const struct floor_viewers *viewers)
{
	return viewers->n_viewers;
}

static void drop(struct floor_viewers *viewers, struct viewer *viewer)
{
	viewer->next->previous = viewer->previous;
	viewer->previous->next = viewer->next;
	viewers->n_viewers--;
	unref(viewer->frame);
	close(viewer->fd);
	free(viewer);
}

static void accept_all(struct floor_viewers *viewers)
{
	for (int fd; (fd = accept4(viewers->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
		     0;) {
		struct viewer *viewer = calloc(1, sizeof(*viewer));
		int one = 1, lowat = NOTSENT_LOWAT;
		if (!viewer)
			die("Out of memory");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof(lowat));
		viewer->fd = fd;
		viewer->next = &viewers->all;
		viewer->previous = viewers->all.previous;
		viewer->next->previous = viewer->previous->next = viewer;
		viewers->n_viewers++;
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = viewer};
		epoll_ctl(viewers->epoll_fd, EPOLL_CTL_ADD, fd, &event);
	}
}

static void wait_for_room(struct floor_viewers *viewers, struct viewer *viewer, bool is_waiting)
{
	if (viewer->is_waiting == is_waiting)
		return;
	viewer->is_waiting = is_waiting;
	struct epoll_event event = {
		.events = EPOLLIN | (is_waiting ? EPOLLOUT : 0u), .data.ptr = viewer};
	epoll_ctl(viewers->epoll_fd, EPOLL_CTL_MOD, viewer->fd, &event);
}

/* Sends until the socket is full or the newest frame is out.  False: the viewer is gone. */
static bool pump(struct floor_viewers *viewers, struct viewer *viewer)
{
	for (;;) {
		if (!viewer->frame) {
			if (!viewers->newest || viewer->sequence == viewers->sequence)
				break;
			viewer->frame = viewers->newest;
			viewer->frame->n_refs++;
			viewer->sequence = viewers->sequence;
			viewer->sent = 0;
		}
		ssize_t n = send(viewer->fd, viewer->frame->data + viewer->sent,
			viewer->frame->len - viewer->sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			drop(viewers, viewer);
			return false;
		}
		viewer->sent += (size_t)n;
		if (viewer->sent == viewer->frame->len) {
			unref(viewer->frame);
			viewer->frame = NULL;
		}
	}
	wait_for_room(viewers, viewer, viewer->frame != NULL);
	return true;
}

void floor_viewers_send(struct floor_viewers *viewers, struct shared_frame *frame)
{
	unref(viewers->newest);
	viewers->newest = frame;
	viewers->sequence++;
	for (struct viewer *viewer = viewers->all.next, *next; viewer != &viewers->all;
		viewer = next) {
		next = viewer->next;
		if (viewer->has_asked && !viewer->is_waiting)
			pump(viewers, viewer);
	}
}

static void read_request(struct floor_viewers *viewers, struct viewer *viewer)
{
	char buffer[4096];
	ssize_t n = read(viewer->fd, buffer, sizeof(buffer));
	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		drop(viewers, viewer);
		return;
	}
	for (ssize_t i = 0; i < n && !viewer->has_asked; i++) {
		viewer->n_ends = buffer[i] == "\r\n\r\n"[viewer->n_ends] ? viewer->n_ends + 1
									 : buffer[i] == '\r';
		viewer->has_asked = viewer->n_ends == 4;
		if (viewer->has_asked && send(viewer->fd, head, sizeof(head) - 1, MSG_NOSIGNAL) > 0)
			pump(viewers, viewer);
	}
}

void floor_viewers_event(struct floor_viewers *viewers, void *ptr, uint32_t events)
{
	struct viewer *viewer = ptr;
	if (ptr == viewers)
		accept_all(viewers);
	else if (!(events & EPOLLOUT) || pump(viewers, viewer)) {
		if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			read_request(viewers, viewer);
	}
}
