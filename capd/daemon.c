/* SPDX-License-Identifier: MIT */
#include "capd/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "capd/announcement.h"
#include "capd/demand.h"
#include "capd/peer.h"
#include "capd/reload.h"
#include "common/capsock.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/messages.h"
#include "common/ratelimit.h"
#include "common/ring_writer.h"

/* Started with the service, before anybody watches, or for a connection that never came (its peer
 * is already gone) or was refused: do not stay for ever. */
#define START_TIMEOUT_US    5000000u
#define ACCEPT_MAX          16 /* a turn of the loop, which has more to do */
#define DROPPED_INTERVAL_US 1000000u
#define REFUSED_LOG_NS      (60 * NS_PER_S)
#define REFUSED_LOG_BURST   3

struct daemon {
	enum source_id source;
	const struct daemon_ops *ops;
	void *arg;
	sd_event *event;
	int listen_fd;
	sd_event_source *listen_io, *start_deadline;
	struct capsock_buffer *buffer;
	struct output *outputs[STREAM_COUNT];

	struct subscriber *subscribers; /* owned */
	unsigned n_subscribers;
	struct demand demand; /* what on_demand and on_mute were last told */

	uint64_t dropped, dropped_told;
	sd_event_source *dropped_timer; /* enabled while they differ and were told just now */

	struct announcement announcement;      /* of the state */
	const struct service_options *options; /* of daemon_follow_config() */
	const struct config *config;
	struct peers peers;         /* who may connect */
	struct ratelimit unfit_log; /* of subscribers */
};

/* --- what is wanted --- */

static void update_demand(struct daemon *daemon)
{
	const struct demand demand = demand_of(daemon->subscribers), before = daemon->demand;

	daemon->demand = demand;
	if (daemon->ops->on_mute && demand.is_mute != before.is_mute)
		daemon->ops->on_mute(daemon->arg, demand.is_mute);
	if (demand.streams != before.streams || demand.rate_millihertz != before.rate_millihertz)
		daemon->ops->on_demand(daemon->arg, demand.streams, demand.rate_millihertz);
}

static void update_viewers(struct daemon *daemon)
{
	if (daemon->ops->on_viewers)
		daemon->ops->on_viewers(daemon->arg, demand_viewers(daemon->subscribers));
}

static void send_state(struct daemon *daemon, struct subscriber *subscriber)
{
	const struct capsock_message message = announcement_message(&daemon->announcement);

	subscriber_send(subscriber, &message);
}

static void send_dropped(struct daemon *daemon, struct subscriber *subscriber)
{
	struct capsock_message message = {
		.type = CAPSOCK_DROPPED, .ring_fd = -1, .dropped = daemon->dropped};

	subscriber_send(subscriber, &message);
}

static void tell_dropped(struct daemon *daemon)
{
	daemon->dropped_told = daemon->dropped;
	for (struct subscriber *s = daemon->subscribers; s; s = s->next)
		if (s->is_greeted && s->stream != STREAM_PRESENCE)
			send_dropped(daemon, s);
	sd_event_source_set_time_relative(daemon->dropped_timer, DROPPED_INTERVAL_US);
	sd_event_source_set_enabled(daemon->dropped_timer, SD_EVENT_ONESHOT);
}

static int on_dropped_timer(sd_event_source *source, uint64_t now_us, void *arg)
{
	struct daemon *daemon = arg;
	(void)source, (void)now_us;

	if (daemon->dropped != daemon->dropped_told)
		tell_dropped(daemon);
	return 0;
}

void daemon_set_dropped(struct daemon *daemon, uint64_t dropped)
{
	int enabled = SD_EVENT_OFF;

	daemon->dropped = dropped;
	sd_event_source_get_enabled(daemon->dropped_timer, &enabled);
	if (dropped != daemon->dropped_told && enabled == SD_EVENT_OFF)
		tell_dropped(daemon);
}

