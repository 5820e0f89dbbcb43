/* SPDX-License-Identifier: MIT */
#include "httpd/picture_window.h"

#include <string.h>

#include "common/clock.h"

bool picture_window_has_room(const struct picture_window *window)
{
	unsigned max = window->took_ms > PICTURE_WINDOW_SLOW_MS ? 1 : PICTURE_WINDOW_MAX;

	return window->n < max;
}

void picture_window_sent(struct picture_window *window, uint32_t sequence, uint64_t now_ns)
{
	window->under_way[window->n].sequence = sequence;
	window->under_way[window->n++].sent_ns = now_ns;
}

bool picture_window_drawn(
	struct picture_window *window, uint32_t sequence, double took_ms, uint64_t now_ns)
{
	unsigned n = 0;

	while (n < window->n && window->under_way[n].sequence != sequence)
		n++;
	if (n++ == window->n)
		return false; /* of before a set, or never sent */
	if (took_ms < 0)
		took_ms = (double)(now_ns - window->under_way[n - 1].sent_ns) / (double)NS_PER_MS;
	window->took_ms = window->took_ms == 0 ? took_ms : (window->took_ms + took_ms) / 2;
	window->n -= n;
	memmove(window->under_way, window->under_way + n, window->n * sizeof(window->under_way[0]));
	return true;
}

void picture_window_clear(struct picture_window *window)
{
	window->n = 0;
}
