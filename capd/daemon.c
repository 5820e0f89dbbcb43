/* SPDX-License-Identifier: MIT */
#include "capd/daemon.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capd/pattern.h"
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
	unsigned demanded_streams; /* what on_demand was last told */
	uint32_t demanded_rate;
	bool demanded_mute;

	uint64_t dropped, dropped_told;
	sd_event_source *dropped_timer; /* enabled while they differ and were told just now */

	enum source_state state;
	char words[CAPSOCK_WORDS_MAX + 1];
	bool is_wanted; /* somebody has subscribed; before that nobody cares what state it is in */
	const struct service_options *options; /* of daemon_follow_config() */
	const struct config *config;

	uint8_t *picture; /* of the state; NULL when pictures flow */
	size_t picture_len;
	uint64_t state_since_ns;
	enum source_state fault; /* the last one since it was live, however it starts; or LIVE */
	uint64_t fault_since_ns;
	struct ratelimit refused_log;
};

/* --- what is wanted --- */

static void update_demand(struct daemon *daemon)
{
	unsigned streams = 0;
	uint32_t rate = 0;
	bool mute = false;

	for (struct subscriber *s = daemon->subscribers; s; s = s->next) {
		if (!s->is_greeted)
			continue;
		if (s->stream != STREAM_PRESENCE)
			streams |= 1u << s->stream;
		if (s->rate_millihertz > rate)
			rate = s->rate_millihertz;
		mute |= s->wants_mute;
	}
	if (daemon->ops->on_mute && mute != daemon->demanded_mute) {
		daemon->demanded_mute = mute;
		daemon->ops->on_mute(daemon->arg, mute);
	}
	if (streams == daemon->demanded_streams && rate == daemon->demanded_rate)
		return;
	daemon->demanded_streams = streams;
	daemon->demanded_rate = rate;
	daemon->ops->on_demand(daemon->arg, streams, rate);
}

/* There is one httpd; should there be several, the one that came last is believed. */
static void update_viewers(struct daemon *daemon)
{
	const struct subscriber_viewers *viewers = NULL;

	if (!daemon->ops->on_viewers)
		return;
	for (struct subscriber *s = daemon->subscribers; s && !viewers; s = s->next)
		if (s->viewers && s->viewers->lines[0] != '\0')
			viewers = s->viewers;
	daemon->ops->on_viewers(daemon->arg, viewers);
}

static void send_state(struct daemon *daemon, struct subscriber *subscriber)
{
	struct capsock_message message = {.type = CAPSOCK_STATE,
		.ring_fd = -1,
		.state = daemon->state,
		.words = daemon->words,
		.words_len = strlen(daemon->words),
		.picture = daemon->picture,
		.picture_len = daemon->picture_len};

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

static void log_state(struct daemon *daemon);

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
	if (!daemon->is_wanted) {
		daemon->is_wanted = true;
		log_state(daemon);
	}
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
	*words = r == -ENXIO ? "nobody is logged in whose sound it is"
			     : "it could not be remembered; see the journal";
	return r == 0;
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
	.on_gone = on_gone,
};

/* The HTTP process's user, root, and whoever we are ourselves. */
static bool peer_is_allowed(int fd, uid_t *uid)
{
	if (capsock_peer_uid(fd, uid) < 0)
		return false;
	if (*uid == 0 || *uid == geteuid())
		return true;
	const struct passwd *httpd = getpwnam("screenshare");
	return httpd && *uid == httpd->pw_uid;
}

/* Whoever may connect to the socket of the sound (it is open to all) may not be whom it serves. */
static void refuse_peer(struct daemon *daemon, int fd, uid_t uid)
{
	static const char words[] = "only root and the user whose desktop is shared may";
	const struct capsock_message message = {.type = CAPSOCK_REFUSED,
		.ring_fd = -1,
		.words = words,
		.words_len = sizeof(words) - 1};
	char more[RATELIMIT_MORE_SIZE];
	unsigned suppressed;

	/* Its own message must not lie there unread: the close would take ours back. */
	shutdown(fd, SHUT_RD);
	while (recv(fd, (char[1]){0}, 1, MSG_DONTWAIT) > 0)
		;
	capsock_send(fd, CAPSOCK_DAEMON, &message);
	if (ratelimit_allow(&daemon->refused_log, clock_monotonic_ns(), &suppressed))
		log_warn("Refused a subscriber of the capture socket: user %u may not%s",
			(unsigned)uid, ratelimit_more(suppressed, more));
}

