/* SPDX-License-Identifier: MIT */
/*
 * A frame is the reference-counted copy of one record: copied once out of the ring, then referenced
 * by every viewer's output.  Immutable once made.  Event-loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evbuffer;

struct frame {
	unsigned refs;
	uint64_t number; /* of this feed, +1 a frame, never reset: what a viewer compares */
	uint64_t sequence;
	uint64_t pts_ns;        /* CLOCK_MONOTONIC at capture */
	uint64_t received_ns;   /* CLOCK_MONOTONIC when it was copied out of the ring */
	uint32_t width, height; /* 0 × 0 for a state's picture */
	bool is_state;          /* a state in words, not the source's picture */
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
