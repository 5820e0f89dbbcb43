/* SPDX-License-Identifier: MIT */
#include "httpd/request_check.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/utf8.h"

static bool has_dot_segment(const char *path)
{
	for (const char *s = path; s != NULL; s = strchr(s + 1, '/')) {
		size_t len = strcspn(s + 1, "/");

		if ((len == 1 && s[1] == '.') || (len == 2 && s[1] == '.' && s[2] == '.'))
			return true;
	}
	return false;
}

/* Printable ASCII without what RFC 3986 never allows; browsers do send ^ ` { | } in queries. */
static bool is_target_char(unsigned char c)
{
	return c > 0x20 && c < 0x7f && strchr("\"<>\\#", c) == NULL;
}

bool request_check_target(
	struct request *request, char *target, size_t len, struct request_refusal *refusal)
{
	size_t raw_path_len;
	int path_len;

	if (len > REQUEST_TARGET_MAX)
		return request_refuse(refusal, 414, "The request's target is too long");
	if (len == 0 || target[0] != '/')
		return request_refuse(refusal, 400, "The request's target must begin with /");
	for (size_t i = 0; i < len; i++)
		if (!is_target_char((unsigned char)target[i]))
			return request_refuse(refusal, 400, "The request's target is malformed");
	target[len] = '\0';
	raw_path_len = strcspn(target, "?");
	request->query = target[raw_path_len] == '?' ? target + raw_path_len + 1 : "";
	path_len = request_percent_decode(target, raw_path_len, false);
	if (path_len < 0)
		return request_refuse(refusal, 400, "The path's percent-encoding is wrong");
	for (int i = 0; i < path_len; i++) {
		unsigned char c = (unsigned char)target[i];

		if (c < 0x20 || c == 0x7f || c == '\\')
			return request_refuse(
				refusal, 400, "The path has a character that it may not");
	}
	if (!utf8_is_valid(target, (size_t)path_len))
		return request_refuse(refusal, 400, "The path is not UTF-8");
	target[path_len] = '\0';
	if (has_dot_segment(target))
		return request_refuse(refusal, 400, "The path has a . or .. in it");
	request->path = target;
	return true;
}

/* Two of one of these are two meanings of one request. */
static const char *const SINGLE_HEADERS[] = {"Host", "Content-Length", "Transfer-Encoding",
	"Origin", "Sec-Fetch-Site", "Content-Type", "Range", "Authorization", "Cookie",
	"Tus-Resumable", "Upload-Length", "Upload-Offset", "Upload-Metadata", "Sec-WebSocket-Key",
	"Sec-WebSocket-Version"};

bool request_check_headers(struct request *request, struct request_refusal *refusal)
{
	const char *encoding;

	for (size_t s = 0; s < sizeof(SINGLE_HEADERS) / sizeof(SINGLE_HEADERS[0]); s++) {
		unsigned n = 0;

		for (size_t i = 0; i < request->n_headers; i++)
			n += strcasecmp(request->headers[i].name, SINGLE_HEADERS[s]) == 0;
		if (n > 1)
			return request_refuse(refusal, 400,
				"A header is there twice that may be there only once");
	}
	request->host = request_header(request, "Host");
	if (request->host == NULL || request->host[0] == '\0')
		return request_refuse(refusal, 400, "The Host header is missing");
	for (const char *c = request->host; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && strchr("-._~:[]%", *c) == NULL)
			return request_refuse(refusal, 400, "The Host header is malformed");

	encoding = request_header(request, "Transfer-Encoding");
	if (encoding == NULL)
		return true;
	if (request->is_http10 || request_header(request, "Content-Length") != NULL)
		return request_refuse(
			refusal, 400, "The headers that tell the body's length are wrong");
	if (strcasecmp(encoding, "chunked") != 0)
		return request_refuse(refusal, 501, "The transfer encoding is not known here");
	return true;
}
