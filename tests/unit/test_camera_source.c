/* SPDX-License-Identifier: MIT */
/* links: capd/camera/camera_source.c capd/camera/opener.c capd/camera/mjpeg.c capd/camera/mjpeg_scan.c */
/* links: capd/camera/controls.c common/stream.c common/config.c common/config_keys.c */
/* links: common/parse.c common/log.c common/utf8.c -linih -lsystemd */
/* The camera's life, with a device of the test's own behind capd/camera/device.h. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "capd/camera/camera_source.h"
#include "common/clock.h"
#include "common/fd.h"

#define WIDTH       16u
#define HEIGHT      16u
#define FRAME_LEN   (WIDTH * HEIGHT * 2u) /* YUYV */
#define DEADLINE_NS (10 * NS_PER_S)

enum plug { ABSENT, PRESENT, BUSY, DENIED };

/* --- the device: what the test sets, the opener's thread reads --- */

static atomic_int plug, is_stuck;
static atomic_int n_attempts, n_opened, n_closed, n_alive, n_alive_max;
static char folder_path[] = "/tmp/camera-source-XXXXXX";

struct camera_device {
	int fd; /* eventfd: a frame is there */
	struct camera_mode mode;
	uint8_t bytes[FRAME_LEN];
};

/* The loop's: what the next frame is like. */
static struct {
	size_t len;
	int error; /* what taking gives instead */
	unsigned n_marked;
	uint64_t pts_ns; /* 0: now */
} next_frame;
static struct camera_device *current; /* set by the thread before the loop learns of it */

const char *camera_device_folder(void)
{
	return folder_path;
}

const char *camera_device_prefix(void)
{
	return "video";
}

int camera_device_open(const struct config *config, struct controls *controls,
	struct camera_device **out, struct camera_fault *fault)
{
	(void)config, (void)controls;
	atomic_fetch_add(&n_attempts, 1);
	while (atomic_load(&is_stuck))
		usleep(500);
	switch (atomic_load(&plug)) {
	case PRESENT:
		break;
	case BUSY:
		*fault = (struct camera_fault){STATE_BUSY, "busy words"};
		return -EBUSY;
	case DENIED:
		*fault = (struct camera_fault){STATE_NOT_ALLOWED, "denied words"};
		return -EACCES;
	default:
		*fault = (struct camera_fault){STATE_NO_DEVICE, "none words"};
		return -ENODEV;
	}
	struct camera_device *device = calloc(1, sizeof(*device));
	device->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC | EFD_SEMAPHORE);
	device->mode = (struct camera_mode){.name = "Test",
		.pixels = {PIXELS_YUYV, WIDTH, HEIGHT, WIDTH * 2, false},
		.rate_millihertz = 30000};
	current = device;
	int alive = atomic_fetch_add(&n_alive, 1) + 1;
	if (alive > atomic_load(&n_alive_max))
		atomic_store(&n_alive_max, alive);
	atomic_fetch_add(&n_opened, 1);
	*out = device;
	return 0;
}

void camera_device_close(struct camera_device *device)
{
	if (!device)
		return;
	fd_close(&device->fd);
	free(device);
	atomic_fetch_sub(&n_alive, 1);
	atomic_fetch_add(&n_closed, 1);
}

const struct camera_mode *camera_device_mode(const struct camera_device *device)
{
	return &device->mode;
}

int camera_device_fd(const struct camera_device *device)
{
	return device->fd;
}

int camera_device_take(
	struct camera_device *device, struct camera_buffer *buffer, unsigned *n_broken)
{
	uint64_t n;

	*n_broken = next_frame.n_marked;
	if (read(device->fd, &n, sizeof(n)) < 0)
		return -EAGAIN;
	if (next_frame.error)
		return next_frame.error;
	*buffer = (struct camera_buffer){device->bytes, next_frame.len,
		next_frame.pts_ns ? next_frame.pts_ns : clock_monotonic_ns(), 0};
	return 0;
}

int camera_device_give(struct camera_device *device, const struct camera_buffer *buffer)
{
	(void)device, (void)buffer;
	return 0;
}

