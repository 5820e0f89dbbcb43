/* SPDX-License-Identifier: MIT */
#include "httpd/response.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <time.h>

#include <event2/buffer.h>

/* Style is for what a browser wraps around a picture that is opened by itself. */
#define POLICY_NOTHING "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

static const struct {
	unsigned status;
	const char *reason;
} REASONS[] = {
	{200, "OK"},
	{201, "Created"},
	{204, "No Content"},
	{206, "Partial Content"},
	{303, "See Other"},
	{304, "Not Modified"},
	{400, "Bad Request"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{410, "Gone"},
	{411, "Length Required"},
	{412, "Precondition Failed"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{415, "Unsupported Media Type"},
	{416, "Range Not Satisfiable"},
	{417, "Expectation Failed"},
	{421, "Misdirected Request"},
	{423, "Locked"},
	{426, "Upgrade Required"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{503, "Service Unavailable"},
	{505, "HTTP Version Not Supported"},
	{507, "Insufficient Storage"},
};

const char *response_reason(unsigned status)
{
	for (size_t i = 0; i < sizeof(REASONS) / sizeof(REASONS[0]); i++)
		if (REASONS[i].status == status)
			return REASONS[i].reason;
	return "Error";
}

static const char *http_date(char out[32])
{
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(out, 32, "%a, %d %b %Y %H:%M:%S GMT", &utc); /* the locale is always C */
	return out;
}

int response_write(
	struct evbuffer *out, const struct response *response, const struct response_form *form)
{
	uint64_t len = response->body ? evbuffer_get_length(response->body) : 0;
	char date[32];

	if (evbuffer_add_printf(out,
		    "HTTP/1.1 %u %s\r\n"
		    "Date: %s\r\n"
		    "Cache-Control: %s\r\n"
		    "Content-Security-Policy: %s\r\n" RESPONSE_HEADERS_ALWAYS "%s",
		    response->status, response_reason(response->status), http_date(date),
		    response->cache ? response->cache : "no-store",
		    response->policy ? response->policy : POLICY_NOTHING,
		    response->headers ? response->headers : "") < 0)
		return -ENOMEM;
	if (response->type && evbuffer_add_printf(out, "Content-Type: %s\r\n", response->type) < 0)
		return -ENOMEM;
	if (response->is_chunked && evbuffer_add_printf(out, "Transfer-Encoding: chunked\r\n") < 0)
		return -ENOMEM;
	if (response->has_length)
		len = response->length;
	if (response->status != 304 && response->status != 204 && !response->is_endless &&
		!response->is_chunked &&
		evbuffer_add_printf(out, "Content-Length: %" PRIu64 "\r\n", len) < 0)
		return -ENOMEM;
	/* HTTP/1.1 keeps alive without saying so, HTTP/1.0 closes without saying so. */
	if (form->keep_alive == form->is_http10 &&
		evbuffer_add_printf(
			out, "Connection: %s\r\n", form->keep_alive ? "keep-alive" : "close") < 0)
		return -ENOMEM;
	if (evbuffer_add(out, "\r\n", 2) < 0)
		return -ENOMEM;
	if (response->body && !form->is_head && evbuffer_add_buffer(out, response->body) < 0)
		return -ENOMEM;
	return 0;
}
