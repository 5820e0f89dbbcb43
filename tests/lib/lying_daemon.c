/* SPDX-License-Identifier: MIT */
/*
 * A capture daemon that lies: it serves a capture socket, and every subscriber gets the lie that
 * was last asked for on stdin, from its first packet on:
 *
 *     lying_daemon SOCKET PICTURE.jpg        prints "ready"
 *     stdin:  LIE                            prints "ok"; who is subscribed loses the connection
 *     stdout: hello                          for each subscriber that was lied to
 *
 * `lying_daemon --list` prints the names of all lies.  "honest" is the one that tells the truth: a
 * ring with the picture in it.  Who only tells who watches is listened to, and not lied to.  Ends
 * with stdin.  What each lie does to a reader is what its
 * function shows; what httpd must do is in tests/system/test_lying_daemon.py.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/capsock.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/ring.h"

#define CAPACITY   (4u * 1024u * 1024u)
#define EPOCH      0x1122334455667788u
#define HEAD_BYTES 8u /* of a message: type and length of the rest */

static uint8_t *picture;
static uint32_t picture_len;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "lying_daemon: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* --- a ring, at first a truthful one --- */

static struct ring {
	int fd;
	uint8_t *map;
	size_t map_len;
	struct ring_header *header;
	struct ring_record *record; /* the one record, at position 0 */
} ring = {.fd = -1};

static void ring_unmake(void)
{
	if (ring.map)
		munmap(ring.map, ring.map_len);
	fd_close(&ring.fd);
	ring = (struct ring){.fd = -1};
}

/* A segment of `capacity` bytes of records, with `payload` as its only record. */
static void ring_make(uint64_t capacity, const uint8_t *payload, uint32_t len)
{
	ring_unmake();
	ring.fd = memfd_create("ring", MFD_CLOEXEC);
	ring.map_len = RING_HEADER_SIZE + capacity;
	if (ring.fd < 0 || ftruncate(ring.fd, (off_t)ring.map_len) < 0)
		die("memfd");
	ring.map = mmap(NULL, ring.map_len, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, 0);
	if (ring.map == MAP_FAILED)
		die("mmap");
	ring.header = (struct ring_header *)(void *)ring.map;
	ring.record = (struct ring_record *)(void *)(ring.map + RING_HEADER_SIZE);
	ring.header->magic = RING_MAGIC;
	ring.header->abi_version = RING_ABI_VERSION;
	ring.header->header_size = RING_HEADER_SIZE;
	ring.header->epoch = EPOCH;
	ring.header->capacity = capacity;
	*ring.record = (struct ring_record){.length = len,
		.kind = RECORD_FRAME,
		.flags = RECORD_IS_KEY,
		.sequence = 1,
		.pts_ns = clock_monotonic_ns(),
		.width = 64,
		.height = 48};
	if (payload)
		memcpy(ring.record + 1, payload, len);
	uint64_t end =
		(sizeof(struct ring_record) + len + RING_ALIGN - 1) / RING_ALIGN * RING_ALIGN;
	atomic_store(&ring.header->intent, end);
	atomic_store(&ring.header->end, end);
	atomic_store(&ring.header->latest, 0);
}

static void ring_make_usual(void)
{
	ring_make(CAPACITY, picture, picture_len);
}

