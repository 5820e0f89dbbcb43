/* SPDX-License-Identifier: MIT */
/* links: common/ring_writer.c common/ring_reader.c common/guarded_copy.c */
/*
 * The ring from both ends: one forked writer against readers that check every byte, then writers
 * that lie.  The writer is a process of its own, as in life, and so that ThreadSanitizer sees the
 * reader's side alone.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/guarded_copy.h"
#include "common/ring_reader.h"
#include "common/ring_writer.h"
#include "common/stream.h"

#define CAPACITY (256u * 1024u)

struct copy {
	uint8_t *data;
	size_t len;
};

static void *grow(void *arg, size_t len)
{
	struct copy *copy = arg;

	copy->data = realloc(copy->data, len);
	copy->len = len;
	return copy->data;
}

static void publish(struct ring_writer *ring, uint64_t sequence, size_t len)
{
	static uint8_t bytes[CAPACITY];
	struct ring_record record = {.kind = RECORD_FRAME, .sequence = sequence, .width = 7};

	/* every byte tells which record it belongs to, and pieces are cut at odd places */
	memset(bytes, (int)(sequence * 31 + 7) & 0xff, len);
	struct iovec pieces[3] = {{bytes, len / 3}, {bytes + len / 3, len / 5},
		{bytes + len / 3 + len / 5, len - len / 3 - len / 5}};
	assert_int_equal(ring_writer_publish(ring, &record, pieces, 3), 0);
}

static void check_whole(const struct ring_record *record, const struct copy *copy)
{
	uint8_t expected = (uint8_t)(record->sequence * 31 + 7);

	assert_int_equal(record->length, copy->len);
	for (size_t i = 0; i < copy->len; i++)
		if (copy->data[i] != expected)
			fail_msg("byte %zu of record %llu is of another record", i,
				(unsigned long long)record->sequence);
}

static size_t length_of(uint64_t sequence)
{
	return 1 + (size_t)(sequence * 7919 % (CAPACITY / 4 - 100));
}

static struct ring_reader *open_reader(const struct ring_writer *ring)
{
	struct ring_reader *reader = NULL;

	assert_int_equal(ring_reader_open(ring_writer_read_fd(ring), ring_writer_epoch(ring),
				 ring_writer_capacity(ring), &reader),
		0);
	return reader;
}

static void reader_gets_each_record_in_turn(void **state)
{
	struct ring_writer *ring;
	struct ring_record record;
	struct copy copy = {0};
	(void)state;

	assert_int_equal(ring_writer_create(CAPACITY, &ring), 0);
	struct ring_reader *reader = open_reader(ring);
	assert_int_equal(ring_reader_next(reader, &record, grow, &copy), -EAGAIN);
	for (uint64_t sequence = 1; sequence < 500; sequence++) {
		publish(ring, sequence, length_of(sequence));
		assert_int_equal(ring_reader_next(reader, &record, grow, &copy), 0);
		assert_int_equal(record.sequence, sequence);
		assert_int_equal(record.width, 7);
		check_whole(&record, &copy);
		assert_int_equal(ring_reader_next(reader, &record, grow, &copy), -EAGAIN);
	}
	assert_int_equal(ring_reader_lapped(reader), 0);
	free(copy.data);
	ring_reader_close(reader);
	ring_writer_destroy(ring);
}

static void lapped_reader_learns_it_and_goes_on_behind_the_newest(void **state)
{
	struct ring_writer *ring;
	struct ring_record record;
	struct copy copy = {0};
	(void)state;

	assert_int_equal(ring_writer_create(CAPACITY, &ring), 0);
	struct ring_reader *reader = open_reader(ring);
	publish(ring, 1, 1000);
	assert_int_equal(ring_reader_next(reader, &record, grow, &copy), 0);
	for (uint64_t sequence = 2; sequence < 40; sequence++)
		publish(ring, sequence, CAPACITY / 5);
	assert_int_equal(ring_reader_next(reader, &record, grow, &copy), -EOVERFLOW);
	assert_int_equal(ring_reader_next(reader, &record, grow, &copy), -EAGAIN);
	publish(ring, 40, 10);
	assert_int_equal(ring_reader_next(reader, &record, grow, &copy), 0);
	assert_int_equal(record.sequence, 40);
	assert_int_equal(ring_reader_lapped(reader), 1);
	free(copy.data);
	ring_reader_close(reader);
	ring_writer_destroy(ring);
}