static void send_ring(struct subscriber *subscriber, const struct ring_writer *ring)
{
	struct capsock_message message = {.type = CAPSOCK_STREAM,
		.epoch = ring_writer_epoch(ring),
		.capacity = ring_writer_capacity(ring),
		.ring_fd = ring_writer_read_fd(ring)};

	subscriber_send(subscriber, &message);
}

static void on_ring(void *arg, struct output *output)
{
	struct daemon *daemon = arg;

	for (struct subscriber *s = daemon->subscribers; s; s = s->next)
		if (s->is_greeted && s->stream == output_stream(output))
			send_ring(s, output_ring(output));
}

/* --- subscribers --- */

static bool on_hello(void *arg, struct subscriber *subscriber, const char **words)
{
	struct daemon *daemon = arg;
	enum stream_id stream = subscriber->stream;

	if (stream >= STREAM_COUNT ||
		(stream != STREAM_PRESENCE && !daemon->ops->has_stream(daemon->arg, stream))) {
		*words = "this source has no such stream";
		return false;
	}
	subscriber->is_greeted = true;
	send_state(daemon, subscriber);
	announcement_begin_log(&daemon->announcement);
	if (stream == STREAM_PRESENCE)
		return true;
	if (daemon->dropped_told)
		send_dropped(daemon, subscriber);
	struct output *output = daemon->outputs[stream];
	if (output && output_ring(output))
		send_ring(subscriber, output_ring(output));
	update_demand(daemon);
	daemon->ops->on_key_frame(daemon->arg, stream);
	return true;
}

static void on_key_frame(void *arg, struct subscriber *subscriber)
{
	struct daemon *daemon = arg;

	if (subscriber->stream != STREAM_PRESENCE)
		daemon->ops->on_key_frame(daemon->arg, subscriber->stream);
}

static void on_catch_up(
	void *arg, struct subscriber *subscriber, uint64_t since_sequence, bool exact)
{
	struct daemon *daemon = arg;

	if (subscriber->stream == STREAM_DELTA && daemon->ops->on_catch_up)
		daemon->ops->on_catch_up(daemon->arg, since_sequence, exact);
	else
		on_key_frame(daemon, subscriber);
}

static void on_wish(void *arg, struct subscriber *subscriber)
{
	(void)subscriber;
	update_demand(arg);
}

static void on_viewers(void *arg, struct subscriber *subscriber)
{
	(void)subscriber;
	update_viewers(arg);
}

/*
 * Root and our own user, who of a service is the session's, are the presenter.  The HTTP process,
 * where it is another user, is not: it may wish for silence, and never for more than the presenter
 * has allowed.
 */
static bool on_switch(void *arg, struct subscriber *subscriber, enum audio_input input, bool muted,
	const char **words)
{
	struct daemon *daemon = arg;

	if (!daemon->ops->on_switch)
		return false;
	*words = "only root and the user whose sound it is may mute and unmute";
	if (subscriber->uid != 0 && subscriber->uid != geteuid())
		return false;
	int r = daemon->ops->on_switch(daemon->arg, input, muted);
	*words = r == -ENXIO   ? "nobody is logged in whose sound it is"
		 : r == -EBUSY ? "it was unmuted too often just now; say it again in a while"
			       : "it could not be remembered; see the journal";
	return r == 0;
}

/* A spurt is told whole, a flood is counted. */
static void on_refused(void *arg, const char *words)
{
	struct daemon *daemon = arg;
	char more[RATELIMIT_MORE_SIZE];
	unsigned suppressed;

	if (ratelimit_allow(&daemon->unfit_log, clock_monotonic_ns(), &suppressed))
		log_warn("Refused a subscriber of the capture socket: %s%s", words,
			ratelimit_more(suppressed, more));
}

static void accept_all(struct daemon *daemon);

static void on_gone(void *arg, struct subscriber *subscriber)
{
	struct daemon *daemon = arg;
	struct subscriber **link = &daemon->subscribers;

	while (*link != subscriber)
		link = &(*link)->next;
	*link = subscriber->next;
	daemon->n_subscribers--;
	bool told_of_viewers = subscriber->viewers;
	subscriber_destroy(subscriber);
	update_demand(daemon);
	if (told_of_viewers)
		update_viewers(daemon);
	/* Whoever is waiting to be accepted is served by us; whoever comes later, by the next. */
	if (daemon->n_subscribers == 0)
		accept_all(daemon);
	if (daemon->n_subscribers == 0)
		sd_event_exit(daemon->event, 0);
}

