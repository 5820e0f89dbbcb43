/* SPDX-License-Identifier: MIT */
/* links: capd/encode/workers.c */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "capd/encode/workers.h"

#define N_ITEMS 64

struct job {
	_Atomic unsigned next;
	unsigned
		taken_by[N_ITEMS]; /* plain: the sanitizer sees whether the hand-over orders them */
	unsigned input;
};

static void take_items(void *arg, unsigned index)
{
	struct job *job = arg;
	unsigned i;

	while ((i = atomic_fetch_add(&job->next, 1)) < N_ITEMS)
		job->taken_by[i] = job->input + index;
}

static void all_work_is_done_and_seen(void **state)
{
	struct workers *workers = NULL;
	(void)state;

	assert_int_equal(workers_create(&workers), 0);
	for (unsigned round = 1; round < 20000; round++) {
		struct job job = {.input = round * 2};

		workers_run(workers, take_items, &job);
		for (unsigned i = 0; i < N_ITEMS; i++)
			assert_true(
				job.taken_by[i] == round * 2 || job.taken_by[i] == round * 2 + 1);
	}
	workers_destroy(workers);
}

/* Each waits for the other: passes only if both run at once. */
struct meeting {
	_Atomic unsigned n_here;
	pthread_t threads[2];
};

static void meet(void *arg, unsigned index)
{
	struct meeting *meeting = arg;

	meeting->threads[index] = pthread_self();
	atomic_fetch_add(&meeting->n_here, 1);
	while (atomic_load(&meeting->n_here) < 2)
		sched_yield();
}

/* On a single CPU there is no helper, and nobody to meet. */
static bool has_two_cpus(void)
{
	cpu_set_t cpus;

	return sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) > 1;
}

static void two_threads_work_at_once(void **state)
{
	struct workers *workers = NULL;
	(void)state;

	if (!has_two_cpus())
		skip();
	assert_int_equal(workers_create(&workers), 0);
	for (int round = 0; round < 1000; round++) {
		struct meeting meeting = {0};

		workers_run(workers, meet, &meeting);
		assert_true(pthread_equal(meeting.threads[0], pthread_self()));
		assert_false(pthread_equal(meeting.threads[1], pthread_self()));
	}
	workers_destroy(workers);
}

struct lateness {
	_Atomic bool is_over;
	_Atomic unsigned n_late;
};

static void note_late(void *arg, unsigned index)
{
	struct lateness *lateness = arg;

	(void)index;
	if (atomic_load(&lateness->is_over))
		atomic_fetch_add(&lateness->n_late, 1);
}

/* The argument may lie on the caller's stack: nobody touches it afterwards. */
static void nothing_runs_after_the_return(void **state)
{
	static struct lateness calls[20000];
	struct workers *workers = NULL;
	unsigned n_late = 0;
	(void)state;

	assert_int_equal(workers_create(&workers), 0);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		workers_run(workers, note_late, &calls[i]);
		atomic_store(&calls[i].is_over, true);
	}
	workers_destroy(workers);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		n_late += atomic_load(&calls[i].n_late);
	assert_int_equal(n_late, 0);
}

static _Atomic unsigned n_blocked;

static void look_at_mask(void *arg, unsigned index)
{
	struct meeting *meeting = arg;
	sigset_t mask;

	meet(meeting, index);
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	if (index == 1 && sigismember(&mask, SIGTERM) && sigismember(&mask, SIGUSR1) &&
		sigismember(&mask, SIGCHLD))
		atomic_store(&n_blocked, 3);
}

static void helper_blocks_signals_and_caller_keeps_its_mask(void **state)
{
	struct workers *workers = NULL;
	struct meeting meeting = {0};
	sigset_t before, after;
	(void)state;

	if (!has_two_cpus())
		skip();
	assert_int_equal(workers_create(&workers), 0);
	pthread_sigmask(SIG_BLOCK, NULL, &before);
	workers_run(workers, look_at_mask, &meeting);
	pthread_sigmask(SIG_BLOCK, NULL, &after);
	assert_int_equal(atomic_load(&n_blocked), 3);
	for (int signal = 1; signal < 32; signal++)
		assert_int_equal(sigismember(&before, signal), sigismember(&after, signal));
	workers_destroy(workers);
}

static void may_be_destroyed_before_and_right_after_use(void **state)
{
	struct job job = {0};
	(void)state;

	workers_destroy(NULL);
	for (int round = 0; round < 200; round++) {
		struct workers *workers = NULL;

		assert_int_equal(workers_create(&workers), 0);
		if (round % 4 != 0)
			workers_run(workers, take_items, &job);
		workers_destroy(workers);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_work_is_done_and_seen),
		cmocka_unit_test(two_threads_work_at_once),
		cmocka_unit_test(nothing_runs_after_the_return),
		cmocka_unit_test(helper_blocks_signals_and_caller_keeps_its_mask),
		cmocka_unit_test(may_be_destroyed_before_and_right_after_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
