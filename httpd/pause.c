/* SPDX-License-Identifier: MIT */
#include "httpd/pause.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/messages.h"
#include "httpd/feeds.h"
#include "httpd/files/disk_worker.h"
#include "httpd/presence.h"
#include "httpd/viewer.h"

#define LOOK_MS   20   /* between two looks at what is still on its way out */
#define SETTLE_MS 1000 /* whoever has not taken it by then is cut off */

/* One write, or removal, of the file.  Between submit and done it is the worker's. */
struct pause_job {
	struct disk_job job;
	struct pause *pause;
	bool is_paused;
	struct pause_record record; /* by whom it was asked */
	int result;
};

struct pause {
	struct pause_parts parts;
	bool is_on;
	struct pause_record record; /* of the pause, or of who ended it */

	bool wanted; /* what was asked for last … */
	uid_t wanted_by;
	bool is_news;         /* it is not how it was before */
	struct pause_job job; /* … and what is being, or was, written */
	bool is_writing;

	struct event *settle; /* looks whether all has left */
	bool is_settling;
	uint64_t cut_ns; /* when the rest is cut off */
	LIST_HEAD(, pause_waiter) waiters;
};

/* --- the effect --- */

static void answer_all(struct pause *pause)
{
	struct pause_waiter *waiter;

	if (pause->is_writing || pause->is_settling)
		return;
	while ((waiter = LIST_FIRST(&pause->waiters))) {
		LIST_REMOVE(waiter, entry);
		waiter->on_answer(waiter, pause->is_on, pause->job.result);
	}
}

static void look_again(struct pause *pause)
{
	const struct timeval delay = {.tv_usec = LOOK_MS * 1000};

	pause->is_settling = event_add(pause->settle, &delay) == 0;
}

static void on_settle(evutil_socket_t fd, short what, void *arg)
{
	struct pause *pause = arg;
	(void)fd, (void)what;

	if (pause->parts.n_behind_mark(pause->parts.arg) == 0) {
		pause->is_settling = false;
		answer_all(pause);
		return;
	}
	/* Those that are cut off are gone by the next look. */
	if (clock_monotonic_ns() >= pause->cut_ns)
		pause->parts.cut(pause->parts.arg);
	look_again(pause);
}

static void apply(struct pause *pause, bool is_on)
{
	if (pause->is_on == is_on)
		return;
	pause->is_on = is_on;
	if (is_on) {
		/* What comes from here on is the picture that says so. */
		viewers_mark(pause->parts.viewers);
		pause->cut_ns = clock_monotonic_ns() + SETTLE_MS * NS_PER_MS;
		look_again(pause);
	} else {
		event_del(pause->settle);
		pause->is_settling = false;
	}
	feeds_set_paused(pause->parts.feeds, is_on);
	presence_set_paused(pause->parts.presence, is_on);
}

/* --- writing it down --- */

static void run(struct disk_job *job)
{
	struct pause_job *mine = (struct pause_job *)job;
	const char *dir = mine->pause->parts.state_dir;

	pause_user_name(mine->record.uid, mine->record.name);
	mine->result =
		mine->is_paused ? pause_file_write(dir, &mine->record) : pause_file_remove(dir);
}

static void log_done(const struct pause *pause)
{
	const struct pause_job *job = &pause->job;
	const struct log_fields fields = {.message = job->is_paused ? MESSAGE_PAUSED : NULL,
		.state = state_name(job->is_paused ? STATE_PAUSED : STATE_LIVE),
		.user = job->record.name};

	if (pause->is_news)
		log_at(LOG_INFO, &fields, "Sharing was %s by %s",
			job->is_paused ? "paused" : "resumed", job->record.name);
	if (job->result == 0)
		return;
	if (job->is_paused)
		log_at(LOG_ERR, &fields,
			"Could not write down in %s that sharing is paused: %s; it is, but after a "
			"start anew it would not be",
			pause->parts.state_dir, strerror(-job->result));
	else
		log_at(LOG_ERR, &fields,
			"Could not remove the mark of the pause from %s: %s; sharing goes on, but "
			"after a start anew it would be paused",
			pause->parts.state_dir, strerror(-job->result));
}

static void start_job(struct pause *pause)
{
	pause->is_writing = true;
	pause->job.is_paused = pause->wanted;
	pause->job.record = (struct pause_record){
		.uid = pause->wanted_by, .since_s = clock_realtime_ns() / NS_PER_S};
	/* Paused once more: it is whose it was, and since when. */
	if (pause->wanted && !pause->is_news && pause->record.since_s != 0)
		pause->job.record = pause->record;
	disk_submit(pause->parts.workers, &pause->job.job);
}

static void done(struct disk_job *job)
{
	struct pause *pause = ((struct pause_job *)job)->pause;
	bool is_paused = pause->job.is_paused;

	pause->is_writing = false;
	if (pause->wanted != is_paused) { /* somebody has changed their mind */
		start_job(pause);
		return;
	}
	log_done(pause);
	if (pause->is_news)
		pause->record = pause->job.record;
	pause->is_news = false;
	/* A pause holds since it was asked for; what is over is so from here on. */
	if (!is_paused)
		apply(pause, false);
	answer_all(pause);
}

void pause_ask(struct pause *pause, bool is_paused, uid_t uid, struct pause_waiter *waiter)
{
	pause->wanted = is_paused;
	pause->wanted_by = uid;
	LIST_INSERT_HEAD(&pause->waiters, waiter, entry);
	pause->is_news |= is_paused != pause->is_on;
	if (is_paused)
		apply(pause, true);
	if (!pause->is_writing)
		start_job(pause);
}

/* --- asked about --- */

bool pause_is_on(const struct pause *pause)
{
	return pause->is_on;
}

const struct pause_record *pause_get(const struct pause *pause)
{
	return pause->is_on ? &pause->record : NULL;
}

/* --- its life --- */

static void look_at_start(struct pause *pause)
{
	const char *dir = pause->parts.state_dir;
	int error;

	if (!pause_file_read(dir, &pause->record, &error))
		return;
	pause->wanted = true;
	apply(pause, true);
	const struct log_fields fields = {.message = MESSAGE_PAUSED,
		.state = state_name(STATE_PAUSED),
		.user = pause->record.name};
	if (error < 0)
		log_at(LOG_WARNING, &fields,
			"Could not find out in %s whether sharing was paused: %s; it is, until "
			"`screenshare resume`",
			dir, strerror(-error));
	else
		log_at(LOG_INFO, &fields, "Sharing is still paused, by %s",
			pause->record.name[0] != '\0' ? pause->record.name : "somebody");
}

int pause_create(const struct pause_parts *parts, struct pause **out)
{
	struct pause *pause = calloc(1, sizeof(*pause));

	if (!pause)
		return -ENOMEM;
	pause->parts = *parts;
	LIST_INIT(&pause->waiters);
	pause->job.job = (struct disk_job){.run = run, .done = done};
	pause->job.pause = pause;
	pause->settle = evtimer_new(parts->base, on_settle, pause);
	if (!pause->settle) {
		free(pause);
		return -ENOMEM;
	}
	look_at_start(pause);
	*out = pause;
	return 0;
}

void pause_destroy(struct pause *pause)
{
	if (!pause)
		return;
	pause->is_settling = false;
	answer_all(pause);
	event_free(pause->settle);
	free(pause);
}
