/* SPDX-License-Identifier: MIT */
/*
 * An encoder makes one stream's records from the comparison's result.  It knows no device, ring or
 * socket.  One file a codec; this is all that an output sees of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "capd/picture.h"
#include "common/stream.h"

struct tiles;
struct encoder; /* each codec's own */

struct encoder_input {
	const struct tiles *tiles;
	const struct cursor *cursor;
	uint64_t sequence;  /* of this frame, > 0 */
	uint64_t pts_ns;    /* CLOCK_MONOTONIC */
	size_t payload_max; /* the record may not be longer: lower the quality instead */
};

struct encoder_result {
	enum record_kind kind;
	unsigned flags;    /* enum record_flags */
	uint64_t sequence; /* the input's, where the stream has none of its own */
	uint64_t base;
	const struct iovec *pieces; /* the encoder's, valid until its next call */
	size_t n_pieces;
	size_t len;
};

struct encoder_ops {
	enum stream_id stream;
	/* Its sequences begin anew with each encoder, and so must the ring. */
	bool counts_for_itself;
	/*
	 * Brings the encoder to this frame.  0 and *result; -EAGAIN: nothing changed for this
	 * stream, no record; -EMSGSIZE: even the lowest quality does not fit; -ENOMEM.
	 */
	int (*encode)(struct encoder *encoder, const struct encoder_input *input,
		struct encoder_result *result);
	/* Forget what was sent: the next encode() gives a record that needs nothing before it. */
	void (*request_key)(struct encoder *encoder);
	void (*destroy)(struct encoder *encoder); /* accepts NULL */
};
