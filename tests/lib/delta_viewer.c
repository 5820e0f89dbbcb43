/* SPDX-License-Identifier: MIT */
/*
 * A subscriber of the screen daemon's delta stream, for tests and figures.
 *
 *     delta_viewer [--seconds S] [--no-decode] [--ops] [--lag] [--display D] SOCKET
 *
 *   --seconds S   how long it looks (5)
 *   --no-decode   only checks and counts
 *   --ops         writes each record's operations to stderr
 *   --lag         takes no step in every other tenth of a second, then catches up
 *   --display D   then waits until everything is exact and nothing has come for a second, and
 *                 compares its picture with the display's, without the pointer
 *
 * Prints one line of JSON: what came, how many bytes, how old it was when it came (µs, from the
 * grab), and with --display how many pixels differ.  Exit status 1: the daemon lied.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xcb/xcb.h>

#include "common/capsock.h"
#include "common/clock.h"
#include "common/delta_ops.h"
#include "common/ring_reader.h"
#include "tests/lib/delta_client.h"

#define AGES_MAX   100000u
#define REST_NS    NS_PER_S
#define PATIENCE_S 20u

struct viewer {
	int fd;
	struct capsock_buffer *buffer;
	struct ring_reader *reader;
	uint8_t *bytes;
	struct delta_client client;
	bool writes_ops;
	bool wants_exact; /* it was led here by a catch-up */
	uint64_t asked_ns, last_ns, catch_up_asked_ns;
	/* what it tells */
	uint64_t n_steps, n_refinements, n_catch_ups, n_exact, n_skipped, n_bytes, n_lapped;
	uint64_t refinement_bytes, catch_up_bytes, len_max;
	uint32_t ages_us[AGES_MAX];
	size_t n_ages;
};

static void die(const char *words)
{
	fprintf(stderr, "delta_viewer: %s\n", words);
	exit(1);
}

static void *alloc(void *arg, size_t len)
{
	struct viewer *viewer = arg;

	free(viewer->bytes);
	viewer->bytes = malloc(len + 1);
	return viewer->bytes;
}

static void ask(struct viewer *viewer, uint64_t since, bool exact)
{
	const struct capsock_message message = {
		.type = CAPSOCK_CATCH_UP, .ring_fd = -1, .since_sequence = since, .exact = exact};

	if (capsock_send(viewer->fd, CAPSOCK_SUBSCRIBER, &message) < 0)
		die("the daemon does not listen");
}

static void take_messages(struct viewer *viewer)
{
	struct capsock_message message;
	int r;

	while ((r = capsock_receive(viewer->fd, CAPSOCK_SUBSCRIBER, viewer->buffer, &message)) ==
		0) {
		if (message.type != CAPSOCK_STREAM)
			continue;
		ring_reader_close(viewer->reader);
		viewer->reader = NULL;
		if (ring_reader_open(
			    message.ring_fd, message.epoch, message.capacity, &viewer->reader) < 0)
			die("no ring");
		close(message.ring_fd);
		/* Sequences of another ring mean nothing here. */
		viewer->client.sequence = 0;
	}
	if (r != -EAGAIN)
		die("the daemon has gone");
}

static void count(struct viewer *viewer, const struct ring_record *record)
{
	uint64_t age_us = (clock_monotonic_ns() - record->pts_ns) / NS_PER_US;

	viewer->n_bytes += record->length;
	if (record->length > viewer->len_max)
		viewer->len_max = record->length;
	if (record->flags & RECORD_IS_REFINEMENT) {
		viewer->n_refinements++;
		viewer->refinement_bytes += record->length;
	} else if (record->kind == RECORD_STEP) {
		viewer->n_steps++;
		if (viewer->n_ages < AGES_MAX)
			viewer->ages_us[viewer->n_ages++] = (uint32_t)age_us;
	} else if (record->flags & RECORD_IS_EXACT) {
		viewer->n_exact++;
		viewer->catch_up_bytes += record->length;
	} else {
		viewer->n_catch_ups++;
		viewer->catch_up_bytes += record->length;
	}
}

