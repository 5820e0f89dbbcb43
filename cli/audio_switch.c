/* SPDX-License-Identifier: MIT */
#include "cli/audio_switch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/fd.h"

#define TRIES_MAX      5
#define FIRST_PAUSE_MS 20 /* doubled with each try */

static int wait_readable(int fd, uint64_t deadline_ns)
{
	for (;;) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		uint64_t now_ns = clock_monotonic_ns();
		int n;

		if (now_ns >= deadline_ns)
			return -ETIMEDOUT;
		n = poll(&poll_fd, 1, (int)((deadline_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

/* One question, and the answer to it. */
struct exchange {
	int fd;
	enum audio_input input;
	bool muted, is_asked;
	char *words;
};

static int send_hello(int fd)
{
	const struct capsock_message hello = {.type = CAPSOCK_HELLO,
		.version = CAPSOCK_VERSION,
		.stream = STREAM_PRESENCE,
		.ring_fd = -1};

	return capsock_send(fd, CAPSOCK_SUBSCRIBER, &hello);
}

static int send_switch(struct exchange *exchange)
{
	const struct capsock_message message = {.type = CAPSOCK_SWITCH,
		.input = exchange->input,
		.muted = exchange->muted,
		.ring_fd = -1};

	exchange->is_asked = true;
	return capsock_send(exchange->fd, CAPSOCK_SUBSCRIBER, &message);
}

/* 1: go on; else what came of it. */
static int take(struct exchange *exchange, const struct capsock_message *message)
{
	int r;

	switch (message->type) {
	case CAPSOCK_SWITCHED:
		return exchange->is_asked && message->input == exchange->input &&
				       message->muted == exchange->muted
			       ? 0
			       : -EPROTO;
	case CAPSOCK_REFUSED:
		memcpy(exchange->words, message->words, message->words_len);
		exchange->words[message->words_len] = '\0';
		return -EPERM;
	case CAPSOCK_STATE:
		/* The answer to our hello.  Not asked before: a daemon that closes a socket with
		 * something unread in it takes back what it has said (ECONNRESET). */
		r = exchange->is_asked ? 0 : send_switch(exchange);
		return r < 0 ? r : 1;
	default:
		return 1;
	}
}

static int receive_answer(
	struct exchange *exchange, uint64_t deadline_ns, struct capsock_buffer *buffer)
{
	struct capsock_message message;
	int r;

	do {
		r = capsock_receive(exchange->fd, CAPSOCK_SUBSCRIBER, buffer, &message);
		if (r == 0) {
			fd_close(&message.ring_fd);
			r = take(exchange, &message);
		} else if (r == -EAGAIN) {
			r = wait_readable(exchange->fd, deadline_ns);
			r = r < 0 ? r : 1;
		}
	} while (r == 1 && clock_monotonic_ns() < deadline_ns);
	return r == 1 ? -ETIMEDOUT : r;
}

/* One try; -EAGAIN: whoever it came to was just ending, and has not heard of it. */
static int try_switch(const char *path, struct exchange *exchange, uint64_t deadline_ns,
	struct capsock_buffer *buffer)
{
	int r;

	exchange->fd = r = capsock_connect(path);
	if (r >= 0)
		r = send_hello(exchange->fd);
	/* Whoever is refused before the first word has been told why all the same. */
	if (r == -ECONNRESET)
		r = 0;
	if (r == 0)
		r = receive_answer(exchange, deadline_ns, buffer);
	fd_close(&exchange->fd);
	return r == -ECONNRESET && !exchange->is_asked ? -EAGAIN : r;
}

int audio_switch(const char *path, enum audio_input input, bool muted, int timeout_ms, char *words)
{
	uint64_t deadline_ns = clock_monotonic_ns() + NS_PER_MS * (unsigned)timeout_ms;
	struct capsock_buffer *buffer = malloc(sizeof(*buffer));
	struct exchange exchange = {.input = input, .muted = muted, .words = words};
	int r;

	if (!buffer)
		return -ENOMEM;
	r = try_switch(path, &exchange, deadline_ns, buffer);
	for (int i = 1; r == -EAGAIN && i < TRIES_MAX; i++) {
		poll(NULL, 0, FIRST_PAUSE_MS << (i - 1));
		r = try_switch(path, &exchange, deadline_ns, buffer);
	}
	free(buffer);
	return r == -EAGAIN ? -ECONNRESET : r;
}
