/* SPDX-License-Identifier: MIT */
/*
 * screenshare-camera: the camera as a stream, for whoever subscribes to the capture socket.
 *
 * Here source (a camera or, by configuration, the test picture), pipeline and daemon meet: demand
 * starts the source, frames go down the pipeline, states go to the subscribers, and what was broken
 * is counted.  A new subscriber finds the newest picture in the ring, and the next one is never
 * far.  As a service of the system it is held while whoever sits at the computer has locked it:
 * then the device is closed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capd/camera/camera_source.h"
#include "capd/camera/pipeline.h"
#include "capd/camera/probe.h"
#include "capd/daemon.h"
#include "capd/pattern_source.h"
#include "capd/session/session.h"
#include "common/capsock.h"
#include "common/clock.h"
#include "common/findings.h"
#include "common/log.h"
#include "common/service.h"

#define NO_MEMORY_RETRY_NS (500 * NS_PER_MS)

struct camera {
	struct config config;
	struct service_options options;
	struct daemon *daemon;
	struct pipeline *pipeline;
	struct camera_source *source; /* or … */
	struct source *pattern;       /* … this */
	bool is_started;

	bool is_wanted;
	struct session *session;     /* NULL: locks are not followed */
	bool is_held;                /* by the session: nothing may be captured … */
	struct session_verdict hold; /* … for that reason */

	enum source_state state; /* the source's own; a hold, or no memory, may lie over it */
	char words[CAPSOCK_WORDS_MAX + 1];
	bool is_out_of_memory;
	uint64_t retry_ns; /* until then no picture is tried */
	uint64_t dropped;  /* frames, since the daemon runs */
};

static void show_state(struct camera *camera)
{
	enum source_state state = camera->state;

	if (camera->is_held)
		daemon_set_state(camera->daemon, camera->hold.state, camera->hold.words,
			camera->hold.state != STATE_STARTING);
	else if (camera->is_out_of_memory && state == STATE_LIVE)
		daemon_set_state(camera->daemon, STATE_NO_MEMORY, NULL, true);
	else
		daemon_set_state(camera->daemon, state, *camera->words ? camera->words : NULL,
			state != STATE_LIVE && state != STATE_STARTING);
}

static void drop(struct camera *camera, unsigned n)
{
	camera->dropped += n;
	daemon_set_dropped(camera->daemon, camera->dropped);
}

/* The outcome of a frame: a full /dev/shm is a state that begins, is retried, and ends. */
static void published(struct camera *camera, int r)
{
	bool is_out_of_memory = r == -ENOSPC || r == -ENOMEM;

	if (r < 0)
		drop(camera, 1);
	if (r < 0 && r != -EMSGSIZE && !is_out_of_memory)
		log_err("Could not publish a picture: %s", strerror(-r));
	if (is_out_of_memory)
		camera->retry_ns = clock_monotonic_ns() + NO_MEMORY_RETRY_NS;
	if (is_out_of_memory == camera->is_out_of_memory)
		return;
	camera->is_out_of_memory = is_out_of_memory;
	show_state(camera);
}

/* Frames keep coming while there is no memory: so seldom is it asked for. */
static bool may_publish(struct camera *camera)
{
	if (!camera->is_out_of_memory)
		return true;
	if (clock_monotonic_ns() < camera->retry_ns)
		return false;
	pipeline_reset(camera->pipeline); /* a ring that is too small goes, too */
	return true;
}

/* --- from the source --- */

static void on_frame(void *arg, const struct camera_frame *frame)
{
	struct camera *camera = arg;

	if (may_publish(camera))
		published(camera, pipeline_frame(camera->pipeline, frame));
	else
		drop(camera, 1);
}

static void on_broken(void *arg, unsigned n)
{
	drop(arg, n);
}

static void on_state(void *arg, enum source_state state, const char *words)
{
	struct camera *camera = arg;

	camera->state = state;
	snprintf(camera->words, sizeof(camera->words), "%s", words ? words : "");
	show_state(camera);
}

static bool on_pattern(void *arg, const struct source_frame *frame)
{
	struct camera *camera = arg;

	if (may_publish(camera))
		published(
			camera, pipeline_picture(camera->pipeline, &frame->picture, frame->pts_ns));
	return true;
}

/* --- from the daemon --- */

static bool has_stream(void *arg, enum stream_id stream)
{
	(void)arg;
	return stream == STREAM_JPEG;
}

