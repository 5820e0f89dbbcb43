/* SPDX-License-Identifier: MIT */
#include "capd/camera/camera_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#include "capd/camera/opener.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/ratelimit.h"

#define RETRY_NS  (1000 * NS_PER_MS)
#define REOPEN_NS (200 * NS_PER_MS)  /* after what may be over at once */
#define SILENT_NS (3000 * NS_PER_MS) /* the slowest camera sends a frame a second */
#define BROKEN_NS (60 * NS_PER_S)    /* between two lines about broken frames */

struct camera_source {
	sd_event *event;
	struct camera_source_listener listener;
	bool is_started;
	uint64_t interval_ns; /* of the ceiling */
	uint64_t arrival_ns;  /* when the next frame would come at exactly that rate */

	struct opener *opener;
	sd_event_source *opener_io, *folder_watch;
	sd_event_source *timer; /* opening: too slow; streaming: silence; else: retry */
	bool is_opening;
	bool has_appeared;   /* something has, while we were opening: look again at once */
	bool was_live;       /* since the daemon runs: a camera that is missing is unplugged */
	unsigned n_refusals; /* in a row */

	struct camera_device *device; /* streaming while not NULL */
	sd_event_source *device_io;
	bool is_live;
	uint64_t whole_ns; /* when the last whole frame came, or the camera began to stream */
	char name[CAMERA_NAME_MAX]; /* of the last camera that was live */
	struct ratelimit broken_lines;
};

static void say(struct camera_source *source, enum source_state state, const char *words)
{
	source->listener.on_state(source->listener.arg, state, words);
}

static void set_timer(struct camera_source *source, uint64_t at_ns)
{
	sd_event_source_set_time(source->timer, at_ns / NS_PER_US + 1);
	sd_event_source_set_enabled(source->timer, SD_EVENT_ONESHOT);
}

static void retry_after(struct camera_source *source, uint64_t delay_ns)
{
	set_timer(source, clock_monotonic_ns() + delay_ns);
}

static void close_device(struct camera_source *source)
{
	source->device_io = sd_event_source_disable_unref(source->device_io);
	if (source->device)
		opener_close(source->opener, source->device);
	source->device = NULL;
	source->is_live = false;
}

static void open_device(struct camera_source *source)
{
	int r = opener_begin(source->opener);

	source->has_appeared = false;
	if (r < 0) {
		log_err("Could not open the camera: %s", strerror(-r));
		retry_after(source, RETRY_NS);
		return;
	}
	source->is_opening = true;
	retry_after(source, SILENT_NS);
}

/* --- streaming --- */

/* The camera failed while it streamed. */
static void lost(struct camera_source *source, int error)
{
	const char *name = camera_device_mode(source->device)->name;
	char words[CAMERA_WORDS_MAX];

	if (error == -ENODEV)
		snprintf(words, sizeof(words), "The camera %s is unplugged", name);
	else if (error == -ETIMEDOUT)
		snprintf(words, sizeof(words), "The camera %s sends no pictures", name);
	else
		snprintf(words, sizeof(words), "The camera %s has stopped working (%s)", name,
			strerror(-error));
	close_device(source);
	say(source, error == -ENODEV ? STATE_UNPLUGGED : STATE_NOT_ANSWERING, words);
	retry_after(source, error == -ENODEV ? RETRY_NS : REOPEN_NS);
}

static void broken(struct camera_source *source, unsigned n, const char *why)
{
	char more[RATELIMIT_MORE_SIZE];
	unsigned suppressed;

	if (ratelimit_allow(&source->broken_lines, clock_monotonic_ns(), &suppressed))
		log_warn("Dropped a broken frame of the camera %s: %s%s",
			camera_device_mode(source->device)->name, why,
			ratelimit_more(suppressed, more));
	source->listener.on_broken(source->listener.arg, n);
}

/* Is it all there?  Fills in frame->jpeg. */
static bool is_whole(struct camera_frame *frame, const char **why)
{
	const struct pixels_format *pixels = &frame->mode->pixels;

	if (!frame->mode->is_jpeg) {
		*why = "it is cut off";
		return frame->len >= pixels_len(pixels);
	}
	if (mjpeg_read(frame->bytes, frame->len, &frame->jpeg, why) < 0)
		return false;
	*why = "it is of another size than was agreed on";
	return frame->jpeg.width == pixels->width && frame->jpeg.height == pixels->height;
}

