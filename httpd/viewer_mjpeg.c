/* SPDX-License-Identifier: MIT */
/*
 * MJPEG: multipart/x-mixed-replace, as every browser since Netscape shows it in an <img>.
 *
 * Chromium draws a part only when the complete headers of the NEXT part have arrived, Firefox when
 * its boundary has (both measured; the Content-Length of a part is not looked at by either).  So
 * the next part's headers follow each frame at once, and can therefore not tell a length or a time:
 * those lie in the JPEG (COM segment, doc/architecture.md).  An empty part would break Chromium's
 * picture.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/clock.h"
#include "httpd/response.h"
#include "httpd/viewer_ops.h"

#define REPEAT_MS      1000    /* after the last change, once: for whoever draws a part late */
#define KEEP_ALIVE_MS  15000   /* full headers only: other programs take silence for death */
#define BOUNDARY       "frame" /* as VIEWER_MJPEG_TYPE names it */
#define PART_HEADERS   "--" BOUNDARY "\r\nContent-Type: image/jpeg\r\n\r\n"
#define COM_SEARCH_MAX 1024 /* the COM segment lies before SOF: within the tables */

static const char response_head[] =
	"HTTP/1.1 200 OK\r\n"
	"Content-Type: " VIEWER_MJPEG_TYPE "\r\n"
	"Cache-Control: no-store\r\n" RESPONSE_HEADERS_ALWAYS "Connection: close\r\n"
	"\r\n";
static const char part_end[] = "\r\n" PART_HEADERS;

/* The wall-clock time of a picture, "s.µs": from its COM segment, else of its arrival. */
static void frame_time(const struct frame *frame, char *text, size_t len)
{
	static const char key[] = " time=";
	const uint8_t *data = frame->data;
	size_t end = frame->len < COM_SEARCH_MAX ? frame->len : COM_SEARCH_MAX;

	for (size_t at = 2; at + 4 <= end && data[at] == 0xff;) {
		size_t segment = (size_t)data[at + 2] << 8 | data[at + 3];
		const uint8_t *found;

		if (at + 2 + segment > end || data[at + 1] == 0xda)
			break;
		if (data[at + 1] == 0xfe && segment > 2 &&
			(found = memmem(data + at + 4, segment - 2, key, sizeof(key) - 1))) {
			const uint8_t *digits = found + sizeof(key) - 1;
			size_t n = 0, max = (size_t)(data + at + 2 + segment - digits);

			while (n < max && n + 1 < len &&
				(digits[n] == '.' || (digits[n] >= '0' && digits[n] <= '9')))
				n++;
			memcpy(text, digits, n);
			text[n] = '\0';
			return;
		}
		at += 2 + segment;
	}
	uint64_t age = clock_monotonic_ns() - frame->received_ns, now = clock_realtime_ns();
	snprintf(text, len, "%llu.%06llu", (unsigned long long)((now - age) / NS_PER_S),
		(unsigned long long)((now - age) % NS_PER_S / NS_PER_US));
}

struct mjpeg {
	struct viewer viewer;
	struct feed_listener listener;
	bool full_headers;

	bool is_behind;      /* a newer one came while it had unsent bytes */
	struct event repeat; /* lazily re-armed: it looks at changed_ns when it fires */
	uint64_t changed_ns; /* when the newest frame was written */
	unsigned n_repeats;  /* of that frame */
	bool repeat_is_armed;
};

/* --- a frame in MJPEG's form --- */

static int append_frame(const struct mjpeg *mjpeg, struct frame *frame)
{
	struct evbuffer *out = conn_output(mjpeg->viewer.conn);
	char time_text[40];
	int r = 0;

	if (mjpeg->full_headers) {
		frame_time(frame, time_text, sizeof(time_text));
		r = evbuffer_add_printf(out,
			"--" BOUNDARY "\r\nContent-Type: image/jpeg\r\nContent-Length: %zu\r\n"
			"X-Timestamp: %s\r\n\r\n",
			frame->len, time_text);
	}
	if (r < 0 || frame_append(frame, out) < 0)
		return -ENOMEM;
	r = mjpeg->full_headers
		    ? evbuffer_add(out, "\r\n", 2)
		    : evbuffer_add_reference(out, part_end, sizeof(part_end) - 1, NULL, NULL);
	return r < 0 ? -ENOMEM : 0;
}

/* How long after the last frame it is to be repeated, given how often it was; 0: never again. */
static unsigned repeat_after_ms(const struct mjpeg *mjpeg, unsigned n_repeats)
{
	if (n_repeats == 0)
		return REPEAT_MS;
	return mjpeg->full_headers ? KEEP_ALIVE_MS : 0;
}