static void ring_wake(void)
{
	atomic_fetch_add(&ring.header->wake_count, 1);
	syscall(SYS_futex, &ring.header->wake_count, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

/* --- packets, with no rule kept --- */

struct packet {
	uint8_t bytes[CAPSOCK_MESSAGE_MAX + 4096];
	size_t len;
};

static void put(struct packet *packet, const void *bytes, size_t len)
{
	if (bytes)
		memcpy(packet->bytes + packet->len, bytes, len);
	else
		memset(packet->bytes + packet->len, 0, len);
	packet->len += len;
}

static void put_u32(struct packet *packet, uint32_t value)
{
	put(packet, &value, sizeof(value));
}

static void put_u64(struct packet *packet, uint64_t value)
{
	put(packet, &value, sizeof(value));
}

static struct packet *begin(uint32_t type)
{
	static struct packet packet;

	packet.len = 0;
	put_u32(&packet, type);
	put_u32(&packet, 0); /* send_packet() puts the length here */
	return &packet;
}

static void set_length(struct packet *packet, uint32_t length)
{
	memcpy(packet->bytes + 4, &length, sizeof(length));
}

/* False: the subscriber does not take it (gone, or its queue is full). */
static bool send_bytes(int fd, const void *bytes, size_t len, const int *fds, size_t n_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(64 * sizeof(int))];
	} control = {0};
	struct iovec piece = {(void *)(uintptr_t)bytes, len};
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};

	if (n_fds) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		struct cmsghdr *passed = CMSG_FIRSTHDR(&message);
		passed->cmsg_level = SOL_SOCKET;
		passed->cmsg_type = SCM_RIGHTS;
		passed->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(passed), fds, n_fds * sizeof(int));
	}
	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static bool send_packet(int fd, struct packet *packet)
{
	set_length(packet, (uint32_t)(packet->len - HEAD_BYTES));
	return send_bytes(fd, packet->bytes, packet->len, NULL, 0);
}

/* A STREAM message that is right in itself. */
static bool announce(int fd, int ring_fd, uint64_t epoch, uint64_t capacity)
{
	struct packet *packet = begin(CAPSOCK_STREAM);

	put_u64(packet, epoch);
	put_u64(packet, capacity);
	set_length(packet, (uint32_t)(packet->len - HEAD_BYTES));
	return send_bytes(fd, packet->bytes, packet->len, &ring_fd, 1);
}

static void announce_usual(int fd)
{
	announce(fd, ring.fd, EPOCH, CAPACITY);
}

static struct packet *state_packet(
	uint32_t state, const char *words, uint32_t words_len, uint32_t jpeg_len)
{
	struct packet *packet = begin(CAPSOCK_STATE);

	put_u32(packet, state);
	put_u32(packet, words_len);
	put_u32(packet, jpeg_len);
	put(packet, words, words_len);
	return packet;
}

/* --- lies in the header --- */

static void honest(int fd)
{
	ring_make_usual();
	announce_usual(fd);
}

static void header_magic(int fd)
{
	ring_make_usual();
	ring.header->magic ^= 1;
	announce_usual(fd);
}

static void header_version(int fd)
{
	ring_make_usual();
	ring.header->abi_version++;
	announce_usual(fd);
}

static void header_size(int fd)
{
	ring_make_usual();
	ring.header->header_size = 0;
	announce_usual(fd);
}

static void header_epoch(int fd)
{
	ring_make_usual();
	ring.header->epoch++;
	announce_usual(fd);
}

static void header_capacity(int fd)
{
	ring_make_usual();
	ring.header->capacity *= 2;
	announce_usual(fd);
}

static void capacity_uneven(int fd)
{
	ring_make(CAPACITY - 64, picture, picture_len);
	announce(fd, ring.fd, EPOCH, CAPACITY - 64);
}

static void capacity_zero(int fd)
{
	ring_make_usual();
	ring.header->capacity = 0;
	announce(fd, ring.fd, EPOCH, 0);
}

static void capacity_huge(int fd)
{
	ring_make_usual();
	ring.header->capacity = 1ull << 63;
	announce(fd, ring.fd, EPOCH, 1ull << 63);
}

static void segment_short(int fd)
{
	ring_make_usual();
	if (ftruncate(ring.fd, RING_HEADER_SIZE + CAPACITY / 2) < 0)
		die("ftruncate");
	announce_usual(fd);
}

static void fd_is_a_pipe(int fd)
{
	int ends[2];

	if (pipe(ends) < 0)
		die("pipe");
	announce(fd, ends[0], EPOCH, CAPACITY);
	close(ends[0]);
	close(ends[1]);
}

static void fd_is_a_folder(int fd)
{
	int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	announce(fd, folder, EPOCH, CAPACITY);
	fd_close(&folder);
}

/* --- lies in records and positions --- */

