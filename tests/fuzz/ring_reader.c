/* SPDX-License-Identifier: MIT */
/* links: common/ring_reader.c common/guarded_copy.c */
/*
 * The ring's reader on a segment that a hostile writer fills: the input is a program of writes into
 * the header and the records, of reads by the reader, and of truncations, in any order.
 *
 *     op & 7:  0 header word    [field] [8 bytes]        4 read the newest
 *              1 record head    [slot] [40 bytes]        5 read the next
 *              2 honest record  [length: 2 bytes]        6 truncate to [pages: 1 byte]
 *              3 any word       [offset: 2] [4 bytes]    7 open anew
 *
 * Whatever comes out must keep the promises of common/ring_reader.h.
 */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/guarded_copy.h"
#include "common/ring_reader.h"

#define CAPACITY    ((uint64_t)RING_CAPACITY_MIN)
#define SEGMENT_LEN (RING_HEADER_SIZE + CAPACITY)
#define EPOCH       42u
#define HEAD_BYTES  40u /* of struct ring_record, what is not reserved */

struct input {
	const uint8_t *next, *end;
};

static int segment_fd = -1;
static uint8_t *segment;     /* the writer's own mapping */
static uint64_t segment_len; /* now, after truncations */

/* Zeroes where the input has ended. */
static void take(struct input *input, void *out, size_t len)
{
	size_t n = (size_t)(input->end - input->next);

	memset(out, 0, len);
	if (n > len)
		n = len;
	memcpy(out, input->next, n);
	input->next += n;
}

static void resize(uint64_t len)
{
	if (ftruncate(segment_fd, (off_t)len) < 0)
		abort();
	segment_len = len;
}

/* The writer never faults itself. */
static void poke(uint64_t offset, const void *bytes, size_t len)
{
	if (offset + len <= segment_len)
		memcpy(segment + offset, bytes, len);
}

static void begin(void)
{
	const struct ring_header header = {.magic = RING_MAGIC,
		.abi_version = RING_ABI_VERSION,
		.header_size = RING_HEADER_SIZE,
		.epoch = EPOCH,
		.capacity = CAPACITY,
		.latest = RING_NONE};

	if (segment_fd < 0) {
		segment_fd = memfd_create("fuzz", MFD_CLOEXEC);
		resize(SEGMENT_LEN);
		segment =
			mmap(NULL, SEGMENT_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, segment_fd, 0);
		if (segment == MAP_FAILED || guarded_copy_init() < 0)
			abort();
	}
	resize(0);
	resize(SEGMENT_LEN);
	poke(0, &header, sizeof(header));
}

/* A record as an honest writer puts it, behind the one before, as far as the header can be
 * believed. */
static void put_honest(uint16_t len)
{
	struct ring_header header;
	struct ring_record record = {.kind = 1, .width = 8, .height = 8, .length = len};

	if (segment_len < SEGMENT_LEN)
		return;
	memcpy(&header, segment, sizeof(header));
	uint64_t size = (sizeof(record) + len + RING_ALIGN - 1) / RING_ALIGN * RING_ALIGN;
	uint64_t at = header.end, offset = at & (CAPACITY - 1);
	record.sequence = at / RING_ALIGN + 1;
	if (offset % RING_ALIGN != 0 || offset + size > CAPACITY)
		return;
	header.intent = at + size;
	header.latest = at;
	header.end = at + size;
	header.wake_count++;
	poke(0, &header, sizeof(header));
	poke(RING_HEADER_SIZE + offset, &record, sizeof(record));
}

/* Where the reader put a payload. */
struct copy {
	uint8_t *bytes;
	size_t len;
};

static void *alloc_copy(void *arg, size_t len)
{
	struct copy *copy = arg;

	assert(len > 0 && len <= CAPACITY / RING_RECORD_DIVISOR);
	free(copy->bytes);
	copy->len = len;
	return copy->bytes = malloc(len);
}

static void read_record(struct ring_reader *reader, bool newest)
{
	struct ring_record record = {0};
	struct copy copy = {0};
	uint64_t skipped = 0;
	int r = newest ? ring_reader_newest(reader, &record, alloc_copy, &copy, &skipped)
		       : ring_reader_next(reader, &record, alloc_copy, &copy);

	assert(r == 0 || r == -EAGAIN || r == -EFAULT || r == -EPROTO || r == -ENOMEM ||
		(!newest && r == -EOVERFLOW));
	if (r == 0) {
		assert(record.length == copy.len);
		assert(record.length <= ring_reader_payload_max(reader));
		uint8_t sum = 0; /* each byte must be there, and initialised */
		for (size_t i = 0; i < copy.len; i++)
			sum ^= copy.bytes[i];
		__asm__ volatile("" : : "r"(sum));
	}
	free(copy.bytes);
}

/* NULL: it was refused. */
static struct ring_reader *open_reader(void)
{
	struct ring_reader *reader = NULL;

	if (ring_reader_open(segment_fd, EPOCH, CAPACITY, &reader) < 0)
		assert(!reader);
	return reader;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t fields[] = {0, 8, 16, 24, 64, 72, 80, 128}; /* of the header */
	struct input input = {data, data + size};
	uint8_t op, byte, bytes[HEAD_BYTES];
	uint16_t half;

	begin();
	struct ring_reader *reader = open_reader();
	while (input.next < input.end) {
		take(&input, &op, 1);
		switch (op & 7) {
		case 0:
			take(&input, &byte, 1);
			take(&input, bytes, 8);
			poke(fields[byte % sizeof(fields)], bytes, 8);
			break;
		case 1:
			take(&input, &byte, 1);
			take(&input, bytes, HEAD_BYTES);
			poke(RING_HEADER_SIZE + byte * (uint64_t)RING_ALIGN, bytes, HEAD_BYTES);
			break;
		case 2:
			take(&input, &half, 2);
			put_honest(half);
			break;
		case 3:
			take(&input, &half, 2);
			take(&input, bytes, 4);
			poke(half, bytes, 4);
			break;
		case 4:
		case 5:
			if (reader)
				read_record(reader, (op & 7) == 4);
			break;
		case 6:
			take(&input, &byte, 1);
			resize(byte % 18 * 4096u < SEGMENT_LEN ? byte % 18 * 4096u : SEGMENT_LEN);
			break;
		case 7:
			ring_reader_close(reader);
			reader = open_reader();
			break;
		}
	}
	ring_reader_close(reader);
	return 0;
}
