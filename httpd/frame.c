/* SPDX-License-Identifier: MIT */
#include "httpd/frame.h"

#include <errno.h>
#include <stdlib.h>

#include <event2/buffer.h>

struct frame *frame_create(size_t len)
{
	struct frame *frame = malloc(sizeof(*frame) + FRAME_HEAD_ROOM + len);

	if (!frame)
		return NULL;
	*frame = (struct frame){
		.refs = 1, .len = len, .data = (uint8_t *)(frame + 1) + FRAME_HEAD_ROOM};
	return frame;
}

struct frame *frame_ref(struct frame *frame)
{
	frame->refs++;
	return frame;
}

void frame_unref(struct frame *frame)
{
	if (frame && --frame->refs == 0)
		free(frame);
}

static void on_sent(const void *data, size_t len, void *arg)
{
	(void)data, (void)len;
	frame_unref(arg);
}

static int append(struct frame *frame, const uint8_t *from, size_t len, struct evbuffer *out)
{
	if (evbuffer_add_reference(out, from, len, on_sent, frame_ref(frame)) < 0) {
		frame_unref(frame);
		return -ENOMEM;
	}
	return 0;
}

int frame_append(struct frame *frame, struct evbuffer *out)
{
	return append(frame, frame->data, frame->len, out);
}

int frame_append_with_head(struct frame *frame, struct evbuffer *out)
{
	return append(frame, frame->data - frame->head_len, frame->head_len + frame->len, out);
}
