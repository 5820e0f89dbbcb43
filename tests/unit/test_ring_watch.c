/* SPDX-License-Identifier: MIT */
/* links: httpd/ring_watch.c common/guarded_copy.c -levent_core */
/*
 * The thread that waits on the rings: wakes are told, a truncated segment is found among others,
 * and rings come and go while writers write.  Run under ThreadSanitizer by `make check`.
 */
#include <linux/futex.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/guarded_copy.h"
#include "httpd/ring_watch.h"

#define N_RINGS 8

struct ring {
	int fd;
	_Atomic uint32_t *word; /* a shared mapping, as of another process */
	struct ring_watch_entry *entry;
	unsigned n_wakes, n_lost;
};

struct fixture {
	struct event_base *base;
	struct ring_watch *watch;
	struct ring rings[N_RINGS];
};

static void on_wake(void *arg)
{
	((struct ring *)arg)->n_wakes++;
}

static void on_lost(void *arg)
{
	((struct ring *)arg)->n_lost++;
}

static const struct ring_watch_ops ops = {.on_wake = on_wake, .on_lost = on_lost};

static void bump(struct ring *ring)
{
	atomic_fetch_add(ring->word, 1);
	syscall(SYS_futex, ring->word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->base = event_base_new();
	assert_int_equal(ring_watch_create(f->base, &f->watch), 0);
	for (size_t i = 0; i < N_RINGS; i++) {
		struct ring *ring = &f->rings[i];

		ring->fd = memfd_create("word", MFD_CLOEXEC);
		assert_int_equal(ftruncate(ring->fd, 4096), 0);
		ring->word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
		assert_true(ring->word != MAP_FAILED);
		assert_int_equal(ring_watch_add(f->watch, (const uint32_t *)ring->word, &ops, ring,
					 &ring->entry),
			0);
	}
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < N_RINGS; i++) {
		ring_watch_remove(f->watch, f->rings[i].entry);
		munmap((void *)(uintptr_t)f->rings[i].word, 4096);
		fd_close(&f->rings[i].fd);
	}
	ring_watch_destroy(f->watch);
	event_base_free(f->base);
	free(f);
	return 0;
}

/* Runs the loop until *count has reached `wanted`; fails after five seconds. */
static void wait_for(struct fixture *f, const unsigned *count, unsigned wanted)
{
	uint64_t end = clock_monotonic_ns() + 5 * NS_PER_S;

	while (*count < wanted) {
		const struct timeval patience = {.tv_sec = 5};

		assert_true(clock_monotonic_ns() < end);
		event_base_loopexit(f->base, &patience);
		event_base_loop(f->base, EVLOOP_ONCE);
	}
}

static void each_ring_that_changes_is_told_alone(void **state)
{
	struct fixture *f = *state;

	bump(&f->rings[3]);
	wait_for(f, &f->rings[3].n_wakes, 1);
	bump(&f->rings[7]);
	bump(&f->rings[0]);
	wait_for(f, &f->rings[7].n_wakes, 1);
	wait_for(f, &f->rings[0].n_wakes, 1);
	assert_int_equal(f->rings[1].n_wakes, 0);
	assert_int_equal(f->rings[3].n_wakes, 1);
}

static void truncated_ring_is_found_and_others_go_on(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(guarded_copy_init(), 0); /* cmocka takes SIGBUS before each test */
	assert_int_equal(ftruncate(f->rings[4].fd, 0), 0);
	bump(&f->rings[2]); /* the thread wakes, looks, and finds it */
	wait_for(f, &f->rings[4].n_lost, 1);
	wait_for(f, &f->rings[2].n_wakes, 1);
	bump(&f->rings[2]);
	wait_for(f, &f->rings[2].n_wakes, 2);
	assert_int_equal(f->rings[4].n_lost, 1);
}

static void rings_may_come_and_go_while_others_wake(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 300; i++) {
		struct ring *moving = &f->rings[i % 4], *steady = &f->rings[4 + i % 4];
		unsigned wanted = steady->n_wakes + 1;

		bump(moving);
		bump(steady);
		ring_watch_remove(f->watch, moving->entry);
		/* what was mapped may be gone at once */
		munmap((void *)(uintptr_t)moving->word, 4096);
		moving->word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, moving->fd, 0);
		assert_true(moving->word != MAP_FAILED);
		wait_for(f, &steady->n_wakes, wanted);
		assert_int_equal(ring_watch_add(f->watch, (const uint32_t *)moving->word, &ops,
					 moving, &moving->entry),
			0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			each_ring_that_changes_is_told_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			truncated_ring_is_found_and_others_go_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			rings_may_come_and_go_while_others_wake, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("ring_watch", tests, NULL, NULL);
}
