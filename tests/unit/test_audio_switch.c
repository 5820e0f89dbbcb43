/* links: cli/audio_switch.c common/capsock.c common/utf8.c */
/* SPDX-License-Identifier: MIT */
/* A thread is the audio daemon: it does what each test's script says. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/audio_switch.h"

#define TIMEOUT_MS   5000
#define HANG_UPS_MAX 1000

static char folder[] = "/tmp/screenshare-switch-XXXXXX";
static char path[sizeof(folder) + sizeof("/audio.sock")];

enum script {
	OBEYS,
	SAYS_STATES_FIRST,
	REFUSES,
	REFUSES_HELLO,
	HANGS_UP,
	IS_ENDING,
	IS_SILENT,
	LIES,
	BABBLES
};

struct daemon {
	enum script script;
	int listen_fd, fd;
	pthread_t thread;
	bool has_switched, microphone_muted;
};

static void send_words(int fd, enum capsock_type type, const char *words)
{
	const struct capsock_message message = {.type = type,
		.state = STATE_MUTED,
		.words = words,
		.words_len = strlen(words),
		.ring_fd = -1};

	assert_int_equal(capsock_send(fd, CAPSOCK_DAEMON, &message), 0);
}

static void send_switched(int fd, enum audio_input input, bool muted)
{
	const struct capsock_message message = {
		.type = CAPSOCK_SWITCHED, .input = input, .muted = muted, .ring_fd = -1};

	assert_int_equal(capsock_send(fd, CAPSOCK_DAEMON, &message), 0);
}

static void receive(int fd, struct capsock_message *message)
{
	static struct capsock_buffer buffer;
	int r;

	do {
		assert_int_equal(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1), 1);
		r = capsock_receive(fd, CAPSOCK_DAEMON, &buffer, message);
	} while (r == -EAGAIN);
	assert_int_equal(r, 0);
}

/* A ring that nobody has asked for; its fd must not stay with whoever gets it. */
static void send_ring(int fd)
{
	int ring_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const struct capsock_message message = {
		.type = CAPSOCK_STREAM, .epoch = 1, .capacity = 4096, .ring_fd = ring_fd};

	assert_int_equal(capsock_send(fd, CAPSOCK_DAEMON, &message), 0);
	close(ring_fd);
}

static void answer(struct daemon *daemon, const struct capsock_message *question)
{
	switch (daemon->script) {
	case SAYS_STATES_FIRST:
		for (int i = 0; i < 40; i++)
			send_words(daemon->fd, CAPSOCK_STATE, "The sound is muted");
		send_ring(daemon->fd);
		/* fall through */
	case OBEYS:
	case IS_ENDING:
		daemon->has_switched = true;
		daemon->microphone_muted = question->muted;
		send_switched(daemon->fd, question->input, question->muted);
		break;
	case REFUSES:
		send_words(daemon->fd, CAPSOCK_REFUSED, "it could not be remembered");
		break;
	case LIES:
		send_switched(daemon->fd, question->input, !question->muted);
		break;
	case BABBLES:
		send(daemon->fd, "\x44\0\0\0\1\0\0\0x", 9, 0);
		break;
	default:
		break;
	}
}

/* As systemd does with whoever came while a daemon was ending; until nobody comes any more. */
static void hang_up(int listen_fd, int times)
{
	for (int i = 0; i < times; i++) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return; /* the socket is shut down */
		close(fd);
	}
}

static void *serve(void *arg)
{
	struct daemon *daemon = arg;
	struct capsock_message message;

	if (daemon->script == HANGS_UP || daemon->script == IS_ENDING)
		hang_up(daemon->listen_fd, daemon->script == IS_ENDING ? 2 : HANG_UPS_MAX);
	if (daemon->script == HANGS_UP)
		return NULL;
	daemon->fd = accept4(daemon->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (daemon->fd < 0)
		return NULL; /* nobody comes any more */
	receive(daemon->fd, &message);
	assert_int_equal(message.type, CAPSOCK_HELLO);
	assert_int_equal(message.version, CAPSOCK_VERSION);
	assert_int_equal(message.stream, STREAM_PRESENCE);
	if (daemon->script == REFUSES_HELLO) {
		send_words(daemon->fd, CAPSOCK_REFUSED, "it speaks another version");
		close(daemon->fd);
		return NULL;
	}
	send_words(daemon->fd, CAPSOCK_STATE, "The sound is muted");
	receive(daemon->fd, &message);
	assert_int_equal(message.type, CAPSOCK_SWITCH);
	assert_int_equal(message.input, AUDIO_MICROPHONE);
	answer(daemon, &message);
	/* until the other side has gone */
	poll(&(struct pollfd){.fd = daemon->fd, .events = POLLIN}, 1, -1);
	close(daemon->fd);
	return NULL;
}

static void listen_at(struct daemon *daemon, enum script script)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	*daemon = (struct daemon){.script = script};
	strcpy(address.sun_path, path);
	unlink(path);
	daemon->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(daemon->listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(daemon->listen_fd, 4), 0);
}

/* Asks a daemon of that script; what came of it, with the daemon ended. */
static int ask(enum script script, bool muted, int timeout_ms, char *words, struct daemon *daemon)
{
	int r;

	listen_at(daemon, script);
	assert_int_equal(pthread_create(&daemon->thread, NULL, serve, daemon), 0);
	r = audio_switch(path, AUDIO_MICROPHONE, muted, timeout_ms, words);
	shutdown(daemon->listen_fd, SHUT_RDWR);
	assert_int_equal(pthread_join(daemon->thread, NULL), 0);
	close(daemon->listen_fd);
	return r;
}

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void the_daemon_mutes_and_unmutes(void **state)
{
	char words[AUDIO_SWITCH_WORDS_SIZE];
	struct daemon daemon;
	(void)state;

	assert_int_equal(ask(OBEYS, true, TIMEOUT_MS, words, &daemon), 0);
	assert_true(daemon.has_switched && daemon.microphone_muted);
	assert_int_equal(ask(OBEYS, false, TIMEOUT_MS, words, &daemon), 0);
	assert_true(daemon.has_switched && !daemon.microphone_muted);
}

