/* SPDX-License-Identifier: MIT */
#include "httpd/files/tus_head.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/parse.h"

int tus_number(const char *text, uint64_t *out)
{
	/* What off_t holds; no file is longer. */
	return parse_number(text, strlen(text), 0, INT64_MAX, out) < 0 ? -EINVAL : 0;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Length of what `len` characters stand for, in `out` unless that is NULL.  -EINVAL; -EMSGSIZE. */
static int base64_decode(const char *text, size_t len, char *out, size_t size)
{
	uint32_t bits = 0;
	size_t used = 0, digits = len;

	if (len % 4 != 0)
		return -EINVAL;
	while (digits > 0 && len - digits < 2 && text[digits - 1] == '=')
		digits--;
	for (size_t i = 0; i < digits; i++) {
		int value = base64_value(text[i]);

		if (value < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)value;
		if (i % 4 == 0)
			continue;
		if (out && used >= size)
			return -EMSGSIZE;
		if (out)
			out[used] = (char)(bits >> (6 - 2 * (i % 4)));
		used++;
	}
	return (int)used;
}

/* The next pair at *at, which moves behind it.  1; 0: there is none left; -EINVAL. */
static int next_pair(
	const char **at, const char **key, size_t *key_len, const char **value, size_t *value_len)
{
	const char *s = *at;
	size_t len;

	if (*s == '\0')
		return 0;
	s += strspn(s, " \t");
	len = strcspn(s, ",");
	*key = s;
	*key_len = strcspn(s, ", \t");
	*value = s + *key_len;
	*value += strspn(*value, " \t");
	*value_len = strcspn(*value, ", \t");
	if (*key_len == 0 || (*value)[*value_len + strspn(*value + *value_len, " \t")] != s[len])
		return -EINVAL;
	for (size_t i = 0; i < *key_len; i++)
		if ((unsigned char)s[i] <= 0x20 || (unsigned char)s[i] >= 0x7f)
			return -EINVAL;
	s += len;
	if (*s == ',' && *++s == '\0')
		return -EINVAL;
	*at = s;
	return 1;
}

int tus_metadata_check(const char *metadata)
{
	const char *key, *value, *at = metadata;
	size_t key_len, value_len;
	int r;

	while ((r = next_pair(&at, &key, &key_len, &value, &value_len)) > 0) {
		const char *other_key, *other_value, *other = at;
		size_t other_len, other_value_len;

		if (base64_decode(value, value_len, NULL, 0) < 0)
			return -EINVAL;
		while (next_pair(&other, &other_key, &other_len, &other_value, &other_value_len) >
			0)
			if (other_len == key_len && memcmp(other_key, key, key_len) == 0)
				return -EINVAL;
	}
	return r;
}

int tus_metadata_find(const char *metadata, const char *wanted, char *out, size_t size)
{
	const char *key, *value;
	size_t key_len, value_len, wanted_len = strlen(wanted);
	int r;

	while ((r = next_pair(&metadata, &key, &key_len, &value, &value_len)) > 0) {
		if (key_len != wanted_len || memcmp(key, wanted, key_len) != 0)
			continue;
		r = base64_decode(value, value_len, out, size - 1);
		if (r >= 0)
			out[r] = '\0';
		return r;
	}
	return r < 0 ? r : -ENOENT;
}
