/* SPDX-License-Identifier: MIT */
#include "capd/encode/jpeg_splice.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/clock.h"

#define MARKER_SOF0 0xc0
#define MARKER_RST0 0xd0
#define MARKER_EOI  0xd9
#define MARKER_COM  0xfe

/* Every digit is written anew for each picture. */
static const char stamp_form[] = "pts=00000000000000000000 time=0000000000.000000";

enum {
	STAMP_LEN = sizeof(stamp_form) - 1,
	STAMP_PTS = 4,
	STAMP_PTS_DIGITS = 20,
	STAMP_S = 30,
	STAMP_S_DIGITS = 10,
	STAMP_US = 41,
	STAMP_US_DIGITS = 6,
	COM_HEAD = 4, /* marker and length */
};
_Static_assert(JPEG_STAMP_LEN == COM_HEAD + STAMP_LEN, "the COM segment's length");

size_t jpeg_find_segment(const uint8_t *bytes, size_t len, uint8_t marker)
{
	size_t at = 2; /* behind SOI */

	while (at + 4 <= len) {
		if (bytes[at + 1] == marker)
			return at;
		at += 2 + ((size_t)bytes[at + 2] << 8 | bytes[at + 3]);
	}
	return 0;
}

static void put_digits(uint8_t *out, unsigned n_digits, uint64_t value)
{
	for (unsigned i = n_digits; i-- > 0; value /= 10)
		out[i] = (uint8_t)('0' + value % 10);
}

static void put_stamp(uint8_t *stamp, uint64_t pts_ns, uint64_t realtime_ns)
{
	put_digits(stamp + STAMP_PTS, STAMP_PTS_DIGITS, pts_ns);
	put_digits(stamp + STAMP_S, STAMP_S_DIGITS, realtime_ns / NS_PER_S);
	put_digits(stamp + STAMP_US, STAMP_US_DIGITS, realtime_ns % NS_PER_S / NS_PER_US);
}

void jpeg_stamp_write(uint8_t *segment, uint64_t pts_ns, uint64_t realtime_ns)
{
	segment[0] = 0xff;
	segment[1] = MARKER_COM;
	segment[2] = 0;
	segment[3] = 2 + STAMP_LEN;
	memcpy(segment + COM_HEAD, stamp_form, STAMP_LEN);
	put_stamp(segment + COM_HEAD, pts_ns, realtime_ns);
}

int jpeg_head_init(struct jpeg_head *head, const struct jpeg_buffer *source)
{
	size_t sof = jpeg_find_segment(source->bytes, source->len, MARKER_SOF0);

	if (sof == 0 || source->len + JPEG_STAMP_LEN > sizeof(head->bytes))
		return -EINVAL;
	memcpy(head->bytes, source->bytes, sof);
	jpeg_stamp_write(head->bytes + sof, 0, 0);
	memcpy(head->bytes + sof + JPEG_STAMP_LEN, source->bytes + sof, source->len - sof);
	head->stamp = sof + COM_HEAD;
	head->len = source->len + JPEG_STAMP_LEN;
	return 0;
}

void jpeg_head_stamp(struct jpeg_head *head, uint64_t pts_ns, uint64_t realtime_ns)
{
	put_stamp(head->bytes + head->stamp, pts_ns, realtime_ns);
}

void jpeg_strip_mark(struct jpeg_buffer *strip, uint32_t index, bool is_last)
{
	assert(strip->len >= strip->scan + 2);
	strip->bytes[strip->len - 1] = is_last ? MARKER_EOI : (uint8_t)(MARKER_RST0 + index % 8);
}
