/* SPDX-License-Identifier: MIT */
/*
 * screenshare-screen: the screen as a stream, for whoever subscribes to the capture socket.
 *
 * Here source, pipeline and daemon meet: demand starts the source, frames go down the pipeline,
 * states go to the subscribers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capd/daemon.h"
#include "capd/pattern_source.h"
#include "capd/screen/notification.h"
#include "capd/screen/notification_record.h"
#include "capd/screen/pipeline.h"
#include "capd/screen/probe.h"
#include "capd/screen/x11_source.h"
#include "capd/session/session.h"
#include "capd/session/waiting.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/findings.h"
#include "common/log.h"
#include "common/service.h"

#define NO_MEMORY_RETRY_US 500000u
#define ALL_STREAMS        (1u << STREAM_JPEG | 1u << STREAM_DELTA)

struct screen {
	struct config configured; /* as it was read: what a reload compares with */
	struct config config;     /* with the session's display, where none is configured */
	struct service_options options;
	struct daemon *daemon;
	struct pipeline *pipeline;
	struct notification *notification; /* NULL: [session] notify is no */
	int notification_record_fd;        /* until it has it; -1: none */

	const struct source_ops *ops; /* of `source`: the configured one */
	struct source *source;
	struct source *stand_in; /* the test picture in place of a display; NULL unless permitted */
	bool stands_in;
	bool was_live; /* from then on a display that fails is lost: its state's picture, no
			  stand-in */
	bool is_started;

	unsigned streams;        /* wanted: bits 1 << enum stream_id */
	struct session *session; /* whose desktop; NULL: our own user's, always */
	bool is_held;            /* by the session: nothing may be shown */
	bool has_own_display;    /* the configuration names it */

	enum source_state state; /* the source's own; an empty /dev/shm may lie over it */
	char words[256];
	bool is_out_of_memory;
	sd_event_source *memory_timer;
	sd_event_source *pipeline_timer; /* what the pipeline has to do between frames */
};

static void show_state(struct screen *screen)
{
	bool pictures_flow = !screen->is_held && (screen->state == STATE_LIVE || screen->stands_in);

	if (screen->is_out_of_memory && !screen->is_held)
		daemon_set_state(screen->daemon, STATE_NO_MEMORY, NULL, true);
	else
		daemon_set_state(screen->daemon, screen->state,
			*screen->words ? screen->words : NULL,
			!pictures_flow && screen->state != STATE_STARTING);
}