/* --- the source and who listens to it --- */

struct fixture {
	sd_event *event;
	struct camera_source *source;
	unsigned n_frames, n_states, n_broken;
	enum source_state state;
	char words[256];
};

static void on_frame(void *arg, const struct camera_frame *frame)
{
	struct fixture *fixture = arg;

	assert_int_equal(fixture->state, STATE_LIVE);
	assert_int_equal(frame->len, FRAME_LEN);
	fixture->n_frames++;
}

static void on_state(void *arg, enum source_state state, const char *words)
{
	struct fixture *fixture = arg;

	fixture->state = state;
	snprintf(fixture->words, sizeof(fixture->words), "%s", words ? words : "");
	fixture->n_states++;
}

static void on_broken(void *arg, unsigned n)
{
	((struct fixture *)arg)->n_broken += n;
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	const struct camera_source_listener listener = {on_frame, on_state, on_broken, fixture};
	struct config config;

	config_defaults(&config);
	atomic_store(&plug, ABSENT);
	atomic_store(&is_stuck, 0);
	atomic_store(&n_attempts, 0);
	atomic_store(&n_opened, 0);
	atomic_store(&n_closed, 0);
	atomic_store(&n_alive_max, 0);
	memset(&next_frame, 0, sizeof(next_frame));
	next_frame.len = FRAME_LEN;
	assert_true(sd_event_new(&fixture->event) >= 0);
	assert_int_equal(
		camera_source_create(fixture->event, &config, &listener, &fixture->source), 0);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	atomic_store(&is_stuck, 0);
	camera_source_destroy(fixture->source);
	/* What was opened is closed, whoever is gone. */
	uint64_t end = clock_monotonic_ns() + DEADLINE_NS;
	while (atomic_load(&n_alive) > 0 && clock_monotonic_ns() < end)
		usleep(500);
	assert_int_equal(atomic_load(&n_alive), 0);
	assert_true(atomic_load(&n_alive_max) <= 1);
	sd_event_unref(fixture->event);
	free(fixture);
	return 0;
}

#define RUN_UNTIL(fixture, condition)                                                              \
	do {                                                                                       \
		uint64_t run_end = clock_monotonic_ns() + DEADLINE_NS;                             \
		while (!(condition)) {                                                             \
			sd_event_run((fixture)->event, 2000);                                      \
			if (clock_monotonic_ns() > run_end)                                        \
				fail_msg("never: %s (state %s: %s)", #condition,                   \
					state_name((fixture)->state), (fixture)->words);           \
		}                                                                                  \
	} while (0)

static void send_frame(struct fixture *fixture)
{
	uint64_t one = 1;

	assert_int_equal(write(current->fd, &one, sizeof(one)), sizeof(one));
	for (int i = 0; i < 3; i++)
		sd_event_run(fixture->event, 0);
}

/* Something appears in the folder that takes the place of /dev. */
static void appear(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", folder_path, name);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	fd_close(&fd);
	unlink(path);
}

/* Until it is open, and the loop knows. */
static void wait_streaming(struct fixture *fixture, int n)
{
	RUN_UNTIL(fixture, atomic_load(&n_opened) >= n);
	for (int i = 0; i < 3; i++)
		sd_event_run(fixture->event, 20000);
}

static void start_live(struct fixture *fixture)
{
	atomic_store(&plug, PRESENT);
	camera_source_start(fixture->source);
	assert_int_equal(fixture->state, STATE_STARTING);
	wait_streaming(fixture, 1);
	send_frame(fixture);
	assert_int_equal(fixture->state, STATE_LIVE);
	assert_int_equal(fixture->n_frames, 1);
}

/* --- */

static void live_begins_with_the_first_whole_frame(void **state)
{
	struct fixture *fixture = *state;

	atomic_store(&plug, PRESENT);
	camera_source_start(fixture->source);
	wait_streaming(fixture, 1);
	assert_int_equal(fixture->state, STATE_STARTING);
	next_frame.len = FRAME_LEN - 1;
	send_frame(fixture);
	assert_int_equal(fixture->state, STATE_STARTING);
	assert_int_equal(fixture->n_broken, 1);
	next_frame.len = FRAME_LEN;
	send_frame(fixture);
	assert_int_equal(fixture->state, STATE_LIVE);
	assert_int_equal(fixture->n_frames, 1);
}