static void record_over_a_quarter(int fd)
{
	ring_make_usual();
	ring.record->length = CAPACITY / RING_RECORD_DIVISOR;
	announce_usual(fd);
}

static void record_past_the_end(int fd)
{
	ring_make_usual();
	uint64_t last = CAPACITY - RING_ALIGN;
	memcpy(ring.map + RING_HEADER_SIZE + last, ring.record, sizeof(*ring.record));
	atomic_store(&ring.header->intent, CAPACITY);
	atomic_store(&ring.header->end, CAPACITY);
	atomic_store(&ring.header->latest, last);
	announce_usual(fd);
}

static void record_length_wraps(int fd)
{
	ring_make_usual();
	ring.record->length = UINT32_MAX - 32;
	announce_usual(fd);
}

static void record_of_unknown_kind(int fd)
{
	ring_make_usual();
	ring.record->kind = 77;
	announce_usual(fd);
}

static void record_is_no_jpeg(int fd)
{
	static const uint8_t html[] = "<html><script>alert(1)</script></html>";

	ring_make(CAPACITY, html, sizeof(html));
	announce_usual(fd);
}

static void record_without_size(int fd)
{
	ring_make_usual();
	ring.record->width = 0;
	announce_usual(fd);
}

static void record_is_empty(int fd)
{
	ring_make(CAPACITY, NULL, 0);
	announce_usual(fd);
}

static void position_unaligned(int fd)
{
	ring_make_usual();
	atomic_store(&ring.header->latest, 8);
	announce_usual(fd);
}

static void position_almost_none(int fd)
{
	ring_make_usual();
	atomic_store(&ring.header->latest, RING_NONE - 63);
	announce_usual(fd);
}

/* Every record at once overwritten, as the header says: nothing can ever be read. */
static void intent_runs_ahead(int fd)
{
	ring_make_usual();
	atomic_store(&ring.header->intent, UINT64_MAX);
	announce_usual(fd);
}

static void positions_jump_tick(int fd)
{
	static uint64_t seed = 88172645463325252u;
	(void)fd;

	for (int i = 0; i < 50; i++) {
		seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
		atomic_store(&ring.header->latest, seed & (seed >> 32) & ~63ull);
		atomic_store(&ring.header->end, seed << 7);
		atomic_store(&ring.header->intent, seed & 1 << 20 ? seed >> 9 : 0);
		ring.record->length = (uint32_t)seed;
		ring_wake();
	}
}

/* --- the segment goes away --- */

static void truncated_at_once(int fd)
{
	ring_make_usual();
	announce_usual(fd);
	if (ftruncate(ring.fd, 0) < 0)
		die("ftruncate");
}

static void truncated_later(int fd)
{
	ring_make_usual();
	announce_usual(fd);
}

static void truncated_later_tick(int fd)
{
	(void)fd;
	if (ftruncate(ring.fd, 0) < 0)
		die("ftruncate");
	/* no wake: the thread that waits must find out by itself, at the next record's time */
	atomic_thread_fence(memory_order_seq_cst);
}

/*
 * Records of nearly a quarter of the ring, so that a copy takes a while; 10 to 400 µs after each
 * the segment shrinks to its first page: header and wake word stay, and only the copy faults.
 */
static uint64_t put_long_record(uint64_t position)
{
	const uint32_t len = CAPACITY / RING_RECORD_DIVISOR - (uint32_t)sizeof(struct ring_record);
	const struct ring_record record = {.length = len,
		.kind = RECORD_FRAME,
		.sequence = position / RING_ALIGN + 1,
		.pts_ns = clock_monotonic_ns(),
		.width = 64,
		.height = 48};
	uint8_t *place = ring.map + RING_HEADER_SIZE + (position & (CAPACITY - 1));
	uint64_t end = position + sizeof(record) + len;

	atomic_store(&ring.header->intent, end);
	memcpy(place, &record, sizeof(record));
	memcpy(place + sizeof(record), picture, picture_len);
	atomic_store(&ring.header->end, end);
	atomic_store(&ring.header->latest, position);
	return end;
}