static void newest_skips_and_counts(void **state)
{
	struct ring_writer *ring;
	struct ring_record record;
	struct copy copy = {0};
	uint64_t skipped = 99;
	(void)state;

	assert_int_equal(ring_writer_create(CAPACITY, &ring), 0);
	struct ring_reader *reader = open_reader(ring);
	assert_int_equal(ring_reader_newest(reader, &record, grow, &copy, &skipped), -EAGAIN);
	publish(ring, 5, 100);
	assert_int_equal(ring_reader_newest(reader, &record, grow, &copy, &skipped), 0);
	assert_int_equal(skipped, 0);
	for (uint64_t sequence = 6; sequence < 60; sequence++)
		publish(ring, sequence, length_of(sequence));
	assert_int_equal(ring_reader_newest(reader, &record, grow, &copy, &skipped), 0);
	assert_int_equal(record.sequence, 59);
	assert_int_equal(skipped, 53);
	check_whole(&record, &copy);
	assert_int_equal(ring_reader_newest(reader, &record, grow, &copy, &skipped), -EAGAIN);
	free(copy.data);
	ring_reader_close(reader);
	ring_writer_destroy(ring);
}

static void record_over_a_quarter_is_refused_whole(void **state)
{
	static uint8_t bytes[CAPACITY];
	struct ring_record record = {.kind = RECORD_FRAME};
	struct ring_writer *ring;
	(void)state;

	assert_int_equal(ring_writer_create(CAPACITY, &ring), 0);
	struct iovec piece = {bytes, ring_writer_payload_max(ring) + 1};
	assert_int_equal(ring_writer_publish(ring, &record, &piece, 1), -EMSGSIZE);
	struct ring_reader *reader = open_reader(ring);
	struct copy copy = {0};
	uint64_t skipped;
	assert_int_equal(ring_reader_newest(reader, &record, grow, &copy, &skipped), -EAGAIN);
	piece.iov_len--;
	assert_int_equal(ring_writer_publish(ring, &record, &piece, 1), 0);
	assert_int_equal(ring_reader_newest(reader, &record, grow, &copy, &skipped), 0);
	free(copy.data);
	ring_reader_close(reader);
	ring_writer_destroy(ring);
}

static void sizes_that_are_no_ring_are_refused(void **state)
{
	struct ring_writer *ring = NULL;
	(void)state;

	assert_int_equal(ring_writer_create(0, &ring), -EINVAL);
	assert_int_equal(ring_writer_create(RING_CAPACITY_MIN / 2, &ring), -EINVAL);
	assert_int_equal(ring_writer_create(CAPACITY + 64, &ring), -EINVAL);
	assert_int_equal(ring_writer_create(2ull * RING_CAPACITY_MAX, &ring), -EINVAL);
	assert_null(ring);
	assert_int_equal(ring_capacity_for(1920, 1080), 8u << 20);
	assert_int_equal(ring_capacity_for(3840, 2160), 32u << 20);
	assert_int_equal(ring_capacity_for(1, 1), RING_CAPACITY_MIN);
}

