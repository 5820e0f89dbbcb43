/* SPDX-License-Identifier: MIT */
/*
 * The reading end of a ring (layout and memory order: common/ring.h).  Linked by httpd only.
 * Never writes, never trusts: each length and offset is loaded once, bounded, then used.
 * One thread at a time, except ring_reader_wake_word(), whose word any thread may wait on.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/ring.h"

struct ring_reader; /* opaque; owns the mapping */

/*
 * Maps the segment behind `fd` read-only and checks its header.  The fd stays the caller's (it may
 * be closed at once).  -EPROTO: the header lies (magic, version, sizes, `epoch` or `capacity` other
 * than announced); other -errno.
 */
int ring_reader_open(int fd, uint64_t epoch, uint64_t capacity, struct ring_reader **out);
/* Accepts NULL. */
void ring_reader_close(struct ring_reader *reader);

/* The futex word: changes with each record.  Readable until ring_reader_close(); guard the access.
 */
const uint32_t *ring_reader_wake_word(const struct ring_reader *reader);

/* The longest payload that any record of this ring may have: what a buffer needs to hold. */
size_t ring_reader_payload_max(const struct ring_reader *reader);

/*
 * Where a copy of a payload goes: called once its length is known and bounded; NULL refuses
 * (-ENOMEM). Called again, with another length, when the copy was overwritten and is made anew: it
 * then replaces what it returned before.
 */
typedef void *ring_alloc_fn(void *arg, size_t len);

/*
 * Copies the newest record that has not been read yet, skipping older ones; fills `record`, and the
 * payload into what `alloc` returns (not called for an empty one).
 *   0         a whole, consistent record; *skipped is how many sequence numbers were passed over
 *   -EAGAIN   nothing new
 *   -EFAULT   the segment was truncated: close this reader
 *   -EPROTO   a record lies (length, alignment, positions): close this reader
 *   -ENOMEM   alloc refused
 * If alloc was called and the result is not 0, what it returned is the caller's to free.
 * A record overwritten while it was copied is retried with the newest, a few times (-EAGAIN after).
 */
int ring_reader_newest(struct ring_reader *reader, struct ring_record *record, ring_alloc_fn *alloc,
	void *arg, uint64_t *skipped);

/*
 * The same, but the record after the one read last: every record in turn.
 *   -EOVERFLOW  lapped: at least one record was overwritten before it was read.  The reader now
 *               stands behind the newest: the next call gives what comes after that.
 */
int ring_reader_next(
	struct ring_reader *reader, struct ring_record *record, ring_alloc_fn *alloc, void *arg);

/* How often this reader was lapped, or a copy was overwritten while it was made. */
uint64_t ring_reader_lapped(const struct ring_reader *reader);