static void write_ops(const struct viewer *viewer, const struct ring_record *record)
{
	static const char *const names[] = {
		"", "copy", "png", "jpeg", "shape", "pointer", "fill", "glyphs"};
	struct delta_reader reader = {.bytes = viewer->bytes,
		.len = record->length,
		.width = record->width,
		.height = record->height};
	struct delta_op op;

	fprintf(stderr, "%s %llu since %llu, flags %u, %u bytes:",
		record->kind == RECORD_STEP ? "step" : "catch-up",
		(unsigned long long)record->sequence, (unsigned long long)record->base,
		record->flags, record->length);
	while (delta_reader_next(&reader, &op) == 0) {
		fprintf(stderr, " %s %ux%u+%d+%d", names[op.kind], op.width, op.height, op.x, op.y);
		if (op.kind == DELTA_COPY)
			fprintf(stderr, " from +%u+%u", op.src_x, op.src_y);
		else if (op.data_len)
			fprintf(stderr, " %zu B", op.data_len);
		fputc(';', stderr);
	}
	fputc('\n', stderr);
}

static void take_record(struct viewer *viewer, const struct ring_record *record, bool is_lagging)
{
	const struct delta_client_message message = {.kind = record->kind == RECORD_STEP ? 4 : 5,
		.flags = record->flags,
		.sequence = record->sequence,
		.base = record->base,
		.width = record->width,
		.height = record->height,
		.payload = viewer->bytes,
		.len = record->length};

	if (record->flags & RECORD_IS_END)
		return;
	if (delta_ops_check(record, viewer->bytes, record->length) < 0)
		die("a record lies");
	count(viewer, record);
	if (viewer->writes_ops)
		write_ops(viewer, record);
	viewer->last_ns = clock_monotonic_ns();
	if (is_lagging)
		return;
	int r = delta_client_take(&viewer->client, &message);
	if (r < 0)
		die("a record cannot be applied");
	if (r == 0) {
		viewer->n_skipped++;
		if (record->kind == RECORD_STEP &&
			viewer->last_ns > viewer->catch_up_asked_ns + 20 * NS_PER_MS) {
			ask(viewer, viewer->client.sequence, false);
			viewer->catch_up_asked_ns = viewer->last_ns;
		}
		return;
	}
	if (record->kind == RECORD_CATCH_UP) {
		viewer->wants_exact = !(record->flags & RECORD_IS_LAST);
		viewer->asked_ns = 0;
	}
}

static void take_records(struct viewer *viewer, bool is_lagging)
{
	struct ring_record record;
	int r;

	if (!viewer->reader)
		return;
	while ((r = ring_reader_next(viewer->reader, &record, alloc, viewer)) == 0)
		take_record(viewer, &record, is_lagging);
	if (r == -EOVERFLOW) {
		viewer->n_lapped++;
		ask(viewer, viewer->client.sequence, false);
	} else if (r != -EAGAIN) {
		die("a ring that lies");
	}
}

static void turn(struct viewer *viewer, bool is_lagging)
{
	struct pollfd poller = {.fd = viewer->fd, .events = POLLIN};

	/* The futex word is what httpd waits on; a test may look once in a millisecond. */
	if (poll(&poller, 1, 1) > 0)
		take_messages(viewer);
	take_records(viewer, is_lagging);
}

/* As httpd does for those who have all but the last bit. */
static bool come_to_rest(struct viewer *viewer)
{
	uint64_t end_ns = clock_monotonic_ns() + PATIENCE_S * NS_PER_S;

	viewer->last_ns = clock_monotonic_ns();
	/* What was missed while lagging, even if nothing moves any more. */
	ask(viewer, viewer->client.sequence, false);
	for (;;) {
		uint64_t now = clock_monotonic_ns();

		if (now > end_ns)
			return false;
		if (now > viewer->last_ns + REST_NS && !viewer->wants_exact)
			return true;
		if (viewer->wants_exact && now > viewer->asked_ns + 100 * NS_PER_MS) {
			ask(viewer, viewer->client.sequence, true);
			viewer->asked_ns = now;
		}
		turn(viewer, false);
	}
}

