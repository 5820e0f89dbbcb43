/* SPDX-License-Identifier: MIT */
/*
 * One WebSocket, as the server sees it: what comes in, by wslay, and the frames that go out.
 *
 *     bytes ──websocket_receive()──► wslay ──► on_text (whole messages of text)
 *                                      └────► pongs, and the answer to a close ──► on_output
 *     websocket_head() ──► the head of an outgoing frame, whose payload is shared by all viewers
 *
 * Refused as RFC 6455 says, with the code that says why: frames that are not masked, reserved bits
 * and opcodes, control frames that are too long or in fragments (1002), text that is no UTF-8
 * (1007), binary messages (1003), messages longer than WEBSOCKET_MESSAGE_MAX in however many
 * fragments (1009), more messages than WEBSOCKET_MESSAGES_PER_S (1008).  Knows no connection.  Any
 * one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEBSOCKET_MESSAGE_MAX    4096u
#define WEBSOCKET_FRAGMENTS_MAX  64u  /* of one message: empty ones cost us, too */
#define WEBSOCKET_MESSAGES_PER_S 500u /* control frames among them */
#define WEBSOCKET_HEAD_MAX       10u
#define WEBSOCKET_ACCEPT_SIZE    29u /* base64 of 20 bytes, and a NUL */

enum websocket_opcode { WEBSOCKET_TEXT = 1, WEBSOCKET_BINARY = 2, WEBSOCKET_PING = 9 };

enum websocket_code {
	WEBSOCKET_NORMAL = 1000,
	WEBSOCKET_GOING_AWAY = 1001,
	WEBSOCKET_PROTOCOL_ERROR = 1002,
	WEBSOCKET_UNSUPPORTED = 1003,
	WEBSOCKET_INVALID = 1007,
	WEBSOCKET_POLICY = 1008,
	WEBSOCKET_TOO_LARGE = 1009,
};

struct websocket; /* opaque */

struct websocket_ops {
	/* A whole message of text, valid UTF-8, not NUL-terminated, gone after the call.  The code
	 * by which to close, or 0. */
	enum websocket_code (*on_text)(void *arg, const char *text, size_t len);
	/* Bytes to be sent: a pong, or a close.  False: no memory. */
	bool (*on_output)(void *arg, const uint8_t *bytes, size_t len);
};

/* 0 or -ENOMEM. */
int websocket_create(const struct websocket_ops *ops, void *arg, struct websocket **out);
void websocket_destroy(struct websocket *websocket); /* accepts NULL; not from its callbacks */

/*
 * Takes what has come, at the time `now_ns`.  0; -EPIPE: the conversation is over, and what there
 * was to say of it has been handed to on_output: send it and close; -ENOMEM: close.
 */
int websocket_receive(
	struct websocket *websocket, const uint8_t *bytes, size_t len, uint64_t now_ns);
/* Since when (CLOCK_MONOTONIC) a message has been unfinished, or 0. */
uint64_t websocket_unfinished_since_ns(const struct websocket *websocket);
/* Says goodbye, once: nothing is received afterwards. */
void websocket_close(struct websocket *websocket, enum websocket_code code);

/* Writes the head of a final frame from the server; its length, at most WEBSOCKET_HEAD_MAX. */
size_t websocket_head(uint8_t *head, enum websocket_opcode opcode, uint64_t len);

/* The answer to a handshake's key (RFC 6455, 4.2.2).  False: that is no key. */
bool websocket_accept(const char *key, char accept[WEBSOCKET_ACCEPT_SIZE]);
