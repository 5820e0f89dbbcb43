/* SPDX-License-Identifier: MIT */
/* links: common/capsock.c common/utf8.c */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/capsock.h"
#include "common/fd.h"

struct pair {
	int daemon, subscriber;
	struct capsock_buffer buffer;
};

static int set_up(void **state)
{
	struct pair *pair = malloc(sizeof(*pair));
	int fds[2];

	if (!pair || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -1;
	pair->daemon = fds[0];
	pair->subscriber = fds[1];
	*state = pair;
	return 0;
}

static int tear_down(void **state)
{
	struct pair *pair = *state;

	fd_close(&pair->daemon);
	fd_close(&pair->subscriber);
	free(pair);
	return 0;
}

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void subscribers_messages_arrive_as_sent(void **state)
{
	struct pair *pair = *state;
	struct capsock_message got;
	const struct capsock_message sent[] = {
		{.type = CAPSOCK_HELLO, .version = 1, .stream = STREAM_DELTA},
		{.type = CAPSOCK_KEY_FRAME},
		{.type = CAPSOCK_CATCH_UP, .since_sequence = 1ull << 40, .exact = true},
		{.type = CAPSOCK_BITRATE, .value = 4000000}, {.type = CAPSOCK_RATE, .value = 30000},
		{.type = CAPSOCK_MUTE, .muted = true},
		{.type = CAPSOCK_VIEWERS,
			.sources = 1u << SOURCE_SCREEN | 1u << SOURCE_AUDIO,
			.is_paused = true,
			.words = "Wohnzimmer\n客厅",
			.words_len = 17},
		{.type = CAPSOCK_VIEWERS}, /* nobody */
	};

	for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
		assert_int_equal(capsock_send(pair->subscriber, CAPSOCK_SUBSCRIBER, &sent[i]), 0);
		assert_int_equal(
			capsock_receive(pair->daemon, CAPSOCK_DAEMON, &pair->buffer, &got), 0);
		assert_int_equal(got.type, sent[i].type);
		assert_int_equal(got.version, sent[i].version);
		assert_int_equal(got.stream, sent[i].stream);
		assert_true(got.since_sequence == sent[i].since_sequence);
		assert_int_equal(got.exact, sent[i].exact);
		assert_int_equal(got.value, sent[i].value);
		assert_int_equal(got.muted, sent[i].muted);
		assert_int_equal(got.sources, sent[i].sources);
		assert_int_equal(got.is_paused, sent[i].is_paused);
		assert_int_equal(got.words_len, sent[i].words_len);
		if (got.words_len)
			assert_memory_equal(got.words, sent[i].words, got.words_len);
		assert_int_equal(got.ring_fd, -1);
	}
	assert_int_equal(
		capsock_receive(pair->daemon, CAPSOCK_DAEMON, &pair->buffer, &got), -EAGAIN);
}

static void ring_and_state_arrive_as_sent(void **state)
{
	struct pair *pair = *state;
	struct capsock_message got;
	uint8_t *picture = malloc(CAPSOCK_PICTURE_MAX);
	int fd = memfd_create("ring", MFD_CLOEXEC), fds_before = count_fds();

	memset(picture, 0xa5, CAPSOCK_PICTURE_MAX);
	const struct capsock_message stream = {.type = CAPSOCK_STREAM,
		.epoch = 0x123456789abcdefull,
		.capacity = 8u << 20,
		.ring_fd = fd};
	assert_int_equal(capsock_send(pair->daemon, CAPSOCK_DAEMON, &stream), 0);
	assert_int_equal(
		capsock_receive(pair->subscriber, CAPSOCK_SUBSCRIBER, &pair->buffer, &got), 0);
	assert_true(got.epoch == stream.epoch && got.capacity == stream.capacity);
	assert_true(got.ring_fd >= 0 && got.ring_fd != fd);
	assert_true(fcntl(got.ring_fd, F_GETFD) & FD_CLOEXEC);
	fd_close(&got.ring_fd);

	const struct capsock_message message = {.type = CAPSOCK_STATE,
		.state = STATE_NO_DISPLAY,
		.words = "No display",
		.words_len = 10,
		.picture = picture,
		.picture_len = CAPSOCK_PICTURE_MAX};
	assert_int_equal(capsock_send(pair->daemon, CAPSOCK_DAEMON, &message), 0);
	assert_int_equal(
		capsock_receive(pair->subscriber, CAPSOCK_SUBSCRIBER, &pair->buffer, &got), 0);
	assert_int_equal(got.state, STATE_NO_DISPLAY);
	assert_memory_equal(got.words, "No display", 10);
	assert_int_equal(got.picture_len, CAPSOCK_PICTURE_MAX);
	assert_memory_equal(got.picture, picture, CAPSOCK_PICTURE_MAX);
	assert_int_equal(count_fds(), fds_before);
	close(fd);
	free(picture);
}

