/* SPDX-License-Identifier: MIT */
#include "httpd/watchers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/stream.h"

#define LINE_SIZE 256u
#define MORE_SIZE 24u /* "\nand 1024 more" */

struct watcher {
	const char *name, *address;
	unsigned sources;
};

struct watchers {
	struct watcher list[WATCHERS_MAX];
	size_t n;
};

struct watchers *watchers_create(void)
{
	struct watchers *watchers = malloc(sizeof(*watchers));

	if (watchers)
		watchers->n = 0;
	return watchers;
}

void watchers_destroy(struct watchers *watchers)
{
	free(watchers);
}

void watchers_add(
	struct watchers *watchers, const char *name, const char *address, unsigned sources)
{
	for (size_t i = 0; i < watchers->n; i++) {
		struct watcher *known = &watchers->list[i];

		if (strcmp(known->address, address) == 0 && strcmp(known->name, name) == 0) {
			known->sources |= sources;
			return;
		}
	}
	if (watchers->n < WATCHERS_MAX)
		watchers->list[watchers->n++] = (struct watcher){name, address, sources};
}

unsigned watchers_sources(const struct watchers *watchers)
{
	unsigned sources = 0;

	for (size_t i = 0; i < watchers->n; i++)
		sources |= watchers->list[i].sources;
	return sources;
}

/* Its length; the line always fits: a name has fewer than 128 bytes, an address than 46. */
static size_t write_line(const struct watcher *watcher, char line[LINE_SIZE])
{
	static const char *const words[SOURCE_COUNT] = {
		[SOURCE_SCREEN] = "screen", [SOURCE_CAMERA] = "camera", [SOURCE_AUDIO] = "sound"};
	size_t len = (size_t)snprintf(line, LINE_SIZE, "%.150s%s%.50s", watcher->name,
		watcher->name[0] != '\0' ? ", " : "", watcher->address);
	const char *before = ": ";

	for (unsigned source = 0; source < SOURCE_COUNT; source++) {
		if (!(watcher->sources & 1u << source))
			continue;
		len += (size_t)snprintf(line + len, LINE_SIZE - len, "%s%s", before, words[source]);
		before = ", ";
	}
	return len;
}

size_t watchers_write(const struct watchers *watchers, size_t lines_max, char *text, size_t size)
{
	char line[LINE_SIZE], more[MORE_SIZE];
	size_t len = 0, i = 0;

	for (; i < watchers->n; i++) {
		size_t line_len = write_line(&watchers->list[i], line), left = watchers->n - i;
		/* Room is kept for the line that counts, unless this is the last of all. */
		size_t kept = left > 1 ? MORE_SIZE : 0;

		if ((left > 1 && i + 1 >= lines_max) || len + 1 + line_len + kept > size)
			break;
		if (len > 0)
			text[len++] = '\n';
		memcpy(text + len, line, line_len);
		len += line_len;
	}
	if (i < watchers->n) {
		size_t more_len = (size_t)snprintf(more, sizeof(more), "%s%s%zu more",
			len > 0 ? "\n" : "", len > 0 ? "and " : "", watchers->n - i);

		if (len + more_len <= size) {
			memcpy(text + len, more, more_len);
			len += more_len;
		}
	}
	return len;
}