/* Whatever the pipeline has done may have changed when it wants to be called. */
static void schedule_pipeline(struct screen *screen)
{
	uint64_t due_ns = pipeline_due_ns(screen->pipeline);
	bool is_due = due_ns != UINT64_MAX;

	if (is_due)
		sd_event_source_set_time(screen->pipeline_timer, due_ns / NS_PER_US + 1);
	sd_event_source_set_enabled(
		screen->pipeline_timer, is_due ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

/* The outcome of a frame: a full /dev/shm is a state that begins, is retried, and ends. */
static void published(struct screen *screen, int r)
{
	bool out_of_memory = r == -ENOSPC || r == -ENOMEM || r == -EMSGSIZE;

	schedule_pipeline(screen);
	if (r < 0 && !out_of_memory)
		log_err("Could not publish a picture: %s", strerror(-r));
	if (out_of_memory == screen->is_out_of_memory)
		return;
	screen->is_out_of_memory = out_of_memory;
	if (out_of_memory) {
		sd_event_source_set_time_relative(screen->memory_timer, NO_MEMORY_RETRY_US);
		sd_event_source_set_enabled(screen->memory_timer, SD_EVENT_ONESHOT);
	}
	show_state(screen);
}

static int on_memory_timer(sd_event_source *timer, uint64_t now_us, void *arg)
{
	struct screen *screen = arg;
	(void)now_us;

	published(screen, pipeline_refresh(screen->pipeline, ALL_STREAMS));
	if (screen->is_out_of_memory) {
		sd_event_source_set_time_relative(timer, NO_MEMORY_RETRY_US);
		sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
	}
	return 0;
}

static int on_pipeline_timer(sd_event_source *timer, uint64_t now_us, void *arg)
{
	struct screen *screen = arg;
	(void)timer, (void)now_us;

	published(screen, pipeline_tick(screen->pipeline));
	return 0;
}

/* --- from the source --- */

static bool on_frame(void *arg, const struct source_frame *frame)
{
	struct screen *screen = arg;
	int r = pipeline_frame(screen->pipeline, frame);

	published(screen, r);
	return r != 0;
}

/* The display cannot be reached: `run` shows the test picture until it can. */
static void stand_in(struct screen *screen, bool wanted)
{
	if (wanted)
		pattern_source_set_reason(screen->stand_in, screen->words);
	if (wanted == screen->stands_in)
		return;
	screen->stands_in = wanted;
	if (wanted)
		pattern_source_ops.start(screen->stand_in);
	else
		pattern_source_ops.stop(screen->stand_in);
}

static void on_state(void *arg, enum source_state state, const char *words)
{
	struct screen *screen = arg;

	/* What comes next is published whole, however like the last picture it may be: viewers may
	 * be looking at a state's picture by now. */
	pipeline_reset(screen->pipeline);
	screen->state = state;
	screen->words[0] = '\0';
	strncat(screen->words, words ? words : state_words(state), sizeof(screen->words) - 1);
	screen->was_live |= state == STATE_LIVE;
	if (screen->stand_in)
		stand_in(screen, !screen->was_live &&
					 (state == STATE_NO_DISPLAY || state == STATE_NOT_ALLOWED));
	show_state(screen);
}

/* The stand-in is live, but the state that people are told is the display's. */
static void on_stand_in_state(void *arg, enum source_state state, const char *words)
{
	(void)arg, (void)state, (void)words;
}

/* --- from the daemon --- */

static bool has_stream(void *arg, enum stream_id stream)
{
	(void)arg;
	return ALL_STREAMS & 1u << stream;
}

/* Looks while anybody wants to see and the session permits it. */
static void update_source(struct screen *screen)
{
	bool wanted = screen->streams && !screen->is_held;

	if (wanted && !screen->is_started) {
		screen->is_started = true;
		screen->ops->start(screen->source);
	} else if (!wanted && screen->is_started) {
		screen->is_started = false;
		screen->ops->stop(screen->source);
		if (screen->stand_in)
			stand_in(screen, false);
		pipeline_reset(screen->pipeline);
	}
}

static void on_demand(void *arg, unsigned streams, uint32_t rate_millihertz)
{
	struct screen *screen = arg;
	uint32_t ceiling = screen->config.screen.rate * 1000;

	if (rate_millihertz == 0 || rate_millihertz > ceiling)
		rate_millihertz = ceiling;
	screen->streams = streams;
	pipeline_set_streams(screen->pipeline, streams);
	screen->ops->set_rate(screen->source, rate_millihertz);
	if (screen->stand_in)
		pattern_source_ops.set_rate(screen->stand_in, rate_millihertz);
	update_source(screen);
}

static void on_key_frame(void *arg, enum stream_id stream)
{
	struct screen *screen = arg;

	published(screen, pipeline_refresh(screen->pipeline, 1u << stream));
}

static void on_catch_up(void *arg, uint64_t since_sequence, bool exact)
{
	struct screen *screen = arg;

	published(screen, pipeline_catch_up(screen->pipeline, since_sequence, exact));
}

static void on_viewers(void *arg, const struct subscriber_viewers *viewers)
{
	struct screen *screen = arg;

	if (!screen->notification)
		return;
	if (viewers)
		notification_show(
			screen->notification, viewers->sources, viewers->is_paused, viewers->lines);
	else
		notification_hide(screen->notification);
}

static const struct daemon_ops daemon_ops = {
	.has_stream = has_stream,
	.on_demand = on_demand,
	.on_key_frame = on_key_frame,
	.on_catch_up = on_catch_up,
	.on_viewers = on_viewers,
};

/* --- from the session --- */

static void on_verdict(void *arg, const struct session_verdict *verdict)
{
	struct screen *screen = arg;

	screen->is_held = verdict->kind != SESSION_SHOW;
	if (screen->notification)
		notification_hold(screen->notification, screen->is_held);
	if (screen->is_held) {
		update_source(screen);
		on_state(screen, verdict->state, verdict->words);
	} else {
		if (!screen->has_own_display)
			memcpy(screen->config.screen.display, verdict->display,
				sizeof(verdict->display));
		on_state(screen, STATE_STARTING, NULL);
		update_source(screen);
	}
	if (verdict->kind == SESSION_END)
		sd_event_exit(daemon_event(screen->daemon), 0);
}

static const struct session_ops session_ops = {.on_verdict = on_verdict};

/* --- life --- */

static int create_sources(struct screen *screen)
{
	const struct source_listener listener = {on_frame, on_state, screen};
	const struct source_listener stand_in_listener = {on_frame, on_stand_in_state, screen};
	sd_event *event = daemon_event(screen->daemon);
	bool is_pattern = screen->config.screen.source == CONFIG_SCREEN_PATTERN;
	int r;

	screen->ops = is_pattern ? &pattern_source_ops : &x11_source_ops;
	r = screen->ops->create(event, &screen->config, &listener, &screen->source);
	if (r == 0 && !is_pattern && screen->options.pattern_if_no_display)
		r = pattern_source_ops.create(
			event, &screen->config, &stand_in_listener, &screen->stand_in);
	return r;
}

static int screen_init(struct screen *screen, int listen_fd)
{
	struct output *jpeg, *delta;
	int r = daemon_create(SOURCE_SCREEN, listen_fd, &daemon_ops, screen, &screen->daemon);

	if (r == 0)
		r = daemon_follow_config(screen->daemon, &screen->options, &screen->configured);
	if (r == 0)
		r = daemon_add_output(screen->daemon, STREAM_JPEG, &jpeg);
	if (r == 0)
		r = daemon_add_output(screen->daemon, STREAM_DELTA, &delta);
	if (r == 0)
		r = pipeline_create(&screen->config, jpeg, delta, &screen->pipeline);
	if (r == 0)
		r = create_sources(screen);
	if (r == 0)
		r = sd_event_add_time(daemon_event(screen->daemon), &screen->memory_timer,
			CLOCK_MONOTONIC, 0, 0, on_memory_timer, screen);
	if (r >= 0)
		r = sd_event_source_set_enabled(screen->memory_timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(daemon_event(screen->daemon), &screen->pipeline_timer,
			CLOCK_MONOTONIC, 0, 1, on_pipeline_timer, screen);
	if (r >= 0)
		r = sd_event_source_set_enabled(screen->pipeline_timer, SD_EVENT_OFF);
	if (r >= 0 && screen->session) {
		screen->is_held = true; /* until the session is known */
		screen->has_own_display = *screen->config.screen.display;
		r = session_follow(
			screen->session, daemon_event(screen->daemon), &session_ops, screen);
	}
	if (r >= 0 && screen->config.session.notify)
		r = notification_create(daemon_event(screen->daemon), screen->options.runtime_dir,
			fd_steal(&screen->notification_record_fd), &screen->notification);
	if (r >= 0 && screen->notification)
		notification_hold(screen->notification, screen->is_held);
	return r;
}

static void screen_fini(struct screen *screen)
{
	notification_destroy(screen->notification);
	fd_close(&screen->notification_record_fd);
	sd_event_source_disable_unref(screen->memory_timer);
	sd_event_source_disable_unref(screen->pipeline_timer);
	if (screen->source)
		screen->ops->destroy(screen->source);
	if (screen->stand_in)
		pattern_source_ops.destroy(screen->stand_in);
	pipeline_destroy(screen->pipeline);
	session_destroy(screen->session);
	daemon_destroy(screen->daemon);
}

static int probe(const struct config *config)
{
	static struct findings display, encoder;
	int status;

	/* At once, for whoever does not wait for the encoder. */
	screen_probe_display(config, &display);
	status = service_print_findings(&display);
	screen_probe_encoder(config, &encoder);
	return status == EXIT_SUCCESS ? service_print_findings(&encoder) : status;
}

/* The service's folder is root's, who we may be until the session is begun.  Without a record all
 * goes on: a kill then leaves a notification behind. */
static void open_notification_record(struct screen *screen)
{
	const char *folder = screen->options.session_dir ? screen->options.session_dir
							 : screen->options.runtime_dir;
	int fd = screen->config.session.notify ? notification_record_open(folder) : -1;

	screen->notification_record_fd = fd < 0 ? -1 : fd;
}

int main(int argc, char **argv)
{
	struct screen screen = {.notification_record_fd = -1};
	int status = service_begin("screen", argc, argv, &screen.options, &screen.configured);

	if (status != 0)
		return status;
	screen.config = screen.configured;
	if (screen.options.is_probe)
		return probe(&screen.config);
	int listen_fd = daemon_take_socket(SOURCE_SCREEN);
	if (listen_fd < 0)
		return SERVICE_EXIT_CONFIG;
	open_notification_record(&screen);
	if (screen.options.session_dir && session_begin(&screen.config, SOURCE_SCREEN,
						  screen.options.session_dir, &screen.session) < 0)
		return SERVICE_EXIT_CONFIG;
	if (screen.session && session_is_waiting(screen.session)) {
		status = waiting_run(screen.session, SOURCE_SCREEN, &screen.options,
			&screen.configured, listen_fd, &daemon_ops, &screen);
		session_destroy(screen.session);
		return status;
	}
	int r = screen_init(&screen, listen_fd);
	if (r < 0) {
		log_err("Could not start: %s", strerror(-r));
		status = EXIT_FAILURE;
	} else {
		status = daemon_run(screen.daemon);
	}
	screen_fini(&screen);
	return status;
}