static void go_live(struct camera_source *source)
{
	static const char *const layouts[] = {
		[PIXELS_BGRX] = "BGRX",
		[PIXELS_YUYV] = "YUYV",
		[PIXELS_NV12] = "NV12",
		[PIXELS_YU12] = "YU12",
	};
	const struct camera_mode *mode = camera_device_mode(source->device);
	char words[CAMERA_WORDS_MAX], rate[32] = "";

	source->is_live = source->was_live = true;
	source->n_refusals = 0;
	memcpy(source->name, mode->name, sizeof(source->name));
	if (mode->rate_millihertz > 0) /* not every driver knows it */
		snprintf(rate, sizeof(rate), ", %u frames a second",
			mode->rate_millihertz / 1000 + (mode->rate_millihertz % 1000 >= 500));
	snprintf(words, sizeof(words), "Camera %s, %ux%u, %s%s", mode->name, mode->pixels.width,
		mode->pixels.height, mode->is_jpeg ? "MJPEG" : layouts[mode->pixels.layout], rate);
	say(source, STATE_LIVE, words);
}

/*
 * May a frame of this time pass?  GCRA with a credit of one frame, at a fiftieth more than the
 * rate: a camera whose clock runs a little fast keeps all its frames.
 */
static bool is_due(struct camera_source *source, uint64_t pts_ns)
{
	uint64_t interval = source->interval_ns;

	if (source->arrival_ns > pts_ns + interval)
		return false;
	if (source->arrival_ns < pts_ns)
		source->arrival_ns = pts_ns;
	source->arrival_ns += interval;
	return true;
}

static void take_frame(struct camera_source *source, const struct camera_buffer *buffer)
{
	struct camera_frame frame = {
		.mode = camera_device_mode(source->device),
		.bytes = buffer->bytes,
		.len = buffer->len,
		.pts_ns = buffer->pts_ns,
	};
	const char *why;

	if (!is_whole(&frame, &why)) {
		broken(source, 1, why);
		return;
	}
	source->whole_ns = clock_monotonic_ns();
	if (!source->is_live)
		go_live(source);
	if (is_due(source, frame.pts_ns))
		source->listener.on_frame(source->listener.arg, &frame);
}

static int on_device(sd_event_source *io, int fd, uint32_t events, void *arg)
{
	struct camera_source *source = arg;
	struct camera_buffer buffer;
	unsigned n_broken = 0;
	int r = camera_device_take(source->device, &buffer, &n_broken);
	(void)io, (void)fd;

	if (n_broken > 0)
		broken(source, n_broken, "the driver says so");
	if (r == 0) {
		take_frame(source, &buffer);
		r = camera_device_give(source->device, &buffer);
	} else if (r == -EAGAIN) {
		/* Nothing there, and an error that would wake us for ever. */
		r = events & (EPOLLERR | EPOLLHUP) ? -ENODEV : 0;
	}
	if (r < 0)
		lost(source, r);
	return 0;
}

static void check_silence(struct camera_source *source)
{
	uint64_t due = source->whole_ns + SILENT_NS;

	if (clock_monotonic_ns() < due)
		set_timer(source, due);
	else
		lost(source, -ETIMEDOUT);
}

/* --- opening --- */

static void start_streaming(struct camera_source *source, struct camera_device *device)
{
	int r = sd_event_add_io(source->event, &source->device_io, camera_device_fd(device),
		EPOLLIN, on_device, source);

	source->device = device;
	if (r < 0) {
		log_err("Could not watch the camera: %s", strerror(-r));
		close_device(source);
		retry_after(source, RETRY_NS);
		return;
	}
	source->whole_ns = clock_monotonic_ns();
	source->arrival_ns = 0;
	set_timer(source, source->whole_ns + SILENT_NS);
}

static void open_failed(struct camera_source *source, const struct camera_fault *fault)
{
	char words[CAMERA_WORDS_MAX];

	/* The program that had it is just letting go, or it was ourselves; or udev has not yet set
	 * the rights of a new node: one refusal is none. */
	bool is_refusal = fault->state == STATE_BUSY || fault->state == STATE_NOT_ALLOWED;

	source->n_refusals = is_refusal ? source->n_refusals + 1 : 0;
	if (source->n_refusals == 1) {
		retry_after(source, REOPEN_NS);
		return;
	}
	if (fault->state == STATE_NO_DEVICE && source->was_live) {
		snprintf(words, sizeof(words), "The camera %s is unplugged", source->name);
		say(source, STATE_UNPLUGGED, words);
	} else {
		say(source, fault->state, fault->words);
	}
	retry_after(source, source->has_appeared ? 0 : RETRY_NS);
}

