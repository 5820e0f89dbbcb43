/* SPDX-License-Identifier: MIT */
/*
 * The arithmetic of samples: interleaved stereo s16 in, a wider sum between, stereo s16 out.
 *
 *     input ──► slip (a frame more or less) ──► add, with a gain ──► sum ──► saturate ──► record
 *
 * Pure computing on buffers of whole frames (SOUND_CHANNELS samples each).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Makes `n_out` frames of `n_in`, which differ by a few: third-order interpolation through the
 * neighbouring frames, so that a card whose clock is wrong is followed without a click.  The same
 * numbers: a copy, to the bit.  `n_in` and `n_out` are at least 4.
 */
void mix_slip(const int16_t *in, size_t n_in, int16_t *out, size_t n_out);

/* sum += frames × per cent / 100.  100 % changes no bit. */
void mix_add(int32_t *sum, const int16_t *frames, size_t n, unsigned gain_percent);

/* The sum as samples; what is too loud stays at the loudest. */
void mix_saturate(const int32_t *sum, int16_t *frames, size_t n);

/* Nothing but zeros? */
bool mix_is_silent(const int16_t *frames, size_t n);
