/* SPDX-License-Identifier: MIT */
/*
 * A frame is the reference-counted copy of one record, a picture or a piece of sound: copied once
 * out of the ring, then referenced by every viewer's output.
 *
 *     ┌──────────────┬──────┬─────────────┐
 *     │ struct frame │ room │ data … len  │   the room is for what goes before the bytes on the
 *     └──────────────┴──────┴─────────────┘   wire (httpd/ws_message.h), made once for all viewers
 *
 * Immutable once delivered, but for that.  Event-loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/stream.h"

struct evbuffer;

#define FRAME_HEAD_ROOM 40u /* bytes before the data */

struct frame {
	unsigned refs;
	enum record_kind kind;
	uint64_t number; /* of this feed, +1 a frame, never reset: what a viewer compares */
	uint64_t sequence;
	unsigned flags;         /* enum record_flags */
	uint64_t epoch, base;   /* of the delta stream: its ring's name, and as of ring_record */
	uint64_t pts_ns;        /* CLOCK_MONOTONIC at capture; of sound: of its first sample */
	uint64_t received_ns;   /* CLOCK_MONOTONIC when it was copied out of the ring */
	uint32_t width, height; /* 0 × 0 for a state's picture; of sound: rate and channels */
	bool is_state;          /* a state in words or its silence, not the source's own */
	unsigned head_len;      /* bytes of the room in use, right before the data; 0: not made */
	size_t len;
	uint8_t *data;
};

/* A frame with room for `len` bytes, one reference, all else zero.  NULL: no memory. */
struct frame *frame_create(size_t len);
struct frame *frame_ref(struct frame *frame);
/* Accepts NULL; the last reference frees it. */
void frame_unref(struct frame *frame);

/* Appends the frame's bytes to `out` by reference; the reference goes when they are sent.  0,
 * -ENOMEM. */
int frame_append(struct frame *frame, struct evbuffer *out);
/* The same with the head in its room, as one piece. */
int frame_append_with_head(struct frame *frame, struct evbuffer *out);