static void limits_are_refused_before_they_are_sent(void **state)
{
	struct pair *pair = *state;
	const struct capsock_message no_ring = {.type = CAPSOCK_STREAM, .ring_fd = -1},
				     words = {.type = CAPSOCK_REFUSED,
					     .words = "x",
					     .words_len = CAPSOCK_WORDS_MAX + 1},
				     picture = {.type = CAPSOCK_STATE,
					     .picture_len = CAPSOCK_PICTURE_MAX + 1},
				     direction = {.type = CAPSOCK_HELLO};

	assert_int_equal(capsock_send(pair->daemon, CAPSOCK_DAEMON, &no_ring), -EINVAL);
	assert_int_equal(capsock_send(pair->daemon, CAPSOCK_DAEMON, &words), -EINVAL);
	assert_int_equal(capsock_send(pair->daemon, CAPSOCK_DAEMON, &picture), -EINVAL);
	assert_int_equal(capsock_send(pair->daemon, CAPSOCK_DAEMON, &direction), -EINVAL);
}

/* --- raw packets, as a liar sends them --- */

static int receive_raw(
	struct pair *pair, const void *bytes, size_t len, const int *fds, size_t n_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control = {0};
	struct iovec piece = {(void *)(uintptr_t)bytes, len};
	struct msghdr packet = {.msg_iov = &piece, .msg_iovlen = 1};
	struct capsock_message got;

	if (n_fds) {
		packet.msg_control = control.bytes;
		packet.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		struct cmsghdr *passed = CMSG_FIRSTHDR(&packet);
		passed->cmsg_level = SOL_SOCKET;
		passed->cmsg_type = SCM_RIGHTS;
		passed->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(passed), fds, n_fds * sizeof(int));
	}
	assert_int_equal(sendmsg(pair->daemon, &packet, 0), (ssize_t)len);
	return capsock_receive(pair->subscriber, CAPSOCK_SUBSCRIBER, &pair->buffer, &got);
}

static void lies_are_refused_and_leak_nothing(void **state)
{
	struct pair *pair = *state;
	int fd = memfd_create("ring", MFD_CLOEXEC), fds[8], before = count_fds();
	uint32_t w[80] = {0};

	for (size_t i = 0; i < 8; i++)
		fds[i] = fd;
	w[0] = CAPSOCK_STATE;
	assert_int_equal(receive_raw(pair, w, 4, NULL, 0), -EPROTO); /* no whole head */
	assert_int_equal(receive_raw(pair, w, 8, NULL, 0), -EPROTO); /* no fields */
	w[1] = 12;
	assert_int_equal(receive_raw(pair, w, 20, NULL, 0), 0);       /* the honest one */
	assert_int_equal(receive_raw(pair, w, 24, NULL, 0), -EPROTO); /* too long */
	assert_int_equal(receive_raw(pair, w, 20, fds, 1), -EPROTO);  /* a fd too many */
	w[2] = STATE_COUNT;
	assert_int_equal(receive_raw(pair, w, 20, NULL, 0), -EPROTO);
	w[2] = STATE_LIVE;
	w[3] = UINT32_MAX; /* words_len */
	assert_int_equal(receive_raw(pair, w, 20, NULL, 0), -EPROTO);
	w[3] = 4;
	w[1] = 16;
	memcpy(&w[5], "\xc0\xaf..", 4); /* an overlong slash */
	assert_int_equal(receive_raw(pair, w, 24, NULL, 0), -EPROTO);
	memcpy(&w[5], "\x1b[2J", 4); /* a terminal's escape */
	assert_int_equal(receive_raw(pair, w, 24, NULL, 0), -EPROTO);
	w[3] = 0;
	w[4] = CAPSOCK_PICTURE_MAX + 1;
	assert_int_equal(receive_raw(pair, w, 24, NULL, 0), -EPROTO);
	w[0] = 0xffff;
	assert_int_equal(receive_raw(pair, w, 24, NULL, 0), -EPROTO);
	w[0] = CAPSOCK_HELLO; /* the wrong direction */
	assert_int_equal(receive_raw(pair, w, 16, NULL, 0), -EPROTO);

	memset(w, 0, sizeof(w));
	w[0] = CAPSOCK_STREAM;
	w[1] = 16;
	assert_int_equal(receive_raw(pair, w, 24, NULL, 0), -EPROTO); /* no ring */
	assert_int_equal(receive_raw(pair, w, 24, fds, 2), -EPROTO);
	assert_int_equal(receive_raw(pair, w, 24, fds, 8), -EPROTO);
	assert_int_equal(count_fds(), before);
	close(fd);
}

