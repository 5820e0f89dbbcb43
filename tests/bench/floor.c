/* SPDX-License-Identifier: MIT */
/*
 * The floor program: what the work itself costs.  One process, one thread: wait for damage, grab,
 * compare, encode the strips that changed, splice, send.  No ring, no second process, no rights, no
 * parsing beyond skipping the request's head.  Its pacing is that of DESIGN §4.
 *
 *     floor [--display D] [--rate FPS] [--quality Q] [--port P]
 *
 * Prints READY http://127.0.0.1:PORT/ and serves any path.  The display is opened for the first
 * viewer and closed after the last, so that a first picture starts from cold.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/bench/die.h"
#include "tests/bench/floor_viewers.h"
#include "tests/bench/jpeg_strips.h"
#include "tests/bench/screen_grab.h"

#define QUIET_NS       (1 * NS_PER_MS)
#define QUIET_LARGE_NS (2 * NS_PER_MS)
#define PATIENCE_NS    (8 * NS_PER_MS)
/*
 * The bucket fills a little faster than the rate.  At exactly the rate, a source that paints at
 * that rate never gives it a moment to fill: one frame of credit spent on a torn frame, and every
 * later frame waits for its token, for as long as the film lasts (measured: 20 instead of 11 ms).
 */
#define RATE_SLACK 1.03

struct floor {
	const char *display;
	uint64_t interval_ns;
	int quality;
	int epoll_fd;
	struct floor_viewers *viewers;
	/* while somebody watches */
	struct screen_grab grab;
	struct picture last; /* what the strips show */
	struct jpeg_strips *strips;
	struct box extent; /* of the damage since the last grab; empty: none */
	uint64_t first_piece_ns, last_piece_ns;
	uint64_t full_at_ns; /* the token bucket, seen as the time at which it is full again */
};

static bool is_capturing(const struct floor *floor)
{
	return floor->strips != NULL;
}

static void begin_capture(struct floor *floor)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &floor->grab};
	grab_open(&floor->grab, floor->display, true);
	epoll_ctl(floor->epoll_fd, EPOLL_CTL_ADD, xcb_get_file_descriptor(floor->grab.x), &event);
	floor->last = floor->grab.picture;
	floor->last.pixels = calloc(1, floor->grab.size);
	if (!floor->last.pixels)
		die("Out of memory");
	floor->strips = jpeg_strips_open(floor->last.width, floor->last.height, floor->quality);
	/* The first picture is all of it, at once. */
	floor->extent = (struct box){0, 0, (int32_t)floor->last.width, (int32_t)floor->last.height};
	floor->first_piece_ns = floor->last_piece_ns = 0;
}

static void end_capture(struct floor *floor)
{
	grab_close(&floor->grab);
	free(floor->last.pixels);
	jpeg_strips_close(floor->strips);
	floor->strips = NULL;
}

/* When to grab: quiet after the last piece, soon after the first, and within the rate. */
static uint64_t grab_due_ns(const struct floor *floor)
{
	bool is_large = floor->extent.y1 - floor->extent.y0 > (int32_t)floor->last.height / 4;
	uint64_t quiet_ns = floor->last_piece_ns + (is_large ? QUIET_LARGE_NS : QUIET_NS);
	uint64_t patience_ns = floor->first_piece_ns + PATIENCE_NS;
	uint64_t due_ns = quiet_ns < patience_ns ? quiet_ns : patience_ns;
	/* One frame of credit: a grab may come one interval before the bucket is full. */
	uint64_t allowed_ns =
		floor->full_at_ns > floor->interval_ns ? floor->full_at_ns - floor->interval_ns : 0;
	return due_ns > allowed_ns ? due_ns : allowed_ns;
}

