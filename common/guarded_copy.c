/* SPDX-License-Identifier: MIT */
#include "common/guarded_copy.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <ucontext.h>

/*
 * The handler only looks at its own thread's guard: the range being read now, and where to go if it
 * faults.  Thread-local storage of an executable (initial-exec) is safe to read in a handler for a
 * synchronous fault; volatile keeps the compiler from moving the guard past the loads it guards.
 */
struct guard {
	const char *volatile start;
	const char *volatile end; /* NULL: no guarded read is under way */
	sigjmp_buf escape;
};
static _Thread_local struct guard guard;
static struct sigaction previous_action;

static void on_sigbus(int signal_number, siginfo_t *info, void *context)
{
	const ucontext_t *interrupted = context;
	const char *address = info->si_addr;

	if (guard.end && address >= guard.start && address < guard.end) {
		guard.end = NULL;
		/* Leaving by siglongjmp restores nothing, and a sanitizer may have blocked
		 * everything around us: the mask goes back to what it was at the fault. */
		pthread_sigmask(SIG_SETMASK, &interrupted->uc_sigmask, NULL);
		siglongjmp(guard.escape, 1);
	}
	/* Not ours: put back what was there and fault again, for the core dump. */
	sigaction(signal_number, &previous_action, NULL);
}

int guarded_copy_init(void)
{
	struct sigaction action = {.sa_sigaction = on_sigbus};

	action.sa_flags = SA_SIGINFO;
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGBUS, &action, &previous_action) < 0)
		return -errno;
	return 0;
}

bool guarded_copy(void *destination, const void *source, size_t len)
{
	const _Atomic uint64_t *from = source;
	char *to = destination;
	size_t words = len / sizeof(uint64_t), rest = len % sizeof(uint64_t);

	guard.start = source;
	if (sigsetjmp(guard.escape, 0) != 0)
		return false;
	guard.end = (const char *)source + (words + (rest != 0)) * sizeof(uint64_t);
	atomic_signal_fence(memory_order_seq_cst);
	for (size_t i = 0; i < words; i++) {
		uint64_t word = atomic_load_explicit(&from[i], memory_order_relaxed);
		memcpy(to + i * sizeof(word), &word, sizeof(word));
	}
	if (rest) {
		uint64_t word = atomic_load_explicit(&from[words], memory_order_relaxed);
		memcpy(to + words * sizeof(word), &word, rest);
	}
	atomic_signal_fence(memory_order_seq_cst);
	guard.end = NULL;
	return true;
}

bool guarded_load_u64(const void *source, uint64_t *value)
{
	return guarded_copy(value, source, sizeof(*value));
}

bool guarded_load_u32(const void *source, uint32_t *value)
{
	const _Atomic uint32_t *from = source;

	guard.start = source;
	if (sigsetjmp(guard.escape, 0) != 0)
		return false;
	guard.end = (const char *)source + sizeof(*value);
	atomic_signal_fence(memory_order_seq_cst);
	*value = atomic_load_explicit(from, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	guard.end = NULL;
	return true;
}
