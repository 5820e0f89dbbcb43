/* SPDX-License-Identifier: MIT */
#include "capd/encode/payload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 4096u

void payload_fini(struct payload *payload)
{
	free(payload->bytes);
	*payload = (struct payload){0};
}

int payload_reserve(struct payload *payload, size_t len)
{
	size_t capacity = payload->capacity ? payload->capacity : CAPACITY_FIRST;
	uint8_t *bytes;

	if (payload->capacity - payload->len >= len)
		return 0;
	while (capacity - payload->len < len)
		capacity *= 2;
	bytes = realloc(payload->bytes, capacity);
	if (!bytes)
		return -ENOMEM;
	payload->bytes = bytes;
	payload->capacity = capacity;
	return 0;
}

int payload_begin(struct payload *payload, const struct delta_op *op)
{
	int r = payload_reserve(payload, DELTA_OP_HEAD_MAX);

	if (r < 0)
		return r;
	payload->op_at = payload->len;
	payload->len += delta_op_put(payload->bytes + payload->len, op);
	return 0;
}

int payload_end(struct payload *payload)
{
	size_t length = payload->len - payload->op_at, padding = delta_op_padding(length);
	uint8_t *field;
	int r = payload_reserve(payload, padding);

	if (r < 0)
		return r;
	field = payload->bytes + payload->op_at + DELTA_OP_LENGTH_AT;
	for (unsigned i = 0; i < 4; i++)
		field[i] = (uint8_t)(length >> 8 * i);
	memset(payload->bytes + payload->len, 0, padding);
	payload->len += padding;
	payload->n_ops++;
	return 0;
}

int payload_add(struct payload *payload, const struct delta_op *op)
{
	int r = payload_begin(payload, op);

	if (r == 0)
		r = payload_reserve(payload, op->data_len);
	if (r < 0)
		return r;
	if (op->data_len)
		memcpy(payload->bytes + payload->len, op->data, op->data_len);
	payload->len += op->data_len;
	return payload_end(payload);
}

int payload_append(struct payload *payload, const struct payload *more)
{
	int r = payload_reserve(payload, more->len);

	if (r < 0)
		return r;
	memcpy(payload->bytes + payload->len, more->bytes, more->len);
	payload->len += more->len;
	payload->n_ops += more->n_ops;
	return 0;
}
