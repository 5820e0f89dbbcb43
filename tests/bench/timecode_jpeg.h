/* SPDX-License-Identifier: MIT */
/*
 * Reads the time codes of a JPEG by decoding nothing but the strip that holds them: the head with
 * the height set to one strip, the first or the last restart interval, EOI.
 */
#pragma once

#include "tests/bench/mjpeg_finder.h"
#include "tests/bench/timecode.h"

struct timecode_reader; /* opaque */

struct timecode_reader *timecode_reader_open(void);
void timecode_reader_close(struct timecode_reader *reader);
/* False when there is no code, or one that is spoilt.  Needs a restart interval of one row of MCUs;
 * a JPEG without is decoded whole. */
bool timecode_reader_last(
	struct timecode_reader *reader, const struct mjpeg_frame *frame, struct timecode *code);
bool timecode_reader_first(
	struct timecode_reader *reader, const struct mjpeg_frame *frame, struct timecode *code);
