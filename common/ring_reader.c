/* SPDX-License-Identifier: MIT */
#include "common/ring_reader.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/guarded_copy.h"
#include "common/stream.h"

/* A copy that was overwritten under the reader is tried again this often: the writer would have to
 * go round three quarters of the ring each time. */
#define TRIES_MAX 4

struct ring_reader {
	const struct ring_header *header; /* the whole mapping, read-only */
	const uint8_t *records;
	size_t map_len;
	uint64_t capacity; /* checked once; the header's own is never looked at again */
	uint64_t position; /* of the record after the one read last; RING_NONE: nothing read yet */
	uint64_t last;     /* of the record read last; RING_NONE */
	uint64_t last_sequence;
	uint64_t lapped;
};

int ring_reader_open(int fd, uint64_t epoch, uint64_t capacity, struct ring_reader **out)
{
	struct ring_header header;
	struct stat st;
	int r;

	if (capacity < RING_CAPACITY_MIN || capacity > RING_CAPACITY_MAX ||
		(capacity & (capacity - 1)) != 0)
		return -EPROTO;
	size_t map_len = RING_HEADER_SIZE + capacity;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < 0 || (uint64_t)st.st_size < map_len)
		return -EPROTO;

	struct ring_reader *reader = calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->map_len = map_len;
	reader->capacity = capacity;
	reader->position = reader->last = RING_NONE;
	void *map = mmap(NULL, map_len, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		r = -errno;
		goto fail;
	}
	reader->header = map;
	reader->records = (const uint8_t *)map + RING_HEADER_SIZE;
	r = -EPROTO;
	if (!guarded_copy(&header, map, sizeof(header)))
		goto fail;
	if (header.magic != RING_MAGIC || header.abi_version != RING_ABI_VERSION ||
		header.header_size != RING_HEADER_SIZE || header.epoch != epoch ||
		header.capacity != capacity)
		goto fail;
	*out = reader;
	return 0;
fail:
	ring_reader_close(reader);
	return r;
}

void ring_reader_close(struct ring_reader *reader)
{
	if (!reader)
		return;
	if (reader->header)
		munmap((void *)(uintptr_t)reader->header, reader->map_len);
	free(reader);
}

const uint32_t *ring_reader_wake_word(const struct ring_reader *reader)
{
	return (const uint32_t *)(const void *)&reader->header->wake_count;
}

size_t ring_reader_payload_max(const struct ring_reader *reader)
{
	return reader->capacity / RING_RECORD_DIVISOR - sizeof(struct ring_record);
}

uint64_t ring_reader_lapped(const struct ring_reader *reader)
{
	return reader->lapped;
}

/* A position is a multiple of the alignment, and below the "none" mark by a ring at least. */
static bool position_is_sane(const struct ring_reader *reader, uint64_t position)
{
	return position % RING_ALIGN == 0 && position < RING_NONE - 2 * reader->capacity;
}

/* Is what was read from `position` on still what was written there?  0, -EAGAIN: overwritten,
 * -EFAULT. */
static int check_intent(const struct ring_reader *reader, uint64_t position)
{
	uint64_t intent;

	atomic_thread_fence(memory_order_acquire);
	if (!guarded_load_u64(&reader->header->intent, &intent))
		return -EFAULT;
	return position + reader->capacity >= intent ? 0 : -EAGAIN;
}

/*
 * Copies the record at `position`: 0 and *next, the position after it; -EAGAIN: overwritten
 * meanwhile; -EFAULT, -EPROTO, -ENOMEM.  A padding record has no payload copied.
 */
