/* SPDX-License-Identifier: MIT */
/* links: httpd/websocket.c httpd/ws_message.c httpd/frame.c common/stream.c -levent_core -ljansson -lwslay -lnettle */
/*
 * WebSocket input, from a connection's bytes to the requests of doc/protocol.md.
 *
 * The first byte says how they are cut into reads.  What is accepted must keep its promises, and
 * must not depend on the cuts.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "httpd/websocket.h"
#include "httpd/ws_message.h"

struct talk {
	unsigned n_texts;
	uint64_t sum;
	size_t said;
	bool was_closed;
};

static enum websocket_code on_text(void *arg, const char *text, size_t len)
{
	struct talk *talk = arg;
	struct ws_request request;

	assert(!talk->was_closed && len <= WEBSOCKET_MESSAGE_MAX);
	talk->n_texts++;
	for (size_t i = 0; i < len; i++)
		talk->sum = (talk->sum ^ (unsigned char)text[i]) * 0x100000001b3u;
	int r = ws_request_parse(text, len, &request);
	assert(r == 0 || r == -EINVAL || r == -EPROTO);
	assert(r != 0 || !request.has_took || request.took_ms >= 0);
	return r == -EINVAL ? WEBSOCKET_INVALID : r < 0 ? WEBSOCKET_POLICY : 0;
}

static bool on_output(void *arg, const uint8_t *bytes, size_t len)
{
	struct talk *talk = arg;

	(void)bytes;
	talk->said += len;
	return true;
}

static struct talk converse(const uint8_t *data, size_t size, size_t piece)
{
	static const struct websocket_ops ops = {on_text, on_output};
	struct talk talk = {0};
	struct websocket *websocket = NULL;
	int r = 0;

	if (websocket_create(&ops, &talk, &websocket) < 0)
		abort();
	for (size_t n; size > 0 && r == 0; data += n, size -= n) {
		n = size < piece ? size : piece;
		r = websocket_receive(websocket, data, n, 1);
		assert(r == 0 || r == -EPIPE);
	}
	talk.was_closed = r != 0;
	assert(!talk.was_closed || talk.said >= 2); /* it was told why */
	websocket_destroy(websocket);
	return talk;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct talk cut, whole;

	if (size < 1)
		return 0;
	cut = converse(data + 1, size - 1, data[0] == 0 ? 1 : data[0]);
	whole = converse(data + 1, size - 1, SIZE_MAX);
	/* How early in a frame it is refused may depend on the cuts; what is heard may not. */
	assert(cut.n_texts == whole.n_texts && cut.sum == whole.sum);
	return 0;
}
