/* SPDX-License-Identifier: MIT */
#include "httpd/files/opening.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/messages.h"
#include "httpd/files/files.h"

#define RETRY_S 1

struct opening {
	struct disk_job job;
	struct files *files;
	struct event *timer;
	uint64_t since_ns; /* it has failed for the first time */
	bool is_over;
	char folder[PATH_MAX];
	/* a worker's while the job runs */
	struct store *store;
	int result;
};

/* There is no store: to who sits here what to do, to everybody why. */
static void explain(const struct opening *opening, bool is_new)
{
	struct files *files = opening->files;
	int r = opening->result;
	const char *what = r == -EROFS    ? "it is read-only for this service"
			   : r == -EACCES ? "this service may not write there"
					  : strerror(-r);
	const char *remedy =
		r == -EROFS || r == -EACCES
			? "its owner must be the service's user, and a drop-in of the "
			  "unit must allow it (ReadWritePaths=; what lies in /home is "
			  "shown to it elsewhere, by BindPaths=), which wants a restart"
			: "correct it, or [files] folder, which wants a restart";

	snprintf(files->why_not, sizeof(files->why_not),
		"The folder of the shared files cannot be used: %s; %s", what, remedy);
	if (is_new)
		log_message(LOG_ERR, MESSAGE_FOLDER_UNUSABLE,
			"Could not use the folder %s: %s; no files are shared; %s; trying again",
			opening->folder, what, remedy);
}

static void try_later(struct opening *opening)
{
	const struct timeval delay = {.tv_sec = RETRY_S};

	event_add(opening->timer, &delay);
}

static void run(struct disk_job *job)
{
	struct opening *opening = (struct opening *)((char *)job - offsetof(struct opening, job));

	opening->result = store_open(opening->folder, &opening->store);
}

/* Hands it on. */
static int hand_over(struct opening *opening)
{
	int r = files_opened(opening->files, opening->store);

	if (r < 0)
		store_close(opening->store);
	opening->store = NULL;
	return r;
}

static void done(struct disk_job *job)
{
	struct opening *opening = (struct opening *)((char *)job - offsetof(struct opening, job));

	if (opening->is_over) {
		if (opening->result == 0)
			store_close(opening->store);
		return;
	}
	if (opening->result == 0)
		opening->result = hand_over(opening);
	if (opening->result == 0) {
		log_message(LOG_INFO, MESSAGE_BACK,
			"The folder %s can be used after %.0f s: files are shared", opening->folder,
			(double)(clock_monotonic_ns() - opening->since_ns) / NS_PER_S);
		return;
	}
	explain(opening, false);
	try_later(opening);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct opening *opening = arg;

	(void)fd, (void)what;
	disk_submit(opening->files->workers, &opening->job);
}

int opening_create(struct files *files, const char *state_dir, struct opening **out)
{
	const char *folder = files->config->files.folder;
	struct opening *opening = calloc(1, sizeof(*opening));
	int r = -ENOMEM;

	if (!opening)
		return -ENOMEM;
	opening->files = files;
	opening->job = (struct disk_job){.run = run, .done = done};
	opening->since_ns = clock_monotonic_ns();
	if (folder[0] != '\0')
		snprintf(opening->folder, sizeof(opening->folder), "%s", folder);
	else
		snprintf(opening->folder, sizeof(opening->folder), "%s/" STORE_DEFAULT_NAME,
			state_dir);
	opening->timer = evtimer_new(files->base, on_timer, opening);
	if (!opening->timer)
		goto fail;
	run(&opening->job);
	r = opening->result == 0 ? hand_over(opening) : 0;
	if (opening->result == -ENOSYS)
		r = -ENOSYS;
	if (r < 0)
		goto fail;
	if (opening->result < 0) {
		explain(opening, true);
		try_later(opening);
	}
	*out = opening;
	return 0;
fail:
	opening_destroy(opening);
	return r;
}

void opening_stop(struct opening *opening)
{
	if (!opening)
		return;
	opening->is_over = true;
	event_del(opening->timer);
}

void opening_destroy(struct opening *opening)
{
	if (!opening)
		return;
	if (opening->timer)
		event_free(opening->timer);
	free(opening);
}
