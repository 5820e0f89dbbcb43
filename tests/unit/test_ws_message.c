/* SPDX-License-Identifier: MIT */
/* links: httpd/ws_message.c httpd/frame.c httpd/websocket.c common/stream.c -levent_core -ljansson -lwslay -lnettle */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "httpd/ws_message.h"

static int parse(const char *text, struct ws_request *request)
{
	return ws_request_parse(text, strlen(text), request);
}

static void requests_are_read(void **state)
{
	struct ws_request request;

	(void)state;
	assert_int_equal(parse("{\"type\":\"drawn\",\"sequence\":4294967295}", &request), 0);
	assert_int_equal(request.type, WS_DRAWN);
	assert_int_equal(request.sequence, UINT32_MAX);
	assert_false(request.has_took);
	assert_int_equal(
		parse("{\"type\":\"drawn\",\"sequence\":7,\"took_ms\":12.5,\"more\":[]}", &request),
		0);
	assert_true(request.has_took && request.took_ms == 12.5);
	assert_int_equal(parse("{\"type\":\"set\",\"sound\":\"opus\"}", &request), 0);
	assert_true(request.sets_sound && !request.sets_picture && request.sound == STREAM_OPUS);
	/* A member that is none of ours may be whatever JSON allows. */
	assert_int_equal(
		parse("{\"type\":\"set\",\"picture\":\"none\",\"x\":\"\\u0000\"}", &request), 0);
	assert_true(request.sets_picture && request.picture == STREAM_COUNT);
	assert_int_equal(parse("{\"type\":\"ping\",\"t\":1e3}", &request), 0);
	assert_true(request.type == WS_PING && !request.t.is_integer && request.t.real == 1000);
	/* a time in ns: as a double it would be another */
	assert_int_equal(parse("{\"type\":\"ping\",\"t\":1795843200123456789}", &request), 0);
	assert_true(request.t.is_integer && request.t.integer == 1795843200123456789);
}

static void what_is_no_request_is_refused(void **state)
{
	static const struct {
		const char *text;
		int r;
	} cases[] = {
		{"", -EINVAL},
		{"drawn", -EINVAL},
		{"[]", -EINVAL},
		{"{\"type\":\"drawn\",\"sequence\":1", -EINVAL},
		{"{\"type\":\"drawn\",\"type\":\"drawn\",\"sequence\":1}", -EINVAL},
		{"{}", -EPROTO},
		{"{\"type\":3}", -EPROTO},
		{"{\"type\":\"draw\"}", -EPROTO},
		{"{\"type\":\"drawn\"}", -EPROTO},
		{"{\"type\":\"drawn\",\"sequence\":-1}", -EPROTO},
		{"{\"type\":\"drawn\",\"sequence\":4294967296}", -EPROTO},
		{"{\"type\":\"drawn\",\"sequence\":1.5}", -EPROTO},
		{"{\"type\":\"drawn\",\"sequence\":1,\"took_ms\":-1}", -EPROTO},
		{"{\"type\":\"drawn\",\"sequence\":1,\"took_ms\":\"1\"}", -EPROTO},
		{"{\"type\":\"set\",\"picture\":\"pcm\"}", -EPROTO},
		{"{\"type\":\"set\",\"sound\":null}", -EPROTO},
		{"{\"type\":\"ping\"}", -EPROTO},
		{"{\"type\":\"ping\\u0000\",\"t\":1}", -EPROTO},
		{"{\"type\":\"set\",\"sound\":\"pcm\\u0000\"}", -EPROTO},
	};
	struct ws_request request;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(parse(cases[i].text, &request), cases[i].r);
	assert_int_equal(ws_request_parse("{\"a\":\"\0\"}", 9, &request), -EINVAL);
}

/* The very bytes of doc/protocol.md. */
static void a_picture_s_head_is_as_documented(void **state)
{
	static const uint8_t expected[] = {0x82, 126, 0, 24 + 200, /* WebSocket */
		1, 1, 24, 0, 0x04, 0x03, 0x02, 0x01, 0x40, 0xe2, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0x80, 0x07, 0x38, 0x04};
	struct frame *frame = frame_create(200);

	(void)state;
	memset(frame->data, 0xee, 200);
	frame->number = 0x701020304; /* counts on beyond 32 bits */
	frame->pts_ns = 123456789;
	frame->width = 1920;
	frame->height = 1080;
	ws_message_frame(frame, STREAM_JPEG);
	assert_int_equal(frame->head_len, sizeof(expected));
	assert_memory_equal(frame->data - frame->head_len, expected, sizeof(expected));
	assert_int_equal(frame->data[0], 0xee);
	assert_int_equal(ws_message_sequence(frame), 0x01020304);
	frame_unref(frame);
}

static void sound_of_a_state_is_marked_and_has_no_size(void **state)
{
	struct frame *frame = frame_create(3);

	(void)state;
	frame->number = 1;
	frame->is_state = true;
	frame->width = SOUND_RATE;
	frame->height = SOUND_CHANNELS;
	ws_message_frame(frame, STREAM_OPUS);
	const uint8_t *head = frame->data - WS_HEAD_SIZE;
	assert_int_equal(frame->head_len, 2 + WS_HEAD_SIZE);
	assert_int_equal(head[0], WS_OPUS);
	assert_int_equal(head[1], WS_IS_KEY | WS_IS_STATE);
	assert_int_equal(head[20] | head[21] | head[22] | head[23], 0);
	frame_unref(frame);
}

