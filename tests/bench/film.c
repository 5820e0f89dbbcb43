/* SPDX-License-Identifier: MIT */
#include "tests/bench/film.h"

#include <errno.h>
#include <string.h>

#include "tests/bench/die.h"

/* Clouds are value noise in fixed point: a lattice of random bytes, interpolated smoothly. */
#define LATTICE 64u /* a power of two; wraps */

struct octave {
	uint32_t cell;  /* pixels between lattice points at a width of 1920 */
	int32_t weight; /* of 256 */
	int32_t speed_x,
		speed_y; /* whole cells that it drifts in one loop, so that the loop closes */
};
static const struct octave octaves[] = {
	{480, 110, 1, 0},
	{160, 80, -1, 1},
	{48, 40, 2, -1},
	{16, 17, -2, 2},
	{6, 9, 3, 1},
};
#define N_OCTAVES (sizeof(octaves) / sizeof(*octaves))

static uint8_t lattice_at(uint32_t x, uint32_t y, uint32_t salt)
{
	uint32_t h = (x % LATTICE) * 0x9e3779b1u ^ (y % LATTICE) * 0x85ebca77u ^ salt * 0xc2b2ae3du;
	h = (h ^ h >> 15) * 0x2c1b3c6du;
	h = (h ^ h >> 12) * 0x297a2d39u;
	return (uint8_t)(h >> 16);
}

/* 0…256 → 0…256, flat at both ends. */
static int32_t smooth(int32_t t)
{
	return t * t * (768 - 2 * t) >> 16;
}

/* Adds one octave to one row of sums (each weight × 0…255). */
static void add_octave(int32_t *sums, uint32_t width, uint32_t y, const struct octave *octave,
	uint32_t salt, uint64_t phase, uint32_t scale_width)
{
	uint32_t cell = octave->cell * scale_width / 1920;
	if (cell < 2)
		cell = 2;
	uint64_t origin = (uint64_t)LATTICE * cell * 4; /* keeps positions positive */
	uint64_t py =
		origin + y + (uint64_t)((int64_t)phase * octave->speed_y * (int64_t)cell >> 16);
	uint64_t px = origin + (uint64_t)((int64_t)phase * octave->speed_x * (int64_t)cell >> 16);
	uint32_t cy = (uint32_t)(py / cell);
	int32_t fy = smooth((int32_t)(py % cell * 256 / cell));
	for (uint32_t x = 0; x < width;) {
		uint32_t cx = (uint32_t)((px + x) / cell), offset = (uint32_t)((px + x) % cell);
		int32_t left =
			lattice_at(cx, cy, salt) * (256 - fy) + lattice_at(cx, cy + 1, salt) * fy;
		int32_t right = lattice_at(cx + 1, cy, salt) * (256 - fy) +
				lattice_at(cx + 1, cy + 1, salt) * fy;
		for (; offset < cell && x < width; offset++, x++) {
			int32_t fx = smooth((int32_t)(offset * 256 / cell));
			sums[x] += (int32_t)(((int64_t)left * (256 - fx) + (int64_t)right * fx) *
						     octave->weight >>
					     16);
		}
	}
}

static uint32_t clamp_byte(int32_t v)
{
	return v < 0 ? 0 : v > 255 ? 255 : (uint32_t)v;
}

void film_draw(
	struct picture *picture, const struct picture *previous, unsigned index, unsigned n_frames)
{
	uint32_t width = picture->width, grain = index * 7919u + 1;
	uint64_t phase = ((uint64_t)index << 16) / n_frames;
	int32_t *sums = calloc((size_t)width * 2, sizeof(*sums));
	if (!sums)
		die("Out of memory");
	for (uint32_t y = 0; y < picture->height; y++) {
		/* Brightness has all octaves, colour the two coarsest, as in a photograph. */
		int32_t *luma = sums, *warm = sums + width;
		memset(sums, 0, (size_t)width * 2 * sizeof(*sums));
		for (size_t i = 0; i < N_OCTAVES; i++)
			add_octave(luma, width, y, &octaves[i], (uint32_t)i, phase, width);
		for (size_t i = 0; i < 2; i++)
			add_octave(warm, width, y, &octaves[i], 16 + (uint32_t)i, phase, width);
		uint32_t *row = (uint32_t *)(picture->pixels + (size_t)y * picture->stride);
		const uint32_t *before = previous ? (const uint32_t *)(previous->pixels +
								       (size_t)y * previous->stride)
						  : NULL;
		for (uint32_t x = 0; x < width; x++) {
			grain = grain * 1664525u + 1013904223u;
			int32_t v = (luma[x] >> 8) + (int32_t)(grain >> 28 & 3) - 1;
			int32_t w = (warm[x] >> 8) - 95;
			uint32_t rgb = clamp_byte(v + w / 2) << 16 | clamp_byte(v) << 8 |
				       clamp_byte(v - w / 2);
			row[x] = before && before[x] == rgb ? rgb ^ 1 : rgb;
		}
	}
	free(sums);
}
