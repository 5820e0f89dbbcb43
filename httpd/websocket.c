/* SPDX-License-Identifier: MIT */
#include "httpd/websocket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <wslay/wslay.h>

#include "common/clock.h"

#define KEY_LEN        24u /* base64 of 16 bytes */
#define KEY_BYTES      16u
#define FRAME_HEAD_MAX 14u /* of a viewer's */
#define GUID           "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

struct websocket {
	const struct websocket_ops *ops;
	void *arg;
	wslay_event_context_ptr wslay;
	/* what websocket_receive() was given, as wslay asks for it */
	const uint8_t *bytes;
	size_t len;
	uint64_t now_ns;

	/* How much of a frame has come: wslay tells of none before a byte of its payload. */
	uint8_t head[FRAME_HEAD_MAX];
	unsigned head_len;
	uint64_t payload_left;
	bool is_too_large; /* as the head says */

	unsigned n_fragments;
	uint64_t unfinished_since_ns;
	uint64_t second_ns; /* when the count of messages began */
	unsigned n_messages;
	bool is_receiving;
	bool has_failed; /* no memory */
};

/* --- what wslay asks of us --- */

static ssize_t on_wants_bytes(
	wslay_event_context_ptr wslay, uint8_t *room, size_t len, int flags, void *arg)
{
	struct websocket *websocket = arg;
	size_t n = websocket->len < len ? websocket->len : len;

	(void)flags;
	if (n == 0) {
		wslay_event_set_error(wslay, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	memcpy(room, websocket->bytes, n);
	websocket->bytes += n;
	websocket->len -= n;
	return (ssize_t)n;
}

static ssize_t on_has_bytes(
	wslay_event_context_ptr wslay, const uint8_t *bytes, size_t len, int flags, void *arg)
{
	struct websocket *websocket = arg;

	(void)flags;
	if (websocket->ops->on_output(websocket->arg, bytes, len))
		return (ssize_t)len;
	websocket->has_failed = true;
	wslay_event_set_error(wslay, WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

static bool is_flood(struct websocket *websocket)
{
	if (websocket->now_ns - websocket->second_ns >= NS_PER_S) {
		websocket->second_ns = websocket->now_ns;
		websocket->n_messages = 0;
	}
	return ++websocket->n_messages > WEBSOCKET_MESSAGES_PER_S;
}

static void on_frame_start(wslay_event_context_ptr wslay,
	const struct wslay_event_on_frame_recv_start_arg *frame, void *arg)
{
	struct websocket *websocket = arg;

	(void)wslay;
	if (!wslay_is_ctrl_frame(frame->opcode) &&
		++websocket->n_fragments > WEBSOCKET_FRAGMENTS_MAX)
		websocket_close(websocket, WEBSOCKET_TOO_LARGE);
	else if (frame->opcode == WSLAY_BINARY_FRAME)
		websocket_close(websocket, WEBSOCKET_UNSUPPORTED);
	/* Half a code, which wslay (1.1.1) takes for none. */
	else if (frame->opcode == WSLAY_CONNECTION_CLOSE && frame->payload_length == 1)
		websocket_close(websocket, WEBSOCKET_PROTOCOL_ERROR);
}

static void on_frame_end(wslay_event_context_ptr wslay, void *arg)
{
	struct websocket *websocket = arg;

	(void)wslay;
	if (websocket->n_fragments == 0)
		websocket->unfinished_since_ns = 0;
}

static void on_message(
	wslay_event_context_ptr wslay, const struct wslay_event_on_msg_recv_arg *message, void *arg)
{
	struct websocket *websocket = arg;
	enum websocket_code code = 0;

	if (!wslay_is_ctrl_frame(message->opcode)) {
		websocket->n_fragments = 0;
		websocket->unfinished_since_ns = 0;
	}
	if (!wslay_event_get_read_enabled(wslay) || wslay_event_get_close_sent(wslay))
		return;
	if (is_flood(websocket))
		code = WEBSOCKET_POLICY;
	else if (message->opcode == WSLAY_TEXT_FRAME)
		code = websocket->ops->on_text(
			websocket->arg, (const char *)message->msg, message->msg_length);
	else if (message->opcode == WSLAY_BINARY_FRAME)
		code = WEBSOCKET_UNSUPPORTED;
	if (code)
		websocket_close(websocket, code);
}

/* --- where the frames are --- */

/* How long the head is, of which two bytes are there. */
static unsigned head_size(const uint8_t *head)
{
	unsigned len = head[1] & 0x7fu, mask_len = head[1] & 0x80u ? 4u : 0u;

	return 2u + (len == 126 ? 2u : len == 127 ? 8u : 0u) + mask_len;
}

static uint64_t payload_len(const uint8_t *head)
{
	unsigned len = head[1] & 0x7fu, n = len == 126 ? 2 : len == 127 ? 8 : 0;
	uint64_t value = n == 0 ? len : 0;

	for (unsigned i = 0; i < n; i++)
		value = value << 8 | head[2 + i];
	return value;
}

static void follow_frames(struct websocket *websocket, const uint8_t *bytes, size_t len)
{
	while (len > 0 && !websocket->is_too_large) {
		size_t n = websocket->payload_left < len ? (size_t)websocket->payload_left : len;

		if (n == 0) {
			websocket->head[websocket->head_len++] = *bytes;
			n = 1;
			if (websocket->head_len >= 2 &&
				websocket->head_len == head_size(websocket->head)) {
				websocket->payload_left = payload_len(websocket->head);
				websocket->is_too_large =
					websocket->payload_left > WEBSOCKET_MESSAGE_MAX;
				websocket->head_len = 0;
			}
		} else {
			websocket->payload_left -= n;
		}
		bytes += n;
		len -= n;
	}
}

static bool is_unfinished(const struct websocket *websocket)
{
	return websocket->n_fragments > 0 || websocket->head_len > 0 || websocket->payload_left > 0;
}

/* --- its life --- */

int websocket_create(const struct websocket_ops *ops, void *arg, struct websocket **out)
{
	static const struct wslay_event_callbacks callbacks = {
		.recv_callback = on_wants_bytes,
		.send_callback = on_has_bytes,
		.on_frame_recv_start_callback = on_frame_start,
		.on_frame_recv_end_callback = on_frame_end,
		.on_msg_recv_callback = on_message,
	};
	struct websocket *websocket = calloc(1, sizeof(*websocket));

	if (!websocket)
		return -ENOMEM;
	websocket->ops = ops;
	websocket->arg = arg;
	if (wslay_event_context_server_init(&websocket->wslay, &callbacks, websocket) < 0) {
		free(websocket);
		return -ENOMEM;
	}
	wslay_event_config_set_max_recv_msg_length(websocket->wslay, WEBSOCKET_MESSAGE_MAX);
	*out = websocket;
	return 0;
}

void websocket_destroy(struct websocket *websocket)
{
	if (!websocket)
		return;
	wslay_event_context_free(websocket->wslay);
	free(websocket);
}

int websocket_receive(
	struct websocket *websocket, const uint8_t *bytes, size_t len, uint64_t now_ns)
{
	static const uint8_t protocol_error[] = {
		0x88, 2, WEBSOCKET_PROTOCOL_ERROR >> 8, WEBSOCKET_PROTOCOL_ERROR & 0xff};
	int r;

	websocket->bytes = bytes;
	websocket->len = len;
	websocket->now_ns = now_ns;
	websocket->is_receiving = true;
	r = wslay_event_recv(websocket->wslay);
	follow_frames(websocket, bytes, len);
	if (is_unfinished(websocket) && !websocket->unfinished_since_ns)
		websocket->unfinished_since_ns = now_ns;
	/* A frame that wslay refuses has been refused with another code. */
	if (r == 0 && websocket->is_too_large)
		websocket_close(websocket, WEBSOCKET_TOO_LARGE);
	websocket->is_receiving = false;
	if (r == 0)
		r = wslay_event_send(websocket->wslay);
	else if (r == WSLAY_ERR_CALLBACK_FAILURE)
		/* A frame that cannot be parsed, for which wslay (1.1.1) queues a close without a
		 * code. */
		websocket->has_failed |= !websocket->ops->on_output(
			websocket->arg, protocol_error, sizeof(protocol_error));
	websocket->bytes = NULL;
	websocket->len = 0;
	if (r == WSLAY_ERR_NOMEM || websocket->has_failed)
		return -ENOMEM;
	/* Whatever else went wrong has been said in a close. */
	return r != 0 || wslay_event_get_close_sent(websocket->wslay) ? -EPIPE : 0;
}

uint64_t websocket_unfinished_since_ns(const struct websocket *websocket)
{
	return websocket->unfinished_since_ns;
}

void websocket_close(struct websocket *websocket, enum websocket_code code)
{
	if (wslay_event_get_close_sent(websocket->wslay))
		return;
	wslay_event_shutdown_read(websocket->wslay);
	/* Fails where a close waits to be sent already: that one will do. */
	if (wslay_event_queue_close(websocket->wslay, (uint16_t)code, NULL, 0) == 0 &&
		!websocket->is_receiving)
		wslay_event_send(websocket->wslay);
}

/* --- what goes out --- */

size_t websocket_head(uint8_t *head, enum websocket_opcode opcode, uint64_t len)
{
	size_t n = 2;

	head[0] = (uint8_t)(0x80u | (unsigned)opcode);
	if (len < 126) {
		head[1] = (uint8_t)len;
		return n;
	}
	head[1] = len <= UINT16_MAX ? 126 : 127;
	for (int shift = len <= UINT16_MAX ? 8 : 56; shift >= 0; shift -= 8)
		head[n++] = (uint8_t)(len >> shift);
	return n;
}

/* --- the handshake --- */

bool websocket_accept(const char *key, char accept[WEBSOCKET_ACCEPT_SIZE])
{
	struct base64_decode_ctx decoder;
	struct sha1_ctx sha1;
	uint8_t bytes[BASE64_DECODE_LENGTH(KEY_LEN)], digest[SHA1_DIGEST_SIZE];
	size_t n = sizeof(bytes);

	base64_decode_init(&decoder);
	if (strlen(key) != KEY_LEN || !base64_decode_update(&decoder, &n, bytes, KEY_LEN, key) ||
		!base64_decode_final(&decoder) || n != KEY_BYTES)
		return false;
	sha1_init(&sha1);
	sha1_update(&sha1, KEY_LEN, (const uint8_t *)key);
	sha1_update(&sha1, sizeof(GUID) - 1, (const uint8_t *)GUID);
	sha1_digest(&sha1, sizeof(digest), digest);
	base64_encode_raw(accept, sizeof(digest), digest);
	accept[WEBSOCKET_ACCEPT_SIZE - 1] = '\0';
	return true;
}
