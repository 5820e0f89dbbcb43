/* SPDX-License-Identifier: MIT */
/*
 * The writing end of a ring (layout and memory order: common/ring.h).  Linked by capd only.
 * One thread at a time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/ring.h"

struct ring_writer; /* opaque; owns the mapping and both fds */

/* The capacity for pictures of this size: the power of two >= 4 bytes a pixel, within the limits.
 */
uint64_t ring_capacity_for(uint32_t width, uint32_t height);

/*
 * Creates a ring of `capacity` bytes (a power of two within the limits, else -EINVAL), its memory
 * really allocated, its name already unlinked.  -ENOSPC: /dev/shm is full; other -errno.
 */
int ring_writer_create(uint64_t capacity, struct ring_writer **out);
/* Accepts NULL. */
void ring_writer_destroy(struct ring_writer *ring);

/* A read-only fd of the segment to pass on; stays the ring's. */
int ring_writer_read_fd(const struct ring_writer *ring);
uint64_t ring_writer_epoch(const struct ring_writer *ring);
uint64_t ring_writer_capacity(const struct ring_writer *ring);
/* The longest payload that a record of this ring may have. */
size_t ring_writer_payload_max(const struct ring_writer *ring);

/*
 * Publishes one record whose payload is the concatenation of `pieces`, and wakes the readers.
 * `record->length` is filled in.  0; -EMSGSIZE: longer than ring_writer_payload_max(), nothing is
 * published.
 */
int ring_writer_publish(struct ring_writer *ring, struct ring_record *record,
	const struct iovec *pieces, size_t n_pieces);