static void accept_all(struct daemon *daemon)
{
	for (unsigned i = 0; i < ACCEPT_MAX; i++) {
		struct subscriber *subscriber;
		uid_t uid = (uid_t)-1;
		int fd = accept4(daemon->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return; /* EAGAIN, or a peer that left again: nothing to do in either case
				 */
		if (!peer_is_allowed(fd, &uid)) {
			refuse_peer(daemon, fd, uid);
			fd_close(&fd);
			continue;
		}
		if (daemon->n_subscribers >= DAEMON_SUBSCRIBERS_MAX) {
			log_warn("Refused a subscriber of the capture socket: %u are connected",
				daemon->n_subscribers);
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

struct change {
	enum source_id source;
	const char *section, *name; /* the first key that differs and concerns us; NULL: none */
};

static void on_change(void *arg, const char *section, const char *name)
{
	struct change *change = arg;

	if (change->section || strcmp(section, "http") == 0 || strcmp(section, "files") == 0)
		return;
	for (unsigned other = 0; other < SOURCE_COUNT; other++)
		if (other != change->source && strcmp(section, source_name(other)) == 0)
			return;
	change->section = section;
	change->name = name;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *arg)
{
	struct daemon *daemon = arg;
	struct change change = {.source = daemon->source};
	struct config fresh;
	struct config_error error;
	(void)source, (void)info;

	if (service_read_config(daemon->options, &fresh, &error) < 0) {
		log_err("Could not read the configuration again: %s; the old one stays",
			error.text);
		return 0;
	}
	config_compare(daemon->config, &fresh, on_change, &change);
	if (!change.section)
		return 0;
	log_info("The configuration has changed ([%s] %s): beginning anew", change.section,
		change.name);
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
	daemon->state = STATE_STARTING;
	daemon->state_since_ns = clock_monotonic_ns();
	daemon->fault = STATE_LIVE;
	daemon->refused_log.interval_ns = REFUSED_LOG_NS;
	strcpy(daemon->words, state_words(STATE_STARTING));
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
	free(daemon->picture);
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

/*
 * One line when a fault begins, one when it ends, however long the start in between takes.  Of a
 * daemon that was started with the service, and that nobody has asked for anything, none: at boot
 * nobody is logged in yet.
 */
static void log_state(struct daemon *daemon)
{
	bool is_back = daemon->state == STATE_LIVE && daemon->fault != STATE_LIVE;
	const struct log_fields fields = {.source = source_name(daemon->source),
		.state = state_name(daemon->state),
		.message =
			is_back ? MESSAGE_BACK : message_of_state(daemon->source, daemon->state)};
	bool is_sound = daemon->source == SOURCE_AUDIO;

	if (daemon->state == STATE_STARTING || !daemon->is_wanted)
		return;
	if (daemon->state != STATE_LIVE) {
		daemon->fault = daemon->state;
		daemon->fault_since_ns = daemon->state_since_ns;
		log_at(LOG_WARNING, &fields, "No %s (%s): %s", is_sound ? "sound" : "pictures",
			state_name(daemon->state), daemon->words);
		return;
	}
	if (is_back)
		log_at(LOG_INFO, &fields, "%s again after %.1f s of %s",
			is_sound ? "Sound" : "Pictures",
			(double)(daemon->state_since_ns - daemon->fault_since_ns) / 1e9,
			state_name(daemon->fault));
	else
		log_at(LOG_INFO, &fields, "Live: %s", daemon->words);
	daemon->fault = STATE_LIVE;
}

void daemon_set_state(
	struct daemon *daemon, enum source_state state, const char *words, bool has_picture)
{
	enum source_state before = daemon->state;

	if (!words)
		words = state_words(state);
	if (state == before && strncmp(words, daemon->words, CAPSOCK_WORDS_MAX) == 0 &&
		has_picture == (daemon->picture != NULL))
		return;
	free(daemon->picture);
	daemon->picture = NULL;
	daemon->picture_len = 0;
	daemon->state = state;
	daemon->words[0] = '\0';
	strncat(daemon->words, words, CAPSOCK_WORDS_MAX);
	if (state != before)
		daemon->state_since_ns = clock_monotonic_ns();
	if (has_picture && pattern_state_jpeg(daemon->source, state, daemon->words,
				   &daemon->picture, &daemon->picture_len) < 0)
		log_err("Could not draw the picture of a state: no memory");
	log_state(daemon);
	service_status("%s: %s", state_name(state), daemon->words);
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
