/* SPDX-License-Identifier: MIT */
#include "capd/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capd/announcement.h"
#include "capd/demand.h"
#include "capd/reload.h"
#include "capd/subscribers.h"
#include "common/capsock.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/messages.h"
#include "common/ring_writer.h"

#define DROPPED_INTERVAL_US 1000000u

struct daemon {
	enum source_id source;
	const struct daemon_ops *ops;
	void *arg;
	sd_event *event;
	struct output *outputs[STREAM_COUNT];

	struct subscribers *subscribers; /* owned */
	struct demand demand;            /* what on_demand and on_mute were last told */

	uint64_t dropped, dropped_told;
	sd_event_source *dropped_timer; /* enabled while they differ and were told just now */

	struct announcement announcement;      /* of the state */
	const struct service_options *options; /* of daemon_follow_config() */
	const struct config *config;
};

/* --- what is wanted --- */

static void update_demand(struct daemon *daemon)
{
	const struct demand demand = demand_of(subscribers_first(daemon->subscribers)),
			    before = daemon->demand;

	daemon->demand = demand;
	if (daemon->ops->on_mute && demand.is_mute != before.is_mute)
		daemon->ops->on_mute(daemon->arg, demand.is_mute);
	if (demand.streams != before.streams || demand.rate_millihertz != before.rate_millihertz)
		daemon->ops->on_demand(daemon->arg, demand.streams, demand.rate_millihertz);
}

static void update_viewers(struct daemon *daemon)
{
	if (daemon->ops->on_viewers)
		daemon->ops->on_viewers(
			daemon->arg, demand_viewers(subscribers_first(daemon->subscribers)));
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
	for (struct subscriber *s = subscribers_first(daemon->subscribers); s; s = s->next)
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

	for (struct subscriber *s = subscribers_first(daemon->subscribers); s; s = s->next)
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

static void on_refused(void *arg, const char *words)
{
	struct daemon *daemon = arg;

	subscribers_refused(daemon->subscribers, words);
}

static void on_gone(void *arg, struct subscriber *subscriber)
{
	struct daemon *daemon = arg;
	bool told_of_viewers = subscriber->viewers;

	subscribers_remove(daemon->subscribers, subscriber);
	update_demand(daemon);
	if (told_of_viewers)
		update_viewers(daemon);
	subscribers_end_if_none(daemon->subscribers);
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
	int r;

	if (!daemon) {
		fd_close(&listen_fd);
		return -ENOMEM;
	}
	daemon->source = source;
	daemon->ops = ops;
	daemon->arg = arg;
	announcement_init(&daemon->announcement, source);

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
		(r = subscribers_create(daemon->event, fd_steal(&listen_fd), &subscriber_ops,
			 daemon, &daemon->subscribers)) < 0 ||
		(r = sd_event_add_time(daemon->event, &daemon->dropped_timer, CLOCK_MONOTONIC, 0, 0,
			 on_dropped_timer, daemon)) < 0 ||
		(r = sd_event_source_set_enabled(daemon->dropped_timer, SD_EVENT_OFF)) < 0 ||
		(r = sd_event_set_watchdog(daemon->event, true)) < 0)
		goto fail;
	*out = daemon;
	return 0;
fail:
	fd_close(&listen_fd);
	daemon_destroy(daemon);
	return r;
}

void daemon_destroy(struct daemon *daemon)
{
	if (!daemon)
		return;
	subscribers_destroy(daemon->subscribers);
	for (size_t i = 0; i < STREAM_COUNT; i++)
		output_destroy(daemon->outputs[i]);
	sd_event_source_disable_unref(daemon->dropped_timer);
	sd_event_unref(daemon->event);
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
	for (struct subscriber *s = subscribers_first(daemon->subscribers); s; s = s->next)
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