static const struct subscriber_ops subscriber_ops = {
	.on_hello = on_hello,
	.on_key_frame = on_key_frame,
	.on_catch_up = on_catch_up,
	.on_switch = on_switch,
	.on_wish = on_wish,
	.on_viewers = on_viewers,
	.on_refused = on_refused,
	.on_gone = on_gone,
};

/* One process that takes all there is keeps nobody else out. */
static bool has_room(struct daemon *daemon, int fd)
{
	unsigned n_of_process = 0;
	pid_t pid;

	if (capsock_peer_pid(fd, &pid) < 0)
		return false;
	for (struct subscriber *s = daemon->subscribers; s; s = s->next)
		n_of_process += s->pid == pid;
	if (n_of_process >= DAEMON_SUBSCRIBERS_OF_PROCESS)
		on_refused(daemon, "its process has as many connections as one may");
	else if (daemon->n_subscribers >= DAEMON_SUBSCRIBERS_MAX)
		on_refused(daemon, "as many are connected as there may be");
	else
		return true;
	return false;
}

static void accept_all(struct daemon *daemon)
{
	for (unsigned i = 0; i < ACCEPT_MAX; i++) {
		struct subscriber *subscriber;
		uid_t uid;
		int fd = peers_accept(&daemon->peers, daemon->listen_fd, &uid);

		if (fd == -EPERM)
			continue;
		if (fd < 0)
			return; /* EAGAIN, or a peer that left again: nothing to do in either case
				 */
		if (!has_room(daemon, fd)) {
			fd_close(&fd);
			continue;
		}
		int r = subscriber_create(daemon->event, fd, uid, daemon->buffer, &subscriber_ops,
			daemon, &subscriber);
		if (r < 0) {
			log_err("Could not serve a subscriber: %s", strerror(-r));
			continue;
		}
		daemon->start_deadline = sd_event_source_disable_unref(daemon->start_deadline);
		subscriber->next = daemon->subscribers;
		daemon->subscribers = subscriber;
		daemon->n_subscribers++;
	}
}

static int on_listen(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct daemon *daemon = arg;
	(void)source, (void)fd, (void)events;

	accept_all(daemon);
	/* All who came were refused.  We stay a while: were each of them to start a process,
	 * anybody could have root start as many, and have them log as much, as they like. */
	if (daemon->n_subscribers == 0 && daemon->start_deadline)
		sd_event_source_set_time_relative(daemon->start_deadline, START_TIMEOUT_US);
	return 0;
}

static int on_start_deadline(sd_event_source *source, uint64_t now_us, void *arg)
{
	struct daemon *daemon = arg;
	(void)source, (void)now_us;

	sd_event_exit(daemon->event, 0);
	return 0;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *arg)
{
	struct daemon *daemon = arg;
	(void)source, (void)info;

	sd_event_exit(daemon->event, 0);
	return 0;
}

/* --- the configuration --- */

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *arg)
{
	struct daemon *daemon = arg;
	(void)source, (void)info;

	if (reload_is_due(daemon->source, daemon->options, daemon->config))
		sd_event_exit(daemon->event, 0);
	return 0;
}

int daemon_follow_config(
	struct daemon *daemon, const struct service_options *options, const struct config *config)
{
	int r;

	daemon->options = options;
	daemon->config = config;
	r = sd_event_add_signal(daemon->event, NULL, SIGHUP, on_hangup, daemon);
	return r < 0 ? r : 0;
}

/* --- life --- */

int daemon_take_socket(enum source_id source)
{
	int fd = service_take_socket(SERVICE_FD_CAPTURE);

	if (fd < 0)
		log_message(LOG_ERR, MESSAGE_NO_SOCKET,
			"Could not start: no socket named \"%s\" was passed; start "
			"screenshare-%s.socket, or use `screenshare run`",
			SERVICE_FD_CAPTURE, source_name(source));
	return fd;
}

