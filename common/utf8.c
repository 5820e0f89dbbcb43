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

/* … and one that nobody sees, or that turns the direction of writing. */
static bool is_unseen(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	switch (p[0]) {
	case 0xd8: /* U+061C */
		return p[1] == 0x9c;
	case 0xe2:
		if (p[1] == 0x80) /* U+200B, U+200E, U+200F, U+2028 to U+202E */
			return p[2] == 0x8b || p[2] == 0x8e || p[2] == 0x8f ||
			       (p[2] >= 0xa8 && p[2] <= 0xae);
		return p[1] == 0x81 && p[2] >= 0xa0 && p[2] <= 0xa9; /* U+2060 to U+2069 */
	case 0xef:                                                   /* U+FEFF */
		return p[1] == 0xbb && p[2] == 0xbf;
	default:
		return false;
	}
}

bool utf8_is_harmful(const char *text)
{
	return utf8_is_control(text) || is_unseen(text);
}

void utf8_clean(char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_character_len(text + i, len - i);
		if (n == 0 || utf8_is_harmful(text + i)) {
			n = n ? n : 1;
			memset(text + i, '?', n);
		}
	}
}