static void broken_frames_are_counted_and_go_nowhere(void **state)
{
	struct fixture *fixture = *state;

	start_live(fixture);
	next_frame.len = 0;
	send_frame(fixture);
	next_frame.len = FRAME_LEN / 2;
	send_frame(fixture);
	assert_int_equal(fixture->n_broken, 2);
	assert_int_equal(fixture->n_frames, 1);
	next_frame.len = FRAME_LEN;
	next_frame.n_marked = 3; /* by the driver, before this one */
	send_frame(fixture);
	assert_int_equal(fixture->n_broken, 5);
	assert_int_equal(fixture->state, STATE_LIVE);
}

static void jpeg_frames_of_another_size_are_broken(void **state)
{
	/* A whole JPEG of 8 × 8, grey: not what was agreed on. */
	static const uint8_t small[] = {0xff, 0xd8, 0xff, 0xdb, 0, 67, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1,
		1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
		1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
		0xff, 0xc0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0, 0xff, 0xda, 0, 8, 1, 1, 0, 0, 63,
		0, 0x2b, 0xff, 0xd9};
	struct fixture *fixture = *state;
	struct mjpeg mjpeg;
	const char *why;

	assert_int_equal(mjpeg_read(small, sizeof(small), &mjpeg, &why), 0);
	start_live(fixture);
	current->mode.is_jpeg = true;
	memcpy(current->bytes, small, sizeof(small));
	next_frame.len = sizeof(small);
	send_frame(fixture);
	assert_int_equal(fixture->n_broken, 1);
	assert_int_equal(fixture->n_frames, 1);
}

static void an_unplugged_camera_is_a_state_until_it_comes_back(void **state)
{
	struct fixture *fixture = *state;

	start_live(fixture);
	atomic_store(&plug, ABSENT);
	next_frame.error = -ENODEV;
	send_frame(fixture);
	assert_int_equal(fixture->state, STATE_UNPLUGGED);
	assert_string_equal(fixture->words, "The camera Test is unplugged");
	/* Looked for in vain it is still the unplugged one. */
	int before = atomic_load(&n_attempts);
	RUN_UNTIL(fixture, atomic_load(&n_attempts) > before);
	assert_int_equal(fixture->state, STATE_UNPLUGGED);
	RUN_UNTIL(fixture, atomic_load(&n_closed) == 1);

	atomic_store(&plug, PRESENT);
	next_frame.error = 0;
	uint64_t since = clock_monotonic_ns();
	appear("video0");
	wait_streaming(fixture, 2);
	assert_true(
		clock_monotonic_ns() - since < 800 * NS_PER_MS); /* no need to wait for the retry */
	send_frame(fixture);
	assert_int_equal(fixture->state, STATE_LIVE);
}

static void a_camera_that_was_never_there_is_none(void **state)
{
	struct fixture *fixture = *state;

	camera_source_start(fixture->source);
	RUN_UNTIL(fixture, fixture->state == STATE_NO_DEVICE);
	assert_string_equal(fixture->words, "none words");
	int before = atomic_load(&n_attempts);
	appear("tty7"); /* is no camera */
	for (int i = 0; i < 5; i++)
		sd_event_run(fixture->event, 10000);
	assert_int_equal(atomic_load(&n_attempts), before);
}

static void a_busy_camera_is_said_at_the_second_refusal_and_comes_when_it_is_free(void **state)
{
	struct fixture *fixture = *state;

	atomic_store(&plug, BUSY);
	camera_source_start(fixture->source);
	RUN_UNTIL(fixture, atomic_load(&n_attempts) == 1);
	sd_event_run(fixture->event, 20000);
	assert_int_equal(fixture->state, STATE_STARTING);
	RUN_UNTIL(fixture, fixture->state == STATE_BUSY);
	assert_int_equal(atomic_load(&n_attempts), 2);
	atomic_store(&plug, PRESENT);
	wait_streaming(fixture, 1);
	send_frame(fixture);
	assert_int_equal(fixture->state, STATE_LIVE);
}

