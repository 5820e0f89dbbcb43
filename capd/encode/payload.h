/* SPDX-License-Identifier: MIT */
/*
 * A payload in the making: the operations of one record of the delta stream, one behind the other
 * in one buffer that grows and never shrinks.
 *
 *     payload_begin() ──► encoders write data in place ──► payload_end(): the length is filled in
 *
 * An operation that turns out too long is taken back with payload_rollback(): nothing was moved.
 */
#pragma once

#include <stdint.h>

#include "capd/picture.h"
#include "common/delta_ops.h"

/* Begin with zeroes; end with payload_fini(). */
struct payload {
	uint8_t *bytes;
	size_t len, capacity;
	unsigned n_ops;
	size_t op_at; /* of the operation begun last */
};

/* Frees the bytes. */
void payload_fini(struct payload *payload);

/* Empty again; the memory stays. */
static inline void payload_reset(struct payload *payload)
{
	payload->len = 0;
	payload->n_ops = 0;
}

/* Room for `len` more bytes behind payload->len.  0 or -ENOMEM. */
int payload_reserve(struct payload *payload, size_t len);

/* An operation of this kind on this box. */
static inline struct delta_op payload_op(enum delta_op_kind kind, const struct box *box)
{
	return (struct delta_op){
		.kind = kind,
		.x = box->x0,
		.y = box->y0,
		.width = (uint32_t)(box->x1 - box->x0),
		.height = (uint32_t)(box->y1 - box->y0),
	};
}

/* The head and fields of `op`; its data is then written behind them (reserve, write, add to len).
 * 0 or -ENOMEM. */
int payload_begin(struct payload *payload, const struct delta_op *op);
/* The data of the operation begun last is complete.  0 or -ENOMEM. */
int payload_end(struct payload *payload);
/* Both, for an operation without data, or with that which op->data points to. */
int payload_add(struct payload *payload, const struct delta_op *op);
/* All of what `more` has, behind what is there.  0 or -ENOMEM. */
int payload_append(struct payload *payload, const struct payload *more);
/* Forgets what came after payload->len was `len` and ->n_ops was `n_ops`. */
static inline void payload_rollback(struct payload *payload, size_t len, unsigned n_ops)
{
	payload->len = len;
	payload->n_ops = n_ops;
}