static void truncated_while_read(int fd)
{
	ring_make_usual();
	put_long_record(0);
	announce_usual(fd);
}

static void truncated_while_read_tick(int fd)
{
	static uint64_t turn;
	uint64_t delay_ns = 10000 + turn++ % 40 * 10000;
	(void)fd;

	if (ftruncate(ring.fd, (off_t)ring.map_len) < 0)
		die("ftruncate");
	put_long_record(atomic_load(&ring.header->end));
	ring_wake();
	for (uint64_t end = clock_monotonic_ns() + delay_ns; clock_monotonic_ns() < end;)
		;
	if (ftruncate(ring.fd, 4096) < 0)
		die("ftruncate");
}

/* --- messages --- */

static void message_short(int fd)
{
	send_bytes(fd, "abc", 3, NULL, 0);
}

static void message_empty(int fd)
{
	send_bytes(fd, "", 0, NULL, 0);
}

static void message_long(int fd)
{
	static const uint8_t zeroes[CAPSOCK_MESSAGE_MAX + 1];

	send_bytes(fd, zeroes, sizeof(zeroes), NULL, 0);
}

static void message_length_lies(int fd)
{
	struct packet *packet = state_packet(STATE_LIVE, "words", 5, 0);

	set_length(packet, 1000);
	send_bytes(fd, packet->bytes, packet->len, NULL, 0);
}

static void message_with_more_behind(int fd)
{
	struct packet *packet = state_packet(STATE_LIVE, "words", 5, 0);

	put_u64(packet, 0);
	send_packet(fd, packet);
}

static void message_unknown(int fd)
{
	struct packet *packet = begin(4711);

	put_u64(packet, 0);
	send_packet(fd, packet);
}

static void message_of_the_other_end(int fd)
{
	struct packet *packet = begin(CAPSOCK_HELLO);

	put_u32(packet, CAPSOCK_VERSION);
	put_u32(packet, STREAM_JPEG);
	send_packet(fd, packet);
}

static void stream_without_fd(int fd)
{
	struct packet *packet = begin(CAPSOCK_STREAM);

	put_u64(packet, EPOCH);
	put_u64(packet, CAPACITY);
	send_packet(fd, packet);
}

static void stream_with_many_fds(int fd)
{
	struct packet *packet = begin(CAPSOCK_STREAM);
	int fds[64];

	ring_make_usual();
	for (size_t i = 0; i < 64; i++)
		fds[i] = ring.fd;
	put_u64(packet, EPOCH);
	put_u64(packet, CAPACITY);
	set_length(packet, (uint32_t)(packet->len - HEAD_BYTES));
	send_bytes(fd, packet->bytes, packet->len, fds, 64);
}

static void state_with_fd(int fd)
{
	struct packet *packet = state_packet(STATE_LIVE, "words", 5, 0);

	set_length(packet, (uint32_t)(packet->len - HEAD_BYTES));
	send_bytes(fd, packet->bytes, packet->len, &(int){0}, 1);
}

static void state_picture_too_large(int fd)
{
	struct packet *packet = state_packet(STATE_LIVE, "", 0, CAPSOCK_PICTURE_MAX + 1);

	put(packet, NULL, CAPSOCK_PICTURE_MAX + 1);
	send_packet(fd, packet);
}

static void state_picture_is_missing(int fd)
{
	send_packet(fd, state_packet(STATE_NO_DISPLAY, "words", 5, 60000));
}

/* A browser's decoder is not ours to feed with anything that a daemon makes up. */
static void state_picture_is_no_jpeg(int fd)
{
	static const char svg[] = "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>";
	struct packet *packet = state_packet(STATE_NO_DISPLAY, "words", 5, sizeof(svg));

	put(packet, svg, sizeof(svg));
	send_packet(fd, packet);
}

static void state_unknown(int fd)
{
	send_packet(fd, state_packet(999, "words", 5, 0));
}

static void words_too_long(int fd)
{
	send_packet(fd, state_packet(STATE_LIVE, NULL, CAPSOCK_WORDS_MAX + 1, 0));
}

