/* SPDX-License-Identifier: MIT */
/*
 * Do the capture daemons start and answer, in the sandbox and as the user that they really have?
 *
 *     HELLO (presence) ──► screen.sock, camera.sock, audio.sock ──► STATE: how each sees its source
 *
 * A subscription to `presence` captures nothing, but starts the daemon where it does not run, and
 * it says at once what keeps it from sharing: nobody is logged in, it is locked, it is not allowed.
 * All were asked when the examination began (facts.h), so that starting has had the time of the
 * checks before this one.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doctor/checks.h"
#include "common/capsock.h"
#include "common/clock.h"
#include "common/fd.h"

#define NAME      "daemons"
#define ANSWER_MS 1800
#define SETTLE_NS (300 * NS_PER_MS) /* "starting" may turn into something else within that */
#define TRIES_MAX 4                 /* of which the first may come to a daemon that just ends */
#define PAUSE_NS  (100 * NS_PER_MS)

struct inquiry {
	int fd;     /* what is listened to: the facts', or own_fd */
	int own_fd; /* of a further try; -1 */
	int result; /* -errno of what went wrong */
	unsigned n_tries;
	uint64_t again_ns; /* when the next one is due; 0: one is under way */
	bool has_state;
	uint64_t since_ns; /* of the state */
	enum source_state state;
	char words[CAPSOCK_WORDS_MAX + 1];
};

/* --- asking --- */

static void take(struct inquiry *inquiry, const struct capsock_message *message)
{
	if (message->type != CAPSOCK_STATE && message->type != CAPSOCK_REFUSED)
		return;
	if (message->type == CAPSOCK_REFUSED)
		inquiry->result = -EPERM;
	inquiry->has_state = message->type == CAPSOCK_STATE;
	inquiry->since_ns = clock_monotonic_ns();
	inquiry->state = message->state;
	memcpy(inquiry->words, message->words, message->words_len);
	inquiry->words[message->words_len] = '\0';
}

static void receive(struct inquiry *inquiry, struct capsock_buffer *buffer)
{
	struct capsock_message message;
	int r;

	while ((r = capsock_receive(inquiry->fd, CAPSOCK_SUBSCRIBER, buffer, &message)) == 0) {
		fd_close(&message.ring_fd);
		take(inquiry, &message);
	}
	if (r != -EAGAIN && inquiry->result == 0)
		inquiry->result = r;
}

/* Hung up on without a word: by systemd, if whoever was to answer was just ending. */
static void consider_again(struct inquiry *inquiry, uint64_t now_ns)
{
	if (inquiry->result != -ECONNRESET || inquiry->has_state || inquiry->n_tries >= TRIES_MAX)
		return;
	inquiry->result = 0;
	inquiry->again_ns = now_ns + PAUSE_NS;
}

static void ask_again(const struct facts *facts, enum source_id source, struct inquiry *inquiry)
{
	fd_close(&inquiry->own_fd);
	inquiry->fd = inquiry->own_fd = facts_subscribe_again(facts, source);
	inquiry->result = 0;
	inquiry->n_tries++;
	if (inquiry->fd < 0) { /* how the last one has ended has closed the socket */
		inquiry->result = -ECONNRESET;
		inquiry->n_tries = TRIES_MAX;
	}
	inquiry->again_ns = 0;
}

/* When there is nothing more to be waited for. */
static uint64_t due_ns(const struct inquiry *inquiry, uint64_t deadline_ns)
{
	if (inquiry->result < 0)
		return 0;
	if (!inquiry->has_state)
		return deadline_ns;
	return inquiry->state == STATE_STARTING ? inquiry->since_ns + SETTLE_NS : 0;
}

static void await_all(
	const struct facts *facts, struct inquiry *inquiries, struct capsock_buffer *buffer)
{
	uint64_t deadline_ns = clock_monotonic_ns() + ANSWER_MS * NS_PER_MS;

	for (;;) {
		struct pollfd readable[SOURCE_COUNT];
		uint64_t now_ns = clock_monotonic_ns(), end_ns = 0, wake_ns = deadline_ns;

		for (size_t i = 0; i < SOURCE_COUNT; i++) {
			struct inquiry *inquiry = &inquiries[i];

			if (inquiry->again_ns != 0 && now_ns >= inquiry->again_ns)
				ask_again(facts, (enum source_id)i, inquiry);
			consider_again(inquiry, now_ns);
			if (inquiry->again_ns != 0 && inquiry->again_ns < wake_ns)
				wake_ns = inquiry->again_ns;

			uint64_t its_ns = due_ns(inquiry, deadline_ns);
			bool is_open = inquiry->result == 0 && inquiry->again_ns == 0;

			end_ns = its_ns > end_ns ? its_ns : end_ns;
			readable[i] =
				(struct pollfd){.fd = is_open ? inquiry->fd : -1, .events = POLLIN};
		}
		if (end_ns > deadline_ns)
			end_ns = deadline_ns;
		if (wake_ns > end_ns)
			wake_ns = end_ns;
		if (now_ns >= end_ns || (poll(readable, SOURCE_COUNT,
						 (int)((wake_ns - now_ns) / NS_PER_MS) + 1) < 0 &&
						errno != EINTR))
			return;
		for (size_t i = 0; i < SOURCE_COUNT; i++)
			if (readable[i].revents)
				receive(&inquiries[i], buffer);
	}
}

