/* SPDX-License-Identifier: MIT */
/* links: common/capsock.c common/utf8.c common/stream.c */
/*
 * Both ends of the capture socket, on any packet with any number of fds.
 *
 * Byte 0 of the input says who listens and how many fds come along; bytes 1 and 2 say how the
 * packet's head is (as it lies, or with the length made right, so that the fields are reached).
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/capsock.h"

#define FDS_MAX 12u

/* Each fd that is open is one of these, so that a leak is seen. */
static int n_open(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void send_packet(int fd, const uint8_t *bytes, size_t len, size_t n_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
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
		for (size_t i = 0; i < n_fds; i++)
			memcpy(CMSG_DATA(passed) + i * sizeof(int), &fd, sizeof(int));
	}
	if (sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		abort();
}

/* Every byte that a message points to must be there. */
static void touch(const void *bytes, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum ^= ((const uint8_t *)bytes)[i];
	__asm__ volatile("" : : "r"(sum));
}

static void check_message(const struct capsock_message *message)
{
	assert((message->type == CAPSOCK_STREAM) == (message->ring_fd >= 0));
	if (message->type == CAPSOCK_STATE || message->type == CAPSOCK_REFUSED)
		assert(message->words_len <= CAPSOCK_WORDS_MAX);
	if (message->type == CAPSOCK_STATE) {
		assert((unsigned)message->state < STATE_COUNT);
		assert(message->picture_len <= CAPSOCK_PICTURE_MAX);
		touch(message->picture, message->picture_len);
	}
	if (message->type == CAPSOCK_VIEWERS)
		assert(message->words_len <= CAPSOCK_VIEWERS_MAX);
	if (message->words)
		touch(message->words, message->words_len);
	if (message->ring_fd >= 0)
		close(message->ring_fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct capsock_buffer *buffer;
	struct capsock_message message;
	int ends[2], before = n_open();

	if (size < 2 || size > sizeof(struct capsock_buffer) + 64)
		return 0;
	if (!buffer)
		buffer = malloc(sizeof(*buffer)); /* on the heap: ASan sees its end */
	enum capsock_role role = data[0] & 1 ? CAPSOCK_DAEMON : CAPSOCK_SUBSCRIBER;
	size_t n_fds = (data[0] >> 1) % (FDS_MAX + 1), len = size - 2;
	uint8_t *packet = malloc(len + 1);

	memcpy(packet, data + 2, len);
	if (data[1] & 1 && len >= 8) {
		uint32_t rest = (uint32_t)len - 8, type;

		memcpy(packet + 4, &rest, 4);
		memcpy(&type, packet, 4);
		type = type % 3 + (role == CAPSOCK_SUBSCRIBER ? CAPSOCK_STREAM : type % 8);
		memcpy(packet, &type, 4);
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		abort();
	send_packet(ends[0], packet, len, n_fds);
	int r = capsock_receive(ends[1], role, buffer, &message);
	if (r == 0)
		check_message(&message);
	else
		assert(r == -EPROTO || (r == -ECONNRESET && len == 0));
	close(ends[0]);
	close(ends[1]);
	free(packet);
	assert(n_open() == before);
	return 0;
}
