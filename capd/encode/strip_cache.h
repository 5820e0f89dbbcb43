/* SPDX-License-Identifier: MIT */
/*
 * The strip cache: a JPEG of the whole screen for the price of what changed.
 *
 * A baseline JPEG with a restart interval of one MCU row is a column of independent strips (16
 * pixels high for 4:2:0, 8 for 4:4:4), joined by RSTn, n = strip mod 8 (ITU T.81, B.2.1, E.1.4:
 * each restart resets the DC predictions and pads to a byte).  Keep each strip's entropy-coded
 * bytes; encode only the strips that changed; a picture is
 *
 *     SOI APP0 DQT DQT COM SOF0 DHT×4 DRI SOS │ strip 0 │ RST0 │ strip 1 │ RST1 │ … │ EOI
 *
 * and is, its COM taken out, byte for byte what libjpeg-turbo makes of the same pixels with that
 * interval.  The COM lies right before SOF and says when the pixels were taken:
 * "pts=<ns, CLOCK_MONOTONIC> time=<s.µs, CLOCK_REALTIME>".
 *
 * The pointer is blended into a copy of the rows under it; the strips it left and those it entered
 * are encoded anew.  Where much changed, two threads encode (strip by strip, from one counter).
 */
#pragma once

#include "capd/encode/encoder.h"
#include "common/config.h"

struct strip_cache_options {
	unsigned quality; /* 1–100 */
	enum config_subsampling subsampling;
	unsigned n_threads; /* 1 or 2; the second is started when first needed */
};

extern const struct encoder_ops strip_cache_ops;

/* For pictures of one size.  0, -EINVAL (size), -ENOMEM. */
int strip_cache_create(const struct strip_cache_options *options, uint32_t width, uint32_t height,
	struct encoder **out);
