/* SPDX-License-Identifier: MIT */
#include "capd/encode/jpeg_huffman.h"

#include <string.h>

#define BITS_MAX    16u /* of a code */
#define DEPTH_MAX   40u /* of a tree before it is cut: Fibonacci's 40th is more than all weights */
#define SYMBOLS     256u
#define WEIGHT_SEEN 16u /* of the rarest that occurred; of one that did not: 1 */
#define DC_SIZE_MAX 11u
#define AC_SIZE_MAX 10u
#define AC_RUN_16   0xf0u

struct leaf {
	uint32_t weight;
	uint8_t symbol;
};

/* T.81, F.1.2: with 8 bits a sample. */
static bool may_occur(unsigned symbol, bool is_dc)
{
	unsigned size = symbol & 0x0f;

	if (is_dc)
		return symbol <= DC_SIZE_MAX;
	return symbol == 0 || symbol == AC_RUN_16 || (size >= 1 && size <= AC_SIZE_MAX);
}

/* How often each occurs, as far as the length of its code says; the heaviest first. */
static unsigned weigh(const struct jpeg_huffman_table *table, bool is_dc, struct leaf *leaves)
{
	uint32_t weights[SYMBOLS] = {0};
	unsigned at = 0, n = 0;

	for (unsigned len = 1; len <= BITS_MAX; len++)
		for (unsigned i = 0; i < table->n_of[len] && at < SYMBOLS; i++)
			weights[table->symbols[at++]] = WEIGHT_SEEN << (BITS_MAX - len);
	for (unsigned symbol = 0; symbol < SYMBOLS; symbol++) {
		uint32_t weight = weights[symbol];
		unsigned i = n;

		if (!may_occur(symbol, is_dc))
			continue;
		if (weight == 0)
			weight = 1;
		for (; i > 0 && leaves[i - 1].weight < weight; i--)
			leaves[i] = leaves[i - 1];
		leaves[i] = (struct leaf){weight, (uint8_t)symbol};
		n++;
	}
	return n;
}

/* The lightest root, which then is none any more. */
static unsigned take_lightest(uint32_t *weights, unsigned n)
{
	unsigned lightest = n;

	for (unsigned i = 0; i < n; i++)
		if (weights[i] && (lightest == n || weights[i] < weights[lightest]))
			lightest = i;
	return lightest;
}

/* How many leaves lie at each depth of Huffman's tree over them and one more, for the code of all
 * ones. */
static void count_depths(const struct leaf *leaves, unsigned n, unsigned n_at[DEPTH_MAX])
{
	uint32_t weights[2 * SYMBOLS + 1] = {0};
	uint16_t parents[2 * SYMBOLS + 1] = {0};
	unsigned n_nodes = n + 1, n_leaves = n + 1;

	for (unsigned i = 0; i < n; i++)
		weights[i] = leaves[i].weight;
	weights[n] = 1;
	while (n_nodes < 2 * n_leaves - 1) {
		uint32_t sum = 0;

		for (unsigned i = 0; i < 2; i++) {
			unsigned node = take_lightest(weights, n_nodes);

			sum += weights[node];
			weights[node] = 0;
			parents[node] = (uint16_t)n_nodes;
		}
		weights[n_nodes++] = sum;
	}
	memset(n_at, 0, DEPTH_MAX * sizeof(*n_at));
	for (unsigned i = 0; i < n_leaves; i++) {
		unsigned depth = 0;

		for (unsigned node = i; node != n_nodes - 1; node = parents[node])
			depth++;
		n_at[depth]++;
	}
}

/* T.81, K.3: two that are too deep make room for each other below one that is not. */
static void cut_depth(unsigned n_at[DEPTH_MAX])
{
	for (unsigned depth = DEPTH_MAX - 1; depth > BITS_MAX; depth--) {
		while (n_at[depth] > 0) {
			unsigned above = depth - 2;

			while (n_at[above] == 0)
				above--;
			n_at[depth] -= 2;
			n_at[depth - 1]++;
			n_at[above + 1] += 2;
			n_at[above]--;
		}
	}
}

void jpeg_huffman_widen(struct jpeg_huffman_table *table, bool is_dc)
{
	struct leaf leaves[SYMBOLS];
	unsigned n_at[DEPTH_MAX], n = weigh(table, is_dc, leaves), longest = BITS_MAX;

	count_depths(leaves, n, n_at);
	cut_depth(n_at);
	while (n_at[longest] == 0)
		longest--;
	n_at[longest]--; /* all ones */
	for (unsigned len = 0; len <= BITS_MAX; len++)
		table->n_of[len] = (uint8_t)n_at[len];
	for (unsigned i = 0; i < n; i++)
		table->symbols[i] = leaves[i].symbol;
}
