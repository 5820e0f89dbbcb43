/* SPDX-License-Identifier: MIT */
#include "httpd/request_lines.h"

#include "httpd/request.h"

#define BLANK_LINES_MAX 2u /* before a request line: old clients send one after a body */

/* At the end of a line of `len` bytes. */
static bool end_line(struct request_lines *lines, size_t len, struct request_refusal *refusal)
{
	if (len == 0 && lines->n_lines > 0)
		lines->is_whole = true;
	else if (len == 0 && ++lines->n_blank > BLANK_LINES_MAX)
		return request_refuse(refusal, 400, "Blank lines precede the request");
	else if (len > 0 && ++lines->n_lines == 1 && lines->n_spaces != 2)
		return request_refuse(
			refusal, 400, "The request line is not METHOD TARGET VERSION");
	return true;
}

bool request_lines_scan(struct request_lines *lines, const char *buffer, size_t len,
	struct request_refusal *refusal)
{
	size_t i;

	for (i = lines->scanned; i < len && !lines->is_whole; i++) {
		unsigned char c = (unsigned char)buffer[i];

		if (lines->line == LINE_CR) {
			if (c != '\n')
				return request_refuse(refusal, 400, "A line ends in CR alone");
			lines->line = LINE_START;
			if (!end_line(lines, i - 1 - lines->line_begin, refusal))
				return false;
			lines->line_begin = i + 1;
			continue;
		}
		if (c == '\r') {
			lines->line = LINE_CR;
			continue;
		}
		if (c == '\n')
			return request_refuse(refusal, 400, "A line ends in LF alone");
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return request_refuse(
				refusal, 400, "A control character is in the request's head");
		if (lines->line == LINE_START && (c == ' ' || c == '\t'))
			return request_refuse(refusal, 400, "A header line is folded");
		if (lines->n_lines == 0 && i - lines->line_begin > REQUEST_TARGET_MAX + 64)
			return request_refuse(refusal, 414, "The request's target is too long");
		if (lines->n_lines == 0 && c == ' ' && ++lines->n_spaces > 2)
			return request_refuse(
				refusal, 400, "The request line is not METHOD TARGET VERSION");
		lines->line = LINE_INSIDE;
	}
	lines->scanned = i;
	return true;
}
