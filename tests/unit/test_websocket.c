/* SPDX-License-Identifier: MIT */
/* links: httpd/websocket.c -lwslay -lnettle */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "httpd/websocket.h"

#define SECOND 1000000000ull

/* A conversation: what was handed to us, one text after the other, and what we said. */
struct talk {
	struct websocket *websocket;
	char texts[16384];
	size_t texts_len;
	unsigned n_texts;
	uint8_t said[8192];
	size_t said_len;
	enum websocket_code answer; /* of on_text */
};

static enum websocket_code on_text(void *arg, const char *text, size_t len)
{
	struct talk *talk = arg;

	assert_true(talk->texts_len + len < sizeof(talk->texts));
	memcpy(talk->texts + talk->texts_len, text, len);
	talk->texts_len += len;
	talk->n_texts++;
	return talk->answer;
}

static bool on_output(void *arg, const uint8_t *bytes, size_t len)
{
	struct talk *talk = arg;

	assert_true(talk->said_len + len <= sizeof(talk->said));
	memcpy(talk->said + talk->said_len, bytes, len);
	talk->said_len += len;
	return true;
}

static const struct websocket_ops OPS = {.on_text = on_text, .on_output = on_output};

static int setup(void **state)
{
	struct talk *talk = calloc(1, sizeof(*talk));

	assert_int_equal(websocket_create(&OPS, talk, &talk->websocket), 0);
	*state = talk;
	return 0;
}

static int teardown(void **state)
{
	struct talk *talk = *state;

	websocket_destroy(talk->websocket);
	free(talk);
	return 0;
}

/* A frame as a client sends it, masked by a key of zeroes, which changes nothing. */
static size_t make_frame(uint8_t *out, uint8_t first, const char *payload, size_t len)
{
	size_t n = 0;

	out[n++] = first;
	if (len < 126) {
		out[n++] = (uint8_t)(0x80 | len);
	} else {
		out[n++] = 0x80 | 126;
		out[n++] = (uint8_t)(len >> 8);
		out[n++] = (uint8_t)len;
	}
	memset(out + n, 0, 4);
	n += 4;
	memcpy(out + n, payload, len);
	return n + len;
}

static int receive_frame(struct talk *talk, uint8_t first, const char *payload, size_t len)
{
	uint8_t bytes[8192];
	size_t n = make_frame(bytes, first, payload, len);

	return websocket_receive(talk->websocket, bytes, n, SECOND);
}

static unsigned code_of_close(const struct talk *talk)
{
	const uint8_t *end = talk->said + talk->said_len;

	assert_true(talk->said_len >= 4);
	assert_int_equal(end[-4], 0x88);
	assert_int_equal(end[-3], 2);
	return (unsigned)end[-2] << 8 | end[-1];
}

static void text_is_handed_over_however_it_is_cut(void **state)
{
	struct talk *talk = *state;
	uint8_t bytes[64];
	size_t n = make_frame(bytes, 0x01, "ab", 2);

	n += make_frame(bytes + n, 0x80, "cd", 2);
	n += make_frame(bytes + n, 0x81, "ef", 2);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(websocket_receive(talk->websocket, bytes + i, 1, SECOND), 0);
	assert_int_equal(talk->n_texts, 2);
	assert_memory_equal(talk->texts, "abcdef", 6);
	assert_int_equal(talk->said_len, 0);
}

static void a_ping_is_answered_between_fragments(void **state)
{
	struct talk *talk = *state;

	assert_int_equal(receive_frame(talk, 0x01, "ab", 2), 0);
	assert_int_equal(receive_frame(talk, 0x89, "hi", 2), 0);
	assert_int_equal(receive_frame(talk, 0x80, "cd", 2), 0);
	assert_int_equal(talk->said_len, 4);
	assert_memory_equal(talk->said, "\x8a\x02hi", 4);
	assert_memory_equal(talk->texts, "abcd", 4);
}

