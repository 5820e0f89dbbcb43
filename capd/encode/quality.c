/* SPDX-License-Identifier: MIT */
#include "capd/encode/quality.h"

#include "common/clock.h"

#define RAISE_AFTER_MIN_NS (1 * NS_PER_S)
#define RAISE_AFTER_MAX_NS (32 * NS_PER_S)
/* A step up that holds for so long was right. */
#define RAISE_PROVEN_NS (10 * NS_PER_S)

/* libjpeg's own scale: percent by which the quantizers of quality 50 are multiplied. */
static unsigned scale_of(unsigned quality)
{
	return quality < 50 ? 5000 / quality : 200 - 2 * quality;
}

static unsigned quality_of(unsigned scale)
{
	unsigned quality = scale > 100 ? 5000 / scale : 100 - scale / 2;

	return quality < 1 ? 1 : quality;
}

/* The next lower step; 1 is the last. */
static unsigned step_below(unsigned quality)
{
	unsigned below = quality_of(scale_of(quality) * 3 / 2);

	return below < quality || quality == 1 ? below : quality - 1;
}

/* The same steps upwards: those that lead down from the configured quality. */
static unsigned step_above(const struct quality *quality)
{
	unsigned above = quality->configured;

	while (step_below(above) > quality->now)
		above = step_below(above);
	return above;
}

void quality_init(struct quality *quality, unsigned configured)
{
	*quality = (struct quality){
		.configured = configured,
		.now = configured,
		.raise_after_ns = RAISE_AFTER_MIN_NS,
	};
}

bool quality_lower(struct quality *quality, uint64_t pts_ns, size_t len, size_t len_max)
{
	if (quality->now == 1)
		return false;
	if (quality->was_raised) {
		if (pts_ns - quality->changed_ns > RAISE_PROVEN_NS)
			quality->raise_after_ns = RAISE_AFTER_MIN_NS;
		else if (quality->raise_after_ns < RAISE_AFTER_MAX_NS)
			quality->raise_after_ns *= 2;
	}
	do {
		quality->now = step_below(quality->now);
		len = len / 10 * 8;
	} while (len > len_max / 10 * 9 && quality->now > 1);
	quality->changed_ns = pts_ns;
	quality->was_raised = false;
	return true;
}

bool quality_raise(struct quality *quality, uint64_t pts_ns, size_t len, size_t len_max)
{
	unsigned before = quality->now;

	if (quality->now == quality->configured ||
		pts_ns - quality->changed_ns < quality->raise_after_ns)
		return false;
	while (quality->now != quality->configured && len / 100 * 145 < len_max / 10 * 9) {
		quality->now = step_above(quality);
		len = len / 100 * 145;
	}
	if (quality->now == before)
		return false;
	quality->changed_ns = pts_ns;
	quality->was_raised = true;
	return true;
}