/* From the base of the first to the sequence and the time of the last. */
static void steps_that_were_missed_are_one_message(void **state)
{
	static const uint8_t expected[] = {0x82, 24 + 12, 4, 0, 24, 0, 0x0a, 0, 0, 0, 0xe8, 3, 0, 0,
		0, 0, 0, 0, 0x08, 0, 0, 0, 0x80, 0x07, 0x38, 0x04, 0xa0, 0xa0, 0xa0, 0xa0, 0xa1,
		0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1};
	struct evbuffer *out = evbuffer_new();
	struct frame_run run = {.n = 2, .has_change = true};
	uint8_t bytes[sizeof(expected) + 1];

	(void)state;
	for (unsigned i = 0; i < run.n; i++) {
		struct frame *frame = frame_create(4 + 4 * i);

		memset(frame->data, 0xa0 + (int)i, frame->len);
		frame->kind = RECORD_STEP;
		frame->sequence = 9 + i;
		frame->base = 8 + i;
		frame->pts_ns = 1000000 * i;
		frame->width = 1920;
		frame->height = 1080;
		run.frames[i] = frame;
		run.bytes += frame->len;
	}
	assert_int_equal(ws_message_run(out, &run), 0);
	assert_int_equal(evbuffer_remove(out, bytes, sizeof(bytes)), sizeof(expected));
	assert_memory_equal(bytes, expected, sizeof(expected));
	run.has_change = false;
	assert_int_equal(ws_message_run(out, &run), 0);
	evbuffer_remove(out, bytes, sizeof(bytes));
	assert_int_equal(bytes[3], WS_IS_REFINEMENT);
	evbuffer_free(out);
	for (unsigned i = 0; i < run.n; i++) { /* nothing is copied, and nothing kept */
		assert_int_equal(run.frames[i]->refs, 1);
		frame_unref(run.frames[i]);
	}
}

/* The JSON in one frame of text. */
static json_t *take_json(struct evbuffer *out)
{
	uint8_t head[4];
	char text[2048];

	evbuffer_remove(out, head, 2);
	assert_int_equal(head[0], 0x81);
	size_t len = head[1];
	if (len == 126) {
		evbuffer_remove(out, head, 2);
		len = (size_t)head[0] << 8 | head[1];
	}
	assert_int_equal(evbuffer_get_length(out), len);
	evbuffer_remove(out, text, len);
	json_t *object = json_loadb(text, len, 0, NULL);
	assert_non_null(object);
	return object;
}

static void hello_state_and_pong_are_as_documented(void **state)
{
	struct evbuffer *out = evbuffer_new();
	json_t *object;

	(void)state;
	const struct ws_hello hello = {SOURCE_CAMERA, STREAM_JPEG, STREAM_COUNT, 640, 360};
	assert_int_equal(ws_message_hello(out, &hello), 0);
	object = take_json(out);
	assert_string_equal(json_string_value(json_object_get(object, "type")), "hello");
	assert_string_equal(json_string_value(json_object_get(object, "source")), "camera");
	assert_string_equal(json_string_value(json_object_get(object, "picture")), "jpeg");
	assert_string_equal(json_string_value(json_object_get(object, "sound")), "none");
	assert_int_equal(json_integer_value(json_object_get(object, "width")), 640);
	assert_int_equal(json_integer_value(json_object_get(object, "height")), 360);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(object, "pcm"), "frames")), 480);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(object, "opus"), "frames")),
		960);
	assert_true(json_integer_value(
			    json_object_get(json_object_get(object, "clock"), "now_us")) > 0);
	json_decref(object);

	assert_int_equal(ws_message_state(out, true, STATE_MUTED, "Say \"nothing\""), 0);
	object = take_json(out);
	assert_string_equal(json_string_value(json_object_get(object, "of")), "sound");
	assert_string_equal(json_string_value(json_object_get(object, "state")), "muted");
	assert_string_equal(json_string_value(json_object_get(object, "words")), "Say \"nothing\"");
	json_decref(object);

	assert_int_equal(ws_message_pong(out, &(struct ws_number){.real = 0.25}), 0);
	object = take_json(out);
	assert_true(json_real_value(json_object_get(object, "t")) == 0.25);
	json_decref(object);

	const struct ws_number ns = {.is_integer = true, .integer = 1795843200123456789};
	assert_int_equal(ws_message_pong(out, &ns), 0);
	object = take_json(out);
	assert_true(json_integer_value(json_object_get(object, "t")) == ns.integer);
	json_decref(object);
	evbuffer_free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_read),
		cmocka_unit_test(what_is_no_request_is_refused),
		cmocka_unit_test(a_picture_s_head_is_as_documented),
		cmocka_unit_test(steps_that_were_missed_are_one_message),
		cmocka_unit_test(sound_of_a_state_is_marked_and_has_no_size),
		cmocka_unit_test(hello_state_and_pong_are_as_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