static void an_unfinished_message_is_known_since_its_first_byte(void **state)
{
	struct talk *talk = *state;
	uint8_t bytes[16];
	size_t n = make_frame(bytes, 0x01, "a", 1);

	assert_int_equal(websocket_unfinished_since_ns(talk->websocket), 0);
	websocket_receive(talk->websocket, bytes, n, 3 * SECOND);
	websocket_receive(talk->websocket, bytes, make_frame(bytes, 0x00, "", 0), 9 * SECOND);
	assert_true(websocket_unfinished_since_ns(talk->websocket) == 3 * SECOND);
	websocket_receive(talk->websocket, bytes, make_frame(bytes, 0x80, "", 0), 10 * SECOND);
	assert_int_equal(websocket_unfinished_since_ns(talk->websocket), 0);

	/* A piece of a head, all of it, its payload; and the first byte of another. */
	n = make_frame(bytes, 0x81, "abc", 3);
	websocket_receive(talk->websocket, bytes, 1, 20 * SECOND);
	websocket_receive(talk->websocket, bytes + 1, n - 1 - 3, 21 * SECOND);
	assert_true(websocket_unfinished_since_ns(talk->websocket) == 20 * SECOND);
	memcpy(bytes, bytes + n - 3, 3);
	bytes[3] = 0x81;
	websocket_receive(talk->websocket, bytes, 4, 22 * SECOND);
	assert_int_equal(talk->n_texts, 2);
	assert_true(websocket_unfinished_since_ns(talk->websocket) == 22 * SECOND);
}

static void what_is_no_websocket_is_closed_with_the_code_that_says_why(void **state)
{
	static char large[5000];
	static const struct {
		uint8_t first;
		const char *payload;
		size_t len;
		unsigned code;
	} cases[] = {
		{0xc1, "a", 1, 1002},     /* a reserved bit */
		{0x83, "a", 1, 1002},     /* a reserved opcode */
		{0x8b, "a", 1, 1002},     /* " of a control frame */
		{0x80, "a", 1, 1002},     /* a continuation of nothing */
		{0x09, "a", 1, 1002},     /* a ping in fragments */
		{0x89, large, 126, 1002}, /* a ping that is too long */
		{0x82, "a", 1, 1003},     /* binary */
		{0x02, "a", 1, 1003},     /* … in fragments */
		{0x81, "\xc0\xaf", 2, 1007}, {0x81, large, WEBSOCKET_MESSAGE_MAX + 1, 1009},
		{0x88, "\x03\xe8", 2, 1000}, /* the peer's own close is answered with its code */
	};

	memset(large, 'x', sizeof(large));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct talk talk = {0};

		assert_int_equal(websocket_create(&OPS, &talk, &talk.websocket), 0);
		assert_int_equal(
			receive_frame(&talk, cases[i].first, cases[i].payload, cases[i].len),
			-EPIPE);
		assert_int_equal(code_of_close(&talk), cases[i].code);
		assert_int_equal(talk.n_texts, 0);
		websocket_destroy(talk.websocket);
	}
	(void)state;
}

static void a_frame_without_a_mask_is_refused(void **state)
{
	struct talk *talk = *state;

	assert_int_equal(
		websocket_receive(talk->websocket, (const uint8_t *)"\x81\x02{}", 4, SECOND),
		-EPIPE);
	assert_int_equal(code_of_close(talk), WEBSOCKET_PROTOCOL_ERROR);
}

static void a_length_that_lies_is_refused_before_anything_follows(void **state)
{
	struct talk *talk = *state;
	static const uint8_t head[] = {0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4};

	assert_int_equal(websocket_receive(talk->websocket, head, sizeof(head), SECOND), -EPIPE);
	assert_int_equal(code_of_close(talk), WEBSOCKET_TOO_LARGE);
}

static void fragments_without_end_are_too_large(void **state)
{
	struct talk *talk = *state;
	int r = receive_frame(talk, 0x01, "", 0);
	unsigned n = 1;

	while (r == 0 && n < 1000) {
		r = receive_frame(talk, 0x00, "", 0);
		n++;
	}
	assert_int_equal(r, -EPIPE);
	assert_int_equal(n, WEBSOCKET_FRAGMENTS_MAX + 1);
	assert_int_equal(code_of_close(talk), WEBSOCKET_TOO_LARGE);
}