/* One writer at full speed for two seconds, against this process as two kinds of reader. */
static void nothing_torn_is_ever_read(void **state)
{
	struct ring_writer *ring;
	struct ring_record record;
	struct copy copy = {0};
	uint64_t skipped, n_newest = 0, n_next = 0, last_newest = 0, last_next = 0;
	(void)state;

	assert_int_equal(ring_writer_create(CAPACITY, &ring), 0);
	pid_t writer = fork();
	assert_true(writer >= 0);
	if (writer == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (uint64_t sequence = 1;; sequence++)
			publish(ring, sequence, length_of(sequence));
	}
	struct ring_reader *newest = open_reader(ring), *next = open_reader(ring);
	/* Two seconds, and on a busy machine as long as it takes to have read enough. */
	uint64_t start = clock_monotonic_ns(), passed = 0;
	while (passed < 2 * NS_PER_S ||
		((n_newest <= 100 || n_next <= 10) && passed < 60 * NS_PER_S)) {
		passed = clock_monotonic_ns() - start;
		int r = ring_reader_newest(newest, &record, grow, &copy, &skipped);
		if (r == 0) {
			check_whole(&record, &copy);
			assert_int_equal(record.length, length_of(record.sequence));
			assert_true(record.sequence > last_newest);
			last_newest = record.sequence;
			n_newest++;
		} else {
			assert_int_equal(r, -EAGAIN);
		}
		r = ring_reader_next(next, &record, grow, &copy);
		if (r == 0) {
			check_whole(&record, &copy);
			assert_true(record.sequence > last_next);
			last_next = record.sequence;
			n_next++;
		} else {
			assert_true(r == -EAGAIN || r == -EOVERFLOW);
		}
	}
	kill(writer, SIGKILL);
	waitpid(writer, NULL, 0);
	assert_true(n_newest > 100);
	assert_true(n_next > 10);
	free(copy.data);
	ring_reader_close(newest);
	ring_reader_close(next);
	ring_writer_destroy(ring);
}

/* --- a segment of our own making, which says what it likes --- */

struct liar {
	int fd;
	struct ring_header *header;
	uint8_t *records;
};

static void liar_open(struct liar *liar)
{
	size_t len = RING_HEADER_SIZE + CAPACITY;

	liar->fd = memfd_create("liar", MFD_CLOEXEC);
	assert_true(liar->fd >= 0);
	assert_int_equal(ftruncate(liar->fd, (off_t)len), 0);
	liar->header = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, liar->fd, 0);
	assert_true(liar->header != MAP_FAILED);
	liar->records = (uint8_t *)liar->header + RING_HEADER_SIZE;
	liar->header->magic = RING_MAGIC;
	liar->header->abi_version = RING_ABI_VERSION;
	liar->header->header_size = RING_HEADER_SIZE;
	liar->header->epoch = 42;
	liar->header->capacity = CAPACITY;
	liar->header->latest = RING_NONE;
}

static void liar_close(struct liar *liar)
{
	munmap(liar->header, RING_HEADER_SIZE + CAPACITY);
	fd_close(&liar->fd);
}

static void header_that_lies_is_refused(void **state)
{
	struct ring_reader *reader = NULL;
	struct liar liar;
	(void)state;

	liar_open(&liar);
	assert_int_equal(ring_reader_open(liar.fd, 43, CAPACITY, &reader), -EPROTO);
	assert_int_equal(ring_reader_open(liar.fd, 42, CAPACITY / 2, &reader), -EPROTO);
	assert_int_equal(ring_reader_open(liar.fd, 42, CAPACITY * 2, &reader), -EPROTO);
	assert_int_equal(ring_reader_open(liar.fd, 42, CAPACITY + 1, &reader), -EPROTO);
	assert_int_equal(ring_reader_open(liar.fd, 42, UINT64_MAX, &reader), -EPROTO);
	liar.header->magic++;
	assert_int_equal(ring_reader_open(liar.fd, 42, CAPACITY, &reader), -EPROTO);
	liar.header->magic--;
	liar.header->abi_version++;
	assert_int_equal(ring_reader_open(liar.fd, 42, CAPACITY, &reader), -EPROTO);
	assert_null(reader);
	liar_close(&liar);
}

static int read_lie(const struct liar *liar, const struct ring_record *head, uint64_t latest)
{
	struct ring_reader *reader;
	struct ring_record record;
	struct copy copy = {0};
	uint64_t skipped;

	memcpy(liar->records + (latest & (CAPACITY - 1) & ~63ull), head, sizeof(*head));
	liar->header->latest = latest;
	liar->header->end = latest + 64;
	liar->header->intent = 0;
	assert_int_equal(ring_reader_open(liar->fd, 42, CAPACITY, &reader), 0);
	int r = ring_reader_newest(reader, &record, grow, &copy, &skipped);
	free(copy.data);
	ring_reader_close(reader);
	return r;
}

