/* SPDX-License-Identifier: MIT */
#include "capd/audio/mix.h"

#include <string.h>

#include "common/stream.h"

#define CHANNELS SOUND_CHANNELS

static int16_t saturate(int32_t value)
{
	return (int16_t)(value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value);
}

/* Catmull-Rom through b and c; at t = 0 it is b. */
static int16_t interpolate(float a, float b, float c, float d, float t)
{
	float value =
		b +
		0.5f * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));

	return saturate((int32_t)(value < 0 ? value - 0.5f : value + 0.5f));
}

void mix_slip(const int16_t *in, size_t n_in, int16_t *out, size_t n_out)
{
	if (n_in == n_out) {
		memcpy(out, in, n_out * CHANNELS * sizeof(*out));
		return;
	}
	/* The first and the last frame stay: the records before and after go on from there. */
	double step = (double)(n_in - 1) / (double)(n_out - 1);
	for (size_t i = 0; i < n_out; i++) {
		double at = (double)i * step;
		size_t b = (size_t)at < n_in - 2 ? (size_t)at : n_in - 2;
		size_t a = b > 0 ? b - 1 : 0, d = b + 2 < n_in ? b + 2 : n_in - 1;

		for (size_t c = 0; c < CHANNELS; c++)
			out[i * CHANNELS + c] = interpolate(in[a * CHANNELS + c],
				in[b * CHANNELS + c], in[(b + 1) * CHANNELS + c],
				in[d * CHANNELS + c], (float)(at - (double)b));
	}
}

void mix_add(int32_t *sum, const int16_t *frames, size_t n, unsigned gain_percent)
{
	int32_t gain = (int32_t)gain_percent;

	if (gain == 100)
		for (size_t i = 0; i < n * CHANNELS; i++)
			sum[i] += frames[i];
	else
		for (size_t i = 0; i < n * CHANNELS; i++)
			sum[i] += frames[i] * gain / 100;
}

void mix_saturate(const int32_t *sum, int16_t *frames, size_t n)
{
	for (size_t i = 0; i < n * CHANNELS; i++)
		frames[i] = saturate(sum[i]);
}

bool mix_is_silent(const int16_t *frames, size_t n)
{
	for (size_t i = 0; i < n * CHANNELS; i++)
		if (frames[i] != 0)
			return false;
	return true;
}
