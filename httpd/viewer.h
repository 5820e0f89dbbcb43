/* SPDX-License-Identifier: MIT */
/*
 * A viewer is a browser that watches or hears feeds over a connection.
 *
 * The newest picture wins: a viewer whose output still holds bytes skips pictures, and gets the
 * newest one when it is drained; nothing is queued per viewer but a moment of sound, and a frame's
 * bytes are shared by reference.  The kernel's queue is kept short too (TCP_NOTSENT_LOWAT, conn.h).
 * One that takes nothing for [http] stall_timeout_s is closed.  Event-loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "httpd/conn.h"
#include "httpd/feeds.h"

/* The Content-Type of what viewer_mjpeg_start() sends, which HEAD tells too. */
#define VIEWER_MJPEG_TYPE "multipart/x-mixed-replace; boundary=frame"

#define VIEWER_NAME_SIZE 128u

struct viewer;  /* opaque; of its conn */
struct viewers; /* opaque: all viewers, for /alive, /status and the presenter */

/* Who watches, by what it says of itself; texts are copied. */
struct viewer_who {
	uint64_t id;            /* the page's own number for this connection; 0: none */
	const char *user_agent; /* NULL: it has none */
	const char *name; /* clean (UTF-8, no controls), below VIEWER_NAME_SIZE; NULL, "": none */
};

/* What `screenshare viewers` prints; texts are valid within the call only. */
struct viewer_info {
	const char *kind;                        /* "mjpeg", "socket", "wav" */
	const char *address, *user_agent, *name; /* "": it has given none */
	unsigned sources; /* all that it sees and hears just now: bits 1 << enum source_id */
	enum source_id source;
	enum stream_id stream;
	double rate; /* frames handed to the kernel a second, over the last two seconds */
	uint64_t frames, skipped, bytes;
	uint64_t lag_ms; /* age of the newest frame that it does not have yet; 0: up to date */
	uint64_t watching_ms;
};

/* Nobody watches yet.  `base` and `config` are borrowed for life.  0 or -ENOMEM. */
int viewers_create(struct event_base *base, const struct config *config, struct viewers **out);
/* `on_change` comes whenever a viewer has come or gone, or watches something else.  NULL: nobody
 * wants to know. */
void viewers_set_listener(struct viewers *viewers, void (*on_change)(void *arg), void *arg);
/* The server stops: tells those who can be told. */
void viewers_stop(struct viewers *viewers);
/* As it was created with. */
struct event_base *viewers_base(const struct viewers *viewers);
/* Every conn must have been closed.  Accepts NULL. */
void viewers_destroy(struct viewers *viewers);
unsigned viewers_count(const struct viewers *viewers);
uint64_t viewers_total(const struct viewers *viewers); /* since the start */
void viewers_each(struct viewers *viewers, void (*each)(void *arg, const struct viewer_info *info),
	void *arg);

/* conn_mark() for all of them. */
void viewers_mark(struct viewers *viewers);

struct viewer_alive {
	bool is_alive;         /* a connection opened with this id is open */
	uint64_t last_sent_ms; /* how long ago it was last sent anything */
	uint64_t frames;       /* sent on it */
	bool is_waiting;       /* it has unsent bytes */
};
/* About the connection that /d_video?id=N, or another of its kind, opened; id 0 is nobody. */
struct viewer_alive viewers_alive(const struct viewers *viewers, uint64_t id);

/*
 * Takes `conn` over and sends the whole response, head included: multipart/x-mixed-replace without
 * end.
 *
 * Chromium draws a part only when the complete headers of the next have arrived, Firefox at the
 * boundary (measured), so the next part's headers, Content-Type only, follow each frame at once.
 * `full_headers` gives other programs classic parts with Content-Length and X-Timestamp instead.
 * After the last change the frame is repeated once, a second later; then nothing more, or with
 * full_headers one every 15 s.  On -ENOMEM the conn was not touched.
 */
int viewer_mjpeg_start(struct viewers *viewers, struct conn *conn, struct feed *feed,
	bool full_headers, const struct viewer_who *who);

/* The Content-Type of what viewer_wav_start() sends. */
#define VIEWER_WAV_TYPE "audio/wav"

/*
 * Takes `conn` over and sends the whole response: a WAV file without end, of the sound as it is
 * heard from now on.  `feed` is that of STREAM_PCM.  A listener for whom more than 300 ms of sound
 * wait is sent nothing more until they have gone, and goes on at live.  On -ENOMEM the conn was not
 * touched.
 */
int viewer_wav_start(struct viewers *viewers, struct conn *conn, struct feed *feed,
	const struct viewer_who *who);

/* Does the source have pictures in that form? */
bool viewer_ws_has_picture(enum source_id source, enum stream_id picture);

/* What a WebSocket viewer is sent; enum stream_id or VIEWER_NONE. */
#define VIEWER_NONE STREAM_COUNT
struct viewer_ws_wish {
	enum source_id source;  /* of the picture: screen or camera */
	enum stream_id picture; /* STREAM_JPEG, of the screen also STREAM_DELTA, or VIEWER_NONE */
	enum stream_id sound;   /* STREAM_PCM, STREAM_OPUS or VIEWER_NONE */
};

/*
 * Takes `conn` over: the handshake's answer to `key` (Sec-WebSocket-Key), then doc/protocol.md.
 * On -ENOMEM, and on -EINVAL (that is no key), the conn was not touched.
 * `out` lives as long as its conn.
 */
int viewer_ws_start(struct viewers *viewers, struct feeds *feeds, struct conn *conn,
	const char *key, const struct viewer_ws_wish *wish, const struct viewer_who *who,
	struct viewer **out);
/* Bytes that came with the handshake, as if they had come now. */
void viewer_ws_hear(struct viewer *viewer, const uint8_t *bytes, size_t len);
