/* SPDX-License-Identifier: MIT */
/*
 * The ring: how records get from one capture daemon to any number of readers in other processes.
 *
 * One writer, any number of readers, variable-size records, and no reader ever writes: a reader
 * maps the segment read-only, so it can neither stall the writer nor spoil the ring for others.
 * The scheme is that of Aeron's broadcast buffer (Thompson, Montgomery: BroadcastTransmitter).
 *
 *      0          256                                            256 + capacity
 *      ┌──────────┬───────┬──────────────┬─────────┬─ ─ ─ ─ ─ ─ ─┐
 *      │  header  │ recd  │    record    │ record  │   padding   │   records: 64-byte aligned,
 *      └──────────┴───────┴──────────────┴─────────┴─ ─ ─ ─ ─ ─ ─┘   never wrapped round the end
 *                                        ▲latest   ▲end     ▲intent
 *
 * Positions count bytes since the ring's birth and never wrap (64 bits); the place in the segment
 * is position & (capacity − 1).
 *
 *   writer: intent ← bytes about to be overwritten (relaxed); release fence; the record's words
 *           (relaxed atomics); end, latest ← (release); wake_count + 1 (release); FUTEX_WAKE.
 *   reader: load latest (acquire); load each field of the record's head ONCE into a local, bound it
 *           by the mapping; copy the words (relaxed atomics); acquire fence; load intent: the copy
 *           is whole only if position + capacity >= intent.
 *
 * All payload access is by relaxed atomic words on both sides: a plain memcpy beside a concurrent
 * writer is a data race to the language and to ThreadSanitizer.  A reader trusts nothing here: a
 * hostile writer costs its own feed, never the reader (common/ring_reader.h, guarded_copy.h).
 *
 * The segment is POSIX shared memory that is unlinked as soon as both fds exist: nothing stays
 * behind in /dev/shm after any crash.  This header holds the layout only; functions are in
 * ring_writer.h (capd) and ring_reader.h (httpd).
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define RING_MAGIC        0x474e525353524353ULL /* "SCRSSRNG" in memory */
#define RING_ABI_VERSION  1u
#define RING_HEADER_SIZE  256u
#define RING_ALIGN        64u
#define RING_CAPACITY_MIN (64u * 1024u)
#define RING_CAPACITY_MAX (256u * 1024u * 1024u)
/* A record, head included, is at most a quarter of the ring, so that a reader has three others'
 * time. */
#define RING_RECORD_DIVISOR 4u

struct ring_header {
	uint64_t magic;       /* written once, before the fd is passed */
	uint32_t abi_version; /* " */
	uint32_t header_size; /* " */
	uint64_t epoch;       /* " random, names this ring */
	uint64_t capacity;    /* " bytes of records, a power of two */
	uint8_t reserved0[32];
	_Atomic uint64_t intent; /* end of what may have been overwritten, once intent > capacity */
	_Atomic uint64_t latest; /* position of the newest record; RING_NONE before the first */
	_Atomic uint64_t end;    /* position after the newest record: where the next will start */
	uint8_t reserved1[40];
	_Atomic uint32_t
		wake_count; /* the futex word: +1 for each record, shared (never FUTEX_PRIVATE) */
	uint8_t reserved2[124];
};
#define RING_NONE UINT64_MAX

struct ring_record {
	uint32_t length;   /* bytes of payload, without this head and without the alignment */
	uint16_t kind;     /* enum record_kind */
	uint16_t flags;    /* enum record_flags */
	uint64_t sequence; /* of the frame it leads to: +1 a frame, valid within an epoch */
	uint64_t base;     /* oldest sequence it applies to; a step: sequence − 1; a frame: 0 */
	uint64_t pts_ns;   /* CLOCK_MONOTONIC at capture */
	uint32_t width;    /* pixels; sound: samples a second */
	uint32_t height;   /* pixels; sound: channels */
	uint8_t reserved[24];
};

_Static_assert(sizeof(struct ring_header) == RING_HEADER_SIZE, "ring ABI");
_Static_assert(offsetof(struct ring_header, magic) == 0, "ring ABI");
_Static_assert(offsetof(struct ring_header, abi_version) == 8, "ring ABI");
_Static_assert(offsetof(struct ring_header, header_size) == 12, "ring ABI");
_Static_assert(offsetof(struct ring_header, epoch) == 16, "ring ABI");
_Static_assert(offsetof(struct ring_header, capacity) == 24, "ring ABI");
_Static_assert(offsetof(struct ring_header, intent) == 64, "ring ABI");
_Static_assert(offsetof(struct ring_header, latest) == 72, "ring ABI");
_Static_assert(offsetof(struct ring_header, end) == 80, "ring ABI");
_Static_assert(offsetof(struct ring_header, wake_count) == 128, "ring ABI");
_Static_assert(sizeof(struct ring_record) == RING_ALIGN, "ring ABI");
_Static_assert(offsetof(struct ring_record, kind) == 4, "ring ABI");
_Static_assert(offsetof(struct ring_record, flags) == 6, "ring ABI");
_Static_assert(offsetof(struct ring_record, sequence) == 8, "ring ABI");
_Static_assert(offsetof(struct ring_record, base) == 16, "ring ABI");
_Static_assert(offsetof(struct ring_record, pts_ns) == 24, "ring ABI");
_Static_assert(offsetof(struct ring_record, width) == 32, "ring ABI");
_Static_assert(offsetof(struct ring_record, height) == 36, "ring ABI");
