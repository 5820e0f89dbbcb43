/* SPDX-License-Identifier: MIT */
#include "capd/session/consent_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#define N_FOLDERS 3
#define GONE      (IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define APPEARS   (IN_CREATE | IN_MOVED_TO | GONE)
#define CHANGES   (IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE | IN_MOVED_FROM | APPEARS)

/* Deepest first. */
static const char *const folders[N_FOLDERS] = {"/" CONSENT_FOLDER, "/.config", ""};

struct consent_watch {
	sd_event *event;
	char *home;
	void (*on_change)(void *arg);
	void *arg;
	sd_event_source *inotify;
	unsigned watched; /* index of `folders`; N_FOLDERS: none */
	enum consent word;
};

static int on_inotify(sd_event_source *source, const struct inotify_event *event, void *arg);

/* Watches the deepest folder that there is, if it is not watched already. */
static void watch_deepest(struct consent_watch *watch)
{
	for (unsigned i = 0; i < watch->watched; i++) {
		sd_event_source *inotify = NULL;
		char path[PATH_MAX];
		int n = snprintf(path, sizeof(path), "%s%s", watch->home, folders[i]);

		if (n < 0 || n >= PATH_MAX ||
			sd_event_add_inotify(watch->event, &inotify, path,
				i == 0 ? CHANGES : APPEARS, on_inotify, watch) < 0)
			continue;
		sd_event_source_disable_unref(watch->inotify);
		watch->inotify = inotify;
		watch->watched = i;
		return;
	}
}

/*
 * Read after it is watched, so that nothing is missed in between; and looked for a deeper folder
 * twice, since one may have come while the other was being watched.
 */
static void look(struct consent_watch *watch)
{
	watch_deepest(watch);
	watch_deepest(watch);
	watch->word = consent_read(watch->home);
}

static int on_inotify(sd_event_source *source, const struct inotify_event *event, void *arg)
{
	struct consent_watch *watch = arg;
	enum consent before = watch->word;
	(void)source;

	if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT))
		watch->watched = N_FOLDERS;
	look(watch);
	if (watch->word != before)
		watch->on_change(watch->arg);
	return 0;
}

int consent_watch_create(sd_event *event, const char *home, void (*on_change)(void *arg), void *arg,
	struct consent_watch **out)
{
	struct consent_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	watch->event = sd_event_ref(event);
	watch->on_change = on_change;
	watch->arg = arg;
	watch->watched = N_FOLDERS;
	watch->home = strdup(home);
	if (!watch->home) {
		consent_watch_destroy(watch);
		return -ENOMEM;
	}
	look(watch);
	*out = watch;
	return 0;
}

void consent_watch_destroy(struct consent_watch *watch)
{
	if (!watch)
		return;
	sd_event_source_disable_unref(watch->inotify);
	sd_event_unref(watch->event);
	free(watch->home);
	free(watch);
}

enum consent consent_watch_word(const struct consent_watch *watch)
{
	return watch->word;
}
