/* SPDX-License-Identifier: MIT */
/*
 * An output is one stream of a daemon: one encoder, one ring, and who wants it.
 *
 *     tiles ──► encoder ──► ring ──fd──► subscribers of this stream
 *     a whole record ───────►
 *
 * The ring is made when the first picture's size is known and replaced by a larger one when a
 * picture needs it; each replacement is announced to all subscribers.  Nothing is encoded that
 * nobody wants.
 */
#pragma once

#include "capd/encode/encoder.h"
#include "common/ring.h"
#include "common/stream.h"

struct output; /* opaque */
struct ring_writer;

struct output_listener {
	/* A new ring: announce it.  The writer stays the output's. */
	void (*on_ring)(void *arg, struct output *output);
	void *arg;
};

/* The encoder comes later (output_set_encoder): it needs a size.  0 or -ENOMEM. */
int output_create(
	enum stream_id stream, const struct output_listener *listener, struct output **out);
/* Ring and encoder go with it.  Accepts NULL. */
void output_destroy(struct output *output);

/* As it was created for. */
enum stream_id output_stream(const struct output *output);
/* NULL before the first picture. */
struct ring_writer *output_ring(const struct output *output);

/*
 * Takes ownership of `encoder` (one for pictures of this size), destroys the one before.  The ring
 * of an encoder that counts for itself ends with it.
 */
void output_set_encoder(struct output *output, const struct encoder_ops *ops,
	struct encoder *encoder, uint32_t width, uint32_t height);
/* NULL: none yet.  It stays the output's. */
struct encoder *output_encoder(const struct output *output);
/* The next frame is a whole picture. */
void output_request_key(struct output *output);

/*
 * Encodes this frame and publishes it.  0: published; -EAGAIN: nothing for this stream; -ENOSPC: no
 * room for a ring in /dev/shm, not even a small one; other -errno.
 */
int output_frame(struct output *output, const struct encoder_input *input);
/* Another record of the same encoder: `encode` is called with its `arg`.  As output_frame(). */
typedef int output_encode_fn(struct encoder *encoder, const struct encoder_input *input,
	const void *arg, struct encoder_result *result);
int output_encode(struct output *output, const struct encoder_input *input,
	output_encode_fn *encode, const void *arg);
/*
 * Publishes a record that somebody else has encoded: a camera's picture, sound.  A ring of at least
 * `capacity` (a power of two within the ring's limits) is made first, or a smaller one where
 * /dev/shm has no more.  0; -ENOSPC as above; -EMSGSIZE: it is longer than that ring takes.
 */
int output_record(struct output *output, uint64_t capacity, struct ring_record *record,
	const struct iovec *pieces, size_t n_pieces);
/* Drops ring and encoder (nobody wants it any more, or the source restarts). */
void output_reset(struct output *output);
