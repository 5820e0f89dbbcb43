/* SPDX-License-Identifier: MIT */
#include "capd/screen/notification_text.h"

#include <stdlib.h>
#include <string.h>

#include "common/markup.h"
#include "common/stream.h"

const char *notification_summary(unsigned sources, bool is_paused)
{
	if (is_paused)
		return "Sharing is paused";
	switch (sources & ((1u << SOURCE_COUNT) - 1)) {
	case 1u << SOURCE_SCREEN:
	case 1u << SOURCE_SCREEN | 1u << SOURCE_AUDIO:
		return "This screen is being watched";
	case 1u << SOURCE_CAMERA:
	case 1u << SOURCE_CAMERA | 1u << SOURCE_AUDIO:
		return "This camera is being watched";
	case 1u << SOURCE_AUDIO:
		return "This computer is being listened to";
	default:
		return "This computer is being watched";
	}
}

char *notification_body(const char *lines)
{
	size_t len = 0;
	char *body, *end;

	for (const char *c = lines; *c; c++)
		len += markup_escape(*c) ? strlen(markup_escape(*c)) : 1;
	body = end = malloc(len + 1);
	if (!body)
		return NULL;
	for (const char *c = lines; *c; c++) {
		if (markup_escape(*c))
			end = stpcpy(end, markup_escape(*c));
		else
			*end++ = *c;
	}
	*end = '\0';
	return body;
}

static bool has_line(const char *lines, const char *line, size_t len)
{
	while (*lines) {
		size_t n = strcspn(lines, "\n");

		if (n == len && memcmp(lines, line, len) == 0)
			return true;
		lines += n + (lines[n] == '\n');
	}
	return false;
}

bool notification_has_new(const char *before, const char *now)
{
	while (*now) {
		size_t n = strcspn(now, "\n");

		if (!has_line(before, now, n))
			return true;
		now += n + (now[n] == '\n');
	}
	return false;
}
