/* SPDX-License-Identifier: MIT */
/* links: httpd/request.c httpd/request_reader.c httpd/request_lines.c httpd/request_check.c common/utf8.c llhttp */
/*
 * The request path, on any bytes that a connection may bring.
 *
 * The first byte says how they are cut into reads.  What is accepted must keep its promises, and
 * must not depend on the cuts: the same bytes in one piece are read as the same requests.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "httpd/request_reader.h"

#define HEAD_MAX     2048u
#define REQUESTS_MAX 32u

/* What there was to see of one connection. */
struct reading {
	size_t n; /* requests */
	uint64_t sum;
	unsigned refused; /* the status, or 0 */
};

static void mix(struct reading *reading, const char *text)
{
	for (; *text != '\0'; text++)
		reading->sum = (reading->sum ^ (unsigned char)*text) * 0x100000001b3u;
	reading->sum = (reading->sum ^ 0x100) * 0x100000001b3u;
}

static void check_request(const struct request *request, struct reading *reading)
{
	char value[64];
	int len;

	assert(request->path[0] == '/' && utf8_is_valid(request->path, strlen(request->path)));
	assert(!strstr(request->path, "/../") && !strchr(request->path, '\\'));
	assert(request->host[0] != '\0' && !strpbrk(request->host, " \t\r\n\"<>/"));
	assert(request->n_headers >= 1 && request->n_headers <= REQUEST_HEADERS_MAX);
	assert(!request->is_chunked || request->content_length == 0);
	mix(reading, request->path);
	mix(reading, request->query);
	for (size_t i = 0; i < request->n_headers; i++) {
		assert(request->headers[i].name[0] != '\0');
		assert(!strpbrk(request->headers[i].value, "\r\n"));
		mix(reading, request->headers[i].name);
		mix(reading, request->headers[i].value);
	}
	len = request_query(request, "id", value, sizeof(value));
	assert(len < (int)sizeof(value));
	assert(len < 0 || strlen(value) == (size_t)len);
}

static struct reading read_connection(const uint8_t *data, size_t size, size_t piece)
{
	struct reading reading = {0};
	struct request_reader *reader = NULL;
	enum request_progress progress = REQUEST_MORE;

	if (request_reader_create(HEAD_MAX, &reader) < 0)
		abort();
	while (progress != REQUEST_REFUSED) {
		if (progress == REQUEST_COMPLETE) {
			check_request(request_reader_request(reader), &reading);
			if (++reading.n == REQUESTS_MAX)
				break;
			request_reader_next(reader);
			progress = request_reader_feed(reader, 0);
		} else if (size > 0) {
			char *room;
			size_t n;

			if (request_reader_room(reader, &room, &n) < 0)
				abort();
			assert(n > 0);
			n = n < piece ? n : piece;
			n = n < size ? n : size;
			memcpy(room, data, n);
			data += n;
			size -= n;
			progress = request_reader_feed(reader, n);
		} else {
			break;
		}
	}
	if (progress == REQUEST_REFUSED) {
		reading.refused = request_reader_refusal(reader)->status;
		assert(reading.refused >= 400 && reading.refused <= 505);
		assert(request_reader_refusal(reader)->cause);
	}
	request_reader_destroy(reader);
	return reading;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading cut, whole;

	if (size < 1)
		return 0;
	cut = read_connection(data + 1, size - 1, data[0] == 0 ? 1 : data[0]);
	whole = read_connection(data + 1, size - 1, SIZE_MAX);
	/* Why something is refused may depend on how much is known; whether it is may not. */
	assert(cut.n == whole.n && cut.sum == whole.sum);
	assert((cut.refused == 0) == (whole.refused == 0));
	return 0;
}
