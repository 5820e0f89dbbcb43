/* SPDX-License-Identifier: MIT */
/*
 * The messages of doc/protocol.md: made of frames and states for the viewer, and read from what it
 * sends.  Knows no connection and no feed.  Event-loop thread only.
 */
#pragma once

#include <event2/buffer.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/stream.h"
#include "httpd/frame.h"
#include "httpd/step_history.h"

#define WS_PROTOCOL_VERSION 1
#define WS_HEAD_SIZE        24u /* of a binary message */

enum ws_kind { WS_JPEG = 1, WS_PCM = 2, WS_OPUS = 3, WS_STEP = 4, WS_CATCH_UP = 5 };
enum ws_flags {
	WS_IS_KEY = 1,
	WS_IS_STATE = 2,
	WS_IS_REFINEMENT = 4,
	WS_IS_EXACT = 8,
	WS_IS_LAST = 16
};

/*
 * Writes, into the room before the frame's data, the head of a WebSocket frame and that of the
 * message: once, for all viewers of `stream` (a frame belongs to one).  frame_append_with_head()
 * then sends it.
 */
void ws_message_frame(struct frame *frame, enum stream_id stream);
/*
 * Appends the steps of `run` as one message: the operations of all of them, from the first one's
 * base to the last one's sequence.  Each viewer's own head, and references to the frames' bytes.
 * 0; -ENOMEM: part of it may have been appended.
 */
int ws_message_run(struct evbuffer *out, const struct frame_run *run);
/* The sequence by which the viewer knows that frame. */
uint32_t ws_message_sequence(const struct frame *frame);

/* What a viewer may say. */
enum ws_request_type { WS_DRAWN, WS_SET, WS_PING };

struct ws_request {
	enum ws_request_type type;
	/* WS_DRAWN */
	uint32_t sequence;
	bool has_took;
	double took_ms; /* >= 0 */
	/* WS_SET: STREAM_COUNT is "none" */
	bool sets_picture, sets_sound;
	enum stream_id picture, sound;
	/* WS_PING: what is sent back */
	struct ws_number {
		bool is_integer; /* then all of its 64 bits are kept: nanoseconds, for example */
		int64_t integer;
		double real;
	} t;
};

/* 0; -EINVAL: no JSON object; -EPROTO: not one of the above; -ENOMEM. */
int ws_request_parse(const char *text, size_t len, struct ws_request *request);

/* "jpeg", "delta" or "none"; "pcm", "opus" or "none".  False: it is no such word. */
bool ws_picture_parse(const char *word, enum stream_id *stream);
bool ws_sound_parse(const char *word, enum stream_id *stream);

/*
 * The messages of text, each appended to `out` as one frame.  0 or -ENOMEM.  `picture` and `sound`
 * as in struct ws_request.
 */
struct ws_hello {
	enum source_id source;
	enum stream_id picture, sound;
	uint32_t width, height; /* of the newest picture; 0: not known yet */
};
int ws_message_hello(struct evbuffer *out, const struct ws_hello *hello);
int ws_message_state(
	struct evbuffer *out, bool of_sound, enum source_state state, const char *words);
int ws_message_pong(struct evbuffer *out, const struct ws_number *t);