static void start(struct camera *camera)
{
	camera->is_out_of_memory = false;
	if (camera->pattern)
		pattern_source_ops.start(camera->pattern);
	else
		camera_source_start(camera->source);
}

static void stop(struct camera *camera)
{
	if (camera->pattern)
		pattern_source_ops.stop(camera->pattern);
	else
		camera_source_stop(camera->source);
	pipeline_reset(camera->pipeline);
}

/* Looks while anybody wants to see and the session permits it. */
static void update_source(struct camera *camera)
{
	bool wanted = camera->is_wanted && !camera->is_held;

	if (wanted == camera->is_started)
		return;
	camera->is_started = wanted;
	if (wanted)
		start(camera);
	else
		stop(camera);
}

static void on_demand(void *arg, unsigned streams, uint32_t rate_millihertz)
{
	struct camera *camera = arg;
	uint32_t ceiling = camera->config.camera.rate * 1000;

	if (rate_millihertz == 0 || rate_millihertz > ceiling)
		rate_millihertz = ceiling;
	if (camera->pattern)
		pattern_source_ops.set_rate(camera->pattern, rate_millihertz);
	else
		camera_source_set_rate(camera->source, rate_millihertz);
	camera->is_wanted = streams != 0;
	update_source(camera);
}

static void on_key_frame(void *arg, enum stream_id stream)
{
	(void)arg, (void)stream; /* every record is one, and the next is never far */
}

static const struct daemon_ops daemon_ops = {
	.has_stream = has_stream,
	.on_demand = on_demand,
	.on_key_frame = on_key_frame,
};

/* --- from the session --- */

static void on_verdict(void *arg, const struct session_verdict *verdict)
{
	struct camera *camera = arg;

	camera->is_held = verdict->kind != SESSION_SHOW;
	camera->hold = *verdict;
	/* Stopped before anybody is told; what the source was then is over. */
	if (camera->is_held)
		update_source(camera);
	on_state(camera, STATE_STARTING, NULL);
	update_source(camera);
}

static const struct session_ops session_ops = {.on_verdict = on_verdict};

/* --- life --- */

static int create_source(struct camera *camera)
{
	const struct camera_source_listener listener = {on_frame, on_state, on_broken, camera};
	const struct source_listener pattern_listener = {on_pattern, on_state, camera};
	sd_event *event = daemon_event(camera->daemon);

	if (camera->config.camera.source == CONFIG_CAMERA_PATTERN)
		return pattern_source_create(event, camera->config.camera.width,
			camera->config.camera.height, camera->config.camera.rate * 1000,
			&pattern_listener, &camera->pattern);
	return camera_source_create(event, &camera->config, &listener, &camera->source);
}

static int camera_init(struct camera *camera, int listen_fd)
{
	struct output *jpeg;
	int r = daemon_create(SOURCE_CAMERA, listen_fd, &daemon_ops, camera, &camera->daemon);

	if (r == 0)
		r = daemon_follow_config(camera->daemon, &camera->options, &camera->config);
	if (r == 0)
		r = daemon_add_output(camera->daemon, STREAM_JPEG, &jpeg);
	if (r == 0)
		r = pipeline_create(&camera->config, jpeg, &camera->pipeline);
	if (r == 0)
		r = create_source(camera);
	if (r >= 0 && camera->options.follows_lock) {
		camera->is_held = true; /* until logind has answered */
		r = session_follow_lock(&camera->config, daemon_event(camera->daemon), &session_ops,
			camera, &camera->session);
	}
	return r;
}

static void camera_fini(struct camera *camera)
{
	camera_source_destroy(camera->source);
	pattern_source_ops.destroy(camera->pattern);
	pipeline_destroy(camera->pipeline);
	session_destroy(camera->session);
	daemon_destroy(camera->daemon);
}

static int probe(const struct config *config)
{
	static struct findings findings;

	camera_probe(config, &findings);
	return service_print_findings(&findings);
}

int main(int argc, char **argv)
{
	struct camera camera = {0};
	int status = service_begin("camera", argc, argv, &camera.options, &camera.config);

	if (status != 0)
		return status;
	if (camera.options.is_probe)
		return probe(&camera.config);
	int listen_fd = daemon_take_socket(SOURCE_CAMERA);
	if (listen_fd < 0)
		return SERVICE_EXIT_CONFIG;
	int r = camera_init(&camera, listen_fd);
	if (r < 0) {
		log_err("Could not start: %s", strerror(-r));
		status = EXIT_FAILURE;
	} else {
		status = daemon_run(camera.daemon);
	}
	camera_fini(&camera);
	return status;
}