static void a_daemon_that_was_just_ending_is_asked_again(void **state)
{
	char words[AUDIO_SWITCH_WORDS_SIZE];
	struct daemon daemon;
	(void)state;

	assert_int_equal(ask(IS_ENDING, true, TIMEOUT_MS, words, &daemon), 0);
	assert_true(daemon.has_switched && daemon.microphone_muted);
}

static void states_and_rings_before_the_answer_are_passed_over(void **state)
{
	char words[AUDIO_SWITCH_WORDS_SIZE];
	struct daemon daemon;
	int before = count_fds();
	(void)state;

	assert_int_equal(ask(SAYS_STATES_FIRST, true, TIMEOUT_MS, words, &daemon), 0);
	assert_true(daemon.has_switched);
	assert_int_equal(count_fds(), before);
}

static void a_refusal_is_told_in_the_daemons_words(void **state)
{
	char words[AUDIO_SWITCH_WORDS_SIZE];
	struct daemon daemon;
	(void)state;

	assert_int_equal(ask(REFUSES, true, TIMEOUT_MS, words, &daemon), -EPERM);
	assert_string_equal(words, "it could not be remembered");
	assert_int_equal(ask(REFUSES_HELLO, true, TIMEOUT_MS, words, &daemon), -EPERM);
	assert_string_equal(words, "it speaks another version");
}

#define ROUNDS 200

/* Who comes is one whom it does not serve. */
static void *refuse_all(void *arg)
{
	struct daemon *daemon = arg;

	for (int i = 0; i < ROUNDS; i++) {
		int fd = accept4(daemon->listen_fd, NULL, NULL, SOCK_CLOEXEC);

		shutdown(fd, SHUT_RD);
		while (recv(fd, (char[1]){0}, 1, MSG_DONTWAIT) > 0)
			;
		send_words(fd, CAPSOCK_REFUSED, "only others may");
		close(fd);
	}
	return NULL;
}

/* Our hello comes before that, or finds nobody any more. */
static void a_refusal_before_the_first_word_is_told_too(void **state)
{
	char words[AUDIO_SWITCH_WORDS_SIZE];
	struct daemon daemon;
	(void)state;

	listen_at(&daemon, REFUSES);
	assert_int_equal(pthread_create(&daemon.thread, NULL, refuse_all, &daemon), 0);
	for (int i = 0; i < ROUNDS; i++) {
		assert_int_equal(
			audio_switch(path, AUDIO_MICROPHONE, true, TIMEOUT_MS, words), -EPERM);
		assert_string_equal(words, "only others may");
	}
	assert_int_equal(pthread_join(daemon.thread, NULL), 0);
	close(daemon.listen_fd);
}

static void a_daemon_that_ends_or_makes_no_sense_has_not_switched(void **state)
{
	char words[AUDIO_SWITCH_WORDS_SIZE];
	struct daemon daemon;
	(void)state;

	assert_int_equal(ask(HANGS_UP, true, TIMEOUT_MS, words, &daemon), -ECONNRESET);
	assert_int_equal(ask(LIES, true, TIMEOUT_MS, words, &daemon), -EPROTO);
	assert_int_equal(ask(BABBLES, true, TIMEOUT_MS, words, &daemon), -EPROTO);
}

static void a_daemon_that_is_silent_is_waited_for_no_longer_than_said(void **state)
{
	char words[AUDIO_SWITCH_WORDS_SIZE];
	struct daemon daemon;
	(void)state;

	assert_int_equal(ask(IS_SILENT, true, 50, words, &daemon), -ETIMEDOUT);
	/* Nor is one that nobody has started yet. */
	listen_at(&daemon, IS_SILENT);
	assert_int_equal(audio_switch(path, AUDIO_DESKTOP, true, 50, words), -ETIMEDOUT);
	close(daemon.listen_fd);
}

static void nobody_there_is_told_from_not_allowed(void **state)
{
	char words[AUDIO_SWITCH_WORDS_SIZE];
	struct daemon daemon;
	(void)state;

	unlink(path);
	assert_int_equal(audio_switch(path, AUDIO_DESKTOP, true, 50, words), -ENOENT);
	listen_at(&daemon, OBEYS);
	close(daemon.listen_fd);
	assert_int_equal(audio_switch(path, AUDIO_DESKTOP, true, 50, words), -ECONNREFUSED);
	if (geteuid() == 0)
		return; /* root passes any mode */
	listen_at(&daemon, OBEYS);
	assert_int_equal(chmod(path, 0), 0);
	assert_int_equal(audio_switch(path, AUDIO_DESKTOP, true, 50, words), -EACCES);
	close(daemon.listen_fd);
}

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/audio.sock", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_daemon_mutes_and_unmutes),
		cmocka_unit_test(a_daemon_that_was_just_ending_is_asked_again),
		cmocka_unit_test(states_and_rings_before_the_answer_are_passed_over),
		cmocka_unit_test(a_refusal_is_told_in_the_daemons_words),
		cmocka_unit_test(a_refusal_before_the_first_word_is_told_too),
		cmocka_unit_test(a_daemon_that_ends_or_makes_no_sense_has_not_switched),
		cmocka_unit_test(a_daemon_that_is_silent_is_waited_for_no_longer_than_said),
		cmocka_unit_test(nobody_there_is_told_from_not_allowed),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
