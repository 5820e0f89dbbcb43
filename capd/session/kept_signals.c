/* SPDX-License-Identifier: MIT */
#include "capd/session/kept_signals.h"

#include <string.h>

void kept_signals_add(struct kept_signals *kept, const char *sender, const char *path, bool is_lock)
{
	struct kept_signal *signal;

	if (strlen(sender) >= KEPT_SIGNALS_NAME_MAX || strlen(path) >= KEPT_SIGNALS_NAME_MAX)
		return;
	if (kept->n == KEPT_SIGNALS_MAX)
		memmove(kept->list, kept->list + 1, --kept->n * sizeof(*kept->list));
	signal = &kept->list[kept->n++];
	strcpy(signal->sender, sender);
	strcpy(signal->path, path);
	signal->is_lock = is_lock;
}
