/* SPDX-License-Identifier: MIT */
#include "common/utf8.h"

#include <string.h>

size_t utf8_character_len(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		n = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* overlong, surrogates, above U+10FFFF: the second byte tells (Unicode 15, table 3-7) */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
		(p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

bool utf8_is_valid(const char *text, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_character_len(text + i, len - i);
		if (n == 0)
			return false;
	}
	return true;
}

bool utf8_is_control(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	return p[0] < 0x20 || p[0] == 0x7f || (p[0] == 0xc2 && p[1] <= 0x9f);
}

bool utf8_is_harmful(const char *text, size_t len)
{
	static const char *const harmful[] = {"\u061c", "\u200e", "\u200f", "\u2028", "\u2029",
		"\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068",
		"\u2069", "\ufeff"};

	if (utf8_is_control(text))
		return true;
	for (size_t i = 0; i < sizeof(harmful) / sizeof(*harmful); i++)
		if (strlen(harmful[i]) == len && memcmp(harmful[i], text, len) == 0)
			return true;
	return false;
}

void utf8_clean(char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_character_len(text + i, len - i);
		if (n == 0 || utf8_is_harmful(text + i, n)) {
			n = n ? n : 1;
			memset(text + i, '?', n);
		}
	}
}
