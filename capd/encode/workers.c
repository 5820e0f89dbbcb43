/* SPDX-License-Identifier: MIT */
#include "capd/encode/workers.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { IDLE, POSTED, RUNNING, QUIT };

/* How often the caller looks whether the helper is done before it sleeps: a few microseconds. */
#define SPINS_MAX 200

struct workers {
	_Atomic uint32_t state; /* the futex word */
	workers_fn *work;       /* written before POSTED, read after it */
	void *arg;              /* " */
	pthread_t thread;
	/* the caller's */
	bool is_started;
	cpu_set_t allowed; /* where the process may run */
	int apart_from;    /* the CPU that the helper keeps off; -1: none */
};

static void futex_wait(_Atomic uint32_t *word, uint32_t value)
{
	/* EAGAIN (it has changed) and EINTR lead to the same next look. */
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

static void *helper(void *arg)
{
	struct workers *workers = arg;

	for (;;) {
		uint32_t state = POSTED;

		if (atomic_compare_exchange_strong_explicit(&workers->state, &state, RUNNING,
			    memory_order_acquire, memory_order_acquire)) {
			workers->work(workers->arg, 1);
			atomic_store_explicit(&workers->state, IDLE, memory_order_release);
			futex_wake(&workers->state);
		} else if (state == QUIT) {
			return NULL;
		} else {
			futex_wait(&workers->state, state);
		}
	}
}

int workers_create(struct workers **out)
{
	struct workers *workers = calloc(1, sizeof(*workers));

	if (!workers)
		return -ENOMEM;
	atomic_init(&workers->state, IDLE);
	workers->apart_from = -1;
	*out = workers;
	return 0;
}

void workers_destroy(struct workers *workers)
{
	if (!workers)
		return;
	if (workers->is_started) {
		atomic_store_explicit(&workers->state, QUIT, memory_order_release);
		futex_wake(&workers->state);
		pthread_join(workers->thread, NULL);
	}
	free(workers);
}

/*
 * A helper on the caller's own CPU only takes its time away, and yet that is where the scheduler
 * often wakes it: to a guest of KVM an idle CPU looks pre-empted by the host (seen: 118 of 180
 * wake-ups, the helper then began 1 to 3 ms later, 15 µs on the other CPU).  So it may run anywhere
 * else.  If that is refused, it runs wherever it is put.
 */
static void keep_apart(struct workers *workers)
{
	int cpu = sched_getcpu();
	cpu_set_t others = workers->allowed;

	if (cpu < 0 || cpu >= CPU_SETSIZE || cpu == workers->apart_from)
		return;
	workers->apart_from = cpu;
	CPU_CLR((size_t)cpu, &others);
	pthread_setaffinity_np(workers->thread, sizeof(others), &others);
}

/* False: one CPU, or one that we cannot tell, is all there is. */
static bool has_other_cpu(struct workers *workers)
{
	return sched_getaffinity(0, sizeof(workers->allowed), &workers->allowed) == 0 &&
	       CPU_COUNT(&workers->allowed) > 1;
}

/* The helper inherits the mask: signals stay with the thread that has the event loop. */
static bool start(struct workers *workers)
{
	sigset_t all, before;

	if (!has_other_cpu(workers))
		return false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	workers->is_started = pthread_create(&workers->thread, NULL, helper, workers) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (workers->is_started)
		pthread_setname_np(workers->thread, "encode");
	return workers->is_started;
}

/* Takes the call back from a helper that has not begun, else waits until it is done. */
static void finish(struct workers *workers)
{
	uint32_t state = POSTED;

	if (atomic_compare_exchange_strong_explicit(
		    &workers->state, &state, IDLE, memory_order_acquire, memory_order_acquire))
		return;
	for (int i = 0; state != IDLE; i++) {
		if (i < SPINS_MAX)
			cpu_relax();
		else
			futex_wait(&workers->state, state);
		state = atomic_load_explicit(&workers->state, memory_order_acquire);
	}
}

void workers_run(struct workers *workers, workers_fn *work, void *arg)
{
	if (!workers->is_started && !start(workers)) {
		work(arg, 0);
		return;
	}
	keep_apart(workers);
	workers->work = work;
	workers->arg = arg;
	atomic_store_explicit(&workers->state, POSTED, memory_order_release);
	futex_wake(&workers->state);
	work(arg, 0);
	finish(workers);
}