static int append_head(const struct mjpeg *mjpeg)
{
	struct evbuffer *out = conn_output(mjpeg->viewer.conn);

	if (evbuffer_add_reference(out, response_head, sizeof(response_head) - 1, NULL, NULL) < 0)
		return -ENOMEM;
	if (!mjpeg->full_headers &&
		evbuffer_add_reference(out, PART_HEADERS, sizeof(PART_HEADERS) - 1, NULL, NULL) < 0)
		return -ENOMEM;
	return 0;
}

/* --- when to write --- */

static void arm_repeat(struct mjpeg *mjpeg, uint64_t in_ns)
{
	const struct timeval delay = {.tv_sec = (time_t)(in_ns / NS_PER_S),
		.tv_usec = (suseconds_t)(in_ns % NS_PER_S / NS_PER_US) + 1};

	mjpeg->repeat_is_armed = event_add(&mjpeg->repeat, &delay) == 0;
}

static void write_frame(struct mjpeg *mjpeg, struct frame *frame, bool is_repeat)
{
	struct viewer *viewer = &mjpeg->viewer;

	if (append_frame(mjpeg, frame) < 0) {
		/* half a part may be in the output: this connection cannot go on */
		conn_close(viewer->conn);
		return;
	}
	if (is_repeat) {
		viewer->bytes += frame->len;
	} else {
		viewer_count(viewer, frame, frame->len);
		mjpeg->is_behind = false;
		mjpeg->changed_ns = clock_monotonic_ns();
		mjpeg->n_repeats = 0;
		if (!mjpeg->repeat_is_armed)
			arm_repeat(mjpeg, REPEAT_MS * NS_PER_MS);
	}
	conn_flush(viewer->conn);
}

static void on_frame(void *arg, struct frame *frame)
{
	struct mjpeg *mjpeg = arg;

	if (conn_unsent(mjpeg->viewer.conn) == 0) {
		write_frame(mjpeg, frame, false);
		return;
	}
	/* One frame may be passed over without harm: the newest is written when it is drained. */
	if (mjpeg->is_behind)
		mjpeg->viewer.skipped++;
	mjpeg->is_behind = true;
}

static void on_drained(struct viewer *viewer)
{
	struct frame *newest = feed_newest(viewer->feed);

	if (newest && newest->number != viewer->sent_number)
		write_frame((struct mjpeg *)viewer, newest, false);
}

static void on_repeat(evutil_socket_t fd, short what, void *arg)
{
	struct mjpeg *mjpeg = arg;
	struct viewer *viewer = &mjpeg->viewer;
	struct frame *newest = feed_newest(viewer->feed);
	uint64_t now = clock_monotonic_ns();
	unsigned after_ms = repeat_after_ms(mjpeg, mjpeg->n_repeats);
	(void)fd, (void)what;

	mjpeg->repeat_is_armed = false;
	if (!after_ms)
		return;
	uint64_t due = mjpeg->changed_ns + after_ms * NS_PER_MS;
	if (now < due) { /* there were changes since it was armed */
		arm_repeat(mjpeg, due - now);
		return;
	}
	if (newest && newest->number == viewer->sent_number && conn_unsent(viewer->conn) == 0)
		write_frame(mjpeg, newest, true);
	mjpeg->n_repeats++;
	mjpeg->changed_ns = now;
	after_ms = repeat_after_ms(mjpeg, mjpeg->n_repeats);
	if (after_ms)
		arm_repeat(mjpeg, after_ms * NS_PER_MS);
}

static void destroy(struct viewer *viewer)
{
	struct mjpeg *mjpeg = (struct mjpeg *)viewer;

	feed_remove(viewer->feed, &mjpeg->listener);
	event_del(&mjpeg->repeat);
	free(mjpeg);
}

static const struct viewer_ops mjpeg_ops = {
	.kind = "mjpeg", .on_drained = on_drained, .destroy = destroy};
_Static_assert(offsetof(struct mjpeg, viewer) == 0, "a viewer is cast to its kind");

int viewer_mjpeg_start(struct viewers *viewers, struct conn *conn, struct feed *feed,
	bool full_headers, const struct viewer_who *who)
{
	struct mjpeg *mjpeg = calloc(1, sizeof(*mjpeg));
	struct feed_info info;

	if (!mjpeg)
		return -ENOMEM;
	feed_get_info(feed, &info);
	mjpeg->full_headers = full_headers;
	mjpeg->viewer.is_watching = true;
	mjpeg->listener = (struct feed_listener){
		.on_frame = on_frame, .arg = mjpeg, .who = conn_peer_text(conn)};
	evtimer_assign(&mjpeg->repeat, viewers_base(viewers), on_repeat, mjpeg);
	viewer_start(&mjpeg->viewer, viewers, &mjpeg_ops, conn, feed, who);
	viewer_set_sources(&mjpeg->viewer, 1u << info.source);
	if (append_head(mjpeg) < 0)
		conn_close(conn); /* deferred: destroy() cleans up */
	conn_flush(conn);
	feed_add(feed, &mjpeg->listener);
	return 0;
}
