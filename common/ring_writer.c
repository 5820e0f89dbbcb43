/* SPDX-License-Identifier: MIT */
#include "common/ring_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/stream.h"

struct ring_writer {
	struct ring_header *header; /* the whole mapping */
	uint8_t *records;
	size_t map_len;
	uint64_t capacity;
	uint64_t epoch;
	uint64_t end; /* our own copy: the shared one is never read back */
	int read_fd;
};

uint64_t ring_capacity_for(uint32_t width, uint32_t height)
{
	uint64_t wanted = 4ull * width * height, capacity = RING_CAPACITY_MIN;

	while (capacity < wanted && capacity < RING_CAPACITY_MAX)
		capacity *= 2;
	return capacity;
}

/* A segment that has no name any more: both fds, or -errno. */
static int segment_create(size_t len, int *write_fd, int *read_fd)
{
	char name[64];
	uint64_t random[2];
	int r;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	snprintf(name, sizeof(name), "/screenshare-%016llx%016llx", (unsigned long long)random[0],
		(unsigned long long)random[1]);
	*write_fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (*write_fd < 0)
		return -errno;
	*read_fd = shm_open(name, O_RDONLY | O_CLOEXEC, 0);
	r = *read_fd < 0 ? -errno : 0;
	shm_unlink(name);
	/* ftruncate would succeed on a full /dev/shm, and the first write die of SIGBUS. */
	if (r == 0)
		r = -posix_fallocate(*write_fd, 0, (off_t)len);
	if (r < 0) {
		fd_close(write_fd);
		fd_close(read_fd);
	}
	return r;
}

int ring_writer_create(uint64_t capacity, struct ring_writer **out)
{
	struct ring_writer *ring = NULL;
	int write_fd = -1, r;

	if (capacity < RING_CAPACITY_MIN || capacity > RING_CAPACITY_MAX ||
		(capacity & (capacity - 1)) != 0)
		return -EINVAL;
	ring = calloc(1, sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	ring->read_fd = -1;
	ring->capacity = capacity;
	ring->map_len = RING_HEADER_SIZE + capacity;
	r = segment_create(ring->map_len, &write_fd, &ring->read_fd);
	if (r < 0)
		goto fail;
	void *map = mmap(NULL, ring->map_len, PROT_READ | PROT_WRITE, MAP_SHARED, write_fd, 0);
	if (map == MAP_FAILED) {
		r = -errno;
		goto fail;
	}
	ring->header = map;
	ring->records = (uint8_t *)map + RING_HEADER_SIZE;
	if (getrandom(&ring->epoch, sizeof(ring->epoch), 0) != (ssize_t)sizeof(ring->epoch)) {
		r = -EIO;
		goto fail;
	}
	/* Nobody else has the fd yet: plain stores will do. */
	ring->header->magic = RING_MAGIC;
	ring->header->abi_version = RING_ABI_VERSION;
	ring->header->header_size = RING_HEADER_SIZE;
	ring->header->epoch = ring->epoch;
	ring->header->capacity = capacity;
	atomic_init(&ring->header->latest, RING_NONE);
	fd_close(&write_fd);
	*out = ring;
	return 0;
fail:
	fd_close(&write_fd);
	ring_writer_destroy(ring);
	return r;
}

void ring_writer_destroy(struct ring_writer *ring)
{
	if (!ring)
		return;
	if (ring->header)
		munmap(ring->header, ring->map_len);
	fd_close(&ring->read_fd);
	free(ring);
}

int ring_writer_read_fd(const struct ring_writer *ring)
{
	return ring->read_fd;
}

uint64_t ring_writer_epoch(const struct ring_writer *ring)
{
	return ring->epoch;
}

uint64_t ring_writer_capacity(const struct ring_writer *ring)
{
	return ring->capacity;
}

size_t ring_writer_payload_max(const struct ring_writer *ring)
{
	return ring->capacity / RING_RECORD_DIVISOR - sizeof(struct ring_record);
}

/* Gathers bytes of any alignment into aligned words, each stored once by a relaxed atomic. */
struct word_stream {
	_Atomic uint64_t *next;
	uint8_t partial[sizeof(uint64_t)];
	size_t n_partial;
};

static void word_store(struct word_stream *stream, const void *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	atomic_store_explicit(stream->next++, word, memory_order_relaxed);
}

static void stream_put(struct word_stream *stream, const uint8_t *bytes, size_t len)
{
	if (stream->n_partial) {
		size_t wanted = sizeof(stream->partial) - stream->n_partial;
		size_t n = len < wanted ? len : wanted;

		memcpy(stream->partial + stream->n_partial, bytes, n);
		stream->n_partial += n;
		bytes += n;
		len -= n;
		if (stream->n_partial < sizeof(stream->partial))
			return;
		word_store(stream, stream->partial);
		stream->n_partial = 0;
	}
	for (; len >= sizeof(uint64_t); bytes += sizeof(uint64_t), len -= sizeof(uint64_t))
		word_store(stream, bytes);
	memcpy(stream->partial, bytes, len);
	stream->n_partial = len;
}

static void stream_end(struct word_stream *stream)
{
	if (!stream->n_partial)
		return;
	memset(stream->partial + stream->n_partial, 0, sizeof(stream->partial) - stream->n_partial);
	word_store(stream, stream->partial);
	stream->n_partial = 0;
}

static void write_head(struct ring_writer *ring, uint64_t position, const struct ring_record *head)
{
	struct word_stream stream = {
		.next = (_Atomic uint64_t *)(ring->records + (position & (ring->capacity - 1)))};

	stream_put(&stream, (const uint8_t *)head, sizeof(*head));
}

static void wake_readers(struct ring_header *header)
{
	atomic_fetch_add_explicit(&header->wake_count, 1, memory_order_release);
	/* Not FUTEX_PRIVATE: the waiters are other processes.  Nobody waiting is no error. */
	syscall(SYS_futex, &header->wake_count, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

int ring_writer_publish(struct ring_writer *ring, struct ring_record *record,
	const struct iovec *pieces, size_t n_pieces)
{
	uint64_t position = ring->end, padding = 0;
	size_t len = 0;

	for (size_t i = 0; i < n_pieces; i++)
		len += pieces[i].iov_len;
	if (len > ring_writer_payload_max(ring))
		return -EMSGSIZE;
	record->length = (uint32_t)len;
	uint64_t total = (sizeof(*record) + len + RING_ALIGN - 1) & ~(uint64_t)(RING_ALIGN - 1);
	uint64_t to_end = ring->capacity - (position & (ring->capacity - 1));
	if (total > to_end)
		padding = to_end;
	ring->end = position + padding + total;

	/* Whoever sees a word stored below also sees this intent (fence to the reader's fence). */
	atomic_store_explicit(&ring->header->intent, ring->end, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);

	if (padding) {
		struct ring_record filler = {
			.kind = RECORD_PADDING, .length = (uint32_t)(padding - sizeof(filler))};
		write_head(ring, position, &filler);
		position += padding;
	}
	write_head(ring, position, record);
	struct word_stream stream = {
		.next = (_Atomic uint64_t *)(ring->records + (position & (ring->capacity - 1)) +
					     sizeof(*record))};
	for (size_t i = 0; i < n_pieces; i++)
		stream_put(&stream, pieces[i].iov_base, pieces[i].iov_len);
	stream_end(&stream);

	atomic_store_explicit(&ring->header->end, ring->end, memory_order_release);
	atomic_store_explicit(&ring->header->latest, position, memory_order_release);
	wake_readers(ring->header);
	return 0;
}
