/* SPDX-License-Identifier: MIT */
/* links: httpd/files/tus_head.c httpd/files/range.c httpd/body.c httpd/request.c common/parse.c */
/*
 * What a client writes into the headers of uploads and downloads: Upload-Metadata and numbers,
 * Range and its conditions; and the chunks of a body, in pieces and in one.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "httpd/body.h"
#include "httpd/files/range.h"
#include "httpd/files/tus_head.h"

static void check_metadata(const char *text)
{
	char key[64], value[64];
	uint64_t number;
	size_t len = strcspn(text, " \t,");
	int r;

	if (tus_number(text, &number) == 0)
		assert(number <= INT64_MAX);
	if (len >= sizeof(key))
		return;
	memcpy(key, text, len);
	key[len] = '\0';
	r = tus_metadata_find(text, key, value, sizeof(value));
	assert(r < (int)sizeof(value) && (r < 0 || value[r] == '\0'));
	if (tus_metadata_check(text) == 0 && len > 0)
		assert(r >= 0 || r == -EMSGSIZE);
}

static void check_range(const char *text, uint64_t size)
{
	static const char *const names[] = {
		"Range", "If-Range", "If-None-Match", "If-Match", "If-Modified-Since"};
	struct range_file file;
	uint64_t first = 0, last = 0;

	range_file_init(&file, size, 1795843200123456789);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct request request = {.n_headers = 2};

		request.headers[0] = (struct request_header){names[i], text};
		request.headers[1] = (struct request_header){"Range", "bytes=1-"};
		if (range_decide(&request, &file, &first, &last) == RANGE_PART)
			assert(first <= last && last < size);
	}
}

static ssize_t decode(const char *bytes, size_t len, size_t piece, uint64_t *sum, bool *is_whole)
{
	const struct request request = {.is_chunked = true};
	struct body body;
	size_t at = 0;

	*sum = 0;
	body_begin(&body, &request);
	while (at < len && !body.is_whole) {
		size_t n = len - at < piece ? len - at : piece, n_body;
		char *copy = malloc(n);
		ssize_t taken;

		memcpy(copy, bytes + at, n);
		taken = body_decode(&body, copy, n, &n_body);
		for (size_t i = 0; taken >= 0 && i < n_body; i++)
			*sum = (*sum ^ (unsigned char)copy[i]) * 0x100000001b3u;
		free(copy);
		if (taken < 0)
			return -1;
		assert((size_t)taken == n || body.is_whole);
		assert(n_body <= (size_t)taken);
		at += (size_t)taken;
	}
	*is_whole = body.is_whole;
	return (ssize_t)at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool cut_whole = false, whole_whole = false;
	uint64_t cut_sum, whole_sum;
	ssize_t cut, whole;
	char *text;

	if (size < 1)
		return 0;
	text = malloc(size);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	check_metadata(text);
	check_range(text, data[0]);
	cut = decode(text, size - 1, data[0] ? data[0] : 1, &cut_sum, &cut_whole);
	whole = decode(text, size - 1, SIZE_MAX, &whole_sum, &whole_whole);
	assert(cut == whole && cut_whole == whole_whole);
	assert(cut < 0 || cut_sum == whole_sum);
	free(text);
	return 0;
}
