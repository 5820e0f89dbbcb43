/* SPDX-License-Identifier: MIT */
/* links: httpd/body.c */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "httpd/body.h"

/* Decodes in pieces; the bytes of the body into `out`.  -EINVAL, or how many bytes were its. */
static ssize_t decode(const char *wire, size_t piece, char *out, bool *is_whole)
{
	const struct request request = {.is_chunked = true};
	size_t len = strlen(wire), at = 0, used = 0;
	struct body body;
	char copy[512];

	body_begin(&body, &request);
	while (at < len && !body.is_whole) {
		size_t n = len - at < piece ? len - at : piece, n_body;
		ssize_t taken;

		memcpy(copy, wire + at, n);
		taken = body_decode(&body, copy, n, &n_body);
		if (taken < 0)
			return taken;
		memcpy(out + used, copy, n_body);
		used += n_body;
		at += (size_t)taken;
		assert_true((size_t)taken == n || body.is_whole);
	}
	out[used] = '\0';
	*is_whole = body.is_whole;
	return (ssize_t)at;
}

static void chunks_are_the_same_however_they_are_cut(void **state)
{
	static const char wire[] = "3\r\nabc\r\n00a;x=\"y\"\r\n0123456789\r\n0\r\nA: b\r\n\r\nGET";
	char out[512];
	bool is_whole;

	(void)state;
	for (size_t piece = 1; piece < sizeof(wire); piece++) {
		assert_int_equal(decode(wire, piece, out, &is_whole), sizeof(wire) - 4);
		assert_true(is_whole);
		assert_string_equal(out, "abc0123456789");
	}
}

static void what_is_no_chunk_is_malformed(void **state)
{
	static const char *const wires[] = {"\r\n", "x\r\n", "-1\r\n", "+1\r\n", " 1\r\n",
		"0x1\r\n", "1\nA", "1\r\nAB", "1\r\nA\n0", "1\r\rA", "1;a\nA", "0\r\nX: y\n",
		"0\r\n\rX", "fffffffffffffffff\r\n", "1000000000000000\r\n", "0\r\n\nX"};
	char out[512];
	bool is_whole;

	(void)state;
	for (size_t i = 0; i < sizeof(wires) / sizeof(wires[0]); i++)
		assert_int_equal(decode(wires[i], 64, out, &is_whole), -EINVAL);
}

static void extensions_and_trailers_have_an_end(void **state)
{
	const struct request request = {.is_chunked = true};
	struct body body;
	char bytes[5000];
	size_t n_body;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "1;", 2);
	body_begin(&body, &request);
	assert_int_equal(body_decode(&body, bytes, 5000, &n_body), -EINVAL);
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "0\r\n", 3);
	body_begin(&body, &request);
	assert_int_equal(body_decode(&body, bytes, 5000, &n_body), -EINVAL);
}

static void a_known_length_is_taken_and_not_more(void **state)
{
	const struct request request = {.content_length = 5};
	char bytes[] = "hello GET";
	struct body body;
	size_t n_body;

	(void)state;
	body_begin(&body, &request);
	assert_int_equal(body_left(&body), 5);
	assert_int_equal(body_decode(&body, bytes, 3, &n_body), 3);
	assert_false(body.is_whole);
	assert_int_equal(body_decode(&body, bytes + 3, 6, &n_body), 2);
	assert_int_equal(n_body, 2);
	assert_true(body.is_whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_are_the_same_however_they_are_cut),
		cmocka_unit_test(what_is_no_chunk_is_malformed),
		cmocka_unit_test(extensions_and_trailers_have_an_end),
		cmocka_unit_test(a_known_length_is_taken_and_not_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