static void record_that_lies_is_refused(void **state)
{
	struct ring_record head = {.kind = RECORD_FRAME, .length = 64, .sequence = 1};
	struct liar liar;
	(void)state;

	liar_open(&liar);
	assert_int_equal(read_lie(&liar, &head, 0), 0);
	assert_int_equal(read_lie(&liar, &head, 63), -EPROTO); /* not aligned */
	assert_int_equal(read_lie(&liar, &head, UINT64_MAX - 64 - 63), -EPROTO);
	/* past the end of the segment: the head fits, its payload does not */
	assert_int_equal(read_lie(&liar, &head, CAPACITY - 64), -EPROTO);
	head.length = CAPACITY / 4;
	assert_int_equal(read_lie(&liar, &head, 0), -EPROTO);
	head.length = UINT32_MAX;
	assert_int_equal(read_lie(&liar, &head, 0), -EPROTO);
	head.length = 64;
	head.kind = 77;
	assert_int_equal(read_lie(&liar, &head, 0), -EPROTO);
	head.kind = RECORD_PADDING;
	assert_int_equal(read_lie(&liar, &head, 0), -EPROTO);
	liar_close(&liar);
}

static void writer_that_says_everything_is_overwritten_only_starves(void **state)
{
	struct ring_record head = {.kind = RECORD_FRAME, .length = 64}, record;
	struct ring_reader *reader;
	struct copy copy = {0};
	struct liar liar;
	uint64_t skipped;
	(void)state;

	liar_open(&liar);
	memcpy(liar.records, &head, sizeof(head));
	liar.header->latest = 0;
	liar.header->intent = UINT64_MAX;
	assert_int_equal(ring_reader_open(liar.fd, 42, CAPACITY, &reader), 0);
	assert_int_equal(ring_reader_newest(reader, &record, grow, &copy, &skipped), -EAGAIN);
	ring_reader_close(reader);
	liar_close(&liar);
}

static void truncated_segment_is_an_error_not_a_death(void **state)
{
	struct ring_record head = {.kind = RECORD_FRAME, .length = 60000}, record;
	struct ring_reader *reader;
	struct copy copy = {0};
	struct liar liar;
	uint64_t skipped;
	uint32_t word;
	(void)state;

	/* here, not at the start: cmocka takes SIGBUS for itself before each test */
	assert_int_equal(guarded_copy_init(), 0);
	liar_open(&liar);
	memcpy(liar.records, &head, sizeof(head));
	liar.header->latest = 0;
	assert_int_equal(ring_reader_open(liar.fd, 42, CAPACITY, &reader), 0);
	/* the head stays, the payload's second page goes */
	assert_int_equal(ftruncate(liar.fd, 4096), 0);
	assert_int_equal(ring_reader_newest(reader, &record, grow, &copy, &skipped), -EFAULT);
	assert_true(guarded_load_u32(ring_reader_wake_word(reader), &word));
	assert_int_equal(ftruncate(liar.fd, 0), 0);
	assert_int_equal(ring_reader_newest(reader, &record, grow, &copy, &skipped), -EFAULT);
	assert_int_equal(ring_reader_next(reader, &record, grow, &copy), -EFAULT);
	assert_false(guarded_load_u32(ring_reader_wake_word(reader), &word));
	free(copy.data);
	ring_reader_close(reader);
	liar_close(&liar);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reader_gets_each_record_in_turn),
		cmocka_unit_test(lapped_reader_learns_it_and_goes_on_behind_the_newest),
		cmocka_unit_test(newest_skips_and_counts),
		cmocka_unit_test(record_over_a_quarter_is_refused_whole),
		cmocka_unit_test(sizes_that_are_no_ring_are_refused),
		cmocka_unit_test(nothing_torn_is_ever_read),
		cmocka_unit_test(header_that_lies_is_refused),
		cmocka_unit_test(record_that_lies_is_refused),
		cmocka_unit_test(writer_that_says_everything_is_overwritten_only_starves),
		cmocka_unit_test(truncated_segment_is_an_error_not_a_death),
	};
	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
