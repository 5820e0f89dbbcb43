/* SPDX-License-Identifier: MIT */
/* links: httpd/files/disk_worker.c -levent_core -lpthread */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "httpd/files/disk_worker.h"

#define JOBS 500u

struct work {
	struct disk_job job;
	struct desk *desk;
	unsigned left; /* how often it is submitted again by its own done() */
	unsigned value;
	pthread_t ran_on;
};

struct desk {
	struct event_base *base;
	struct disk_workers *workers;
	pthread_t loop;
	unsigned n_done;
	int gate[2]; /* a job that waits reads from it */
};

static void run(struct disk_job *job)
{
	struct work *work = (struct work *)job;

	work->value++;
	work->ran_on = pthread_self();
}

static void run_waiting(struct disk_job *job)
{
	struct work *work = (struct work *)job;
	char byte;

	assert_int_equal(read(work->desk->gate[0], &byte, 1), 1);
	run(job);
}

static void done(struct disk_job *job)
{
	struct work *work = (struct work *)job;
	struct desk *desk = work->desk;

	assert_true(pthread_equal(pthread_self(), desk->loop));
	assert_false(pthread_equal(work->ran_on, desk->loop));
	if (work->left > 0) {
		work->left--;
		disk_submit(desk->workers, job);
	} else if (++desk->n_done == JOBS) {
		event_base_loopexit(desk->base, NULL);
	}
}

static int set_up(void **state)
{
	struct desk *desk = calloc(1, sizeof(*desk));

	desk->base = event_base_new();
	desk->loop = pthread_self();
	assert_int_equal(pipe(desk->gate), 0);
	assert_int_equal(disk_workers_create(desk->base, &desk->workers), 0);
	*state = desk;
	return 0;
}

static int tear_down(void **state)
{
	struct desk *desk = *state;

	disk_workers_destroy(desk->workers);
	event_base_free(desk->base);
	close(desk->gate[0]);
	close(desk->gate[1]);
	free(desk);
	return 0;
}

static struct work *make_work(struct desk *desk, unsigned n, unsigned left)
{
	struct work *works = calloc(n, sizeof(*works));

	for (unsigned i = 0; i < n; i++)
		works[i] = (struct work){
			.job = {.run = run, .done = done}, .desk = desk, .left = left};
	return works;
}

static void jobs_run_elsewhere_and_are_done_on_the_loop(void **state)
{
	struct desk *desk = *state;
	struct work *works = make_work(desk, JOBS, 3);

	for (unsigned i = 0; i < JOBS; i++)
		disk_submit(desk->workers, &works[i].job);
	event_base_dispatch(desk->base);
	assert_int_equal(desk->n_done, JOBS);
	for (unsigned i = 0; i < JOBS; i++)
		assert_int_equal(works[i].value, 4);
	free(works);
}

static void some_that_wait_do_not_stop_the_others(void **state)
{
	struct desk *desk = *state;
	struct work *works = make_work(desk, JOBS, 0);

	for (unsigned i = 0; i < DISK_WORKERS_MAX - 1; i++)
		works[i].job.run = run_waiting;
	for (unsigned i = 0; i < JOBS; i++)
		disk_submit(desk->workers, &works[i].job);
	while (desk->n_done < JOBS - (DISK_WORKERS_MAX - 1))
		event_base_loop(desk->base, EVLOOP_ONCE);
	assert_int_equal(write(desk->gate[1], "xxx", DISK_WORKERS_MAX - 1), DISK_WORKERS_MAX - 1);
	event_base_dispatch(desk->base);
	assert_int_equal(desk->n_done, JOBS);
	free(works);
}

static void the_end_waits_for_all_of_them(void **state)
{
	struct desk *desk = *state;
	struct work *works = make_work(desk, JOBS - 1, 2);

	for (unsigned i = 0; i < JOBS - 1; i++)
		disk_submit(desk->workers, &works[i].job);
	disk_workers_destroy(desk->workers);
	assert_int_equal(desk->n_done, JOBS - 1);
	for (unsigned i = 0; i < JOBS - 1; i++)
		assert_int_equal(works[i].value, 3);
	assert_int_equal(disk_workers_create(desk->base, &desk->workers), 0);
	free(works);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			jobs_run_elsewhere_and_are_done_on_the_loop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			some_that_wait_do_not_stop_the_others, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_end_waits_for_all_of_them, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
