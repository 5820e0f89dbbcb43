/* SPDX-License-Identifier: MIT */
/*
 * The capture socket: how httpd (the subscriber) and a capture daemon speak.
 *
 *     httpd ── HELLO, wishes ──►  AF_UNIX SOCK_SEQPACKET  ◄── STREAM + ring fd, STATE, REFUSED ──
 * daemon
 *
 * While the connection is open the stream is wanted; EOF either way is the end of it.  A message is
 * one packet: a head of 8 bytes, then fields in host byte order (both ends are the same machine),
 * read with a cursor: get, get, end.  Too short and too long are both refused, here and nowhere
 * else.
 *
 *   first      HELLO          httpd → daemon, once: version, stream
 *   then       STREAM + fd    daemon → httpd, any number of times: a new ring (fd and epoch)
 *              STATE          daemon → httpd, at once after HELLO and whenever it changes
 *              REFUSED        daemon → httpd, then EOF: why (words)
 *              DROPPED        daemon → httpd: how much the source has lost, when that changes
 *              wishes         httpd → daemon: KEY_FRAME, CATCH_UP, BITRATE, RATE, MUTE, VIEWERS
 *              SWITCH         presenter → daemon: mute or unmute an input for good, answered by
 *              SWITCHED       daemon → presenter, or by REFUSED
 *
 * Wishes hold per connection: the daemon takes the highest rate and the lowest bit rate of those
 * open, and is mute while any of them wishes it; MUTE with no only takes back one's own wish.  An
 * input is unmuted by SWITCH alone, which the command sends without httpd, and the daemon takes
 * from root and its own user only: a broken httpd of another user cannot open a microphone.  An
 * unknown message, or one in the wrong direction, is refused: the connection is closed.
 *
 * Neither side trusts the other.  No function here blocks (sockets are non-blocking), none logs.
 * Errors: -EAGAIN nothing there / no room; -ECONNRESET the peer is gone; -EPROTO the message lies.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/stream.h"

#define CAPSOCK_VERSION       1u
#define CAPSOCK_WORDS_MAX     256u          /* bytes of a state's words, without a NUL */
#define CAPSOCK_PICTURE_MAX   (64u * 1024u) /* bytes of a state's JPEG */
#define CAPSOCK_VIEWERS_MAX   2048u         /* bytes of the viewers' lines */
#define CAPSOCK_VIEWERS_LINES 16u           /* of which there are so many at most */
#define CAPSOCK_MESSAGE_MAX   (8u + 16u + CAPSOCK_WORDS_MAX + CAPSOCK_PICTURE_MAX)

enum capsock_type {
	CAPSOCK_HELLO = 1,
	CAPSOCK_KEY_FRAME = 2,
	CAPSOCK_CATCH_UP = 3,
	CAPSOCK_BITRATE = 4,
	CAPSOCK_RATE = 5,
	CAPSOCK_MUTE = 6,
	CAPSOCK_VIEWERS = 7,
	CAPSOCK_SWITCH = 8,
	CAPSOCK_STREAM = 64,
	CAPSOCK_STATE = 65,
	CAPSOCK_REFUSED = 66,
	CAPSOCK_DROPPED = 67,
	CAPSOCK_SWITCHED = 68,
};

/*
 * One message, decoded.  Which fields count depends on `type`; text and picture point into the
 * receive buffer given to capsock_receive() and are valid until its next use.  `words` is not
 * NUL-terminated; it is valid UTF-8 without control characters, or the message was refused.
 */
struct capsock_message {
	enum capsock_type type;
	/* HELLO */
	uint32_t version;
	enum stream_id stream;
	/* CATCH_UP */
	uint64_t since_sequence; /* 0: the viewer holds nothing */
	/* The next piece of what earlier catch-ups have left inexact; since 0: of everything. */
	bool exact;
	/* BITRATE (bits a second), RATE (frames per 1000 s; 30 fps = 30000) */
	uint32_t value;
	/* MUTE */
	bool muted; /* SWITCH, SWITCHED too */
	/* SWITCH, SWITCHED */
	enum audio_input input;
	/* DROPPED: records that were lost or refused at the source, since the daemon's start */
	uint64_t dropped;
	/* STREAM */
	uint64_t epoch, capacity;
	int ring_fd; /* -1, or owned by whoever received it; capsock_send() only borrows it */
	/* VIEWERS: which sources they watch, bits 1 << enum source_id; whether all is paused, so
	 * that they see nothing.  `words`: a line for each of them, without one at the end; empty:
	 * nobody
	 */
	unsigned sources;
	bool is_paused;
	/* STATE, REFUSED, VIEWERS */
	enum source_state state;
	const char *words;
	size_t words_len;
	const uint8_t *picture;
	size_t picture_len;
};

/* Room for one packet; about 64 KiB, so allocate it once, not on a stack. */
struct capsock_buffer {
	uint8_t bytes[CAPSOCK_MESSAGE_MAX];
};

/* Which of the two ends may send a message. */
enum capsock_role { CAPSOCK_SUBSCRIBER, CAPSOCK_DAEMON };

/*
 * Connects to the daemon's socket at `path`: a new non-blocking, close-on-exec fd, or -errno
 * (-ENOENT, -ECONNREFUSED: no such daemon; -EAGAIN: its backlog is full).
 */
int capsock_connect(const char *path);

/* Sends one message as `role`.  0, or -EAGAIN, -ECONNRESET; -EINVAL: longer than the limits above.
 */
int capsock_send(int fd, enum capsock_role role, const struct capsock_message *message);

/*
 * Receives one message that the peer, being the other role than `role`, may send.  0, -EAGAIN,
 * -ECONNRESET (EOF too), -EPROTO.  On success the caller owns message->ring_fd if it is not -1; on
 * failure every passed fd has been closed.
 */
int capsock_receive(int fd, enum capsock_role role, struct capsock_buffer *buffer,
	struct capsock_message *message);

/* The peer's uid (SO_PEERCRED), by which a daemon decides.  0 or -errno. */
int capsock_peer_uid(int fd, uid_t *uid);
/* … and its process, as it was when it connected; 0: of another PID namespace.  0 or -errno. */
int capsock_peer_pid(int fd, pid_t *pid);
