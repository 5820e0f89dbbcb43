/* SPDX-License-Identifier: MIT */
#include "httpd/files/folder_watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/messages.h"
#include "common/ratelimit.h"
#include "httpd/files/disk_worker.h"
#include "httpd/files/listing.h"
#include "httpd/files/store.h"

#define EVENTS                                                                                     \
	(IN_CLOSE_WRITE | IN_ATTRIB | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |        \
		IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)
#define BUFFER_SIZE          (16u * 1024u)    /* of events read at once */
#define RESCAN_S             60               /* without inotify */
#define RETRY_S              5                /* … which may be had again by then */
#define UNREADABLE_LOG_NS    (600 * NS_PER_S) /* each scan finds them again */
#define UNREADABLE_LOG_BURST 5u
/* Their numbers are never used again: so many folders in the life of a server. */
#define WATCHES_MAX 65536u

#define MARK_CREATED                                                                               \
	'+' /* … and perhaps still being written; else it has been closed, moved, …            \
	     */
#define MARK_OTHER ' '

/* What a batch of events named, for a worker to look at. */
struct look {
	struct disk_job job;
	struct folder_watch *watch;
	size_t used;
	char names[]; /* each behind a mark, and with its NUL */
};

struct folder_watch {
	struct disk_workers *workers;
	struct store *store;
	struct listing *listing;
	/* the loop's */
	void (*on_scanned)(void *arg); /* NULL: it has been called */
	void *arg;
	struct event_base *base;
	struct event readable, timer;
	uint64_t rescan_ns; /* CLOCK_MONOTONIC: not looked through before that by the timer */
	struct disk_job scan;
	bool is_scanning, wants_scan;
	bool is_destroyed;
	unsigned n_jobs; /* under way, the scan among them */
	/* under the lock: the scan adds, the loop asks */
	pthread_mutex_t lock;
	int fd;
	char **folders; /* of each watch descriptor, in order; NULL: none */
	size_t n_folders;
	bool is_blind;   /* some folder has no watch … */
	int blind_errno; /* … for that reason; 0: memory, or our own limit */
	/* under the other lock, which is held across the disk: workers' alone */
	pthread_mutex_t look_lock;
	struct ratelimit unreadable_log;
	/* the scan's */
	bool was_told_blind, was_told_away;
	int renewed; /* of store_renew() */
};

static void watch_free(struct folder_watch *watch)
{
	for (size_t i = 0; i < watch->n_folders; i++)
		free(watch->folders[i]);
	free(watch->folders);
	fd_close(&watch->fd);
	pthread_mutex_destroy(&watch->look_lock);
	pthread_mutex_destroy(&watch->lock);
	free(watch);
}

/* A job has come back. */
static void job_done(struct folder_watch *watch)
{
	if (--watch->n_jobs == 0 && watch->is_destroyed)
		watch_free(watch);
}

/* --- the scan, on a worker --- */

static void remember_folder(struct folder_watch *watch, int descriptor, const char *name)
{
	size_t at = (size_t)descriptor;

	if (at >= watch->n_folders) {
		size_t n = at < 32 ? 64 : 2 * at;
		char **folders = realloc(watch->folders, n * sizeof(*folders));

		if (!folders) {
			watch->is_blind = true;
			return;
		}
		memset(folders + watch->n_folders, 0, (n - watch->n_folders) * sizeof(*folders));
		watch->folders = folders;
		watch->n_folders = n;
	}
	free(watch->folders[at]);
	watch->folders[at] = strdup(name);
}

static void on_folder(void *arg, const char *name, int fd)
{
	struct folder_watch *watch = arg;
	char path[48];
	int descriptor = -1;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	pthread_mutex_lock(&watch->lock);
	if (watch->fd >= 0) {
		descriptor = inotify_add_watch(watch->fd, path, EVENTS);
		watch->blind_errno = descriptor < 0 ? errno : watch->blind_errno;
	}
	if (descriptor >= 0 && descriptor < (int)WATCHES_MAX)
		remember_folder(watch, descriptor, name);
	else
		watch->is_blind = true;
	pthread_mutex_unlock(&watch->lock);
}

/* Who has put it there believes that all can see it. */
static void tell_unreadable(struct folder_watch *watch, const char *name)
{
	const struct log_fields fields = {.file = name};
	char more[RATELIMIT_MORE_SIZE];
	unsigned suppressed;

	if (ratelimit_allow(&watch->unreadable_log, clock_monotonic_ns(), &suppressed))
		log_at(LOG_WARNING, &fields,
			"Could not share \"%s\": this service may not read it; chmod a+rX in the "
			"shared folder lets it%s",
			name, ratelimit_more(suppressed, more));
}

