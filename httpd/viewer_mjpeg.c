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
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <event2/buffer.h>

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

static int write_frame(struct viewer *viewer, struct frame *frame, bool is_repeat)
{
	struct evbuffer *out = conn_output(viewer->conn);
	char time_text[40];
	int r = 0;
	(void)is_repeat;

	if (viewer->full_headers) {
		frame_time(frame, time_text, sizeof(time_text));
		r = evbuffer_add_printf(out,
			"--" BOUNDARY "\r\nContent-Type: image/jpeg\r\nContent-Length: %zu\r\n"
			"X-Timestamp: %s\r\n\r\n",
			frame->len, time_text);
	}
	if (r < 0 || frame_append(frame, out) < 0)
		return -ENOMEM;
	r = viewer->full_headers
		    ? evbuffer_add(out, "\r\n", 2)
		    : evbuffer_add_reference(out, part_end, sizeof(part_end) - 1, NULL, NULL);
	return r < 0 ? -ENOMEM : 0;
}

static unsigned repeat_after_ms(const struct viewer *viewer, unsigned n_repeats)
{
	if (n_repeats == 0)
		return REPEAT_MS;
	return viewer->full_headers ? KEEP_ALIVE_MS : 0;
}

static int write_head(struct viewer *viewer)
{
	struct evbuffer *out = conn_output(viewer->conn);

	if (evbuffer_add_reference(out, response_head, sizeof(response_head) - 1, NULL, NULL) < 0)
		return -ENOMEM;
	if (!viewer->full_headers &&
		evbuffer_add_reference(out, PART_HEADERS, sizeof(PART_HEADERS) - 1, NULL, NULL) < 0)
		return -ENOMEM;
	return 0;
}

static const struct viewer_ops mjpeg_ops = {
	.kind = "mjpeg",
	.write_head = write_head,
	.write_frame = write_frame,
	.repeat_after_ms = repeat_after_ms,
};

int viewer_mjpeg_start(struct viewers *viewers, struct conn *conn, struct feed *feed, uint64_t id,
	bool full_headers, const char *user_agent)
{
	return viewer_start(viewers, &mjpeg_ops, conn, feed, id, full_headers, user_agent);
}
