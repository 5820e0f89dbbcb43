/* SPDX-License-Identifier: MIT */
/*
 * WAV without end: what an <audio> element of any browser plays, and VLC, and a radio.
 *
 * The lengths in its head are the largest that there are, as all programs do that write WAV to a
 * pipe; whoever plays it does not look for an end.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include <event2/buffer.h>

#include "httpd/response.h"
#include "httpd/sound_backlog.h"
#include "httpd/viewer_ops.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	"WAV and doc/protocol.md are little-endian, rings are in host order");

static const char response_head[] =
	"HTTP/1.1 200 OK\r\n"
	"Content-Type: " VIEWER_WAV_TYPE "\r\n"
	"Cache-Control: no-store\r\n"
	"Accept-Ranges: none\r\n" RESPONSE_HEADERS_ALWAYS "Connection: close\r\n"
	"\r\n";

#define U16(n) (n) & 0xff, (n) >> 8 & 0xff
#define U32(n) U16((n)&0xffff), U16((n) >> 16 & 0xffff)

/* RIFF WAVE, format 1 (PCM). */
static const uint8_t wav_head[] = {'R', 'I', 'F', 'F', U32(0xffffffffu), 'W', 'A', 'V', 'E', 'f',
	'm', 't', ' ', U32(16u), U16(1u), U16(SOUND_CHANNELS), U32(SOUND_RATE),
	U32(SOUND_RATE *SOUND_CHANNELS * 2u), U16(SOUND_CHANNELS * 2u), U16(16u), 'd', 'a', 't',
	'a', U32(0xffffffffu)};

struct wav {
	struct viewer viewer;
	struct feed_listener listener;
	struct sound_backlog backlog;
};
_Static_assert(offsetof(struct wav, viewer) == 0, "a viewer is cast to its kind");

static void on_frame(void *arg, struct frame *frame)
{
	struct wav *wav = arg;
	struct conn *conn = wav->viewer.conn;

	if (!sound_backlog_may_append(&wav->backlog, conn, SOUND_RECORD_MS)) {
		wav->viewer.skipped++;
		return;
	}
	if (frame_append(frame, conn_output(conn)) < 0) {
		wav->viewer.skipped++; /* no memory: a record less, and none in half */
		return;
	}
	sound_backlog_appended(&wav->backlog, conn);
	viewer_count(&wav->viewer, frame, frame->len);
	conn_flush(conn);
}

static void on_drained(struct viewer *viewer)
{
	(void)viewer; /* the next record comes within 10 ms */
}

static void destroy(struct viewer *viewer)
{
	struct wav *wav = (struct wav *)viewer;

	feed_remove(viewer->feed, &wav->listener);
	free(wav);
}

static const struct viewer_ops wav_ops = {
	.kind = "wav", .on_drained = on_drained, .destroy = destroy};

int viewer_wav_start(
	struct viewers *viewers, struct conn *conn, struct feed *feed, const struct viewer_who *who)
{
	struct wav *wav = calloc(1, sizeof(*wav));
	struct evbuffer *out = conn_output(conn);

	if (!wav)
		return -ENOMEM;
	wav->listener = (struct feed_listener){
		.on_frame = on_frame, .arg = wav, .who = conn_peer_text(conn)};
	viewer_start(&wav->viewer, viewers, &wav_ops, conn, feed, who);
	viewer_set_sources(&wav->viewer, 1u << SOURCE_AUDIO);
	if (evbuffer_add_reference(out, response_head, sizeof(response_head) - 1, NULL, NULL) < 0 ||
		evbuffer_add_reference(out, wav_head, sizeof(wav_head), NULL, NULL) < 0)
		conn_close(conn); /* deferred: destroy() cleans up */
	conn_flush(conn);
	feed_add(feed, &wav->listener);
	return 0;
}