/* Sends the lines as they are, and what the daemon makes of them. */
static int receive_lines(struct pair *pair, const char *lines)
{
	struct capsock_message got;
	const struct capsock_message message = {
		.type = CAPSOCK_VIEWERS, .words = lines, .words_len = strlen(lines)};

	assert_int_equal(capsock_send(pair->subscriber, CAPSOCK_SUBSCRIBER, &message), 0);
	return capsock_receive(pair->daemon, CAPSOCK_DAEMON, &pair->buffer, &got);
}

static void viewers_are_so_many_lines_and_none_is_empty(void **state)
{
	struct pair *pair = *state;
	char lines[2 * CAPSOCK_VIEWERS_LINES + 2] = "";
	uint32_t w[5] = {CAPSOCK_VIEWERS, 12, 1u << SOURCE_COUNT};
	struct capsock_message got;

	for (size_t i = 0; i < CAPSOCK_VIEWERS_LINES; i++)
		strcat(lines, i > 0 ? "\na" : "a");
	assert_int_equal(receive_lines(pair, lines), 0);
	strcat(lines, "\na");
	assert_int_equal(receive_lines(pair, lines), -EPROTO);
	assert_int_equal(receive_lines(pair, "\na"), -EPROTO);
	assert_int_equal(receive_lines(pair, "a\n"), -EPROTO);
	assert_int_equal(receive_lines(pair, "a\n\nb"), -EPROTO);
	assert_int_equal(receive_lines(pair, "a\tb"), -EPROTO);
	/* A source that there is not; neither paused nor not */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(send(pair->subscriber, w, sizeof(w), 0), sizeof(w));
		assert_int_equal(capsock_receive(pair->daemon, CAPSOCK_DAEMON, &pair->buffer, &got),
			-EPROTO);
		w[2] = 0;
		w[3] = 2;
	}
}

static void end_of_file_is_a_reset(void **state)
{
	struct pair *pair = *state;
	struct capsock_message got;

	fd_close(&pair->daemon);
	assert_int_equal(capsock_receive(pair->subscriber, CAPSOCK_SUBSCRIBER, &pair->buffer, &got),
		-ECONNRESET);
	assert_int_equal(capsock_send(pair->subscriber, CAPSOCK_SUBSCRIBER,
				 &(struct capsock_message){.type = CAPSOCK_KEY_FRAME}),
		-ECONNRESET);
}

static void nobody_listening_is_an_error(void **state)
{
	char path[300];
	(void)state;

	assert_int_equal(capsock_connect("/nonexistent/screen.sock"), -ENOENT);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(capsock_connect(path), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			subscribers_messages_arrive_as_sent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ring_and_state_arrive_as_sent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			limits_are_refused_before_they_are_sent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			lies_are_refused_and_leak_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			viewers_are_so_many_lines_and_none_is_empty, set_up, tear_down),
		cmocka_unit_test_setup_teardown(end_of_file_is_a_reset, set_up, tear_down),
		cmocka_unit_test(nobody_listening_is_an_error),
	};
	return cmocka_run_group_tests_name("capsock", tests, NULL, NULL);
}