static uint64_t count_wrong(const struct viewer *viewer, const char *display)
{
	xcb_connection_t *x = xcb_connect(display, NULL);
	const struct delta_client *client = &viewer->client;
	uint64_t n = 0;

	if (xcb_connection_has_error(x))
		die("no display");
	xcb_window_t root = xcb_setup_roots_iterator(xcb_get_setup(x)).data->root;
	xcb_get_image_reply_t *reply = xcb_get_image_reply(x,
		xcb_get_image(x, XCB_IMAGE_FORMAT_Z_PIXMAP, root, 0, 0, (uint16_t)client->width,
			(uint16_t)client->height, UINT32_MAX),
		NULL);
	if (!reply)
		die("no image of the display");
	const uint8_t *screen = xcb_get_image_data(reply);
	for (size_t i = 0; i < (size_t)client->width * client->height; i++) {
		uint32_t pixel;

		memcpy(&pixel, screen + i * 4, 4);
		n += client->is_rough[i] || client->pixels[i] != (pixel & 0xffffff);
	}
	free(reply);
	xcb_disconnect(x);
	return n;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void tell(struct viewer *viewer, double seconds)
{
	size_t n = viewer->n_ages;

	qsort(viewer->ages_us, n, sizeof(uint32_t), by_size);
	printf("{\"steps\": %llu, \"refinements\": %llu, \"catch_ups\": %llu, "
	       "\"skipped\": %llu, \"lapped\": %llu, \"bytes\": %llu, \"refinement_bytes\": %llu, "
	       "\"catch_up_bytes\": %llu, \"largest\": %llu, \"seconds\": %.3f, \"p50_us\": %u, "
	       "\"p95_us\": %u",
		(unsigned long long)viewer->n_steps, (unsigned long long)viewer->n_refinements,
		(unsigned long long)viewer->n_catch_ups, (unsigned long long)viewer->n_skipped,
		(unsigned long long)viewer->n_lapped, (unsigned long long)viewer->n_bytes,
		(unsigned long long)viewer->refinement_bytes,
		(unsigned long long)viewer->catch_up_bytes, (unsigned long long)viewer->len_max,
		seconds, n ? viewer->ages_us[n / 2] : 0, n ? viewer->ages_us[n * 95 / 100] : 0);
}

static void subscribe(struct viewer *viewer, const char *path)
{
	const struct capsock_message hello = {.type = CAPSOCK_HELLO,
		.ring_fd = -1,
		.version = CAPSOCK_VERSION,
		.stream = STREAM_DELTA};

	viewer->buffer = malloc(sizeof(*viewer->buffer));
	viewer->fd = capsock_connect(path);
	if (!viewer->buffer || viewer->fd < 0 ||
		capsock_send(viewer->fd, CAPSOCK_SUBSCRIBER, &hello) < 0)
		die("no daemon");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seconds", required_argument, NULL, 's'},
		{"no-decode", no_argument, NULL, 'n'}, {"ops", no_argument, NULL, 'o'},
		{"lag", no_argument, NULL, 'l'}, {"display", required_argument, NULL, 'd'}, {0}};
	static struct viewer viewer;
	const char *display = NULL;
	double seconds = 5;
	bool lags = false;

	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 's')
			seconds = atof(optarg);
		else if (c == 'n')
			viewer.client.does_not_decode = true;
		else if (c == 'o')
			viewer.writes_ops = true;
		else if (c == 'l')
			lags = true;
		else if (c == 'd')
			display = optarg;
		else
			return 2;
	}
	if (optind + 1 != argc)
		die("usage: delta_viewer [options] SOCKET");
	subscribe(&viewer, argv[optind]);
	uint64_t begin_ns = clock_monotonic_ns(), now;
	while ((now = clock_monotonic_ns()) < begin_ns + (uint64_t)(seconds * 1e9))
		turn(&viewer, lags && viewer.client.sequence && now / (100 * NS_PER_MS) % 2);
	tell(&viewer, (double)(now - begin_ns) / 1e9);
	if (display) {
		bool rested = come_to_rest(&viewer);

		printf(", \"rested\": %s, \"exact\": %llu, \"wrong\": %llu",
			rested ? "true" : "false", (unsigned long long)viewer.n_exact,
			(unsigned long long)count_wrong(&viewer, display));
	}
	puts("}");
	delta_client_fini(&viewer.client);
	ring_reader_close(viewer.reader);
	return 0;
}
