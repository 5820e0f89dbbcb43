/* SPDX-License-Identifier: MIT */
/*
 * Four pixels at a time.  Sixteen bytes at any address: the compiler makes plain vector loads and
 * stores of it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define VECTOR_LANES 4 /* pixels in a vector */

typedef uint32_t vector_u32 __attribute__((vector_size(16)));

/* Of VECTOR_LANES pixels at any address. */
static inline vector_u32 vector_load(const void *p)
{
	vector_u32 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void vector_store(void *p, vector_u32 v)
{
	memcpy(p, &v, sizeof(v));
}

/* Is any bit of it set? */
static inline bool vector_has_bit(vector_u32 v)
{
	uint64_t halves[2];

	memcpy(halves, &v, sizeof(v));
	return (halves[0] | halves[1]) != 0;
}
