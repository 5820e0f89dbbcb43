/* SPDX-License-Identifier: MIT */
/*
 * What libjpeg-turbo itself makes of a picture: the yardstick for every JPEG that we splice.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Writes `pixels` (blue, green, red, ignored; no gaps between rows) to `file` with libjpeg's
 * defaults, this quality, a restart interval of one MCU row, and colours halved or not.  Ends the
 * process where libjpeg fails.
 */
void reference_jpeg_write(FILE *file, uint8_t *pixels, unsigned width, unsigned height,
	unsigned quality, bool is_444);