static void words_length_wraps(int fd)
{
	struct packet *packet = begin(CAPSOCK_STATE);

	put_u32(packet, STATE_LIVE);
	put_u32(packet, UINT32_MAX);
	put_u32(packet, 1);
	put(packet, "words", 5);
	send_packet(fd, packet);
}

static void words_not_utf8(int fd)
{
	send_packet(fd, state_packet(STATE_NO_DISPLAY, "caf\xe9!", 5, 0));
}

static void words_with_control_characters(int fd)
{
	send_packet(fd, state_packet(STATE_NO_DISPLAY, "a\n<6>b", 6, 0));
}

static void words_with_nul(int fd)
{
	send_packet(fd, state_packet(STATE_NO_DISPLAY, "a\0bcd", 5, 0));
}

static void flood_of_states_tick(int fd)
{
	for (int i = 0; i < 500; i++)
		if (!send_packet(fd, state_packet(STATE_STARTING, "again", 5, 0)))
			break;
}

static void flood_of_rings_tick(int fd)
{
	for (int i = 0; i < 50; i++) {
		ring_make_usual();
		if (!announce(fd, ring.fd, EPOCH, CAPACITY))
			break;
	}
}

static void refuses(int fd)
{
	static const char words[] = "Not today";
	struct packet *packet = begin(CAPSOCK_REFUSED);

	put_u32(packet, sizeof(words) - 1);
	put(packet, words, sizeof(words) - 1);
	send_packet(fd, packet);
}

static void says_nothing(int fd)
{
	(void)fd;
}

/* Takes no HELLO either: the connection stays in the backlog of somebody who has hung. */
static void hangs_up(int fd)
{
	shutdown(fd, SHUT_RDWR);
}

/* --- which --- */

struct lie {
	const char *name;
	void (*on_hello)(int fd);
	void (*on_tick)(int fd); /* every millisecond after that; NULL: never */
};

static const struct lie lies[] = {
	{"honest", honest, NULL},
	{"header-magic", header_magic, NULL},
	{"header-version", header_version, NULL},
	{"header-size", header_size, NULL},
	{"header-epoch", header_epoch, NULL},
	{"header-capacity", header_capacity, NULL},
	{"capacity-uneven", capacity_uneven, NULL},
	{"capacity-zero", capacity_zero, NULL},
	{"capacity-huge", capacity_huge, NULL},
	{"segment-short", segment_short, NULL},
	{"fd-is-a-pipe", fd_is_a_pipe, NULL},
	{"fd-is-a-folder", fd_is_a_folder, NULL},
	{"record-over-a-quarter", record_over_a_quarter, NULL},
	{"record-past-the-end", record_past_the_end, NULL},
	{"record-length-wraps", record_length_wraps, NULL},
	{"record-of-unknown-kind", record_of_unknown_kind, NULL},
	{"record-is-no-jpeg", record_is_no_jpeg, NULL},
	{"record-without-size", record_without_size, NULL},
	{"record-is-empty", record_is_empty, NULL},
	{"position-unaligned", position_unaligned, NULL},
	{"position-almost-none", position_almost_none, NULL},
	{"intent-runs-ahead", intent_runs_ahead, NULL},
	{"positions-jump", honest, positions_jump_tick},
	{"truncated-at-once", truncated_at_once, NULL},
	{"truncated-later", truncated_later, truncated_later_tick},
	{"truncated-while-read", truncated_while_read, truncated_while_read_tick},
	{"message-short", message_short, NULL},
	{"message-empty", message_empty, NULL},
	{"message-long", message_long, NULL},
	{"message-length-lies", message_length_lies, NULL},
	{"message-with-more-behind", message_with_more_behind, NULL},
	{"message-unknown", message_unknown, NULL},
	{"message-of-the-other-end", message_of_the_other_end, NULL},
	{"stream-without-fd", stream_without_fd, NULL},
	{"stream-with-many-fds", stream_with_many_fds, NULL},
	{"state-with-fd", state_with_fd, NULL},
	{"state-picture-too-large", state_picture_too_large, NULL},
	{"state-picture-is-missing", state_picture_is_missing, NULL},
	{"state-picture-is-no-jpeg", state_picture_is_no_jpeg, NULL},
	{"state-unknown", state_unknown, NULL},
	{"words-too-long", words_too_long, NULL},
	{"words-length-wraps", words_length_wraps, NULL},
	{"words-not-utf8", words_not_utf8, NULL},
	{"words-with-control-characters", words_with_control_characters, NULL},
	{"words-with-nul", words_with_nul, NULL},
	{"flood-of-states", says_nothing, flood_of_states_tick},
	{"flood-of-rings", says_nothing, flood_of_rings_tick},
	{"refuses", refuses, NULL},
	{"says-nothing", says_nothing, NULL},
	{"hangs-up", hangs_up, NULL},
};
#define LIES_COUNT (sizeof(lies) / sizeof(lies[0]))

