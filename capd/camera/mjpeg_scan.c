/* SPDX-License-Identifier: MIT */
#include "capd/camera/mjpeg_scan.h"

#include <endian.h>
#include <string.h>

#define CODE_BITS_MAX 16u
#define LOOKED_AT     (1u << SCAN_LOOK_BITS)
#define COEFFICIENTS  64u
#define END_OF_BLOCK  128u /* as an advance: behind the last coefficient, wherever it began */
#define LEAP_MAX      16u  /* coefficients that symbols which are taken together advance */

/*
 * A step is what one symbol comes to: in bits 0 to 4 how many bits, its code's and those that
 * follow it, in bits 8 to 15 how many coefficients.
 */
static uint16_t make_step(const struct scan_code *code, unsigned code_bits, uint8_t symbol)
{
	unsigned size = symbol & 15u, run = symbol >> 4, advance = run + 1;

	if (code->is_dc)
		advance = 1;
	else if (size == 0 && run != 15)
		advance = END_OF_BLOCK;
	return (uint16_t)((code_bits + size) | advance << 8);
}

/* A leap is the steps, one after the other, whose bits can all be seen at once. */
static void join_steps(struct scan_code *code)
{
	for (uint32_t at = 0; at < LOOKED_AT; at++) {
		unsigned bits = code->steps[at] & 31u, advance = code->steps[at] >> 8;

		while (bits > 0 && bits < SCAN_LOOK_BITS && advance < LEAP_MAX) {
			uint16_t next = code->steps[at << bits & (LOOKED_AT - 1)];
			unsigned more = next & 31u, further = next >> 8;

			if (more == 0 || bits + more > SCAN_LOOK_BITS ||
				(further < END_OF_BLOCK && advance + further > LEAP_MAX))
				break;
			bits += more;
			advance += further;
		}
		code->leaps[at] = (uint16_t)(bits | advance << 8);
	}
}

void scan_code_read(const uint8_t *table, bool is_dc, struct scan_code *out)
{
	uint32_t code = 0, index = 0;

	out->symbols = table + CODE_BITS_MAX;
	out->is_dc = is_dc;
	memset(out->steps, 0, sizeof(out->steps));
	for (unsigned bits = 1; bits <= CODE_BITS_MAX; bits++) {
		code <<= 1;
		out->offsets[bits] = (int32_t)index - (int32_t)code;
		for (unsigned i = 0; i < table[bits - 1]; i++, code++, index++) {
			if (bits > SCAN_LOOK_BITS)
				continue;
			unsigned more = SCAN_LOOK_BITS - bits;
			uint16_t step = make_step(out, bits, out->symbols[index]);

			for (uint32_t at = code << more; at < (code + 1) << more; at++)
				out->steps[at] = step;
		}
		out->ends[bits] = code << (CODE_BITS_MAX - bits);
	}
	if (!is_dc)
		join_steps(out);
}

/* --- bits --- */

struct bits {
	const uint8_t *at, *end;
	/* The highest is the next one; behind n_bits of them are zeroes, or what `at` has. */
	uint64_t next;
	unsigned n_bits;
};

static bool has_ff(uint64_t word)
{
	return (~word - 0x0101010101010101u) & word & 0x8080808080808080u;
}

/* Fills up, to more than 32 bits where there are so many. */
static void fill(struct bits *bits)
{
	uint64_t word;

	if (bits->end - bits->at >= (ptrdiff_t)sizeof(word)) {
		memcpy(&word, bits->at, sizeof(word));
		word = be64toh(word);
		if (!has_ff(word)) {
			bits->next |= word >> bits->n_bits;
			bits->at += (63 - bits->n_bits) / 8;
			bits->n_bits |= 56;
			return;
		}
	}
	while (bits->n_bits <= 56 && bits->at < bits->end) {
		uint8_t byte = *bits->at++;

		/* ff is written as ff 00, and fill bytes may stand before that. */
		if (byte == 0xff)
			while (bits->at < bits->end && *bits->at++ == 0xff)
				;
		bits->next |= (uint64_t)byte << (56 - bits->n_bits);
		bits->n_bits += 8;
	}
}

static uint16_t look_further(const struct scan_code *code, uint32_t next)
{
	for (unsigned bits = SCAN_LOOK_BITS + 1; bits <= CODE_BITS_MAX; bits++)
		if (next < code->ends[bits]) {
			int32_t at = (int32_t)(next >> (CODE_BITS_MAX - bits));

			return make_step(code, bits, code->symbols[at + code->offsets[bits]]);
		}
	return 0;
}

/* How many coefficients the next symbol, or symbols, stand for; 0: there is none. */
static inline unsigned take(struct bits *bits, const struct scan_code *code, const uint16_t *steps)
{
	if (bits->n_bits < 32)
		fill(bits);
	unsigned step = steps[bits->next >> (64 - SCAN_LOOK_BITS)];
	if (step == 0)
		step = look_further(code, (uint32_t)(bits->next >> (64 - CODE_BITS_MAX)));
	unsigned n = step & 31;
	if (n > bits->n_bits)
		return 0;
	bits->next <<= n;
	bits->n_bits -= n;
	return step >> 8;
}

static bool take_block(struct bits *bits, const struct scan_code *dc, const struct scan_code *ac)
{
	unsigned k = take(bits, dc, dc->steps);

	if (k == 0)
		return false;
	while (k < COEFFICIENTS) {
		/* Where a leap could end the block before its last step, one at a time. */
		unsigned advance =
			take(bits, ac, k + LEAP_MAX < COEFFICIENTS ? ac->leaps : ac->steps);

		if (advance == 0)
			return false;
		k += advance;
	}
	/* Past the end without a word that this is the end: no encoder says that. */
	return k == COEFFICIENTS || k >= END_OF_BLOCK;
}

bool scan_is_whole(const struct scan *scan, const uint8_t *bytes, size_t len, size_t n_mcus)
{
	struct bits bits = {.at = bytes, .end = bytes + len};

	for (size_t i = 0; i < n_mcus; i++)
		for (unsigned k = 0; k < scan->n_blocks; k++)
			if (!take_block(&bits, scan->blocks[k].dc, scan->blocks[k].ac))
				return false;
	return true;
}