static int copy_record(struct ring_reader *reader, uint64_t position, struct ring_record *record,
	uint64_t *next, ring_alloc_fn *alloc, void *arg)
{
	uint64_t offset = position & (reader->capacity - 1);
	struct ring_record head;
	int r;

	if (!guarded_copy(&head, reader->records + offset, sizeof(head)))
		return -EFAULT;
	r = check_intent(reader, position);
	if (r < 0)
		return r;
	/* Only now is it the writer's word, and not half of a newer record's. */
	uint64_t room = reader->capacity - offset - sizeof(head);
	bool is_padding = head.kind == RECORD_PADDING;
	if (is_padding ? head.length != room
		       : head.length > room || head.length > ring_reader_payload_max(reader))
		return -EPROTO;
	if (head.kind > RECORD_SOUND)
		return -EPROTO;
	if (!is_padding && head.length) {
		void *payload = alloc(arg, head.length);
		if (!payload)
			return -ENOMEM;
		if (!guarded_copy(payload, reader->records + offset + sizeof(head), head.length))
			return -EFAULT;
		r = check_intent(reader, position);
		if (r < 0)
			return r;
	}
	uint64_t total = sizeof(head) + (uint64_t)head.length;
	*next = position + ((total + RING_ALIGN - 1) & ~(uint64_t)(RING_ALIGN - 1));
	*record = head;
	return 0;
}

static void record_was_read(struct ring_reader *reader, const struct ring_record *record,
	uint64_t position, uint64_t next)
{
	reader->last = position;
	reader->position = next;
	reader->last_sequence = record->sequence;
}

int ring_reader_newest(struct ring_reader *reader, struct ring_record *record, ring_alloc_fn *alloc,
	void *arg, uint64_t *skipped)
{
	for (int tries = 0; tries < TRIES_MAX; tries++) {
		uint64_t latest, next, sequence_before = reader->last_sequence;
		bool is_first = reader->last == RING_NONE;
		int r;

		if (!guarded_load_u64(&reader->header->latest, &latest))
			return -EFAULT;
		atomic_thread_fence(memory_order_acquire);
		if (latest == RING_NONE || latest == reader->last)
			return -EAGAIN;
		if (!position_is_sane(reader, latest) || (!is_first && latest < reader->last))
			return -EPROTO;
		r = copy_record(reader, latest, record, &next, alloc, arg);
		if (r == -EAGAIN) {
			reader->lapped++;
			continue;
		}
		if (r == 0 && record->kind == RECORD_PADDING)
			return -EPROTO; /* latest never points at the filler */
		if (r < 0)
			return r;
		record_was_read(reader, record, latest, next);
		*skipped = is_first || record->sequence <= sequence_before
				   ? 0
				   : record->sequence - sequence_before - 1;
		return 0;
	}
	return -EAGAIN;
}

int ring_reader_next(
	struct ring_reader *reader, struct ring_record *record, ring_alloc_fn *alloc, void *arg)
{
	uint64_t skipped, end, latest, next;
	int r;

	if (reader->position == RING_NONE)
		return ring_reader_newest(reader, record, alloc, arg, &skipped);
	/* At most twice: a filler, then the record behind it. */
	for (int tries = 0; tries < 2; tries++) {
		uint64_t position = reader->position;

		if (!guarded_load_u64(&reader->header->end, &end))
			return -EFAULT;
		atomic_thread_fence(memory_order_acquire);
		if (end == position)
			return -EAGAIN;
		if (!position_is_sane(reader, end) || end < position)
			return -EPROTO;
		r = end - position > reader->capacity
			    ? -EAGAIN
			    : copy_record(reader, position, record, &next, alloc, arg);
		if (r == -EAGAIN) {
			reader->lapped++;
			if (!guarded_load_u64(&reader->header->latest, &latest))
				return -EFAULT;
			if (!position_is_sane(reader, latest))
				return -EPROTO;
			reader->last = latest;
			reader->position = end;
			return -EOVERFLOW;
		}
		if (r < 0)
			return r;
		if (record->kind != RECORD_PADDING) {
			record_was_read(reader, record, position, next);
			return 0;
		}
		reader->position = next;
	}
	return -EPROTO; /* two fillers in a row */
}
