/* SPDX-License-Identifier: MIT */
#include "tests/bench/timecode.h"

/* CRC-16/CCITT over the 48 bits, most significant first. */
static uint16_t crc48(uint64_t bits)
{
	unsigned crc = 0xffff;
	for (int i = 47; i >= 0; i--) {
		unsigned top = (crc >> 15) ^ (unsigned)(bits >> i & 1);
		crc = (crc << 1 & 0xffff) ^ (top ? 0x1021u : 0);
	}
	return (uint16_t)crc;
}

uint64_t timecode_bits(const struct timecode *code)
{
	uint64_t bits = (code->us & TIMECODE_US_MASK) << 8 | code->frame;
	return bits << 16 | crc48(bits);
}

bool timecode_from_bits(uint64_t bits, struct timecode *code)
{
	uint64_t content = bits >> 16;
	if (crc48(content) != (bits & 0xffff))
		return false;
	code->us = content >> 8;
	code->frame = (uint8_t)content;
	return true;
}

bool timecode_from_row(const uint8_t *grey, uint32_t width, struct timecode *code)
{
	uint64_t bits = 0;
	for (uint32_t i = 0; i < TIMECODE_BLOCKS; i++) {
		/* The middle half: its edges are smeared by chroma subsampling and ringing. */
		uint32_t x0 = timecode_block_x(i, width), x1 = timecode_block_x(i + 1, width);
		uint32_t from = x0 + (x1 - x0) / 4, to = x1 - (x1 - x0) / 4, sum = 0;
		if (from >= to)
			return false;
		for (uint32_t x = from; x < to; x++)
			sum += grey[x];
		bits = bits << 1 | (sum / (to - from) >= 128);
	}
	return timecode_from_bits(bits, code);
}
