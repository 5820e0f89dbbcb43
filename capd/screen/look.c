/* SPDX-License-Identifier: MIT */
#include "capd/screen/look.h"

void look_init(struct look *look, bool has_damage, bool polls_pointer)
{
	look->has_damage = has_damage;
	look->polls_pointer = polls_pointer;
	look->pointer_moved = false;
	look->full_due_ns = 0;
}

void look_resize(struct look *look, uint32_t width, uint32_t height, uint32_t millihertz)
{
	look->width = width;
	look->height = height;
	damage_init(&look->damage, width, height, millihertz);
	look_note_whole(look, 0); /* due at once */
}

void look_note_whole(struct look *look, uint64_t now_ns)
{
	const struct box whole = {0, 0, (int32_t)look->width, (int32_t)look->height};

	damage_note(&look->damage, &whole, now_ns);
}

uint64_t look_due_ns(const struct look *look)
{
	uint64_t next = damage_due_ns(&look->damage);

	if (look->full_due_ns < next)
		next = look->full_due_ns;
	if (look->pointer_moved && box_is_empty(&look->damage.extent)) {
		uint64_t allowed = damage_allowed_ns(&look->damage);

		next = allowed < next ? allowed : next;
	} else if (!look->pointer_moved && look->polls_pointer && look->pointer_due_ns < next) {
		next = look->pointer_due_ns;
	}
	return next;
}

void look_wake(struct look *look, uint64_t now_ns, bool is_live)
{
	look->is_routine = false;
	if (now_ns < look->full_due_ns)
		return;
	look->is_routine = look->has_damage && box_is_empty(&look->damage.extent);
	look_note_whole(look, now_ns - DAMAGE_QUIET_LARGE_NS); /* waited long enough */
	if (!look->has_damage)
		look->full_due_ns = now_ns + look->damage.interval_ns;
	else
		look->full_due_ns = now_ns + (is_live ? LOOK_FULL_NS : LOOK_BLIND_NS);
}

bool look_wants_pointer(const struct look *look, uint64_t now_ns)
{
	return look->polls_pointer && !look->pointer_moved && now_ns >= look->pointer_due_ns &&
	       now_ns < damage_due_ns(&look->damage);
}

void look_pointer(struct look *look, uint64_t now_ns, bool has_moved)
{
	look->pointer_moved = has_moved;
	look->pointer_due_ns = now_ns + look->damage.interval_ns;
}

bool look_is_due(const struct look *look, uint64_t now_ns)
{
	if (now_ns >= damage_due_ns(&look->damage))
		return true;
	/* A frame that comes anyway brings the pointer along. */
	return look->pointer_moved && box_is_empty(&look->damage.extent) &&
	       now_ns >= damage_allowed_ns(&look->damage);
}

struct box look_take(struct look *look, uint64_t now_ns)
{
	/* The look at everything costs no frame of its own while frames come anyway. */
	if (look->has_damage && !box_is_empty(&look->damage.extent) &&
		now_ns + LOOK_FULL_EARLY_NS >= look->full_due_ns) {
		look_note_whole(look, now_ns);
		look->full_due_ns = now_ns + LOOK_FULL_NS;
	}
	look->pointer_moved = false;
	return damage_take(&look->damage);
}

void look_taken(struct look *look, uint64_t now_ns, bool has_grabbed)
{
	uint64_t interval = look->damage.interval_ns;

	/* A frame that comes anyway brings the pointer along: leave it the time to come. */
	look->pointer_due_ns = now_ns + (has_grabbed ? interval + interval / 2 : interval);
}

void look_spend(struct look *look, uint64_t now_ns, bool is_frame)
{
	/* What was damaged counts even if it then looks the same: or a compositor that reports too
	 * much would have us look without end. */
	if (is_frame || !look->is_routine)
		damage_spend(&look->damage, now_ns);
}
