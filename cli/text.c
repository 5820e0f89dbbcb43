/* SPDX-License-Identifier: MIT */
#include "cli/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/utf8.h"

const char *text_clean(const char *text, size_t max, char *out, size_t size)
{
	static const char ellipsis[] = "…";
	const char *p = text ? text : "", *end = p + strlen(p);
	size_t used = 0, n = 0, cut = 0; /* cut: where the ellipsis would stand */

	for (; p < end; n++) {
		size_t len = utf8_character_len(p, (size_t)(end - p));
		bool is_bad = len == 0 || utf8_is_harmful(p);
		size_t written = is_bad ? 1 : len;

		if (n == max || used + written >= size) {
			if (max > 0 && cut + sizeof(ellipsis) <= size) {
				memcpy(out + cut, ellipsis, sizeof(ellipsis) - 1);
				used = cut + sizeof(ellipsis) - 1;
			}
			break;
		}
		if (used + sizeof(ellipsis) <= size)
			cut = used;
		if (is_bad)
			out[used] = '?';
		else
			memcpy(out + used, p, len);
		used += written;
		p += len > 0 ? len : 1;
	}
	out[used] = '\0';
	return out;
}

size_t text_width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

const char *text_duration(uint64_t ms, char *out)
{
	unsigned long long s = ms / 1000;

	if (s < 60)
		snprintf(out, TEXT_FIGURE_MAX, "%llu s", s);
	else if (s < 3600)
		snprintf(out, TEXT_FIGURE_MAX, "%llu min %llu s", s / 60, s % 60);
	else if (s < 24 * 3600)
		snprintf(out, TEXT_FIGURE_MAX, "%llu h %llu min", s / 3600, s / 60 % 60);
	else
		snprintf(out, TEXT_FIGURE_MAX, "%llu d %llu h", s / 86400, s / 3600 % 24);
	return out;
}

const char *text_bytes(uint64_t bytes, char *out)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
	double value = (double)bytes / 1000;
	size_t unit = 0;

	if (bytes < 1000) {
		snprintf(out, TEXT_FIGURE_MAX, "%u B", (unsigned)bytes);
		return out;
	}
	/* 999.95 would be printed as 1000.0 */
	while (value >= 999.95 && unit + 1 < sizeof(units) / sizeof(*units)) {
		value /= 1000;
		unit++;
	}
	snprintf(out, TEXT_FIGURE_MAX, "%.1f %s", value, units[unit]);
	return out;
}