static int on_opener(sd_event_source *io, int fd, uint32_t events, void *arg)
{
	struct camera_source *source = arg;
	struct camera_device *device;
	struct camera_fault fault;
	int r = opener_take(source->opener, &device, &fault);
	(void)io, (void)fd, (void)events;

	if (r == -EAGAIN)
		return 0;
	source->is_opening = false;
	if (r < 0)
		open_failed(source, &fault);
	else
		start_streaming(source, device);
	return 0;
}

static int on_timer(sd_event_source *timer, uint64_t now_us, void *arg)
{
	struct camera_source *source = arg;
	(void)timer, (void)now_us;

	/* The attempt goes on: it is over when the driver says so. */
	if (source->is_opening)
		say(source, STATE_NOT_ANSWERING, "The camera does not answer");
	else if (source->device)
		check_silence(source);
	else
		open_device(source);
	return 0;
}

/* A camera may have come, or its rights have changed (udev sets them after the node is made). */
static int on_folder(sd_event_source *watch, const struct inotify_event *event, void *arg)
{
	struct camera_source *source = arg;
	const char *prefix = camera_device_prefix();
	(void)watch;

	if (!source->is_started || source->device || event->len == 0 ||
		strncmp(event->name, prefix, strlen(prefix)) != 0)
		return 0;
	if (source->is_opening)
		source->has_appeared = true;
	else
		open_device(source);
	return 0;
}

/* --- the interface --- */

int camera_source_create(sd_event *event, const struct config *config,
	const struct camera_source_listener *listener, struct camera_source **out)
{
	struct camera_source *source = calloc(1, sizeof(*source));
	int r;

	if (!source)
		return -ENOMEM;
	source->event = event;
	source->listener = *listener;
	source->broken_lines.interval_ns = BROKEN_NS;
	camera_source_set_rate(source, config->camera.rate * 1000);
	r = opener_create(config, &source->opener);
	if (r >= 0)
		r = sd_event_add_io(event, &source->opener_io, opener_fd(source->opener), EPOLLIN,
			on_opener, source);
	if (r >= 0)
		r = sd_event_add_time(
			event, &source->timer, CLOCK_MONOTONIC, 0, 1, on_timer, source);
	if (r >= 0)
		r = sd_event_source_set_enabled(source->timer, SD_EVENT_OFF);
	if (r < 0) {
		camera_source_destroy(source);
		return r;
	}
	*out = source;
	return 0;
}

void camera_source_destroy(struct camera_source *source)
{
	if (!source)
		return;
	if (source->is_started)
		camera_source_stop(source);
	sd_event_source_disable_unref(source->opener_io);
	sd_event_source_disable_unref(source->timer);
	opener_destroy(source->opener);
	free(source);
}

void camera_source_start(struct camera_source *source)
{
	int r;

	if (source->is_started)
		return;
	source->is_started = true;
	source->n_refusals = 0;
	say(source, STATE_STARTING, NULL);
	r = sd_event_add_inotify(source->event, &source->folder_watch, camera_device_folder(),
		IN_CREATE | IN_ATTRIB | IN_MOVED_TO, on_folder, source);
	if (r < 0) /* then it is found by looking once a second */
		log_info(
			"Could not watch %s for cameras: %s", camera_device_folder(), strerror(-r));
	open_device(source);
}

void camera_source_stop(struct camera_source *source)
{
	if (!source->is_started)
		return;
	source->is_started = false;
	source->folder_watch = sd_event_source_disable_unref(source->folder_watch);
	sd_event_source_set_enabled(source->timer, SD_EVENT_OFF);
	opener_cancel(source->opener);
	source->is_opening = false;
	close_device(source);
}

void camera_source_set_rate(struct camera_source *source, uint32_t millihertz)
{
	uint64_t interval = 1000 * NS_PER_S / (millihertz ? millihertz : 1);

	source->interval_ns = interval - interval / 50;
}