static void new_rights_are_noticed_at_once(void **state)
{
	struct fixture *fixture = *state;

	atomic_store(&plug, DENIED);
	camera_source_start(fixture->source);
	RUN_UNTIL(fixture, fixture->state == STATE_NOT_ALLOWED);
	assert_string_equal(fixture->words, "denied words");
	atomic_store(&plug, PRESENT);
	uint64_t since = clock_monotonic_ns();
	appear("video0");
	wait_streaming(fixture, 1);
	assert_true(clock_monotonic_ns() - since < 800 * NS_PER_MS);
}

static void silence_is_a_state_and_the_camera_is_opened_again(void **state)
{
	struct fixture *fixture = *state;

	start_live(fixture);
	uint64_t since = clock_monotonic_ns();
	RUN_UNTIL(fixture, fixture->state == STATE_NOT_ANSWERING);
	assert_true(clock_monotonic_ns() - since >= 2900 * NS_PER_MS);
	assert_string_equal(fixture->words, "The camera Test sends no pictures");
	wait_streaming(fixture, 2);
	assert_int_equal(fixture->state, STATE_NOT_ANSWERING); /* until there is a picture */
	send_frame(fixture);
	assert_int_equal(fixture->state, STATE_LIVE);
}

static void a_stuck_attempt_stalls_nothing_and_is_cleaned_up(void **state)
{
	struct fixture *fixture = *state;

	atomic_store(&plug, PRESENT);
	atomic_store(&is_stuck, 1);
	uint64_t since = clock_monotonic_ns();
	camera_source_start(fixture->source);
	RUN_UNTIL(fixture, atomic_load(&n_attempts) == 1);
	camera_source_stop(fixture->source);
	camera_source_start(fixture->source);
	camera_source_stop(fixture->source);
	assert_true(clock_monotonic_ns() - since < NS_PER_S);
	atomic_store(&is_stuck, 0);
	RUN_UNTIL(fixture, atomic_load(&n_closed) == 1);
	assert_int_equal(fixture->state, STATE_STARTING);
}

static void stopping_closes_and_starting_opens_anew(void **state)
{
	struct fixture *fixture = *state;

	start_live(fixture);
	camera_source_stop(fixture->source);
	camera_source_stop(fixture->source);
	camera_source_start(fixture->source);
	assert_int_equal(fixture->state, STATE_STARTING);
	wait_streaming(fixture, 2);
	assert_int_equal(atomic_load(&n_closed), 1);
	send_frame(fixture);
	assert_int_equal(fixture->state, STATE_LIVE);
}

static void frames_above_the_rate_are_passed_over(void **state)
{
	struct fixture *fixture = *state;
	uint64_t start = clock_monotonic_ns();

	start_live(fixture);
	camera_source_set_rate(fixture->source, 10000);
	for (uint64_t i = 0; i < 60; i++) { /* two seconds of 30 a second */
		next_frame.pts_ns = start + NS_PER_S + i * NS_PER_S / 30;
		send_frame(fixture);
	}
	assert_in_range(fixture->n_frames, 19, 23);
	assert_int_equal(fixture->n_broken, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(live_begins_with_the_first_whole_frame),
		TEST(broken_frames_are_counted_and_go_nowhere),
		TEST(jpeg_frames_of_another_size_are_broken),
		TEST(an_unplugged_camera_is_a_state_until_it_comes_back),
		TEST(a_camera_that_was_never_there_is_none),
		TEST(a_busy_camera_is_said_at_the_second_refusal_and_comes_when_it_is_free),
		TEST(new_rights_are_noticed_at_once),
		TEST(silence_is_a_state_and_the_camera_is_opened_again),
		TEST(a_stuck_attempt_stalls_nothing_and_is_cleaned_up),
		TEST(stopping_closes_and_starting_opens_anew),
		TEST(frames_above_the_rate_are_passed_over),
	};

	if (!mkdtemp(folder_path))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder_path);
	return failed;
}
