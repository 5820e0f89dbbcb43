/* SPDX-License-Identifier: MIT */
#include "capd/screen/damage.h"

#include "common/clock.h"

/* An eighth of the picture: from there on, what is being drawn is a window or a film, not a word.
 */
#define LARGE_DIVISOR 8

void damage_init(struct damage *damage, uint32_t width, uint32_t height, uint32_t millihertz)
{
	*damage = (struct damage){.large_area = (int64_t)width * height / LARGE_DIVISOR};
	damage_set_rate(damage, millihertz);
}

void damage_set_rate(struct damage *damage, uint32_t millihertz)
{
	uint64_t interval_ns = 1000 * NS_PER_S / (millihertz ? millihertz : 1);

	/* A fiftieth faster: a source at exactly the ceiling could never work off a frame of debt,
	 * and each of its frames would come late for ever.  So it is over within two seconds. */
	damage->interval_ns = interval_ns - interval_ns / 50;
}

struct box box_union(const struct box *a, const struct box *b)
{
	if (box_is_empty(a))
		return *b;
	if (box_is_empty(b))
		return *a;
	return (struct box){
		.x0 = a->x0 < b->x0 ? a->x0 : b->x0,
		.y0 = a->y0 < b->y0 ? a->y0 : b->y0,
		.x1 = a->x1 > b->x1 ? a->x1 : b->x1,
		.y1 = a->y1 > b->y1 ? a->y1 : b->y1,
	};
}

struct box box_clip(const struct box *box, uint32_t width, uint32_t height)
{
	return (struct box){
		.x0 = box->x0 > 0 ? box->x0 : 0,
		.y0 = box->y0 > 0 ? box->y0 : 0,
		.x1 = box->x1 < (int32_t)width ? box->x1 : (int32_t)width,
		.y1 = box->y1 < (int32_t)height ? box->y1 : (int32_t)height,
	};
}

void damage_note(struct damage *damage, const struct box *box, uint64_t now_ns)
{
	if (box_is_empty(box))
		return;
	if (box_is_empty(&damage->extent))
		damage->first_ns = now_ns;
	damage->last_ns = now_ns;
	damage->extent = box_union(&damage->extent, box);
}

uint64_t damage_allowed_ns(const struct damage *damage)
{
	/* One frame of credit: up to a whole interval before its nominal time. */
	return damage->allowed_ns > damage->interval_ns ? damage->allowed_ns - damage->interval_ns
							: 0;
}

uint64_t damage_due_ns(const struct damage *damage)
{
	if (box_is_empty(&damage->extent))
		return DAMAGE_NEVER;
	int64_t area = (int64_t)(damage->extent.x1 - damage->extent.x0) *
		       (damage->extent.y1 - damage->extent.y0);
	uint64_t quiet = area > damage->large_area ? DAMAGE_QUIET_LARGE_NS : DAMAGE_QUIET_NS;
	uint64_t due = damage->last_ns + quiet;
	if (due > damage->first_ns + DAMAGE_PATIENCE_NS)
		due = damage->first_ns + DAMAGE_PATIENCE_NS;
	uint64_t allowed = damage_allowed_ns(damage);
	return due > allowed ? due : allowed;
}

struct box damage_take(struct damage *damage)
{
	struct box taken = damage->extent;

	damage->extent = (struct box){0};
	return taken;
}

void damage_spend(struct damage *damage, uint64_t now_ns)
{
	damage->allowed_ns =
		(damage->allowed_ns > now_ns ? damage->allowed_ns : now_ns) + damage->interval_ns;
}
