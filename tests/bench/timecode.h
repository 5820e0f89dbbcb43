/* SPDX-License-Identifier: MIT */
/*
 * The time code: when a frame was painted, written into its own pixels.
 *
 * A bar code of 64 black and white blocks over the whole width, TIMECODE_ROWS high, painted last
 * into the last rows of the picture, and for workloads whose frames could be torn also first into
 * the first rows: a picture whose two codes carry the same frame number holds one frame and no
 * other. Blocks are at least 16 pixels wide from 1024 on, which survives JPEG with 4:2:0.
 *
 *     │ 40 bits: CLOCK_MONOTONIC in µs, modulo 2^40 │ 8 bits: frame number │ 16 bits: CRC of the 48
 * │
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define TIMECODE_ROWS    16u
#define TIMECODE_BLOCKS  64u
#define TIMECODE_US_MASK ((1ull << 40) - 1)

struct timecode {
	uint64_t us; /* modulo 2^40 */
	uint8_t frame;
};

/* Block 0 is the most significant bit; 1 is white. */
uint64_t timecode_bits(const struct timecode *code);
/* False, and *code untouched, when the checksum does not fit. */
bool timecode_from_bits(uint64_t bits, struct timecode *code);
/* From one row of `width` grey pixels. */
bool timecode_from_row(const uint8_t *grey, uint32_t width, struct timecode *code);
/* First pixel of a block; of block TIMECODE_BLOCKS: the width. */
static inline uint32_t timecode_block_x(uint32_t block, uint32_t width)
{
	return (uint32_t)((uint64_t)block * width / TIMECODE_BLOCKS);
}
/* From then to now; both modulo 2^40. */
static inline uint64_t timecode_age_us(uint64_t then_us, uint64_t now_us)
{
	return (now_us - then_us) & TIMECODE_US_MASK;
}
