/* SPDX-License-Identifier: MIT */
/*
 * How good a picture may be so that its record fits: the configured quality as long as it does,
 * lower steps when it does not, and up again when there is room.
 *
 * A step makes libjpeg's quantizers half as large again.  Measured on text, film and noise, from
 * quality 100 to 1, 4:2:0 and 4:4:4, the picture is then 0.59 (noise, at low qualities) to 0.98
 * times as long, mostly 0.75 to 0.9.  Going down counts on 0.8 and tries again if it was less;
 * going up counts on 1.45 times the length and a tenth to spare, so that it need hardly ever be
 * taken back.  What had to be taken back all the same (a screen that flickers between noise and
 * rest) is tried again after twice the time.  Pure computing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct quality {
	unsigned configured, now; /* libjpeg's, 1–100 */
	uint64_t changed_ns;      /* pts of the frame that changed `now` last */
	uint64_t raise_after_ns;  /* how long it must have fitted before the next step up */
	bool was_raised;          /* the last change was up */
};

/* Begins with the `configured` one (libjpeg's, 1–100), which is the highest there will be. */
void quality_init(struct quality *quality, unsigned configured);

/*
 * The picture, of about `len` bytes, does not fit into `len_max`: take a lower quality.  False: it
 * is the lowest already.
 */
bool quality_lower(struct quality *quality, uint64_t pts_ns, size_t len, size_t len_max);

/* A picture of `len` bytes fits: take a higher quality, if one will fit too and it is time for it.
 */
bool quality_raise(struct quality *quality, uint64_t pts_ns, size_t len, size_t len_max);
