/* SPDX-License-Identifier: MIT */
#include "capd/subscribers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "capd/peer.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/ratelimit.h"

/* Started with the service, before anybody watches, or for a connection that never came (its peer
 * is already gone) or was refused: do not stay for ever. */
#define START_TIMEOUT_US  5000000u
#define ACCEPT_MAX        16 /* a turn of the loop, which has more to do */
#define REFUSED_LOG_NS    (60 * NS_PER_S)
#define REFUSED_LOG_BURST 3

struct subscribers {
	sd_event *event;
	int listen_fd;
	sd_event_source *listen_io, *start_deadline;
	struct capsock_buffer *buffer; /* the one for all */
	const struct subscriber_ops *ops;
	void *arg;

	struct subscriber *first; /* owned */
	unsigned n;

	struct peers peers;         /* who may connect */
	struct ratelimit unfit_log; /* of subscribers */
};

void subscribers_refused(struct subscribers *subscribers, const char *words)
{
	char more[RATELIMIT_MORE_SIZE];
	unsigned suppressed;

	if (ratelimit_allow(&subscribers->unfit_log, clock_monotonic_ns(), &suppressed))
		log_warn("Refused a subscriber of the capture socket: %s%s", words,
			ratelimit_more(suppressed, more));
}

/* One process that takes all there is keeps nobody else out. */
static bool has_room(struct subscribers *subscribers, int fd)
{
	unsigned n_of_process = 0;
	pid_t pid;

	if (capsock_peer_pid(fd, &pid) < 0)
		return false;
	for (struct subscriber *s = subscribers->first; s; s = s->next)
		n_of_process += s->pid == pid;
	if (n_of_process >= SUBSCRIBERS_OF_PROCESS)
		subscribers_refused(subscribers, "its process has as many connections as one may");
	else if (subscribers->n >= SUBSCRIBERS_MAX)
		subscribers_refused(subscribers, "as many are connected as there may be");
	else
		return true;
	return false;
}

static void accept_all(struct subscribers *subscribers)
{
	for (unsigned i = 0; i < ACCEPT_MAX; i++) {
		struct subscriber *subscriber;
		uid_t uid;
		int fd = peers_accept(&subscribers->peers, subscribers->listen_fd, &uid);

		if (fd == -EPERM)
			continue;
		if (fd < 0)
			return; /* EAGAIN, or a peer that left again: there is nothing to do */
		if (!has_room(subscribers, fd)) {
			fd_close(&fd);
			continue;
		}
		int r = subscriber_create(subscribers->event, fd, uid, subscribers->buffer,
			subscribers->ops, subscribers->arg, &subscriber);
		if (r < 0) {
			log_err("Could not serve a subscriber: %s", strerror(-r));
			continue;
		}
		subscribers->start_deadline =
			sd_event_source_disable_unref(subscribers->start_deadline);
		subscriber->next = subscribers->first;
		subscribers->first = subscriber;
		subscribers->n++;
	}
}

static int on_listen(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct subscribers *subscribers = arg;
	(void)source, (void)fd, (void)events;

	accept_all(subscribers);
	/* All who came were refused.  We stay a while: were each of them to start a process,
	 * anybody could have root start as many, and have them log as much, as they like. */
	if (subscribers->n == 0 && subscribers->start_deadline)
		sd_event_source_set_time_relative(subscribers->start_deadline, START_TIMEOUT_US);
	return 0;
}

static int on_start_deadline(sd_event_source *source, uint64_t now_us, void *arg)
{
	struct subscribers *subscribers = arg;
	(void)source, (void)now_us;

	sd_event_exit(subscribers->event, 0);
	return 0;
}

int subscribers_create(sd_event *event, int listen_fd, const struct subscriber_ops *ops, void *arg,
	struct subscribers **out)
{
	struct subscribers *subscribers = calloc(1, sizeof(*subscribers));
	int r;

	if (!subscribers) {
		fd_close(&listen_fd);
		return -ENOMEM;
	}
	subscribers->event = event;
	subscribers->listen_fd = listen_fd;
	subscribers->ops = ops;
	subscribers->arg = arg;
	peers_init(&subscribers->peers);
	subscribers->unfit_log.interval_ns = REFUSED_LOG_NS;
	subscribers->unfit_log.burst = REFUSED_LOG_BURST;
	subscribers->buffer = malloc(sizeof(*subscribers->buffer));
	r = subscribers->buffer ? 0 : -ENOMEM;
	if (r < 0 ||
		(r = sd_event_add_io(event, &subscribers->listen_io, listen_fd, EPOLLIN, on_listen,
			 subscribers)) < 0 ||
		(r = sd_event_add_time_relative(event, &subscribers->start_deadline,
			 CLOCK_MONOTONIC, START_TIMEOUT_US, 0, on_start_deadline, subscribers)) <
			0) {
		subscribers_destroy(subscribers);
		return r;
	}
	*out = subscribers;
	return 0;
}

void subscribers_destroy(struct subscribers *subscribers)
{
	if (!subscribers)
		return;
	while (subscribers->first) {
		struct subscriber *first = subscribers->first;

		subscribers->first = first->next;
		subscriber_destroy(first);
	}
	sd_event_source_disable_unref(subscribers->listen_io);
	sd_event_source_disable_unref(subscribers->start_deadline);
	fd_close(&subscribers->listen_fd);
	free(subscribers->buffer);
	free(subscribers);
}

struct subscriber *subscribers_first(struct subscribers *subscribers)
{
	return subscribers->first;
}

void subscribers_remove(struct subscribers *subscribers, struct subscriber *subscriber)
{
	struct subscriber **link = &subscribers->first;

	while (*link != subscriber)
		link = &(*link)->next;
	*link = subscriber->next;
	subscribers->n--;
	subscriber_destroy(subscriber);
}

void subscribers_end_if_none(struct subscribers *subscribers)
{
	if (subscribers->n == 0)
		accept_all(subscribers);
	if (subscribers->n == 0)
		sd_event_exit(subscribers->event, 0);
}
