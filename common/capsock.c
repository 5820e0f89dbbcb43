/* SPDX-License-Identifier: MIT */
#include "common/capsock.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/unix_socket.h"
#include "common/utf8.h"

#define HEAD_SIZE  8u  /* u32 type, u32 bytes that follow */
#define FIELDS_MAX 32u /* fixed fields of any message */
#define PASSED_FDS_MAX                                                                             \
	4u /* more than any message may carry, so that a liar's are closed, not leaked */

/* --- the cursor: put, put, … and get, get, end --- */

struct put_cursor {
	uint8_t bytes[HEAD_SIZE + FIELDS_MAX];
	size_t len;
};

static void put(struct put_cursor *cursor, const void *value, size_t len)
{
	memcpy(cursor->bytes + cursor->len, value, len);
	cursor->len += len;
}

static void put_u32(struct put_cursor *cursor, uint32_t value)
{
	put(cursor, &value, sizeof(value));
}

static void put_u64(struct put_cursor *cursor, uint64_t value)
{
	put(cursor, &value, sizeof(value));
}

struct get_cursor {
	const uint8_t *next, *end;
	bool failed; /* sticky: asked once, at the end */
};

static const uint8_t *get(struct get_cursor *cursor, size_t len)
{
	if (cursor->failed || (size_t)(cursor->end - cursor->next) < len) {
		cursor->failed = true;
		return NULL;
	}
	const uint8_t *bytes = cursor->next;
	cursor->next += len;
	return bytes;
}

static uint32_t get_u32(struct get_cursor *cursor)
{
	const uint8_t *bytes = get(cursor, sizeof(uint32_t));
	uint32_t value = 0;

	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return value;
}

static uint64_t get_u64(struct get_cursor *cursor)
{
	const uint8_t *bytes = get(cursor, sizeof(uint64_t));
	uint64_t value = 0;

	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return value;
}

/* 0 or 1: anything else is none. */
static bool get_bool(struct get_cursor *cursor)
{
	uint32_t value = get_u32(cursor);

	cursor->failed |= value > 1;
	return value == 1;
}

static bool get_end(const struct get_cursor *cursor)
{
	return !cursor->failed && cursor->next == cursor->end;
}

/* UTF-8 without control characters, but for the newline where names are listed: it goes into logs,
 * JSON and pictures. */
static bool text_is_clean(const char *text, size_t len, bool newline_allowed)
{
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_character_len(text + i, len - i);
		if (n == 0 || (utf8_is_control(text + i) && !(newline_allowed && text[i] == '\n')))
			return false;
	}
	return true;
}

/* A bounded list: so many lines at most, and none of them empty. */
static bool are_lines(const char *text, size_t len)
{
	size_t n_lines = len > 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\n')
			continue;
		n_lines++;
		if (i == 0 || i + 1 == len || text[i + 1] == '\n')
			return false;
	}
	return n_lines <= CAPSOCK_VIEWERS_LINES;
}

static const char *get_text(struct get_cursor *cursor, size_t len, size_t max, bool newline_allowed)
{
	const char *bytes = len <= max ? (const char *)get(cursor, len) : NULL;

	if (!bytes || !text_is_clean(bytes, len, newline_allowed)) {
		cursor->failed = true;
		return NULL;
	}
	return bytes;
}

/* --- connecting, and who the peer is --- */

int capsock_connect(const char *path)
{
	return unix_socket_connect(path, SOCK_SEQPACKET);
}

static int get_peer(int fd, struct ucred *peer)
{
	socklen_t len = sizeof(*peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &len) < 0 ? -errno : 0;
}

int capsock_peer_uid(int fd, uid_t *uid)
{
	struct ucred peer;
	int r = get_peer(fd, &peer);

	if (r == 0)
		*uid = peer.uid;
	return r;
}

int capsock_peer_pid(int fd, pid_t *pid)
{
	struct ucred peer;
	int r = get_peer(fd, &peer);

	if (r == 0)
		*pid = peer.pid;
	return r;
}

/* --- sending --- */

static bool role_may_send(enum capsock_role role, uint32_t type)
{
	return role == CAPSOCK_DAEMON ? type >= CAPSOCK_STREAM && type <= CAPSOCK_SWITCHED
				      : type >= CAPSOCK_HELLO && type <= CAPSOCK_SWITCH;
}