/*
 * What has become of that name?  Nobody looks between this look and what it leads to: of two at
 * once the one that saw more might be the first to say so, and a deleted file would be listed for
 * ever.
 */
static int look_at(void *arg, const char *name)
{
	struct folder_watch *watch = arg;
	struct file_entry *entry;
	int r;

	pthread_mutex_lock(&watch->look_lock);
	r = store_look(watch->store, name, &entry);
	if (r == 0)
		listing_put(watch->listing, entry);
	else
		listing_remove(watch->listing, name);
	if (r == -EACCES)
		tell_unreadable(watch, name);
	pthread_mutex_unlock(&watch->look_lock);
	return r;
}

static const struct store_scan_ops SCAN_OPS = {.on_folder = on_folder, .on_name = look_at};

static void run_scan(struct disk_job *job)
{
	struct folder_watch *watch =
		(struct folder_watch *)((char *)job - offsetof(struct folder_watch, scan));

	pthread_mutex_lock(&watch->lock);
	watch->is_blind = false;
	if (watch->fd >= 0)
		watch->blind_errno = 0;
	pthread_mutex_unlock(&watch->lock);
	watch->renewed = store_renew(watch->store);
	listing_begin_scan(watch->listing);
	store_scan(watch->store, "", &SCAN_OPS, watch);
	listing_end_scan(watch->listing);
}

/* --- on the loop --- */

static void on_readable(evutil_socket_t fd, short what, void *arg);

/* Whoever has used it all up may have ended since.  No scan may be under way. */
static void open_inotify(struct folder_watch *watch)
{
	int fd = watch->fd >= 0 ? watch->fd : inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int error = errno;

	if (watch->fd >= 0)
		return;
	watch->blind_errno = fd < 0 ? error : 0;
	if (fd < 0)
		return;
	watch->fd = fd;
	event_assign(&watch->readable, watch->base, fd, EV_READ | EV_PERSIST, on_readable, watch);
	event_add(&watch->readable, NULL);
}

static void log_blind(int error)
{
	log_warn("Could not watch all of the shared folder: %s; looking through it every minute%s",
		error == EMFILE   ? "no inotify instances are left"
		: error == ENOSPC ? "no inotify watches are left"
		: error           ? strerror(error)
				  : "it has too many folders",
		error == EMFILE   ? "; raise fs.inotify.max_user_instances"
		: error == ENOSPC ? "; raise fs.inotify.max_user_watches"
				  : "");
}

static void log_away(struct folder_watch *watch)
{
	bool is_away = watch->renewed < 0;

	if (is_away && !watch->was_told_away)
		log_message(LOG_ERR, MESSAGE_FOLDER_UNUSABLE,
			"The folder of the shared files has gone, or cannot be used: %s; no files "
			"are shared; put it back, or another in its place; trying again",
			strerror(-watch->renewed));
	else if (!is_away && watch->was_told_away)
		log_message(LOG_INFO, MESSAGE_BACK,
			"The folder of the shared files is back: files are shared");
	watch->was_told_away = is_away;
}

static void start_scan(struct folder_watch *watch)
{
	watch->wants_scan = watch->is_scanning;
	if (watch->is_scanning || watch->is_destroyed)
		return;
	open_inotify(watch);
	watch->is_scanning = true;
	watch->n_jobs++;
	disk_submit(watch->workers, &watch->scan);
}

static void scan_done(struct disk_job *job)
{
	struct folder_watch *watch =
		(struct folder_watch *)((char *)job - offsetof(struct folder_watch, scan));
	const struct timeval later = {.tv_sec = RETRY_S};
	bool is_blind;
	int error;

	watch->is_scanning = false;
	pthread_mutex_lock(&watch->lock);
	is_blind = watch->is_blind;
	error = watch->blind_errno;
	pthread_mutex_unlock(&watch->lock);
	if (is_blind && !watch->was_told_blind)
		log_blind(error);
	else if (!is_blind && watch->was_told_blind)
		log_info("All of the shared folder is watched again");
	watch->rescan_ns = clock_monotonic_ns() + RESCAN_S * NS_PER_S;
	watch->was_told_blind = is_blind;
	log_away(watch);
	if (!watch->is_destroyed) {
		void (*on_scanned)(void *) = watch->on_scanned;

		watch->on_scanned = NULL;
		if (on_scanned)
			on_scanned(watch->arg);
		if (is_blind || watch->was_told_away)
			event_add(&watch->timer, &later);
		if (watch->wants_scan)
			start_scan(watch);
	}
	job_done(watch);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct folder_watch *watch = arg;
	const struct timeval later = {.tv_sec = RETRY_S};
	bool was_shut = watch->fd < 0;
	(void)fd, (void)what;

	if (!watch->is_scanning)
		open_inotify(watch);
	if ((was_shut && watch->fd >= 0) || watch->was_told_away ||
		clock_monotonic_ns() >= watch->rescan_ns)
		start_scan(watch);
	else
		event_add(&watch->timer, &later);
}

