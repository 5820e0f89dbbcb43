/* SPDX-License-Identifier: MIT */
#include "httpd/files/disk_worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/fd.h"

#define IDLE_S     60
#define STACK_SIZE (256u * 1024u)

STAILQ_HEAD(job_list, disk_job);

struct disk_workers {
	/* the event loop's */
	struct event finished_event;
	unsigned n_unfinished; /* submitted, and done() not yet called */
	/* set once */
	int finished_fd;
	/* under the lock */
	pthread_mutex_t lock;
	pthread_cond_t work, change; /* work: for workers; change: for who waits for them */
	struct job_list queue, finished;
	unsigned n_queued, n_threads, n_free;
	bool is_stopping;
};

/* --- workers --- */

/* The next job, or NULL when there was none for long enough.  Locked. */
static struct disk_job *next_job(struct disk_workers *workers)
{
	struct timespec until;
	struct disk_job *job;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += IDLE_S;
	workers->n_free++;
	while (STAILQ_EMPTY(&workers->queue) && !workers->is_stopping && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&workers->work, &workers->lock, &until);
	workers->n_free--;
	job = STAILQ_FIRST(&workers->queue);
	if (job) {
		STAILQ_REMOVE_HEAD(&workers->queue, entry);
		workers->n_queued--;
	}
	return job;
}

static void *work(void *arg)
{
	struct disk_workers *workers = arg;
	const uint64_t one = 1;
	struct disk_job *job;

	pthread_mutex_lock(&workers->lock);
	while ((job = next_job(workers))) {
		pthread_mutex_unlock(&workers->lock);
		job->run(job);
		pthread_mutex_lock(&workers->lock);
		STAILQ_INSERT_TAIL(&workers->finished, job, entry);
		(void)!write(workers->finished_fd, &one, sizeof(one));
		pthread_cond_broadcast(&workers->change);
	}
	workers->n_threads--;
	pthread_cond_broadcast(&workers->change);
	pthread_mutex_unlock(&workers->lock);
	return NULL;
}

/* Locked. */
static void start_thread(struct disk_workers *workers)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;

	if (pthread_attr_init(&attributes) != 0)
		return;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	sigfillset(&all); /* signals are the loop's */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, &attributes, work, workers) == 0)
		workers->n_threads++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
}

/* --- the event loop's side --- */

void disk_submit(struct disk_workers *workers, struct disk_job *job)
{
	workers->n_unfinished++;
	pthread_mutex_lock(&workers->lock);
	STAILQ_INSERT_TAIL(&workers->queue, job, entry);
	if (++workers->n_queued > workers->n_free && workers->n_threads < DISK_WORKERS_MAX)
		start_thread(workers);
	pthread_cond_signal(&workers->work);
	pthread_mutex_unlock(&workers->lock);
}

static void finish_jobs(struct disk_workers *workers)
{
	struct job_list finished = STAILQ_HEAD_INITIALIZER(finished);
	struct disk_job *job;

	pthread_mutex_lock(&workers->lock);
	STAILQ_CONCAT(&finished, &workers->finished);
	pthread_mutex_unlock(&workers->lock);
	while ((job = STAILQ_FIRST(&finished))) {
		STAILQ_REMOVE_HEAD(&finished, entry);
		workers->n_unfinished--;
		job->done(job);
	}
}

static void on_finished(evutil_socket_t fd, short what, void *arg)
{
	uint64_t n;

	(void)what;
	(void)!read(fd, &n, sizeof(n));
	finish_jobs(arg);
}

int disk_workers_create(struct event_base *base, struct disk_workers **out)
{
	struct disk_workers *workers = calloc(1, sizeof(*workers));
	pthread_condattr_t attributes;

	if (!workers)
		return -ENOMEM;
	workers->finished_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (workers->finished_fd < 0) {
		int r = -errno;

		free(workers);
		return r;
	}
	STAILQ_INIT(&workers->queue);
	STAILQ_INIT(&workers->finished);
	pthread_mutex_init(&workers->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&workers->work, &attributes);
	pthread_cond_init(&workers->change, &attributes);
	pthread_condattr_destroy(&attributes);
	event_assign(&workers->finished_event, base, workers->finished_fd, EV_READ | EV_PERSIST,
		on_finished, workers);
	event_add(&workers->finished_event, NULL);
	*out = workers;
	return 0;
}

void disk_workers_destroy(struct disk_workers *workers)
{
	if (!workers)
		return;
	while (workers->n_unfinished > 0) {
		pthread_mutex_lock(&workers->lock);
		while (STAILQ_EMPTY(&workers->finished)) {
			/* Perhaps none could be started before. */
			if (workers->n_threads == 0)
				start_thread(workers);
			pthread_cond_wait(&workers->change, &workers->lock);
		}
		pthread_mutex_unlock(&workers->lock);
		finish_jobs(workers);
	}
	pthread_mutex_lock(&workers->lock);
	workers->is_stopping = true;
	pthread_cond_broadcast(&workers->work);
	while (workers->n_threads > 0)
		pthread_cond_wait(&workers->change, &workers->lock);
	pthread_mutex_unlock(&workers->lock);
	event_del(&workers->finished_event);
	fd_close(&workers->finished_fd);
	pthread_cond_destroy(&workers->work);
	pthread_cond_destroy(&workers->change);
	pthread_mutex_destroy(&workers->lock);
	free(workers);
}