static int put_message(struct put_cursor *cursor, const struct capsock_message *message)
{
	switch (message->type) {
	case CAPSOCK_HELLO:
		put_u32(cursor, message->version);
		put_u32(cursor, (uint32_t)message->stream);
		return 0;
	case CAPSOCK_KEY_FRAME:
		return 0;
	case CAPSOCK_CATCH_UP:
		put_u64(cursor, message->since_sequence);
		put_u32(cursor, message->exact);
		return 0;
	case CAPSOCK_BITRATE:
	case CAPSOCK_RATE:
		put_u32(cursor, message->value);
		return 0;
	case CAPSOCK_MUTE:
		put_u32(cursor, message->muted);
		return 0;
	case CAPSOCK_SWITCH:
	case CAPSOCK_SWITCHED:
		put_u32(cursor, (uint32_t)message->input);
		put_u32(cursor, message->muted);
		return message->input < AUDIO_INPUT_COUNT ? 0 : -EINVAL;
	case CAPSOCK_DROPPED:
		put_u64(cursor, message->dropped);
		return 0;
	case CAPSOCK_STREAM:
		put_u64(cursor, message->epoch);
		put_u64(cursor, message->capacity);
		return message->ring_fd >= 0 ? 0 : -EINVAL;
	case CAPSOCK_STATE:
		put_u32(cursor, (uint32_t)message->state);
		put_u32(cursor, (uint32_t)message->words_len);
		put_u32(cursor, (uint32_t)message->picture_len);
		return message->words_len <= CAPSOCK_WORDS_MAX &&
				       message->picture_len <= CAPSOCK_PICTURE_MAX
			       ? 0
			       : -EINVAL;
	case CAPSOCK_REFUSED:
		put_u32(cursor, (uint32_t)message->words_len);
		return message->words_len <= CAPSOCK_WORDS_MAX ? 0 : -EINVAL;
	case CAPSOCK_VIEWERS:
		put_u32(cursor, message->sources);
		put_u32(cursor, message->is_paused);
		put_u32(cursor, (uint32_t)message->words_len);
		return message->words_len <= CAPSOCK_VIEWERS_MAX ? 0 : -EINVAL;
	}
	return -EINVAL;
}

int capsock_send(int fd, enum capsock_role role, const struct capsock_message *message)
{
	struct put_cursor cursor = {.len = HEAD_SIZE};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec pieces[3];
	struct msghdr packet = {.msg_iov = pieces, .msg_iovlen = 3};
	size_t words_len = 0, picture_len = 0;
	int r;

	if (!role_may_send(role, message->type))
		return -EINVAL;
	r = put_message(&cursor, message);
	if (r < 0)
		return r;
	if (message->type == CAPSOCK_STATE || message->type == CAPSOCK_REFUSED ||
		message->type == CAPSOCK_VIEWERS)
		words_len = message->words_len;
	if (message->type == CAPSOCK_STATE)
		picture_len = message->picture_len;
	pieces[0] = (struct iovec){cursor.bytes, cursor.len};
	pieces[1] = (struct iovec){(void *)(uintptr_t)message->words, words_len};
	pieces[2] = (struct iovec){(void *)(uintptr_t)message->picture, picture_len};
	uint32_t head[2] = {(uint32_t)message->type,
		(uint32_t)(cursor.len - HEAD_SIZE + words_len + picture_len)};
	memcpy(cursor.bytes, head, HEAD_SIZE);
	if (message->type == CAPSOCK_STREAM) {
		packet.msg_control = control.bytes;
		packet.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *passed = CMSG_FIRSTHDR(&packet);
		passed->cmsg_level = SOL_SOCKET;
		passed->cmsg_type = SCM_RIGHTS;
		passed->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(passed), &message->ring_fd, sizeof(int));
	}
	ssize_t sent;
	do
		sent = sendmsg(fd, &packet, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return 0; /* a packet goes whole or not at all */
	if (errno == EAGAIN || errno == ENOBUFS)
		return -EAGAIN;
	return errno == EPIPE ? -ECONNRESET : -errno;
}

/* --- receiving --- */

static void get_words(struct get_cursor *cursor, struct capsock_message *message)
{
	message->words = get_text(cursor, message->words_len, CAPSOCK_WORDS_MAX, false);
}

static void get_state(struct get_cursor *cursor, struct capsock_message *message)
{
	uint32_t state = get_u32(cursor);

	message->words_len = get_u32(cursor);
	message->picture_len = get_u32(cursor);
	if (state >= STATE_COUNT || message->picture_len > CAPSOCK_PICTURE_MAX) {
		cursor->failed = true;
		return;
	}
	message->state = (enum source_state)state;
	get_words(cursor, message);
	message->picture = get(cursor, message->picture_len);
}