/* --- what they say --- */

/* Nobody watches, so a source that has not been looked at yet is as it should be. */
static bool is_well(enum source_state state)
{
	return state == STATE_STARTING || state == STATE_LIVE || state == STATE_MUTED ||
	       state == STATE_NO_DEVICE;
}

static void add_log_remedy(const struct facts *facts, const char *source, struct findings *findings)
{
	if (facts->sharer == FACTS_SERVICE)
		findings_remedy(findings, "See why: journalctl -xe -u screenshare-%s", source);
	else
		findings_remedy(findings, "See %s", facts_log_hint(facts));
}

static const char *how_it_fails(int result)
{
	switch (result) {
	case -ECONNRESET:
		return "it ends at once";
	case -ENOENT:
	case -ECONNREFUSED:
		return "its socket is closed";
	default:
		return strerror(-result);
	}
}

/* True if it added something. */
static bool add_one(const struct facts *facts, enum source_id id, const struct inquiry *inquiry,
	struct findings *findings)
{
	const char *source = source_name(id);
	unsigned start_ms;

	if (inquiry->result == -EACCES)
		return false; /* said once for all */
	if (inquiry->result == -EPERM) {
		findings_add(findings, FINDING_WRONG, NAME, "The %s daemon refuses: %s", source,
			inquiry->words);
	} else if (inquiry->result < 0) {
		findings_add(findings, FINDING_WRONG, NAME, "The %s daemon cannot be started: %s",
			source, how_it_fails(inquiry->result));
	} else if (!inquiry->has_state && facts_is_busy(facts, &start_ms)) {
		findings_add(findings, FINDING_NOTE, NAME,
			"The %s daemon has not answered in time: this computer is busy", source);
		return true;
	} else if (!inquiry->has_state) {
		findings_add(
			findings, FINDING_WRONG, NAME, "The %s daemon does not answer", source);
	} else if (is_well(inquiry->state)) {
		return false;
	} else {
		bool is_choice = inquiry->state == STATE_LOCKED || inquiry->state == STATE_PAUSED;

		findings_add(findings, is_choice ? FINDING_NOTE : FINDING_WRONG, NAME,
			"The %s daemon says: %s", source, inquiry->words);
		if (is_choice)
			return true;
	}
	add_log_remedy(facts, source, findings);
	return true;
}

static void ask_all(
	const struct facts *facts, struct capsock_buffer *buffer, struct findings *findings)
{
	struct inquiry inquiries[SOURCE_COUNT] = {0};
	bool any = false, is_closed = false;

	for (size_t i = 0; i < SOURCE_COUNT; i++) {
		inquiries[i].fd = facts->daemon_fds[i];
		inquiries[i].own_fd = -1;
		inquiries[i].n_tries = 1;
		inquiries[i].result = inquiries[i].fd < 0 ? inquiries[i].fd : 0;
		is_closed |= inquiries[i].result == -EACCES;
	}
	await_all(facts, inquiries, buffer);
	for (size_t i = 0; i < SOURCE_COUNT; i++) {
		any |= add_one(facts, (enum source_id)i, &inquiries[i], findings);
		fd_close(&inquiries[i].own_fd);
	}
	if (is_closed) {
		findings_add(findings, FINDING_NOTE, NAME,
			"Only root may ask the service's capture daemons");
		findings_remedy(findings, "sudo screenshare doctor");
	} else if (!any) {
		findings_add(findings, FINDING_FINE, NAME,
			"The daemons of screen, camera and sound start and answer");
	}
}

void check_daemons(const struct facts *facts, struct findings *findings)
{
	struct capsock_buffer *buffer;

	if (!facts->is_running) {
		findings_add(findings, FINDING_NOTE, NAME,
			"Whether the capture daemons start can be told while it runs");
		return;
	}
	buffer = malloc(sizeof(*buffer));
	if (buffer)
		ask_all(facts, buffer, findings);
	free(buffer);
}