static void take_frame(struct floor *floor, uint64_t now_ns)
{
	uint64_t begin_ns = floor->full_at_ns > now_ns ? floor->full_at_ns : now_ns;
	floor->full_at_ns = begin_ns + floor->interval_ns;
	uint32_t height = floor->last.height;
	uint32_t from = (uint32_t)floor->extent.y0 / STRIP_ROWS;
	uint32_t to = ((uint32_t)floor->extent.y1 + STRIP_ROWS - 1) / STRIP_ROWS;
	uint32_t y1 = to * STRIP_ROWS < height ? to * STRIP_ROWS : height, n_changed = 0;
	floor->extent = (struct box){0};
	grab_forget_damage(&floor->grab);
	grab_rows(&floor->grab, from * STRIP_ROWS, y1);
	for (uint32_t strip = from; strip < to; strip++) {
		uint32_t y0 = strip * STRIP_ROWS;
		uint32_t n = height - y0 < STRIP_ROWS ? height - y0 : STRIP_ROWS;
		size_t at = y0 * floor->last.stride, len = n * floor->last.stride;
		if (floor->first_piece_ns &&
			!memcmp(floor->last.pixels + at, floor->grab.picture.pixels + at, len))
			continue;
		memcpy(floor->last.pixels + at, floor->grab.picture.pixels + at, len);
		jpeg_strips_encode(floor->strips, &floor->last, strip);
		n_changed++;
	}
	if (n_changed == 0)
		return;
	struct shared_frame *frame = floor_frame_create(jpeg_strips_len(floor->strips));
	jpeg_strips_splice(floor->strips, frame->data);
	floor_viewers_send(floor->viewers, frame);
}

static void note_damage(struct floor *floor)
{
	bool had_any = floor->extent.x0 < floor->extent.x1;
	if (!grab_poll_damage(&floor->grab, &floor->extent))
		return;
	floor->last_piece_ns = clock_monotonic_ns();
	if (!had_any)
		floor->first_piece_ns = floor->last_piece_ns;
}

static void wait_for_events(struct floor *floor)
{
	struct timespec timeout, *until = NULL;
	if (is_capturing(floor) && floor->extent.x0 < floor->extent.x1) {
		uint64_t now_ns = clock_monotonic_ns(), due_ns = grab_due_ns(floor);
		uint64_t left_ns = due_ns > now_ns ? due_ns - now_ns : 0;
		timeout.tv_sec = (time_t)(left_ns / NS_PER_S);
		timeout.tv_nsec = (long)(left_ns % NS_PER_S);
		until = &timeout;
	}
	struct epoll_event events[128];
	int n = epoll_pwait2(floor->epoll_fd, events, 128, until, NULL);
	for (int i = 0; i < n; i++)
		if (events[i].data.ptr != &floor->grab)
			floor_viewers_event(floor->viewers, events[i].data.ptr, events[i].events);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"display", required_argument, NULL, 'd'},
		{"rate", required_argument, NULL, 'r'}, {"quality", required_argument, NULL, 'q'},
		{"port", required_argument, NULL, 'p'}, {0}};
	struct floor floor = {.interval_ns = (uint64_t)(1e9 / 30 / RATE_SLACK), .quality = 80};
	uint16_t port = 0;
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 'd')
			floor.display = optarg;
		else if (c == 'r' && atof(optarg) > 0)
			floor.interval_ns = (uint64_t)(1e9 / atof(optarg) / RATE_SLACK);
		else if (c == 'q')
			floor.quality = atoi(optarg);
		else if (c == 'p')
			port = (uint16_t)atoi(optarg);
		else
			die("usage: floor [--display D] [--rate FPS] [--quality Q] [--port P]");
	}
	signal(SIGPIPE, SIG_IGN);
	floor.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	floor.viewers = floor_viewers_open(floor.epoll_fd, port);
	printf("READY http://127.0.0.1:%u/\n", floor_viewers_port(floor.viewers));
	fflush(stdout);

	for (;;) {
		wait_for_events(&floor);
		if (!is_capturing(&floor) && floor_viewers_count(floor.viewers) > 0)
			begin_capture(&floor);
		else if (is_capturing(&floor) && floor_viewers_count(floor.viewers) == 0)
			end_capture(&floor);
		if (!is_capturing(&floor))
			continue;
		note_damage(&floor);
		uint64_t now_ns = clock_monotonic_ns();
		if (floor.extent.x0 < floor.extent.x1 && now_ns >= grab_due_ns(&floor))
			take_frame(&floor, now_ns);
		/* While it waited for the reply to a grab, xcb may have read events: no wake-up
		 * comes. */
		note_damage(&floor);
	}
}