/* On a worker: what has become of each name?  What is being written is looked at when it is closed;
 * a hard link has no such end. */
static void run_look(struct disk_job *job)
{
	struct look *look = (struct look *)job;
	struct folder_watch *watch = look->watch;

	for (size_t at = 0; at < look->used; at += strlen(look->names + at) + 1) {
		const char *name = look->names + at + 1;

		if (look->names[at] != MARK_CREATED || store_is_linked(watch->store, name))
			look_at(watch, name);
	}
}

static void look_done(struct disk_job *job)
{
	struct look *look = (struct look *)job;

	job_done(look->watch);
	free(look);
}

/* Adds the name of an event; false: only a scan can tell what it means. */
static bool add_event(struct folder_watch *watch, const struct inotify_event *event,
	struct look *look, size_t size)
{
	const char *folder = NULL;
	int len;

	if (event->mask & (IN_Q_OVERFLOW | IN_ISDIR | IN_DELETE_SELF | IN_MOVE_SELF))
		return false;
	if (event->len == 0 || event->name[0] == '.')
		return true;
	pthread_mutex_lock(&watch->lock);
	if (event->wd >= 0 && (size_t)event->wd < watch->n_folders)
		folder = watch->folders[event->wd];
	len = !folder ? -1
		      : snprintf(look->names + look->used, size - look->used, "%c%s%s%s",
				event->mask & IN_CREATE ? MARK_CREATED : MARK_OTHER, folder,
				*folder ? "/" : "", event->name);
	pthread_mutex_unlock(&watch->lock);
	if (len < 0 || (size_t)len >= size - look->used)
		return false;
	look->used += (size_t)len + 1;
	return true;
}

/* A hidden folder, which is of no interest unless it goes. */
static bool is_ours(const struct inotify_event *event)
{
	return (event->mask & IN_ISDIR) && event->len > 0 && event->name[0] == '.' &&
	       !(event->mask & (IN_DELETE | IN_MOVED_FROM));
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct folder_watch *watch = arg;
	_Alignas(struct inotify_event) char events[BUFFER_SIZE];
	ssize_t len = read(fd, events, sizeof(events));
	const struct inotify_event *event;
	size_t size = 4 * BUFFER_SIZE;
	bool needs_scan = false;
	struct look *look;

	(void)what;
	if (len <= 0)
		return;
	look = malloc(sizeof(*look) + size);
	if (!look) {
		start_scan(watch);
		return;
	}
	look->used = 0;
	for (ssize_t at = 0; at < len; at += (ssize_t)(sizeof(*event) + event->len)) {
		event = (const struct inotify_event *)(events + at);
		if (is_ours(event) || (event->mask & IN_IGNORED))
			continue;
		if (!add_event(watch, event, look, size))
			needs_scan = true;
	}
	if (needs_scan)
		start_scan(watch);
	if (look->used == 0 || needs_scan) {
		free(look);
		return;
	}
	look->watch = watch;
	look->job = (struct disk_job){.run = run_look, .done = look_done};
	watch->n_jobs++;
	disk_submit(watch->workers, &look->job);
}

int folder_watch_create(struct event_base *base, struct disk_workers *workers, struct store *store,
	struct listing *listing, void (*on_scanned)(void *arg), void *arg,
	struct folder_watch **out)
{
	struct folder_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	watch->workers = workers;
	watch->store = store;
	watch->listing = listing;
	watch->on_scanned = on_scanned;
	watch->arg = arg;
	watch->unreadable_log =
		(struct ratelimit){.interval_ns = UNREADABLE_LOG_NS, .burst = UNREADABLE_LOG_BURST};
	watch->scan = (struct disk_job){.run = run_scan, .done = scan_done};
	pthread_mutex_init(&watch->lock, NULL);
	pthread_mutex_init(&watch->look_lock, NULL);
	watch->base = base;
	watch->fd = -1;
	evtimer_assign(&watch->timer, base, on_timer, watch);
	start_scan(watch);
	*out = watch;
	return 0;
}

void folder_watch_destroy(struct folder_watch *watch)
{
	if (!watch)
		return;
	event_del(&watch->timer);
	if (watch->fd >= 0)
		event_del(&watch->readable);
	watch->is_destroyed = true;
	if (watch->n_jobs == 0)
		watch_free(watch);
}