int daemon_create(enum source_id source, int listen_fd, const struct daemon_ops *ops, void *arg,
	struct daemon **out)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));
	sigset_t mask;
	int r = -ENOMEM;

	if (!daemon) {
		fd_close(&listen_fd);
		return -ENOMEM;
	}
	daemon->source = source;
	daemon->listen_fd = listen_fd;
	daemon->ops = ops;
	daemon->arg = arg;
	announcement_init(&daemon->announcement, source);
	peers_init(&daemon->peers);
	daemon->unfit_log.interval_ns = REFUSED_LOG_NS;
	daemon->unfit_log.burst = REFUSED_LOG_BURST;
	daemon->buffer = malloc(sizeof(*daemon->buffer));
	if (!daemon->buffer)
		goto fail;

	/* Before any thread exists: all of them leave these signals to the loop. */
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0) {
		r = -errno;
		goto fail;
	}
	if ((r = sd_event_new(&daemon->event)) < 0 ||
		(r = sd_event_add_signal(daemon->event, NULL, SIGTERM, on_signal, daemon)) < 0 ||
		(r = sd_event_add_signal(daemon->event, NULL, SIGINT, on_signal, daemon)) < 0 ||
		(r = sd_event_add_io(daemon->event, &daemon->listen_io, listen_fd, EPOLLIN,
			 on_listen, daemon)) < 0 ||
		(r = sd_event_add_time_relative(daemon->event, &daemon->start_deadline,
			 CLOCK_MONOTONIC, START_TIMEOUT_US, 0, on_start_deadline, daemon)) < 0 ||
		(r = sd_event_add_time(daemon->event, &daemon->dropped_timer, CLOCK_MONOTONIC, 0, 0,
			 on_dropped_timer, daemon)) < 0 ||
		(r = sd_event_source_set_enabled(daemon->dropped_timer, SD_EVENT_OFF)) < 0 ||
		(r = sd_event_set_watchdog(daemon->event, true)) < 0)
		goto fail;
	*out = daemon;
	return 0;
fail:
	daemon_destroy(daemon);
	return r;
}

void daemon_destroy(struct daemon *daemon)
{
	if (!daemon)
		return;
	while (daemon->subscribers) {
		struct subscriber *first = daemon->subscribers;

		daemon->subscribers = first->next;
		subscriber_destroy(first);
	}
	for (size_t i = 0; i < STREAM_COUNT; i++)
		output_destroy(daemon->outputs[i]);
	sd_event_source_disable_unref(daemon->listen_io);
	sd_event_source_disable_unref(daemon->start_deadline);
	sd_event_source_disable_unref(daemon->dropped_timer);
	sd_event_unref(daemon->event);
	fd_close(&daemon->listen_fd);
	free(daemon->buffer);
	announcement_fini(&daemon->announcement);
	free(daemon);
}

sd_event *daemon_event(struct daemon *daemon)
{
	return daemon->event;
}

int daemon_add_output(struct daemon *daemon, enum stream_id stream, struct output **out)
{
	const struct output_listener listener = {.on_ring = on_ring, .arg = daemon};
	int r = output_create(stream, &listener, out);

	if (r == 0)
		daemon->outputs[stream] = *out;
	return r;
}

void daemon_set_state(
	struct daemon *daemon, enum source_state state, const char *words, bool has_picture)
{
	if (!announcement_set(&daemon->announcement, state, words, has_picture))
		return;
	for (struct subscriber *s = daemon->subscribers; s; s = s->next)
		if (s->is_greeted)
			send_state(daemon, s);
}

int daemon_run(struct daemon *daemon)
{
	int r;

	service_ready();
	r = sd_event_loop(daemon->event);
	service_stopping();
	if (r < 0)
		log_err("Could not go on: the event loop failed: %s", strerror(-r));
	return r < 0 ? EXIT_FAILURE : r;
}