static void get_viewers(struct get_cursor *cursor, struct capsock_message *message)
{
	message->sources = get_u32(cursor);
	cursor->failed |= message->sources >= 1u << SOURCE_COUNT;
	message->is_paused = get_bool(cursor);
	message->words_len = get_u32(cursor);
	message->words = get_text(cursor, message->words_len, CAPSOCK_VIEWERS_MAX, true);
	if (message->words && !are_lines(message->words, message->words_len))
		cursor->failed = true;
}

static void get_message(struct get_cursor *cursor, struct capsock_message *message)
{
	uint32_t value;

	switch (message->type) {
	case CAPSOCK_HELLO:
		message->version = get_u32(cursor);
		value = get_u32(cursor);
		/* A stream of a later version is the daemon's to refuse in words. */
		message->stream = value < STREAM_COUNT ? (enum stream_id)value : STREAM_COUNT;
		break;
	case CAPSOCK_KEY_FRAME:
		break;
	case CAPSOCK_CATCH_UP:
		message->since_sequence = get_u64(cursor);
		message->exact = get_bool(cursor);
		break;
	case CAPSOCK_BITRATE:
	case CAPSOCK_RATE:
		message->value = get_u32(cursor);
		break;
	case CAPSOCK_MUTE:
		message->muted = get_bool(cursor);
		break;
	case CAPSOCK_SWITCH:
	case CAPSOCK_SWITCHED:
		value = get_u32(cursor);
		cursor->failed |= value >= AUDIO_INPUT_COUNT;
		message->input = (enum audio_input)value;
		message->muted = get_bool(cursor);
		break;
	case CAPSOCK_DROPPED:
		message->dropped = get_u64(cursor);
		break;
	case CAPSOCK_STREAM:
		message->epoch = get_u64(cursor);
		message->capacity = get_u64(cursor);
		break;
	case CAPSOCK_STATE:
		get_state(cursor, message);
		break;
	case CAPSOCK_REFUSED:
		message->words_len = get_u32(cursor);
		get_words(cursor, message);
		break;
	case CAPSOCK_VIEWERS:
		get_viewers(cursor, message);
		break;
	default:
		cursor->failed = true;
	}
}

static void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

int capsock_receive(int fd, enum capsock_role role, struct capsock_buffer *buffer,
	struct capsock_message *message)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(PASSED_FDS_MAX * sizeof(int))];
	} control;
	struct iovec piece = {buffer->bytes, sizeof(buffer->bytes)};
	struct msghdr packet = {.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	int fds[PASSED_FDS_MAX];
	size_t n_fds = 0;
	ssize_t len;

	do
		len = recvmsg(fd, &packet, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return errno == EAGAIN ? -EAGAIN : -errno;
	for (struct cmsghdr *passed = CMSG_FIRSTHDR(&packet); passed;
		passed = CMSG_NXTHDR(&packet, passed)) {
		if (passed->cmsg_level != SOL_SOCKET || passed->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (passed->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n && n_fds < PASSED_FDS_MAX; i++)
			memcpy(&fds[n_fds++], CMSG_DATA(passed) + i * sizeof(int), sizeof(int));
	}
	if (len == 0 && n_fds == 0)
		return -ECONNRESET; /* EOF; an empty packet says no more than that */

	uint32_t head[2];
	if (packet.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || (size_t)len < HEAD_SIZE)
		goto lie;
	memcpy(head, buffer->bytes, HEAD_SIZE);
	if (head[1] != (size_t)len - HEAD_SIZE ||
		!role_may_send(
			role == CAPSOCK_DAEMON ? CAPSOCK_SUBSCRIBER : CAPSOCK_DAEMON, head[0]))
		goto lie;
	*message = (struct capsock_message){.type = (enum capsock_type)head[0], .ring_fd = -1};
	struct get_cursor cursor = {.next = buffer->bytes + HEAD_SIZE, .end = buffer->bytes + len};
	get_message(&cursor, message);
	if (!get_end(&cursor) || n_fds != (message->type == CAPSOCK_STREAM ? 1u : 0u))
		goto lie;
	if (n_fds)
		message->ring_fd = fds[0];
	return 0;
lie:
	close_all(fds, n_fds);
	return -EPROTO;
}
