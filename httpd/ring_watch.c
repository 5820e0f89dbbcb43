/* SPDX-License-Identifier: MIT */
#include "httpd/ring_watch.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/guarded_copy.h"

#define STACK_BYTES (256u * 1024u) /* address space; a page or two of it are ever touched */

struct ring_watch_entry {
	const uint32_t *word;
	const struct ring_watch_ops *ops;
	void *arg;
	/* under ring_watch::lock */
	uint32_t seen;
	bool is_pending, is_lost, lost_was_told;
};

struct ring_watch {
	struct event *event; /* on wake_fd */
	int wake_fd;         /* eventfd, thread → loop */
	pthread_t thread;
	bool has_thread;
	_Atomic uint32_t control; /* futex word: the set of rings has changed, or stop */

	pthread_mutex_t lock; /* over everything below */
	bool stop;
	struct ring_watch_entry *entries[RING_WATCH_MAX];
	unsigned n_entries;
};

/*
 * Looks at every word; fills `wait` for the next sleep.  Returns how many are to be waited for, and
 * in *any_news whether the loop must be told.
 */
static unsigned survey(struct ring_watch *watch, struct futex_waitv *wait, bool *any_news)
{
	unsigned n = 1; /* 0 is the control word */

	for (unsigned i = 0; i < watch->n_entries; i++) {
		struct ring_watch_entry *entry = watch->entries[i];
		uint32_t value;

		if (entry->is_lost)
			continue;
		if (!guarded_load_u32(entry->word, &value)) {
			entry->is_lost = true;
			*any_news = true;
			continue;
		}
		if (value != entry->seen) {
			entry->seen = value;
			entry->is_pending = true;
			*any_news = true;
		}
		wait[n++] = (struct futex_waitv){
			.val = value, .uaddr = (uintptr_t)entry->word, .flags = FUTEX_32};
	}
	return n;
}

static void *watch_run(void *arg)
{
	struct ring_watch *watch = arg;
	struct futex_waitv wait[RING_WATCH_MAX + 1];
	const uint64_t one = 1;

	for (;;) {
		bool any_news = false;
		/* before the survey: a change after it makes futex_waitv return at once */
		uint32_t control = atomic_load(&watch->control);

		pthread_mutex_lock(&watch->lock);
		bool stop = watch->stop;
		unsigned n = survey(watch, wait, &any_news);
		pthread_mutex_unlock(&watch->lock);
		if (stop)
			return NULL;
		if (any_news && write(watch->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
			abort(); /* an eventfd of our own: EAGAIN would mean it is already told */
		wait[0] = (struct futex_waitv){.val = control,
			.uaddr = (uintptr_t)&watch->control,
			.flags = FUTEX_32 | FUTEX_PRIVATE_FLAG};
		/* Woken, changed meanwhile (EAGAIN), interrupted, or a segment is gone (EFAULT):
		 * the next survey finds out which. */
		syscall(SYS_futex_waitv, wait, n, 0, NULL, CLOCK_MONOTONIC);
	}
}

static void kick(struct ring_watch *watch)
{
	atomic_fetch_add(&watch->control, 1);
	syscall(SYS_futex, &watch->control, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}

/* The next ring with something to say, its marks taken off; NULL: none. */
static struct ring_watch_entry *next_news(struct ring_watch *watch, bool *is_lost)
{
	struct ring_watch_entry *found = NULL;

	pthread_mutex_lock(&watch->lock);
	for (unsigned i = 0; i < watch->n_entries && !found; i++) {
		struct ring_watch_entry *entry = watch->entries[i];

		*is_lost = entry->is_lost && !entry->lost_was_told;
		if (!*is_lost && !entry->is_pending)
			continue;
		entry->lost_was_told |= *is_lost;
		entry->is_pending = false;
		found = entry;
	}
	pthread_mutex_unlock(&watch->lock);
	return found;
}

static void on_wake_fd(evutil_socket_t fd, short what, void *arg)
{
	struct ring_watch *watch = arg;
	struct ring_watch_entry *entry;
	uint64_t count;
	bool is_lost;
	(void)what;

	if (read(fd, &count, sizeof(count)) < 0)
		return;
	/* One at a time, each looked up anew: a callback may remove any of them. */
	while ((entry = next_news(watch, &is_lost))) {
		if (is_lost)
			entry->ops->on_lost(entry->arg);
		else
			entry->ops->on_wake(entry->arg);
	}
}

static int start_thread(struct ring_watch *watch)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int r;

	r = pthread_attr_init(&attributes);
	if (r != 0)
		return -r;
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	/* SIGBUS stays open: the guarded loads need it. */
	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGSEGV);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&watch->thread, &attributes, watch_run, watch);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	watch->has_thread = r == 0;
	return -r;
}

int ring_watch_create(struct event_base *base, struct ring_watch **out)
{
	struct ring_watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return -ENOMEM;
	watch->wake_fd = -1;
	r = -pthread_mutex_init(&watch->lock, NULL);
	if (r < 0) {
		free(watch);
		return r;
	}
	r = guarded_copy_init();
	if (r < 0)
		goto fail;
	r = -ENOMEM;
	watch->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (watch->wake_fd < 0)
		goto fail;
	watch->event = event_new(base, watch->wake_fd, EV_READ | EV_PERSIST, on_wake_fd, watch);
	if (!watch->event || event_add(watch->event, NULL) < 0)
		goto fail;
	*out = watch;
	return 0;
fail:
	ring_watch_destroy(watch);
	return r;
}

void ring_watch_destroy(struct ring_watch *watch)
{
	if (!watch)
		return;
	if (watch->has_thread) {
		pthread_mutex_lock(&watch->lock);
		watch->stop = true;
		pthread_mutex_unlock(&watch->lock);
		kick(watch);
		pthread_join(watch->thread, NULL);
	}
	if (watch->event)
		event_free(watch->event);
	fd_close(&watch->wake_fd);
	pthread_mutex_destroy(&watch->lock);
	free(watch);
}

int ring_watch_add(struct ring_watch *watch, const uint32_t *word, const struct ring_watch_ops *ops,
	void *arg, struct ring_watch_entry **out)
{
	struct ring_watch_entry *entry = calloc(1, sizeof(*entry));
	int r = 0;

	if (!entry)
		return -ENOMEM;
	entry->word = word;
	entry->ops = ops;
	entry->arg = arg;
	if (!guarded_load_u32(word, &entry->seen)) {
		free(entry);
		return -EFAULT;
	}
	pthread_mutex_lock(&watch->lock);
	if (watch->n_entries < RING_WATCH_MAX)
		watch->entries[watch->n_entries++] = entry;
	else
		r = -ENOSPC;
	pthread_mutex_unlock(&watch->lock);
	if (r == 0 && !watch->has_thread)
		r = start_thread(watch);
	else if (r == 0)
		kick(watch);
	if (r < 0) {
		ring_watch_remove(watch, entry);
		return r;
	}
	*out = entry;
	return 0;
}

void ring_watch_remove(struct ring_watch *watch, struct ring_watch_entry *entry)
{
	if (!entry)
		return;
	pthread_mutex_lock(&watch->lock);
	for (unsigned i = 0; i < watch->n_entries; i++) {
		if (watch->entries[i] != entry)
			continue;
		watch->entries[i] = watch->entries[--watch->n_entries];
		break;
	}
	pthread_mutex_unlock(&watch->lock);
	free(entry);
	/* Asleep on a word that will be unmapped: harmless, but let it forget it. */
	if (watch->has_thread)
		kick(watch);
}
