/* SPDX-License-Identifier: MIT */
#include "httpd/request.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static int hex_value(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (unsigned char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int request_percent_decode(char *text, size_t len, bool plus_is_space)
{
	size_t out = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '+' && plus_is_space) {
			text[out++] = ' ';
		} else if (text[i] == '%') {
			int high, low;

			if (len - i < 3)
				return -EINVAL;
			high = hex_value((unsigned char)text[i + 1]);
			low = hex_value((unsigned char)text[i + 2]);
			if (high < 0 || low < 0)
				return -EINVAL;
			text[out++] = (char)(high * 16 + low);
			i += 2;
		} else {
			text[out++] = text[i];
		}
	}
	return (int)out;
}

const char *request_header(const struct request *request, const char *name)
{
	for (size_t i = 0; i < request->n_headers; i++)
		if (strcasecmp(request->headers[i].name, name) == 0)
			return request->headers[i].value;
	return NULL;
}

int request_query(const struct request *request, const char *key, char *out, size_t out_size)
{
	size_t key_len = strlen(key);
	const char *found = NULL;
	size_t len;
	int decoded;

	for (const char *s = request->query; *s != '\0';) {
		size_t n = strcspn(s, "&");

		if (n >= key_len && memcmp(s, key, key_len) == 0 &&
			(n == key_len || s[key_len] == '=')) {
			if (found != NULL)
				return -EINVAL;
			found = s + key_len;
		}
		s += n;
		if (*s == '&')
			s++;
	}
	if (found == NULL)
		return -ENOENT;
	if (*found == '=')
		found++;
	len = strcspn(found, "&");
	if (len >= out_size)
		return -EMSGSIZE;
	memcpy(out, found, len);
	decoded = request_percent_decode(out, len, true);
	if (decoded < 0 || memchr(out, '\0', (size_t)decoded) != NULL)
		return -EINVAL;
	out[decoded] = '\0';
	return decoded;
}
