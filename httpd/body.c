/* SPDX-License-Identifier: MIT */
#include "httpd/body.h"

#include <errno.h>
#include <string.h>

enum {
	SIZE,       /* hexadecimal digits */
	EXTENSION,  /* what follows them on the line */
	SIZE_LF,    /* the line's LF */
	DATA,       /* the chunk */
	DATA_CR,    /* the line's end after it */
	DATA_LF,    /* … */
	LINE_BEGIN, /* of a trailer, or of the blank line that ends them */
	TRAILER,
	TRAILER_LF,
	LAST_LF,
};

#define SIZE_DIGITS_MAX 15u /* below 2^60 */

void body_begin(struct body *body, const struct request *request)
{
	memset(body, 0, sizeof(*body));
	body->is_chunked = request->is_chunked;
	body->left = request->is_chunked ? 0 : request->content_length;
	body->state = SIZE;
	body->is_whole = !request->is_chunked && body->left == 0;
}

uint64_t body_left(const struct body *body)
{
	return body->is_chunked ? 0 : body->left;
}

static int hex_value(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* After the last digit of a chunk's size: its line goes on, or ends. */
static int end_size(struct body *body, char c)
{
	if (body->n_digits == 0)
		return -EINVAL;
	if (c == '\r')
		body->state = SIZE_LF;
	else if (c == ';' || c == ' ' || c == '\t')
		body->state = EXTENSION;
	else
		return -EINVAL;
	return 0;
}

/* One byte that is none of a chunk's data.  0 or -EINVAL. */
static int take_byte(struct body *body, char c)
{
	int digit;

	if (++body->line_len > (body->state >= LINE_BEGIN ? BODY_TRAILER_MAX : BODY_CHUNK_LINE_MAX))
		return -EINVAL;
	switch (body->state) {
	case SIZE:
		digit = hex_value((unsigned char)c);
		if (digit < 0)
			return end_size(body, c);
		if (++body->n_digits > SIZE_DIGITS_MAX)
			return -EINVAL;
		body->left = body->left * 16 + (unsigned)digit;
		return 0;
	case EXTENSION:
		if (c == '\r')
			body->state = SIZE_LF;
		return c == '\n' ? -EINVAL : 0;
	case SIZE_LF:
		body->state = body->left > 0 ? DATA : LINE_BEGIN;
		body->line_len = 0;
		return c == '\n' ? 0 : -EINVAL;
	case DATA_CR:
		body->state = DATA_LF;
		return c == '\r' ? 0 : -EINVAL;
	case DATA_LF:
		body->state = SIZE;
		body->n_digits = 0;
		body->line_len = 0;
		return c == '\n' ? 0 : -EINVAL;
	case LINE_BEGIN:
		body->state = c == '\r' ? LAST_LF : TRAILER;
		return c == '\n' ? -EINVAL : 0;
	case TRAILER:
		if (c == '\r')
			body->state = TRAILER_LF;
		return c == '\n' ? -EINVAL : 0;
	case TRAILER_LF:
		body->state = LINE_BEGIN;
		return c == '\n' ? 0 : -EINVAL;
	case LAST_LF:
		body->is_whole = true;
		return c == '\n' ? 0 : -EINVAL;
	}
	return -EINVAL;
}

static ssize_t decode_chunks(struct body *body, char *data, size_t len, size_t *n_body)
{
	size_t at = 0;

	while (at < len && !body->is_whole) {
		if (body->state == DATA) {
			size_t n = len - at < body->left ? len - at : (size_t)body->left;

			memmove(data + *n_body, data + at, n);
			*n_body += n;
			at += n;
			body->left -= n;
			if (body->left == 0) {
				body->state = DATA_CR;
				body->line_len = 0;
			}
		} else if (take_byte(body, data[at++]) < 0) {
			return -EINVAL;
		}
	}
	return (ssize_t)at;
}

ssize_t body_decode(struct body *body, char *data, size_t len, size_t *n_body)
{
	*n_body = 0;
	if (body->is_chunked)
		return decode_chunks(body, data, len, n_body);
	*n_body = len < body->left ? len : (size_t)body->left;
	body->left -= *n_body;
	body->is_whole = body->left == 0;
	return (ssize_t)*n_body;
}
