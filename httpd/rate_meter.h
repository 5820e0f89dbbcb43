/* SPDX-License-Identifier: MIT */
/* How many a second, over the last two seconds: eight slots of a quarter second.  No timer. */
#pragma once

#include <stdint.h>
#include <string.h>

#define RATE_METER_SLOTS   8u
#define RATE_METER_SLOT_NS 250000000ull

struct rate_meter {
	uint64_t slot; /* number of the newest slot since the epoch of the clock */
	uint32_t counts[RATE_METER_SLOTS];
};

/* Empties the slots that have begun since; the two below do it by themselves. */
static inline void rate_meter_advance(struct rate_meter *meter, uint64_t now_ns)
{
	uint64_t slot = now_ns / RATE_METER_SLOT_NS;

	if (slot - meter->slot >= RATE_METER_SLOTS)
		memset(meter->counts, 0, sizeof(meter->counts));
	else
		while (meter->slot < slot)
			meter->counts[++meter->slot % RATE_METER_SLOTS] = 0;
	meter->slot = slot;
}

/* One more, at `now_ns` (CLOCK_MONOTONIC, never going back). */
static inline void rate_meter_count(struct rate_meter *meter, uint64_t now_ns)
{
	rate_meter_advance(meter, now_ns);
	meter->counts[meter->slot % RATE_METER_SLOTS]++;
}

/* How many a second; the slot that is still being filled does not count. */
static inline double rate_meter_rate(const struct rate_meter *meter, uint64_t now_ns)
{
	struct rate_meter copy = *meter;
	uint64_t full_slots = RATE_METER_SLOTS - 1; /* the newest is still being filled */
	uint32_t sum = 0;

	rate_meter_advance(&copy, now_ns);
	for (unsigned i = 0; i < RATE_METER_SLOTS; i++)
		sum += i == copy.slot % RATE_METER_SLOTS ? 0 : copy.counts[i];
	return (double)sum * 1e9 / (double)(full_slots * RATE_METER_SLOT_NS);
}
