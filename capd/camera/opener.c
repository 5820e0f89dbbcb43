/* SPDX-License-Identifier: MIT */
#include "capd/camera/opener.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "common/fd.h"

struct opener {
	int done_fd; /* eventfd */
	bool has_thread;

	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* under the lock */
	bool wants_open;   /* an attempt is to begin */
	bool is_opening;   /* the thread is at it … */
	bool is_cancelled; /* … and nobody wants it any more */
	bool is_over;      /* the attempt's outcome lies in the next three */
	int outcome;
	struct camera_device *opened; /* owned */
	struct camera_fault fault;
	struct camera_device *closing; /* to be closed; owned */
	bool is_ended;                 /* the owner is gone: the thread frees all this */

	/* the thread's */
	struct config config;
	struct controls controls;
};

static void opener_free(struct opener *opener)
{
	pthread_cond_destroy(&opener->wake);
	pthread_mutex_destroy(&opener->lock);
	fd_close(&opener->done_fd);
	free(opener);
}

/* Called with the lock held; lets go of it meanwhile. */
static void run_attempt(struct opener *opener)
{
	struct camera_device *device = NULL;
	struct camera_fault fault = {0};
	uint64_t one = 1;
	int r;

	opener->wants_open = false;
	opener->is_opening = true;
	opener->is_cancelled = false;
	pthread_mutex_unlock(&opener->lock);
	r = camera_device_open(&opener->config, &opener->controls, &device, &fault);
	pthread_mutex_lock(&opener->lock);
	opener->is_opening = false;
	if (opener->is_cancelled || opener->is_ended) {
		opener->closing = device;
		return;
	}
	opener->is_over = true;
	opener->outcome = r;
	opener->opened = device;
	opener->fault = fault;
	if (write(opener->done_fd, &one, sizeof(one)) < 0)
		abort(); /* an eventfd that is read each time always takes a 1 */
}

static void *opener_run(void *arg)
{
	struct opener *opener = arg;

	pthread_mutex_lock(&opener->lock);
	while (!opener->is_ended || opener->closing) {
		struct camera_device *device = opener->closing;

		if (device) {
			opener->closing = NULL;
			pthread_mutex_unlock(&opener->lock);
			camera_device_close(device);
			pthread_mutex_lock(&opener->lock);
		} else if (opener->wants_open) {
			run_attempt(opener);
		} else {
			pthread_cond_wait(&opener->wake, &opener->lock);
		}
	}
	pthread_mutex_unlock(&opener->lock);
	opener_free(opener);
	return NULL;
}

int opener_create(const struct config *config, struct opener **out)
{
	struct opener *opener = calloc(1, sizeof(*opener));

	if (!opener)
		return -ENOMEM;
	opener->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (opener->done_fd < 0) {
		int r = -errno;

		free(opener);
		return r;
	}
	pthread_mutex_init(&opener->lock, NULL); /* cannot fail with these attributes */
	pthread_cond_init(&opener->wake, NULL);
	opener->config = *config;
	controls_init(&opener->controls, config->camera.controls);
	*out = opener;
	return 0;
}

/* An outcome that nobody will take. */
static void drop_outcome(struct opener *opener)
{
	if (opener->is_over && opener->opened)
		opener->closing = opener->opened;
	opener->opened = NULL;
	opener->is_over = false;
}

void opener_destroy(struct opener *opener)
{
	if (!opener)
		return;
	if (!opener->has_thread) {
		opener_free(opener);
		return;
	}
	pthread_mutex_lock(&opener->lock);
	drop_outcome(opener);
	opener->is_ended = true;
	pthread_cond_signal(&opener->wake);
	pthread_mutex_unlock(&opener->lock);
}

int opener_fd(const struct opener *opener)
{
	return opener->done_fd;
}

static int start_thread(struct opener *opener)
{
	sigset_t all, before;
	pthread_t thread;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, NULL, opener_run, opener);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0)
		return -r;
	pthread_detach(thread);
	opener->has_thread = true;
	return 0;
}

int opener_begin(struct opener *opener)
{
	int r = opener->has_thread ? 0 : start_thread(opener);

	if (r < 0)
		return r;
	pthread_mutex_lock(&opener->lock);
	opener->wants_open = true;
	pthread_cond_signal(&opener->wake);
	pthread_mutex_unlock(&opener->lock);
	return 0;
}

int opener_take(struct opener *opener, struct camera_device **device, struct camera_fault *fault)
{
	uint64_t n;
	int r = -EAGAIN;

	pthread_mutex_lock(&opener->lock);
	/* Whether or not there is still something to take, what made it readable is done with. */
	if (read(opener->done_fd, &n, sizeof(n)) < 0)
		n = 0;
	if (opener->is_over) {
		r = opener->outcome;
		*device = opener->opened;
		*fault = opener->fault;
		opener->opened = NULL;
		opener->is_over = false;
	}
	pthread_mutex_unlock(&opener->lock);
	return r;
}

void opener_cancel(struct opener *opener)
{
	pthread_mutex_lock(&opener->lock);
	opener->wants_open = false;
	opener->is_cancelled = opener->is_opening;
	drop_outcome(opener);
	if (opener->has_thread)
		pthread_cond_signal(&opener->wake);
	pthread_mutex_unlock(&opener->lock);
}

void opener_close(struct opener *opener, struct camera_device *device)
{
	pthread_mutex_lock(&opener->lock);
	opener->closing = device;
	pthread_cond_signal(&opener->wake);
	pthread_mutex_unlock(&opener->lock);
}
