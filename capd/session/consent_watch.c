/* SPDX-License-Identifier: MIT */
#include "capd/session/consent_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#define N_FOLDERS 3
#define RETRY_US  1000000u /* while a folder that is there cannot be watched */
#define EVENTS                                                                                     \
	(IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE | IN_ATTRIB |        \
		IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

/* Each of the folders on the way there, and what in it is on the way. */
static const struct {
	const char *path, *name;
} folders[N_FOLDERS] = {
	{"", ".config"}, {"/.config", "screenshare"}, {"/" CONSENT_FOLDER, CONSENT_FILE}};

struct consent_watch {
	sd_event *event;
	char *home;
	void (*on_change)(void *arg);
	void *arg;
	sd_event_source *inotify[N_FOLDERS]; /* NULL: it is not there, or cannot be watched */
	sd_event_source *retry;              /* enabled while one cannot */
	enum consent word;
};

static int on_inotify(sd_event_source *source, const struct inotify_event *event, void *arg);

/*
 * Each is watched before the next one in it is looked for, and all before the file is read: nothing
 * is missed in between.
 */
static void look(struct consent_watch *watch)
{
	bool is_blind = false;
	char path[PATH_MAX];

	for (unsigned i = 0; i < N_FOLDERS; i++) {
		int n = snprintf(path, sizeof(path), "%s%s", watch->home, folders[i].path);

		watch->inotify[i] = sd_event_source_disable_unref(watch->inotify[i]);
		if (n <= 0 || n >= PATH_MAX)
			continue;
		int r = sd_event_add_inotify(
			watch->event, &watch->inotify[i], path, EVENTS, on_inotify, watch);
		if (r < 0) {
			watch->inotify[i] = NULL;
			is_blind |= r != -ENOENT && r != -ENOTDIR;
		}
	}
	if (is_blind)
		sd_event_source_set_time_relative(watch->retry, RETRY_US);
	sd_event_source_set_enabled(watch->retry, is_blind ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	watch->word = consent_read(watch->home);
}

/* Does it concern what is on the way, or the folder itself? */
static bool is_ours(const struct consent_watch *watch, const sd_event_source *source,
	const struct inotify_event *event)
{
	if (!event->len)
		return true;
	for (unsigned i = 0; i < N_FOLDERS; i++)
		if (watch->inotify[i] == source)
			return strcmp(event->name, folders[i].name) == 0;
	return true;
}

static void look_again(struct consent_watch *watch)
{
	enum consent before = watch->word;

	look(watch);
	if (watch->word != before)
		watch->on_change(watch->arg);
}

static int on_inotify(sd_event_source *source, const struct inotify_event *event, void *arg)
{
	if (is_ours(arg, source, event))
		look_again(arg);
	return 0;
}

static int on_retry(sd_event_source *timer, uint64_t now_us, void *arg)
{
	(void)timer, (void)now_us;
	look_again(arg);
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
	watch->home = strdup(home);
	if (!watch->home) {
		consent_watch_destroy(watch);
		return -ENOMEM;
	}
	int r = sd_event_add_time(event, &watch->retry, CLOCK_MONOTONIC, 0, 0, on_retry, watch);
	if (r < 0) {
		consent_watch_destroy(watch);
		return r;
	}
	look(watch);
	*out = watch;
	return 0;
}

void consent_watch_destroy(struct consent_watch *watch)
{
	if (!watch)
		return;
	for (unsigned i = 0; i < N_FOLDERS; i++)
		sd_event_source_disable_unref(watch->inotify[i]);
	sd_event_source_disable_unref(watch->retry);
	sd_event_unref(watch->event);
	free(watch->home);
	free(watch);
}

enum consent consent_watch_word(const struct consent_watch *watch)
{
	return watch->word;
}