static const struct lie *find_lie(const char *name)
{
	for (size_t i = 0; i < LIES_COUNT; i++)
		if (strcmp(lies[i].name, name) == 0)
			return &lies[i];
	fprintf(stderr, "lying_daemon: no such lie: %s\n", name);
	exit(1);
}

/* --- serving --- */

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		die("socket");
	strcpy(address.sun_path, path);
	unlink(path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 16) < 0)
		die(path);
	return fd;
}

static void read_picture(const char *path)
{
	FILE *file = fopen(path, "rb");
	static uint8_t bytes[CAPACITY / RING_RECORD_DIVISOR / 2];

	if (!file)
		die(path);
	picture_len = (uint32_t)fread(bytes, 1, sizeof(bytes), file);
	picture = bytes;
	fclose(file);
}

/* Its wishes are read and forgotten.  False: it is gone. */
static bool read_from_subscriber(int fd, const struct lie *lie, bool *is_greeted)
{
	uint8_t packet[4096];

	if (recv(fd, packet, sizeof(packet), 0) <= 0)
		return false;
	if (!*is_greeted) {
		*is_greeted = true;
		puts("hello");
		lie->on_hello(fd);
	}
	return true;
}

/* A subscriber of presence, whose hello is still to be read? */
static bool is_presence(int fd)
{
	uint32_t hello[4];

	return recv(fd, hello, sizeof(hello), MSG_PEEK) == (ssize_t)sizeof(hello) &&
	       hello[0] == CAPSOCK_HELLO && hello[3] == STREAM_PRESENCE;
}

int main(int argc, char **argv)
{
	const struct lie *lie = &lies[0];
	int listen_fd, fd = -1, presence_fd = -1;
	bool is_greeted = false;
	char line[64];

	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		for (size_t i = 0; i < LIES_COUNT; i++)
			puts(lies[i].name);
		return 0;
	}
	if (argc != 3) {
		fputs("usage: lying_daemon SOCKET PICTURE.jpg | --list\n", stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IONBF, 0); /* poll() must see every line */
	read_picture(argv[2]);
	listen_fd = listen_at(argv[1]);
	puts("ready");
	for (;;) {
		struct pollfd polled[] = {{.fd = 0, .events = POLLIN},
			{.fd = fd < 0 ? listen_fd : fd, .events = POLLIN}};
		bool ticks = fd >= 0 && is_greeted && lie->on_tick;

		if (poll(polled, 2, ticks ? 1 : -1) < 0)
			die("poll");
		if (polled[0].revents) {
			if (!fgets(line, sizeof(line), stdin))
				return 0;
			line[strcspn(line, "\n")] = '\0';
			lie = find_lie(line);
			fd_close(&fd);
			puts("ok");
			continue;
		}
		if (fd < 0 && polled[1].revents) {
			fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
			is_greeted = false;
		} else if (fd >= 0 && polled[1].revents && !is_greeted && is_presence(fd)) {
			fd_close(&presence_fd);
			presence_fd = fd_steal(&fd);
		} else if (fd >= 0 && polled[1].revents) {
			if (!read_from_subscriber(fd, lie, &is_greeted))
				fd_close(&fd);
		} else if (ticks) {
			lie->on_tick(fd);
		}
	}
}
