/* SPDX-License-Identifier: MIT */
/* What stands for hardware, or for a clock, waits for no other program. */
#pragma once

#include <sched.h>

/* This thread goes before all that share the processor by time; without the right to, it does not.
 */
static inline void be_punctual(void)
{
	struct sched_param param = {.sched_priority = 10};
	(void)sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param);
}