static void a_flood_of_messages_is_refused_and_a_steady_many_is_not(void **state)
{
	struct talk *talk = *state;
	uint8_t bytes[16];
	size_t n = make_frame(bytes, 0x8a, "", 0); /* pongs count, too */
	unsigned sent;

	for (unsigned i = 0; i < 3 * WEBSOCKET_MESSAGES_PER_S; i++)
		assert_int_equal(websocket_receive(talk->websocket, bytes, n,
					 SECOND + i * SECOND / WEBSOCKET_MESSAGES_PER_S),
			0);
	for (sent = 0; sent < 2 * WEBSOCKET_MESSAGES_PER_S; sent++)
		if (websocket_receive(talk->websocket, bytes, n, 100 * SECOND) != 0)
			break;
	assert_int_equal(sent, WEBSOCKET_MESSAGES_PER_S);
	assert_int_equal(code_of_close(talk), WEBSOCKET_POLICY);
}

static void a_message_that_the_owner_refuses_closes_with_its_code(void **state)
{
	struct talk *talk = *state;

	talk->answer = WEBSOCKET_INVALID;
	assert_int_equal(receive_frame(talk, 0x81, "x", 1), -EPIPE);
	assert_int_equal(code_of_close(talk), WEBSOCKET_INVALID);
	assert_int_equal(receive_frame(talk, 0x81, "x", 1), -EPIPE);
	assert_int_equal(talk->n_texts, 1);
}

static void goodbye_is_said_once(void **state)
{
	struct talk *talk = *state;

	websocket_close(talk->websocket, WEBSOCKET_GOING_AWAY);
	websocket_close(talk->websocket, WEBSOCKET_NORMAL);
	assert_int_equal(talk->said_len, 4);
	assert_int_equal(code_of_close(talk), WEBSOCKET_GOING_AWAY);
}

static void heads_have_the_shortest_length(void **state)
{
	static const struct {
		uint64_t len;
		size_t n;
		uint8_t head[WEBSOCKET_HEAD_MAX];
	} cases[] = {
		{0, 2, {0x82, 0}},
		{125, 2, {0x82, 125}},
		{126, 4, {0x82, 126, 0, 126}},
		{65535, 4, {0x82, 126, 0xff, 0xff}},
		{65536, 10, {0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}},
	};
	uint8_t head[WEBSOCKET_HEAD_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(websocket_head(head, WEBSOCKET_BINARY, cases[i].len), cases[i].n);
		assert_memory_equal(head, cases[i].head, cases[i].n);
	}
}

/* The example of RFC 6455, 1.3. */
static void the_handshake_is_that_of_the_standard(void **state)
{
	char accept[WEBSOCKET_ACCEPT_SIZE];

	(void)state;
	assert_true(websocket_accept("dGhlIHNhbXBsZSBub25jZQ==", accept));
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	assert_false(websocket_accept("", accept));
	assert_false(websocket_accept("dGhlIHNhbXBsZSBub25jZQ", accept));
	assert_false(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=!", accept));
	assert_false(websocket_accept("dGhlIHNhbXBsZSBub25jZXM=", accept)); /* 17 bytes */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			text_is_handed_over_however_it_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_ping_is_answered_between_fragments, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_unfinished_message_is_known_since_its_first_byte, setup, teardown),
		cmocka_unit_test(what_is_no_websocket_is_closed_with_the_code_that_says_why),
		cmocka_unit_test_setup_teardown(a_frame_without_a_mask_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_length_that_lies_is_refused_before_anything_follows, setup, teardown),
		cmocka_unit_test_setup_teardown(
			fragments_without_end_are_too_large, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_flood_of_messages_is_refused_and_a_steady_many_is_not, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_message_that_the_owner_refuses_closes_with_its_code, setup, teardown),
		cmocka_unit_test_setup_teardown(goodbye_is_said_once, setup, teardown),
		cmocka_unit_test(heads_have_the_shortest_length),
		cmocka_unit_test(the_handshake_is_that_of_the_standard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
